"""What is reported to the Minor Planet Center."""
