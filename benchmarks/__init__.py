"""Measures ssdb beside the fastest that the same machine can do: ``python -m benchmarks.night``."""
