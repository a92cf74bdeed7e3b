"""Reads what a report shows from the database, all as of one moment; the database counts long tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.errors import ConfigError, NotFoundError, option, shown
from ssdb.report.depth import limiting_magnitudes
from ssdb.report.objects import ObservedObject, read_objects, seen_objects
from ssdb.report.reading import read_columns
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import DONE, association_run, outside_padding, ss_expected, ss_prediction, visit, visit_detector
from ssdb.sky.footprint import Outlines, unpack_outlines
from ssdb.sky.sphere import positions
from ssdb.store.database import Database
from ssdb.store.tables.visits import in_nights
from ssdb.units import Array, Columns, ab_magnitudes

MAGNITUDE_BIN = 0.25
"""Width of the bins of predicted magnitude, mag."""

MANY_CANDIDATES = 6
"""Objects with so many candidates and more are counted together."""

RUNS_SHOWN = 20
UNSEEN_SHOWN = 5
_MOST_MATCHES = 5_000_000
"""More would take gigabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraOutlines:
    """Outlines of the detectors of one visit, ascending by detector: all of its camera that are known."""

    visit: int
    instrument: str | None
    detectors: NDArray[Any]
    outlines: Outlines


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """What a report shows. Text that is NULL is None, a number that is NULL is NaN."""

    nights: tuple[int, ...]
    """Those asked for; empty: all."""
    visits: Columns
    """The columns of Visit, by time; with nDetectors, nEmptyDetectors (processed, without a source), nAmbiguous
    (expected objects with more than one candidate), centreRa and centreDec (deg), limit and nFaint: see
    :func:`ssdb.report.depth.limiting_magnitudes`. Shape (v,)."""
    matches: Columns
    """visit, ssObjectId, designation, detector, ephRa, ephDec (deg), ephVmag, ephOffsetRa, ephOffsetDec,
    ephOffsetAlongTrack, ephOffsetCrossTrack (arcsec) of SSSource, by visit; midpointMjdTai, band and mag (AB; NaN of a
    psfFlux that is not above 0) of their sources. Shape (m,)."""
    seen: Columns
    """The objects of the matches: see :func:`ssdb.report.objects.seen_objects`."""
    expected: Columns
    """Objects expected, counted (n; of these seen) by instrument, detector, magnitudeBin (lower edge, mag; NaN:
    unknown) and nCandidates (up to MANY_CANDIDATES)."""
    unseen: Columns
    """Of every visit the brightest objects that were expected and not seen: visit, designation, ephVmag."""
    camera: CameraOutlines | None
    """Of the camera with most visits; None without outlines."""
    runs: list[dict[str, Any]]
    """Rows of AssociationRun of these visits, the last first, RUNS_SHOWN at most; timings as a dict."""
    n_runs: int
    """How many there are in all."""
    objects: list[ObservedObject]


