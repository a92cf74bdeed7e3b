"""Predicts where known objects are seen in visits, from their orbits."""
