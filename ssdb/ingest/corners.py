"""Makes outlines of detectors from tables that have one corner a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.equal_rows import begins
from ssdb.errors import InputError, shown
from ssdb.ingest.table.checks import (
    Problems,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    valid_rows,
)
from ssdb.ingest.table.input import OpenInput
from ssdb.schema.arrow import ids
from ssdb.schema.columns import double, integer, long, short
from ssdb.schema.survey import visit_detector
from ssdb.sky.footprint import Outlines, examine_outlines, open_outlines, pack_outlines
from ssdb.units import Array

SIZES = ("width", "height", "pixelScale")
"""Columns that a file of corners may have beside these, the same for all corners of a detector."""

corners = sa.Table(
    "corners",
    sa.MetaData(),
    long("visit", "", "meta.id;obs.exposure", "Identifier of the visit", nullable=False),
    short("detector", "", "meta.id;instr.det", "Number of the detector", nullable=False),
    integer("corner", "", "meta.number", "Place of the corner along the outline: 0, 1, ...", nullable=False),
    double("ra", "deg", "pos.eq.ra", "Right ascension of the corner, ICRS", nullable=False),
    double("dec", "deg", "pos.eq.dec", "Declination of the corner, ICRS", nullable=False),
    *(visit_detector.c[name]._copy() for name in SIZES),
)
"""The columns of a file of corners; never a table of the database."""


def rows_of_corners(opened: OpenInput) -> pa.Table:
    """The VisitDetector rows of an input of ``corners``; InputError if one is not usable.

    Where the corners of each detector are together, as they are in most files, only some of them are in memory at a
    time.
    """
    try:
        outlines = pa.concat_tables(
            _outlines(opened.name, _checked(opened.name, rows)) for rows in _whole_detectors(opened)
        )
        problems = Problems(opened.name, outlines.num_rows)
        check_unique(problems, outlines, ["visit", "detector"], "")
        if not problems.bad.any():
            return outlines
    except InputError:
        # It may be no fault of the file, and the rows are to be named by their numbers in all of it.
        pass
    return _outlines(opened.name, _checked(opened.name, opened.whole()))


def _whole_detectors(opened: OpenInput) -> Iterator[pa.Table]:
    """The rows, cut between two detectors where they come in several parts; at least one table."""
    parts = opened.parts()
    _, waiting = next(parts)
    for _, rows in parts:
        # What is NULL is found by the checks of the rows that are cut off here.
        visit, detector = (waiting.column(name).fill_null(0).to_numpy() for name in ("visit", "detector"))
        last = int(np.flatnonzero(begins(visit, detector))[-1]) if waiting.num_rows else 0
        if last:
            yield waiting.slice(0, last)
        waiting = pa.concat_tables([waiting.slice(last), rows])
    yield waiting


def _checked(name: str, rows: pa.Table) -> pa.Table:
    """The rows of corners, if they are usable; InputError if one is not."""
    problems = Problems(name, rows.num_rows)
    check_not_null(problems, rows, ["visit", "detector", "corner"])
    check_positions(problems, rows)
    check_ranges(problems, rows, corners)
    check_unique(problems, rows, ["visit", "detector", "corner"], "the corner is there twice")
    rows, _ = valid_rows(rows, problems, skip_invalid=False)
    return rows


def _outlines(name: str, rows: pa.Table) -> pa.Table:
    """The VisitDetector rows of corners."""
    rows = rows.sort_by([(key, "ascending") for key in ("visit", "detector", "corner")])
    visit, detector = ids(rows, "visit"), ids(rows, "detector")
    ra, dec = rows.column("ra").to_numpy(), rows.column("dec").to_numpy()
    starts = np.flatnonzero(begins(visit, detector))
    outlines = open_outlines(np.column_stack([ra, dec]), np.append(starts, len(visit)))
    found, caps = examine_outlines(outlines)
    problems = [
        f"visit {visit[starts[i]]}, detector {detector[starts[i]]}: outline {problem}" for i, problem in found.items()
    ]
    if problems:
        raise InputError(f"{name}: {shown(problems)}")
    columns = {
        "visit": pa.array(visit[starts]),
        "detector": pa.array(detector[starts], pa.int16()),
        **footprint_columns(outlines, caps),
    }
    given = [column for column in SIZES if column in rows.schema.names]
    columns |= {column: rows.column(column).take(pa.array(starts)) for column in given}
    return pa.table(columns)


def footprint_columns(outlines: Outlines, caps: Array) -> dict[str, pa.Array]:
    """The columns of VisitDetector that hold outlines, with caps as of :func:`ssdb.sky.footprint.bounding_caps`."""
    return {
        "footprint": pa.array(pack_outlines(outlines), pa.binary()),
        "capRa": pa.array(caps[:, 0]),
        "capDec": pa.array(caps[:, 1]),
        "capRadius": pa.array(caps[:, 2]),
    }
