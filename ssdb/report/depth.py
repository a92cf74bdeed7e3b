"""Limiting magnitudes of visits, from the errors of their own sources."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from ssdb.equal_rows import require_ascending
from ssdb.report.reading import read_columns
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.source_counts import FAINT, SIGNIFICANCE
from ssdb.schema.survey import visit
from ssdb.units import AB_ZERO_POINT_NJY, Array, Columns, Integers

FEWEST_SOURCES = 3
_ERRORS = (1e-30, 1e30)
"""What is an error, nJy: of 0, infinity and NaN there is no bin."""

_BINS_PER_DECADE = 250
"""Bins of the logarithms of errors: 0.01 mag each."""


def limiting_magnitudes(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], visits: Integers
) -> tuple[Array, Integers]:
    """The AB magnitude of a source of a signal-to-noise ratio of 5, of each of the chosen visits (v,), to 0.01 mag.

    31.4 - 2.5 log10(5 sigma), sigma the median psfFluxErr (nJy) of the visit's faint sources: psfFlux, of any sign,
    below 10 psfFluxErr, psfFlux_flag not set. It is the definition of the five-sigma depth m5 of point sources, with
    the noise that the survey's own measurement says. NaN for fewer than FEWEST_SOURCES faint sources; how many there
    are comes second. ``chosen`` is a condition on Visit.
    """
    error = sa.cast(dia_source.c.psfFluxErr, sa.Double)
    place = sa.cast(sa.func.floor(_BINS_PER_DECADE * sa.func.log10(error)), sa.Integer)
    # Counted there: a night has millions of sources.
    each = (
        sa.select(dia_source.c.visit, place.label("place"))
        .join(visit, visit.c.visit == dia_source.c.visit)
        .where(chosen, error.between(*_ERRORS), sa.func.abs(dia_source.c.psfFlux) < FAINT * error)
        .where(dia_source.c.psfFlux_flag.is_(None) | ~dia_source.c.psfFlux_flag)
        .subquery()
    )
    keys = (each.c.visit, each.c.place)
    counted = read_columns(connection, sa.select(*keys, sa.func.count().label("n")).group_by(*keys).order_by(*keys))
    return _medians(counted, visits)


def _medians(counted: Columns, visits: Integers) -> tuple[Array, Integers]:
    """Of a histogram of each visit, ascending: the median, within its bin by interpolation."""
    magnitudes, totals = np.full(len(visits), np.nan), np.zeros(len(visits), np.int64)
    if not len(counted["n"]):
        return magnitudes, totals
    require_ascending("magnitudes", counted["visit"], counted["place"])
    ids, starts = np.unique(counted["visit"], return_index=True)
    sums = np.cumsum(counted["n"])
    before = sums - counted["n"]
    total = np.add.reduceat(counted["n"], starts)
    middle = before[starts] + total / 2
    row = np.searchsorted(sums, middle)
    logarithm = (counted["place"][row] + (middle - before[row]) / counted["n"][row]) / _BINS_PER_DECADE
    limit = AB_ZERO_POINT_NJY - 2.5 * (np.log10(SIGNIFICANCE) + logarithm)
    order = np.argsort(visits)
    at = order[np.searchsorted(visits, ids, sorter=order)]
    magnitudes[at] = np.where(total >= FEWEST_SOURCES, limit, np.nan)
    totals[at] = total
    return magnitudes, totals
