"""Geometry on the sphere, on numpy arrays: separations, boxes, frames, outlines of detectors."""
