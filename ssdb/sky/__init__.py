"""Geometry on the sphere: arrays in, arrays out, no database."""
