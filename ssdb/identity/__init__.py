"""Names of objects: which of them is the primary one, all others, and moving rows from one to the other."""
