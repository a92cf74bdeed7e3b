"""Outlines of detectors into VisitDetector."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError
from ssdb.ingest.checks import Problems, check_not_null, check_positions, check_unique, normalised_ra, valid_rows
from ssdb.ingest.door import IngestReport, Source, ids, read_conformed, refuse_unknown_visits
from ssdb.schema.columns import double, integer, long, short
from ssdb.schema.survey import visit_detector
from ssdb.sky.footprint import bounding_cap, pack_outline, validate_outline
from ssdb.store.database import Database
from ssdb.store.staging import staged
from ssdb.store.visits import clear_results, lock_visits
from ssdb.store.write import Progress

_OPTIONAL = ("width", "height", "pixelScale")

corners = sa.Table(
    "corners",
    sa.MetaData(),
    long("visit", "", "meta.id;obs.exposure", "Identifier of the exposure", nullable=False),
    short("detector", "", "meta.id;instr.det", "Number of the detector", nullable=False),
    integer("corner", "", "meta.number", "Place of the corner along the outline: 0, 1, ...", nullable=False),
    double("ra", "deg", "pos.eq.ra", "Right ascension of the corner, ICRS", nullable=False),
    double("dec", "deg", "pos.eq.dec", "Declination of the corner, ICRS", nullable=False),
    *(visit_detector.c[name]._copy() for name in _OPTIONAL),
)
"""The columns of a file of corners; never a table of the database."""


def ingest_detectors(
    database: Database, source: Source, *, columns: Any = None, progress: Progress | None = None
) -> IngestReport:
    """Stores the outlines of detectors.

    An outline that is stored already, the same, changes nothing. A new or another one sets the whole visit back to
    pending and removes what was derived for it, since objects may now belong to other detectors.

    Parameters
    ----------
    database : Database
    source : path or table
        One row a corner: visit, detector, corner (its place along the outline: 0, 1, ...), ra, dec (ICRS); where
        known width, height (pixels) and pixelScale (arcsec), the same for all corners of a detector. Corners are
        joined by great circles.
    columns : ColumnMap, mapping or path, optional
        How the source's columns become these.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Returns
    -------
    IngestReport

    Raises
    ------
    InputError
        If the source is not usable. Nothing is stored then.
    """
    name, conformed = read_conformed(source, corners, columns)
    rows = conformed.table
    problems = Problems(name, rows.num_rows)
    check_not_null(problems, rows, ["visit", "detector", "corner"])
    check_positions(problems, rows)
    for size in [column for column in _OPTIONAL if column in rows.column_names]:
        problems.add(rows.column(size).to_numpy() <= 0, f"{size} is not above 0")
    check_unique(problems, rows, ["visit", "detector", "corner"], "the corner is there twice")
    rows, _ = valid_rows(rows, problems, skip_invalid=False)
    outlines = _outlines(name, rows)
    visits = np.unique(ids(rows, "visit"))
    with database.writing() as connection:
        known = lock_visits(connection, visits)
        refuse_unknown_visits(name, ids(rows, "visit"), known["visit"], "ingest them first")
        with staged(connection, visit_detector, outlines, progress) as new:
            _merge(connection, new)
    n = outlines.num_rows
    return IngestReport(name, "detectors", n, len(visits), 0, conformed.left_out, conformed.without_unit)


def _outlines(name: str, rows: pa.Table) -> pa.Table:
    """The VisitDetector rows of corners."""
    rows = rows.sort_by([(key, "ascending") for key in ("visit", "detector", "corner")])
    visit, detector = ids(rows, "visit"), ids(rows, "detector")
    ra, dec = normalised_ra(rows.column("ra").to_numpy()), rows.column("dec").to_numpy()
    new = np.ones(len(visit), bool)
    new[1:] = (visit[1:] != visit[:-1]) | (detector[1:] != detector[:-1])
    starts = np.flatnonzero(new)
    packed, caps = [], []
    for start, end in pairwise([*starts, len(visit)]):
        outline = ra[start:end], dec[start:end]
        try:
            validate_outline(*outline)
        except InputError as error:
            raise InputError(f"{name}: visit {visit[start]}, detector {detector[start]}: {error}") from None
        packed.append(pack_outline(*outline))
        caps.append(bounding_cap(*outline))
    cap = np.array(caps).reshape(-1, 3)
    columns = {
        "visit": pa.array(visit[starts]),
        "detector": pa.array(detector[starts], pa.int16()),
        "footprint": pa.array(packed, pa.binary()),
        "capRa": pa.array(cap[:, 0]),
        "capDec": pa.array(cap[:, 1]),
        "capRadius": pa.array(cap[:, 2]),
    }
    given = [column for column in _OPTIONAL if column in rows.column_names]
    columns |= {column: rows.column(column).take(pa.array(starts)) for column in given}
    return pa.table(columns)


def _merge(connection: sa.Connection, new: sa.Table) -> None:
    same = (visit_detector.c.visit == new.c.visit) & (visit_detector.c.detector == new.c.detector)
    values = {column.name: column for column in new.columns if column.name not in ("visit", "detector")}
    known = sa.exists().where(same, *(visit_detector.c[name].is_not_distinct_from(c) for name, c in values.items()))
    # Selected now: once the outlines are stored, none of them is new.
    changed = list(connection.scalars(sa.select(new.c.visit).where(~known).distinct()))
    for start in range(0, len(changed), 1000):
        clear_results(connection, changed[start : start + 1000])
    connection.execute(sa.update(visit_detector).where(same).values(values))
    missing = sa.select(new).where(~sa.exists().where(same))
    connection.execute(sa.insert(visit_detector).from_select([column.name for column in new.columns], missing))
