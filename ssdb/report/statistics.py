"""The statistics of a report: medians, widths, shares; arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ssdb.units import Array, Integers

_MAD_OF_NORMAL = 0.6744897501960817
"""Median absolute deviation of a normal distribution of width 1: the quantile of 3/4."""


def median_and_width(values: ArrayLike) -> tuple[float, float]:
    """Median and robust width of values; NaN is left out, and both are NaN where there are no values.

    The width is the median absolute deviation over 0.6745, which is sigma where the values are normal.
    """
    medians, widths = medians_and_widths(np.zeros(np.shape(values), np.int64), values, 1)
    return float(medians[0]), float(widths[0])


def medians_and_widths(groups: Integers, values: ArrayLike, n_groups: int) -> tuple[Array, Array]:
    """As :func:`median_and_width`, for each of many groups: two arrays of shape (n_groups,).

    ``groups``, shape (n,), are the groups of the values, from 0; those outside of ``n_groups`` are left out.
    """
    every = np.asarray(values, dtype=float)
    kept = np.isfinite(every) & (groups >= 0) & (groups < n_groups)
    groups, finite = groups[kept], every[kept]
    medians = _medians(groups, finite, n_groups)
    return medians, _medians(groups, np.abs(finite - medians[groups]), n_groups) / _MAD_OF_NORMAL


def _medians(groups: Integers, values: Array, n_groups: int) -> Array:
    values = values[np.lexsort((values, groups))]
    counts = np.bincount(groups, minlength=n_groups)
    ends = np.cumsum(counts)
    some = counts > 0
    low, high = (ends - counts + (counts - 1) // 2)[some], (ends - counts + counts // 2)[some]
    medians = np.full(n_groups, np.nan)
    medians[some] = 0.5 * (values[low] + values[high])
    return medians


def fractions(seen: ArrayLike, n: ArrayLike) -> tuple[Array, Array, Array]:
    """Share of those seen, and the ends of its 68.3 % interval (Wilson's, for a binomial share), each of shape (b,).

    NaN where ``n`` is 0.
    """
    from astropy.stats import binom_conf_interval

    seen, n = np.asarray(seen, dtype=float), np.asarray(n, dtype=float)
    share, low, high = (np.full(n.shape, np.nan) for _ in range(3))
    some = n > 0
    share[some] = seen[some] / n[some]
    if some.any():
        low[some], high[some] = binom_conf_interval(seen[some], n[some], interval="wilson")
    # Rounded, the ends may lie a bit beyond the share.
    return share, np.clip(low, 0, share), np.clip(high, share, 1)
