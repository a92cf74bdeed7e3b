"""Reads the sources that may be reported, and says which of them should not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from ssdb.association.refine import chi_squares
from ssdb.association.trails import trail_lengths
from ssdb.config import AssociationConfig, chi2_limit
from ssdb.ephemeris.places import COLUMNS as PLACE
from ssdb.errors import InputError, shown
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.reported import ss_reported_source
from ssdb.schema.survey import DONE, ss_candidate, ss_prediction, visit
from ssdb.store.query_plans import index_loops, named
from ssdb.store.tables.sources import read_listed
from ssdb.store.tables.visits import among, require_visits
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Array, Columns, Integers, Mask

_VISITS_AT_ONCE = 100

_OF_SOURCE = (
    *("diaSourceId", "visit", "midpointMjdTai", "ra", "dec", "raErr", "decErr", "ra_dec_Cov"),
    *("psfFlux", "psfFluxErr", "snr", "trailLength"),
)
_OF_MATCH = ("designation", "ephRate", "ephRateRa", "ephRateDec", "ephOffsetRa", "ephOffsetDec")
_OF_CANDIDATE = ("chi2", "probability")
_OF_PREDICTION = ("ephErrMajor", "ephErrMinor", "ephErrPa")


class Exposures(NamedTuple):
    """Visits: numbers (ascending), whether each was asked for, whether it is associated, and where its observer was."""

    visits: Integers
    wanted: Mask
    """Of the others only listed sources are reported."""
    done: Mask
    places: Sequence[Mapping[str, Any]]

    def of(self, visits: Integers) -> Integers:
        """Where visits stand among them."""
        return np.searchsorted(self.visits, visits)


def exposures_of(
    connection: sa.Connection,
    station: str,
    visits: Sequence[int] | None,
    since: float | None,
    until: float | None,
    listed_ids: Integers,
) -> Exposures:
    """The visits of a station, or without one, of some numbers or times (MJD TAI), and all that listed sources are of.

    NotFoundError if a visit is not in the database; InputError if a listed source is not, or is of another station, or
    if all visits of the database are.
    """
    code = visit.c.observatoryCode
    chosen = (code == station) | code.is_(None)
    if connection.scalar(sa.select(visit.c.visit).where(chosen).limit(1)) is None:
        stations = connection.scalars(sa.select(code).distinct().order_by(code)).all()
        if stations:
            raise InputError(f"no visit is of the station {station}: the visits are of {shown(stations)}")
    if visits is not None:
        require_visits(connection, visits)
        chosen &= among(visit.c.visit, visits)
    if since is not None:
        chosen &= visit.c.midpointMjdTai >= since
    if until is not None:
        chosen &= visit.c.midpointMjdTai < until
    is_wanted: sa.ColumnElement[int] = sa.literal(1)
    if len(listed_ids):
        keys = [dia_source.c.diaSourceId, dia_source.c.visit]
        found = read_listed(connection, dia_source.c.diaSourceId, listed_ids, keys)
        if len(missing := np.setdiff1d(listed_ids, found["diaSourceId"])):
            which = shown(missing[:3].tolist(), n=len(missing))
            raise InputError(f"{len(missing):,} sources of tracklets are not in the database (diaSourceId {which})")
        of_listed = np.unique(found["visit"])
        others = among(visit.c.visit, of_listed.tolist()) & (code != station)
        if elsewhere := list(connection.scalars(sa.select(visit.c.visit).where(others))):
            raise InputError(f"sources of tracklets are not of {station}: visit {shown(elsewhere)} has another code")
        is_wanted = sa.case((chosen, 1), else_=0)
        chosen |= among(visit.c.visit, of_listed.tolist())
    columns = (visit.c.visit, visit.c.status, *(visit.c[name] for name in PLACE), is_wanted.label("wanted"))
    rows = connection.execute(sa.select(*columns).where(chosen).order_by(visit.c.visit)).mappings().all()
    numbers = np.array([row["visit"] for row in rows], np.int64)
    wanted, done = ([row[name] == value for row in rows] for name, value in (("wanted", 1), ("status", DONE)))
    return Exposures(numbers, np.array(wanted, bool), np.array(done, bool), [dict(row) for row in rows])


def read_reportable(connection: sa.Connection, exposures: Exposures, listed_ids: Integers, *, again: bool) -> Columns:
    """Sources of visits that are known objects, and listed ones, by diaSourceId; those reported before only ``again``.

    Beside columns of DiaSource, SSSource, SsCandidate and SsPrediction: ssObjectId, 0 of none; isNegative, withdrawn
    and listed as bool; band and exposureTime, of the visit where the source has none; chi2 where fixed mode left none.
    """
    parts = []
    for start in range(0, len(exposures.visits), _VISITS_AT_ONCE):
        some = slice(start, start + _VISITS_AT_ONCE)
        visits, wanted = exposures.visits[some], exposures.visits[some][exposures.wanted[some]]
        with listed(connection, "listed_source", listed_ids) as is_listed, index_loops(connection):
            statement = _statement(visits, wanted, is_listed(dia_source.c.diaSourceId), again)
            parts.append(read_arrays(connection, statement, bounded=True))
    if not parts:
        return {}
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(rows["diaSourceId"], kind="stable")
    rows = {name: values[order] for name, values in rows.items()}
    rows |= {name: rows[name] > 0 for name in ("isNegative", "withdrawn", "listed")}
    rows["chi2"] = np.where(np.isnan(rows["chi2"]), _residuals(rows), rows["chi2"])
    return rows


def _statement(visits: Integers, wanted: Integers, is_listed: sa.ColumnElement[bool], again: bool) -> sa.Select:
    source, match = dia_source.c, ss_source.c
    these = named(visits)

    def of(table: sa.Table, *more: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        # That all are of these visits is said of each table: which partitions are needed is not known otherwise.
        return sa.and_(table.c.visit == source.visit, table.c.visit.in_(these), *more)

    def flag(condition: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
        return sa.cast(sa.case((condition, 1), else_=0), sa.SmallInteger).label(name)

    of_object = match.ssObjectId
    # By itself, since a cluster joins no table that is on one server with those that are on many.
    exposures = sa.select(visit.c.visit, visit.c.band, visit.c.exposureTime).where(visit.c.visit.in_(these))
    exposure = exposures.cte("exposure").prefix_with("MATERIALIZED")
    joined = (
        sa.join(dia_source, exposure, exposure.c.visit == source.visit)
        .outerjoin(ss_source, of(ss_source, match.diaSourceId == source.diaSourceId))
        .outerjoin(
            ss_candidate,
            of(ss_candidate, ss_candidate.c.ssObjectId == of_object, ss_candidate.c.diaSourceId == source.diaSourceId),
        )
        .outerjoin(ss_prediction, of(ss_prediction, ss_prediction.c.ssObjectId == of_object))
    )
    statement = sa.select(
        *(source[name] for name in _OF_SOURCE),
        *(match[name] for name in _OF_MATCH),
        *(ss_candidate.c[name] for name in _OF_CANDIDATE),
        *(ss_prediction.c[name] for name in _OF_PREDICTION),
        sa.func.coalesce(of_object, 0).label("ssObjectId"),
        sa.func.coalesce(source.band, exposure.c.band, type_=source.band.type).label("band"),
        sa.func.coalesce(source.exposureTime, exposure.c.exposureTime, type_=sa.REAL()).label("exposureTime"),
        flag(source.isNegative.is_(sa.true()), "isNegative"),
        flag(source.timeWithdrawnMjdTai.is_not(None), "withdrawn"),
        flag(is_listed, "listed"),
    ).select_from(joined)
    is_match = of_object.is_not(None) & source.visit.in_(named(wanted))
    statement = statement.where(source.visit.in_(these), is_match | is_listed)
    if not again:
        reported = sa.select(ss_reported_source.c.diaSourceId).where(ss_reported_source.c.visit.in_(these))
        statement = statement.where(source.diaSourceId.not_in(reported))
    return statement


def _residuals(rows: Columns) -> Array:
    """chi2 of the sources' offsets from their predictions, by the errors of both: as in uncertainty mode."""
    pairs = {name: rows[name] for name in ("raErr", "decErr", "ra_dec_Cov", "trailLength")}
    pairs |= {"prediction": np.arange(len(rows["visit"])), "trail": trail_lengths(rows, rows["exposureTime"])}
    return chi_squares(rows, pairs, AssociationConfig(), rows["ephOffsetRa"], rows["ephOffsetDec"])[0]


def not_to_report(
    rows: Columns, exposures: Exposures, *, outliers: bool, n_sigma: float, min_probability: float
) -> dict[str, Mask]:
    """Which sources are not to be reported, by the reason: each source by the first one that holds of it."""
    known = rows["ssObjectId"] != 0
    unlisted = known & ~rows["listed"]
    reasons = {
        "were withdrawn": rows["withdrawn"],
        "are negative on the difference image": rows["isNegative"],
        "are of visits that are to be associated anew": unlisted & ~exposures.done[exposures.of(rows["visit"])],
    }
    if not outliers:
        far = unlisted & (rows["chi2"] > chi2_limit(n_sigma))
        reasons[f"are outliers: more than {n_sigma:g} sigma from their orbits"] = far
        reasons[f"are their objects with a probability below {min_probability:g}"] = unlisted & (
            rows["probability"] < min_probability
        )
    before = np.zeros(len(known), bool)
    for reason, holds in reasons.items():
        reasons[reason] = holds & ~before
        before |= holds
    return reasons
