"""Names of objects: designations, identifiers and aliases, and which designation is the primary one."""
