"""Predictions out of orbits: nightly segments of their paths, and which objects they put into visits."""
