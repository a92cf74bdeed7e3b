"""What all kinds of tables go through on their way into the database."""
