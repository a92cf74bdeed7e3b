"""Services that predict: what they answer, into the database."""
