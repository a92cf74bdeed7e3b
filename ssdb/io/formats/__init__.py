"""Readers of file formats, each of which checks a file before it is read."""