def read_report(database: Database, nights: Sequence[int] = (), objects: Sequence[str] = ()) -> ReportData:
    """Reads what a report shows, of nights (integer parts of MJD TAI; none: all), with objects by any of their names.

    NotFoundError if a night has no visit or an object is not known; ConfigError if there is more than a report can
    hold.
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
        visits["centreRa"], visits["centreDec"] = _centres(connection, chosen, visits)
        visits["limit"], visits["nFaint"] = limiting_magnitudes(connection, chosen, visits["visit"])
        matches = _matches(connection, chosen)
        return ReportData(
            nights=tuple(sorted(set(nights))),
            visits=visits,
            matches=matches,
            seen=seen_objects(connection, chosen, matches),
            expected=_expected(connection, chosen),
            unseen=_unseen(connection, chosen),
            camera=_camera(connection, chosen),
            runs=runs,
            n_runs=n_runs,
            objects=read_objects(connection, objects),
        )


def _check_nights(connection: sa.Connection, visits: Columns, nights: Sequence[int]) -> None:
    if missing := sorted(set(nights) - set(np.floor(visits["midpointMjdTai"]).astype(int).tolist())):
        times = read_columns(connection, sa.select(visit.c.midpointMjdTai))["midpointMjdTai"]
        there = np.unique(np.floor(times).astype(int)).tolist()
        raise NotFoundError(
            f"there is no visit in night {shown(missing)} (integer part of MJD TAI); "
            + (f"nights with visits: {shown(there, 10)}" if there else "there are no visits at all")
        )


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
    return read_columns(connection, statement)


def _centres(connection: sa.Connection, chosen: sa.ColumnElement[bool], visits: Columns) -> tuple[Array, Array]:
    """Centres of the visits, ICRS degrees: the boresight, else the mean of what is there; NaN: nothing is."""
    ra, dec = visits["ra"].astype(float), visits["dec"].astype(float)
    order = np.argsort(visits["visit"])
    unknown = visit.c.ra.is_(None) | visit.c.dec.is_(None)
    for table, lon, lat in (
        (visit_detector, "capRa", "capDec"),
        (dia_source, "ra", "dec"),
        (ss_prediction, "ephRa", "ephDec"),
    ):
        if np.isfinite(ra + dec).all():
            break
        across, up = (sa.func.radians(table.c[name]) for name in (lon, lat))
        vector = (sa.func.cos(up) * sa.func.cos(across), sa.func.cos(up) * sa.func.sin(across), sa.func.sin(up))
        means = (sa.func.avg(part, type_=sa.Double).label(name) for name, part in zip("xyz", vector, strict=True))
        statement = (
            sa.select(table.c.visit, *means)
            .join(visit, visit.c.visit == table.c.visit)
            .where(chosen, unknown)
            .group_by(table.c.visit)
            .order_by(table.c.visit)
        )
        mean = read_columns(connection, statement)
        vectors = np.stack([mean[name] for name in "xyz"], axis=-1)
        at = order[np.searchsorted(visits["visit"], mean["visit"], sorter=order)]
        taken = ~np.isfinite(ra[at] + dec[at]) & (np.linalg.norm(vectors, axis=1) > 0)
        ra[at[taken]], dec[at[taken]] = positions(vectors[taken])
    return ra, dec


def _matches(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Columns:
    names = ("ssObjectId", "designation", "ephRa", "ephDec", "ephVmag")
    offsets = ("ephOffsetRa", "ephOffsetDec", "ephOffsetAlongTrack", "ephOffsetCrossTrack")
    of_source = (dia_source.c.diaSourceId == ss_source.c.diaSourceId) & (dia_source.c.visit == ss_source.c.visit)
    statement = (
        sa.select(ss_source.c.visit, sa.cast(ss_source.c.detector, sa.Double).label("detector"))
        .add_columns(*(ss_source.c[name] for name in (*names, *offsets)))
        .add_columns(dia_source.c.midpointMjdTai, dia_source.c.band, dia_source.c.psfFlux)
        .join(visit, visit.c.visit == ss_source.c.visit)
        .join(dia_source, of_source)
        .where(chosen)
        .order_by(ss_source.c.visit, ss_source.c.diaSourceId)
    )
    matches = read_columns(connection, statement)
    return matches | {"mag": ab_magnitudes(matches.pop("psfFlux"))}


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
    return read_columns(connection, sa.select(*keys, *numbers).group_by(*keys).order_by(*keys))


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
    return read_columns(
        connection, statement.where(ranked.c.place <= UNSEEN_SHOWN).order_by(ranked.c.visit, ranked.c.place)
    )


def _camera(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> CameraOutlines | None:
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
    counts = Counter(row.instrument for row in rows)
    camera = max(counts, key=lambda name: (counts[name], name or ""))
    whole = max((row for row in rows if row.instrument == camera), key=lambda row: (row.n, -row.visit))
    outlines = (
        sa.select(detector.detector, detector.footprint)
        .where(detector.visit == whole.visit, detector.footprint.is_not(None))
        .order_by(detector.detector)
    )
    numbers, packed = zip(*connection.execute(outlines).all(), strict=True)
    return CameraOutlines(whole.visit, camera, np.array(numbers), unpack_outlines(packed))


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
