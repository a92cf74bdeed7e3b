"""Positions and times of the user's own that a ready-made question is about."""

from __future__ import annotations

import warnings
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.table.checks import check_not_null, check_positions, check_times
from ssdb.ingest.table.input import OpenInput
from ssdb.schema.columns import double, integer, text

POSITIONS = sa.Table(
    "positions",
    sa.MetaData(),
    integer("row", "", "meta.id", "Number of the row, from 1", nullable=False),
    text("id", "", "meta.id", "The user's name of the position", nullable=False),
    double("ra", "deg", "pos.eq.ra", "Right ascension, ICRS", nullable=False),
    double("dec", "deg", "pos.eq.dec", "Declination, ICRS", nullable=False),
    double("midpointMjdTai", "d", "time.epoch", "Time, MJD TAI", nullable=False),
)


def read_positions(source: Any) -> pa.Table:
    """Positions and times of a file or a table in memory, with the columns of ``POSITIONS``; units are converted.

    It has ``ra``, ``dec``, ``midpointMjdTai`` and, where wanted, ``id``. InputError if a column is missing, or a row
    has no position on the sky or no time that is an MJD.
    """
    opened = OpenInput(source, POSITIONS, filled=("id", "row"), ignored=("row",), at_once=True, mappable=False)
    left_out = [f"columns left out: {', '.join(opened.left_out)}"] if opened.left_out else []
    for told in (*left_out, *opened.doubts):
        warnings.warn(f"{opened.name}: {told}", stacklevel=2)
    rows, problems = opened.whole(), opened.problems
    check_positions(problems, rows)
    check_not_null(problems, rows, ["midpointMjdTai"])
    check_times(problems, rows)
    problems.raise_if_any()
    numbers = pa.array(range(1, rows.num_rows + 1), pa.int32())
    names = rows.column("id") if "id" in rows.column_names else None
    known = numbers.cast(pa.string()) if names is None else names.fill_null("")
    return pa.table({"row": numbers, "id": known, **{c: rows.column(c) for c in ("ra", "dec", "midpointMjdTai")}})
