"""Simulated nights at survey density, whose truth is known: how often ssdb is right, and how often others would be."""
