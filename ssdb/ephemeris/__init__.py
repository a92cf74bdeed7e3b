"""Where objects are: Chebyshev segments, and what an observer sees of a moving object."""
