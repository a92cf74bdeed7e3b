"""Makes identifiers of others."""

from __future__ import annotations

import numpy as np

from ssdb.units import Integers


def made_ids(first: Integers, *more: int | Integers) -> Integers:
    """Identifiers above 0, always the same for the same numbers, shape (n,).

    They are hashes: their mixing is that of splitmix64 (Steele, Lea & Flood 2014, OOPSLA 453).
    """
    mixed = np.zeros(len(first), np.uint64)
    for part in (first, *more):
        mixed ^= np.asarray(part, np.int64).astype(np.uint64)
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.maximum((mixed >> np.uint64(1)).astype(np.int64), 1)
