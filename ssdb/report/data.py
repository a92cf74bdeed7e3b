"""What a report shows, read from the database in one snapshot; what may be long is counted there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.errors import ConfigError, NotFoundError, option, shown
from ssdb.names.resolve import find_object
from ssdb.schema.arrow import arrow_type
from ssdb.schema.solar_system import ss_source
from ssdb.schema.survey import DONE, association_run, outside_padding, ss_expected, ss_prediction, visit, visit_detector
from ssdb.sky.footprint import Outlines, unpack_outlines
from ssdb.store.database import Database
from ssdb.store.read import read_arrays, read_table
from ssdb.store.visits import in_nights

Columns = dict[str, NDArray[Any]]

MAGNITUDE_BIN = 0.25
"""Width of the bins of predicted magnitude, mag."""

MANY_CANDIDATES = 6
"""Objects with so many candidates and more are counted together."""

RUNS_SHOWN = 20
UNSEEN_SHOWN = 5
_MOST_MATCHES = 5_000_000
"""More would take gigabytes."""

_OBSERVED_COLUMNS: dict[str, Any] = {
    "visit": sa.BigInteger(),
    "midpointMjdTai": sa.Double(),
    "band": sa.String(),
    "mag": sa.Double(),
    "magErr": sa.Double(),
    "reducedMag": sa.Double(),
    "phaseAngle": sa.Double(),
}
_observation = sa.table(
    "SsObservation", sa.column("ssObjectId"), *(sa.column(name, kind) for name, kind in _OBSERVED_COLUMNS.items())
)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedObject:
    """What was observed of an object, of all nights.

    Attributes
    ----------
    name : str
        As it was asked for.
    designation : str
        The primary one.
    ssObjectId : int
    names : list of str
        Its other names.
    observations : dict of str to ndarray, shape (n,)
        visit, midpointMjdTai (MJD TAI), band, mag, magErr, reducedMag (AB), phaseAngle (deg), by time.
    """

    name: str
    designation: str
    ssObjectId: int
    names: list[str]
    observations: Columns


@dataclass(frozen=True, slots=True, eq=False)
class FocalPlane:
    """Outlines of the detectors of one exposure, ascending by detector: all of its camera that are known."""

    visit: int
    instrument: str | None
    detectors: NDArray[Any]
    outlines: Outlines


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """What a report shows. Text that is NULL is None, a number that is NULL is NaN.

    Attributes
    ----------
    nights : tuple of int
        Those asked for; empty: all.
    visits : dict of str to ndarray, shape (v,)
        The columns of Visit, by time; with nDetectors, nEmptyDetectors (processed, without a source) and
        nAmbiguous (expected objects with more than one candidate).
    matches : dict of str to ndarray, shape (m,)
        visit, detector, ephRa, ephDec (deg), ephOffsetRa, ephOffsetDec, ephOffsetAlongTrack, ephOffsetCrossTrack
        (arcsec) of SSSource, by visit.
    expected : dict of str to ndarray
        Objects expected, counted (n; of these seen) by instrument, detector, magnitudeBin (lower edge, mag; NaN:
        unknown) and nCandidates (up to MANY_CANDIDATES).
    unseen : dict of str to ndarray
        Of every visit the brightest objects that were expected and not seen: visit, designation, ephVmag.
    focal_plane : FocalPlane or None
        Of the camera with most exposures; None without outlines.
    runs : list of dict
        Rows of AssociationRun of these visits, the last first; timings as a dict.
    n_runs : int
        How many there are; the runs are RUNS_SHOWN of these at most.
    objects : list of ObservedObject
    """

    nights: tuple[int, ...]
    visits: Columns
    matches: Columns
    expected: Columns
    unseen: Columns
    focal_plane: FocalPlane | None
    runs: list[dict[str, Any]]
    n_runs: int
    objects: list[ObservedObject]


def read_report(database: Database, nights: Sequence[int] = (), objects: Sequence[str] = ()) -> ReportData:
    """Reads what a report shows.

    Parameters
    ----------
    database : Database
    nights : sequence of int
        Integer parts of MJD TAI; none: all.
    objects : sequence of str
        Any names of objects.

    Raises
    ------
    NotFoundError
        If a night has no visit, or an object is not known.
    ConfigError
        If there is more than a report can hold.
    """
    with database.reading() as connection:
        chosen = in_nights(nights) if nights else sa.true()
        visits = _visits(connection, chosen)
        _check_nights(connection, visits, nights)
        n_matches = int(np.nansum(visits["nAssociatedSsObjects"]))
        if n_matches > _MOST_MATCHES:
            choose = option("--night", "nights=...")
            raise ConfigError(f"{n_matches:,} matches are more than a report can hold: choose nights with {choose}")
        n_runs, runs = _runs(connection, chosen)
        return ReportData(
            nights=tuple(sorted(set(nights))),
            visits=visits,
            matches=_matches(connection, chosen),
            expected=_expected(connection, chosen),
            unseen=_unseen(connection, chosen),
            focal_plane=_focal_plane(connection, chosen),
            runs=runs,
            n_runs=n_runs,
            objects=_objects(connection, objects),
        )


def _check_nights(connection: sa.Connection, visits: Columns, nights: Sequence[int]) -> None:
    if missing := sorted(set(nights) - set(np.floor(visits["midpointMjdTai"]).astype(int).tolist())):
        times = _columns(connection, sa.select(visit.c.midpointMjdTai))["midpointMjdTai"]
        there = np.unique(np.floor(times).astype(int)).tolist()
        raise NotFoundError(
            f"there is no visit in night {shown(missing)} (integer part of MJD TAI); "
            + (f"nights with visits: {shown(there, 10)}" if there else "there are no visits at all")
        )


def _columns(connection: sa.Connection, statement: sa.Select) -> Columns:
    """The result of a statement as arrays: text as objects, NULL as None or NaN."""
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in statement.selected_columns])
    table = read_table(connection, statement, schema)
    return {name: table.column(name).to_numpy() for name in schema.names}


def _visits(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Columns:
    detector, expected = visit_detector.c, ss_expected.c
    empty = sa.case(((detector.nSources == 0) & (detector.status == DONE), 1))
    of_detectors = (
        sa.select(detector.visit, sa.func.count().label("n"), sa.func.count(empty).label("nEmpty"))
        .group_by(detector.visit)
        .subquery()
    )
    of_objects = (
        sa.select(expected.visit, sa.func.count().label("n"))
        .where(outside_padding(), expected.nCandidates > 1)
        .group_by(expected.visit)
        .subquery()
    )
    statement = (
        sa.select(
            visit,
            of_detectors.c.n.label("nDetectors"),
            of_detectors.c.nEmpty.label("nEmptyDetectors"),
            of_objects.c.n.label("nAmbiguous"),
        )
        .select_from(visit)
        .outerjoin(of_detectors, of_detectors.c.visit == visit.c.visit)
        .outerjoin(of_objects, of_objects.c.visit == visit.c.visit)
        .where(chosen)
        .order_by(visit.c.midpointMjdTai, visit.c.visit)
    )
    return _columns(connection, statement)


def _matches(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Columns:
    names = ("ephRa", "ephDec", "ephOffsetRa", "ephOffsetDec", "ephOffsetAlongTrack", "ephOffsetCrossTrack")
    statement = (
        sa.select(ss_source.c.visit, sa.cast(ss_source.c.detector, sa.Double).label("detector"))
        .add_columns(*(ss_source.c[name] for name in names))
        .join(visit, visit.c.visit == ss_source.c.visit)
        .where(chosen)
        .order_by(ss_source.c.visit, ss_source.c.diaSourceId)
    )
    return read_arrays(connection, statement)


def _expected(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Columns:
    expected = ss_expected.c
    width: sa.ColumnElement[float] = sa.literal_column(str(MAGNITUDE_BIN), sa.Double)
    magnitude = sa.cast(ss_prediction.c.ephVmag, sa.Double)
    each = (
        sa.select(
            visit.c.instrument,
            expected.detector,
            (sa.func.floor(magnitude / width, type_=sa.Double) * width).label("magnitudeBin"),
            sa.case((expected.nCandidates < MANY_CANDIDATES, expected.nCandidates), else_=MANY_CANDIDATES).label(
                "nCandidates"
            ),
            expected.diaSourceId,
        )
        .select_from(ss_expected)
        .join(ss_prediction, _same_object())
        .join(visit, visit.c.visit == expected.visit)
        .where(chosen, outside_padding())
        .subquery()
    )
    keys = [each.c.instrument, each.c.detector, each.c.magnitudeBin, each.c.nCandidates]
    numbers = [sa.func.count().label("n"), sa.func.count(each.c.diaSourceId).label("seen")]
    return _columns(connection, sa.select(*keys, *numbers).group_by(*keys).order_by(*keys))


def _same_object() -> sa.ColumnElement[bool]:
    expected, prediction = ss_expected.c, ss_prediction.c
    return (prediction.visit == expected.visit) & (prediction.ssObjectId == expected.ssObjectId)


def _unseen(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Columns:
    prediction = ss_prediction.c
    brightest = sa.func.row_number().over(
        partition_by=prediction.visit, order_by=(prediction.ephVmag, prediction.ssObjectId)
    )
    ranked = (
        sa.select(prediction.visit, prediction.designation, prediction.ephVmag, brightest.label("place"))
        .join(ss_expected, _same_object())
        .join(visit, visit.c.visit == prediction.visit)
        .where(chosen, outside_padding(), ss_expected.c.diaSourceId.is_(None), prediction.ephVmag.is_not(None))
        .subquery()
    )
    statement = sa.select(ranked.c.visit, ranked.c.designation, ranked.c.ephVmag)
    return _columns(
        connection, statement.where(ranked.c.place <= UNSEEN_SHOWN).order_by(ranked.c.visit, ranked.c.place)
    )


def _focal_plane(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> FocalPlane | None:
    detector = visit_detector.c
    outlined = (
        sa.select(detector.visit, sa.func.count().label("n"))
        .where(detector.footprint.is_not(None))
        .group_by(detector.visit)
        .subquery()
    )
    per_visit = (
        sa.select(visit.c.visit, visit.c.instrument, outlined.c.n)
        .join(outlined, outlined.c.visit == visit.c.visit)
        .where(chosen)
    )
    rows = connection.execute(per_visit).all()
    if not rows:
        return None
    counts: dict[str | None, int] = {}
    for row in rows:
        counts[row.instrument] = counts.get(row.instrument, 0) + 1
    camera = max(counts, key=lambda name: (counts[name], name or ""))
    whole = max((row for row in rows if row.instrument == camera), key=lambda row: (row.n, -row.visit))
    outlines = (
        sa.select(detector.detector, detector.footprint)
        .where(detector.visit == whole.visit, detector.footprint.is_not(None))
        .order_by(detector.detector)
    )
    numbers, packed = zip(*connection.execute(outlines).all(), strict=True)
    return FocalPlane(whole.visit, camera, np.array(numbers), unpack_outlines(packed))


def _runs(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> tuple[int, list[dict[str, Any]]]:
    of_visits = association_run.c.runId.in_(sa.select(visit.c.runId).where(chosen))
    total = connection.execute(sa.select(sa.func.count()).select_from(association_run).where(of_visits)).scalar_one()
    latest = (
        sa.select(association_run)
        .where(of_visits)
        .order_by(association_run.c.startedAt.desc(), association_run.c.runId)
    )
    runs = [dict(row._mapping) for row in connection.execute(latest.limit(RUNS_SHOWN))]
    for run in runs:
        run["timings"] = json.loads(run["timings"] or "{}")
    return total, runs


def _objects(connection: sa.Connection, names: Sequence[str]) -> list[ObservedObject]:
    observed: dict[int, ObservedObject] = {}
    for name in names:
        found = find_object(connection, name)
        if found.ssObjectId in observed:
            continue
        statement = (
            sa.select(*(_observation.c[column] for column in _OBSERVED_COLUMNS))
            .where(_observation.c.ssObjectId == found.ssObjectId)
            .order_by(_observation.c.midpointMjdTai, _observation.c.visit)
        )
        others = [other for other in found.names if other != found.designation]
        observed[found.ssObjectId] = ObservedObject(
            name, found.designation, found.ssObjectId, others, _columns(connection, statement)
        )
    return list(observed.values())
