"""SSObject: what all observations of an object say together."""
