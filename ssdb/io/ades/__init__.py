"""The IAU's Astrometry Data Exchange Standard (ADES), in which the Minor Planet Center takes observations."""
