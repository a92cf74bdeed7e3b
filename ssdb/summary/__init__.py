"""What all observations of an object say together: SSObject."""
