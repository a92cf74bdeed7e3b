"""Loads files and tables into the database: visits, detectors, sources, predictions, orbits, identifications."""
