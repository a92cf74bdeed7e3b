"""Steps that all ingests share, from the columns of an input to rows that can be stored."""
