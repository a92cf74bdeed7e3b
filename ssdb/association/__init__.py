"""Which source is which known object: candidate pairs, refinement, assignment, derivation."""
