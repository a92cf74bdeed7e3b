"""What only users of Rubin's software need."""
