"""Simulated nights at survey density, whose truth is known: how often ssdb is right, beside decisions that know more."""
