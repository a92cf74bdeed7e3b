"""Rows in bulk, from the database and into it."""
