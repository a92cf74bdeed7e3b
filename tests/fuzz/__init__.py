"""Damaged files through every reader: each is stored as a whole or refused in one line, whatever is in it."""
