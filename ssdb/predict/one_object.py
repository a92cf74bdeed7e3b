"""Predicts single objects in all visits at once, straight from their orbits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import EphemerisError
from ssdb.predict.target import Target, find_target
from ssdb.predict.track import predicted_in_fields
from ssdb.predict.visits import PredictionReport, chosen_visits, counted, made_by
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction, visit
from ssdb.sky.sphere import separations
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.predictions import replace_objects
from ssdb.store.tables.visit_fields import visit_fields
from ssdb.store.tables.visits import lock_visits, require_visits
from ssdb.store.transfer.write import Progress
from ssdb.units import Integers

SAME_ARCSEC = 1e-3
"""A prediction that moves by less is the same: segments, and other ways through the same orbit, differ by less."""

SAME_MAG = 1e-3

SAME_ERROR = 0.1
"""As a share of the error: ellipses for many objects at once are not as exact as those for one."""

_COMPARED = ("visit", "ssObjectId", "ephRa", "ephDec", "ephVmag", "ephErrMajor")
_NONE = arrow_schema(ss_prediction).empty_table().select(_COMPARED)
_VISITS_PER_TRANSACTION = 500


def predict_objects(
    database: Database,
    names: Iterable[str],
    visits: Iterable[int] | None = None,
    *,
    nights: Iterable[int] = (),
    observatory: str | None = None,
    progress: Progress | None = None,
) -> PredictionReport:
    """Predicts objects again, whose orbits have changed or are new, in all visits that have predictions.

    Only visits that this touches are changed: those where an object is predicted and was not, was and is not any
    more, or is somewhere else now, by more than 1 mas. There its predictions are replaced, those of other objects stay,
    what was derived is removed, and the visit waits to be associated again. In the report ``predictions`` has these
    visits, with the number of predictions of the objects there now; ``n_left`` counts the others.

    NotFoundError if a name is not known, an object has no orbit, or a visit is not in the database. DesignationError if
    a name is that of several objects. EphemerisError if the observatory of a visit with an object in its field is not
    known, a time is outside the planetary ephemeris, or a package of the extra ``ephemeris`` is missing.

    Parameters
    ----------
    names : iterable of str
        Any names of the objects.
    visits, nights : iterable of int, optional
        Only these visits, and those of these nights.
    observatory : str, optional
        MPC code of the observatory of visits that do not say theirs.
    progress : callable, optional
        Called with the numbers of visits changed now, and of all that are to be.
    """
    started = time.perf_counter()
    report = PredictionReport()
    wanted = None if visits is None else sorted(set(visits))
    chosen = chosen_visits(wanted, sorted(set(nights))) & visit.c.predictionsAt.is_not(None)
    with database.reading() as connection:
        require_visits(connection, wanted or ())
        targets = {target.object_id: target for target in _targets(connection, names, report)}
        tables = []
        for target in targets.values():
            rows, failed, ends = predicted_in_fields(
                connection, target, chosen, margin_deg=0.0, observatory=observatory
            )
            tables.append(rows)
            if ends:
                report.lost[target.designation] = ends
            report.failed |= failed
        new = pa.concat_tables([_NONE, *tables], promote_options="default")
        old = _stored(connection, chosen, list(targets))
        touched = _without_unknown_fields(connection, _touched(new, old), new)
        n_chosen = connection.execute(sa.select(sa.func.count()).select_from(visit).where(chosen)).scalar_one()
    touched = np.setdiff1d(touched, list(report.failed))
    for start in range(0, len(touched), _VISITS_PER_TRANSACTION):
        part = touched[start : start + _VISITS_PER_TRANSACTION]
        report.predictions |= _replace(database, part, list(targets), new)
        if progress:
            progress(len(part), len(touched))
    report.n_left = n_chosen - len(report.failed) - len(touched)
    report.seconds = time.perf_counter() - started
    return report


def _targets(connection: sa.Connection, names: Iterable[str], report: PredictionReport) -> Iterator[Target]:
    """The objects; why those that cannot be followed are not among them goes into the report."""
    for name in names:
        try:
            yield find_target(connection, name)
        except EphemerisError as error:
            report.lost[name] = str(error)


def _stored(connection: sa.Connection, chosen: sa.ColumnElement[bool], ids: Sequence[int]) -> dict[str, np.ndarray]:
    """The predictions of objects that visits have."""
    columns = (ss_prediction.c[name] for name in _COMPARED)
    of_objects = (ss_prediction.c.visit == visit.c.visit) & ss_prediction.c.ssObjectId.in_(ids)
    with index_loops(connection):
        return read_in_turns(connection, sa.select(*columns).join(visit, of_objects).where(chosen), ss_prediction)


def _touched(new: pa.Table, old: dict[str, np.ndarray]) -> Integers:
    """Visits with other predictions than before, ascending."""
    columns = {name: np.concatenate([new.column(name).to_numpy(), values]) for name, values in old.items()}
    order = np.lexsort((columns["ssObjectId"], columns["visit"]))
    columns = {name: values[order] for name, values in columns.items()}
    # The new and the old prediction of an object in a visit come one after the other.
    first, second = ({name: values[part] for name, values in columns.items()} for part in (slice(-1), slice(1, None)))
    same = (first["visit"] == second["visit"]) & (first["ssObjectId"] == second["ssObjectId"])
    same &= separations(first["ephRa"], first["ephDec"], second["ephRa"], second["ephDec"]) < SAME_ARCSEC
    same &= np.isclose(first["ephVmag"], second["ephVmag"], rtol=0.0, atol=SAME_MAG, equal_nan=True)
    same &= np.isclose(first["ephErrMajor"], second["ephErrMajor"], rtol=SAME_ERROR, atol=0.0, equal_nan=True)
    paired = np.zeros(len(order), bool)
    paired[:-1] |= same
    paired[1:] |= same
    return np.unique(columns["visit"][~paired]).astype(np.int64)


def _without_unknown_fields(connection: sa.Connection, touched: Integers, new: pa.Table) -> Integers:
    """Visits without those of which nobody knows where they looked: what they have is as good as any answer."""
    unsure = np.setdiff1d(touched, new.column("visit").to_numpy())
    unknown: list[int] = []
    for start in range(0, len(unsure), _VISITS_PER_TRANSACTION):
        some = visit.c.visit.in_(unsure[start : start + _VISITS_PER_TRANSACTION].tolist())
        fields = visit_fields(connection, some, from_sources=True)
        unknown += [number for number, where in fields.items() if isinstance(where, str)]
    return np.setdiff1d(touched, unknown)


def _replace(database: Database, visits: Integers, ids: Sequence[int], rows: pa.Table) -> dict[int, int]:
    """Replaces the predictions of objects in visits; how many there are now in each."""
    mine = rows.filter(pa.array(np.isin(rows.column("visit").to_numpy(), visits)))
    with database.writing() as connection:
        lock_names(connection, shared=True)
        lock_visits(connection, visits)
        of_objects = ss_prediction.c.ssObjectId.in_(ids)
        replace_objects(connection, visits.tolist(), of_objects, [mine], mine.num_rows, by=made_by(), mixed=True)
    return counted(mine, visits)
