"""Looks for an object among sources that were detected before anybody knew of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.association.associate import AssociationReport, associate
from ssdb.association.derive import derive
from ssdb.association.pairs import in_index_order, sources_in_boxes
from ssdb.association.refine import ranks, refine
from ssdb.association.trails import trail_lengths
from ssdb.config import MAX_TIME_DIFFERENCE_DAYS, AssociationConfig
from ssdb.errors import InputError, UsageError, option
from ssdb.ingest.formats.orbit_block import PACKED
from ssdb.ingest.orbit_choice import rank_of
from ssdb.ingest.orbits import store_orbits
from ssdb.ingest.table.input import Input
from ssdb.predict.target import Target, find_target
from ssdb.predict.track import predicted_in_fields
from ssdb.predict.viewing import PROVIDER
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import ss_prediction, visit
from ssdb.sky.boxes import zone_boxes
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.orbits import lock_orbits, newer, stored_ranks
from ssdb.store.tables.predictions import exchange_objects
from ssdb.store.tables.visits import lock_visits, named
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.nested import Nested
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Integers, ab_magnitudes

_BOXES_PER_STATEMENT = 20_000

_SOURCE_COLUMNS = (
    *("diaSourceId", "detector", "midpointMjdTai", "ra", "dec", "raErr", "decErr", "ra_dec_Cov", "psfFlux", "band"),
    "trailLength",
)

FOUND_COLUMNS = (
    *("visit", "midpointMjdTai", "detector", "diaSourceId", "separation", "ephOffsetAlongTrack"),
    *("ephOffsetCrossTrack", "rank", "band", "psfMag", "ephVmag", "ephErrMajor"),
)
"""What is told of a source, in this order."""


@dataclass(slots=True)
class PrecoveryReport:
    """What a precovery found."""

    ssObjectId: int
    designation: str
    epoch_mjd: float
    """Epoch of the object's orbit, MJD TDB."""
    n_visits: int
    """Visits in the database."""
    n_in_field: int
    """Those that have the object in their field."""
    n_own: int
    """Sources that were the object's before."""
    found: list[dict[str, Any]]
    """Sources without an object near the object's predictions, by time: visit, midpointMjdTai (MJD TAI), detector,
    diaSourceId, separation, ephOffsetAlongTrack, ephOffsetCrossTrack (arcsec), rank (1: the nearest of the visit),
    band, psfMag (AB; None where psfFlux is not above 0), ephVmag, ephErrMajor (arcsec). None is unknown."""
    failed: dict[int, str]
    """Visits that the object may be in and that it could not be predicted for, and why."""
    ends: str = ""
    """Where the object's path ends among the visits, and by what: it is in none beyond. Mostly it does not."""
    n_stored: int = 0
    """Predictions stored; 0 unless it was asked for."""
    n_without_predictions: int = 0
    """Visits with the object in their field whose predictions have never been loaded: nothing is stored for them."""
    association: AssociationReport | None = None
    """Of the visits for which predictions were stored."""


def precover(
    database: Database,
    name: str | None = None,
    *,
    orbit: Input | None = None,
    format: str = "auto",
    observatory: str | None = None,
    config: AssociationConfig | None = None,
    commit: bool = False,
    replace_orbit: bool = False,
    progress: Progress | None = None,
) -> PrecoveryReport:
    """Looks for an object in all visits, among the sources that have no object yet.

    ConfigError if there is neither name nor orbit. NotFoundError or DesignationError if the name is not known, or of
    several objects; if there is no orbit of the object. InputError if ``orbit`` is not usable, or has several objects
    and no name says which; if it is to be stored and the one in mpc_orbits is better. EphemerisError if the observatory
    of a visit is not known, or a package of the extra ``ephemeris`` is missing.

    Parameters
    ----------
    name : str, optional
        Any name of the object; not needed with an ``orbit`` of one object.
    orbit : path or table, optional
        An orbit to use instead of the one in mpc_orbits: what :func:`ssdb.ingest_orbits` takes.
    format : {"auto", "mpc_orbits", "mpcorb", "sorcha"}
        What ``orbit`` is.
    observatory : str, optional
        MPC code of the observatory of visits that do not say theirs.
    config : AssociationConfig, optional
        Which sources are near enough: those that association takes for candidates with it. In uncertainty mode the
        search grows with the error of the prediction, up to ``max_radius_arcsec``.
    commit : bool
        Store the orbit, if it was given, and the predictions, and associate these visits with ``config``, in one
        transaction. Otherwise nothing is changed.
    replace_orbit : bool
        With ``commit``: store ``orbit`` even if that in mpc_orbits is better (of the primary designation, or of a newer
        epoch or fit).
    progress : callable, optional
        Called with the numbers of visits associated now, and of all.
    """
    if replace_orbit and not (commit and orbit is not None):
        raise UsageError(
            f"{option('--replace-orbit', 'replace_orbit=True')} needs {option('--orbit FILE', 'orbit=...')} and "
            f"{option('--commit', 'commit=True')}: it says that this orbit is stored"
        )
    config = config or AssociationConfig()
    radius_arcsec = config.radius_arcsec if config.mode == "fixed" else config.max_radius_arcsec
    with database.reading() as connection:
        target = find_target(connection, name, orbit, format)
        predictions, failed, ends = predicted_in_fields(
            connection, target, margin_deg=radius_arcsec / ARCSEC_PER_DEG, observatory=observatory
        )
        own = sa.select(ss_source.c.visit).where(ss_source.c.ssObjectId == target.object_id)
        report = PrecoveryReport(
            target.object_id,
            target.designation,
            float(target.orbit.epoch_mjd[0]),
            connection.execute(sa.select(sa.func.count()).select_from(visit)).scalar_one(),
            predictions.num_rows,
            len(read_in_turns(connection, own, ss_source)["visit"]),
            _found(connection, predictions, radius_arcsec, config),
            failed,
            ends,
        )
    if commit:
        with database.writing() as connection:
            concerned = _store(connection, target, predictions, report, replace_orbit)
            report.association = associate(Nested(connection), concerned, config=config, progress=progress)
    return report


def _found(
    connection: sa.Connection, predictions: pa.Table, radius_arcsec: float, config: AssociationConfig
) -> list[dict[str, Any]]:
    """The sources near predictions of one object, by time."""
    columns = {
        column.name: predictions.column(column.name).to_numpy()
        if column.name in predictions.column_names
        else np.full(predictions.num_rows, np.nan)
        for column in ss_prediction.c
        if column.name not in ("designation", "provider")
    }
    if not len(columns["visit"]):
        return []
    columns["trail"] = trail_lengths(columns, _exposure_times(connection, columns["visit"]))
    sources = _sources_near(connection, columns, radius_arcsec)
    sources["trail"] = columns["trail"][sources["prediction"]]
    # The density has a part in the odds alone, which nobody asks for here.
    candidates = refine(columns, sources, config, density=1.0)
    kept = {name: values[candidates.pair] for name, values in sources.items()}
    kept["diaDistanceRank"] = ranks(kept["visit"], candidates.separation)
    derived = derive(columns, kept["prediction"], kept, config)
    told = kept | {
        "separation": candidates.separation,
        "ephOffsetAlongTrack": derived["ephOffsetAlongTrack"],
        "ephOffsetCrossTrack": derived["ephOffsetCrossTrack"],
        "rank": kept["diaDistanceRank"],
        "band": np.array([bytes(band).rstrip(b"\0").decode("utf-8", "replace") for band in kept["band"]], object),
        "psfMag": ab_magnitudes(kept["psfFlux"]),
        "ephVmag": derived["ephVmag"],
        "ephErrMajor": columns["ephErrMajor"][kept["prediction"]].astype(float),
    }
    order = np.lexsort((kept["diaSourceId"], kept["diaDistanceRank"], kept["visit"], kept["midpointMjdTai"]))
    rows = zip(*(told[name][order].tolist() for name in FOUND_COLUMNS), strict=True)
    return [dict(zip(FOUND_COLUMNS, map(_known, row), strict=True)) for row in rows]


def _exposure_times(connection: sa.Connection, visits: Integers) -> Array:
    """Exposure times (s) of visits, each once, shape (n,); NaN where unknown."""
    with array_rows(connection, "wanted_visit", {"visit": visits}) as wanted:
        times = sa.select(visit.c.visit, visit.c.exposureTime).join_from(wanted, visit, visit.c.visit == wanted.c.visit)
        found = read_arrays(connection, times, bounded=True)
    order = np.argsort(found["visit"])
    return found["exposureTime"][order[np.searchsorted(found["visit"], visits, sorter=order)]].astype(float)


def _known(value: Any) -> Any:
    """A value; None for what is unknown."""
    return None if value == "" or (isinstance(value, float) and not np.isfinite(value)) else value


def _sources_near(connection: sa.Connection, predictions: Columns, radius_arcsec: float) -> Columns:
    """The sources without an object in boxes round predictions, by visit and diaSourceId: a superset.

    The column prediction is the index into the predictions.
    """
    rate = np.hypot(predictions["ephRateRa"], predictions["ephRateDec"])
    radius = (radius_arcsec + 1e-3) / ARCSEC_PER_DEG + np.nan_to_num(rate) * MAX_TIME_DIFFERENCE_DAYS
    parts = zone_boxes(predictions["ephRa"], predictions["ephDec"], radius)
    boxes = {"place": parts.point.astype(np.int32), "visit": predictions["visit"][parts.point]}
    boxes = in_index_order(boxes | {"zone": parts.zone, "ra0": parts.ra0, "ra1": parts.ra1})
    found = []
    for start in range(0, len(parts.point), _BOXES_PER_STATEMENT):
        some = {name: values[start : start + _BOXES_PER_STATEMENT] for name, values in boxes.items()}
        with array_rows(connection, "box", some) as box, index_loops(connection):
            source = sources_in_boxes(connection, box, some["visit"]).c
            wanted = sa.select(source.place.label("prediction"), *(source[name] for name in _SOURCE_COLUMNS))
            found.append(read_arrays(connection, wanted.where(source.ssObjectId.is_(None)), bounded=True))
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    columns["visit"] = predictions["visit"][columns["prediction"]]
    order = np.lexsort((columns["diaSourceId"], columns["visit"]))
    return {name: values[order] for name, values in columns.items()}


def _store(
    connection: sa.Connection, target: Target, predictions: pa.Table, report: PrecoveryReport, replace_orbit: bool
) -> list[int]:
    """Stores predictions in place of those that the object has there, and the orbit; which visits are concerned.

    With a new orbit, those predictions that were made of the old one are removed from the other visits too.
    """
    lock_names(connection, shared=True)
    if target.row is not None:
        free_id = lock_orbits(connection)
        if not replace_orbit:
            _refuse_worse(connection, target.designation, target.row)
        store_orbits(connection, target.row, free_id, identified=True)
    wanted = predictions.column("visit").to_numpy()
    outdated = _outdated(connection, target.object_id) if target.row is not None else np.empty(0, np.int64)
    lock_visits(connection, np.union1d(wanted, outdated))
    kept = np.isin(wanted, _with_predictions(connection, wanted))
    report.n_without_predictions = int((~kept).sum())
    concerned = np.union1d(wanted[kept], outdated)
    with staged(connection, ss_prediction, pa.table({"visit": pa.array(concerned, pa.int64())})) as these:
        rows = predictions.filter(pa.array(kept))
        of_object = ss_prediction.c.ssObjectId == target.object_id
        exchange_objects(connection, named(connection, concerned, sa.select(these.c.visit)), of_object, rows)
        report.n_stored = rows.num_rows
    return concerned.tolist()


def _refuse_worse(connection: sa.Connection, designation: str, row: pa.Table) -> None:
    """Refuses an orbit that is not to replace the stored one of its object."""
    _, stored = stored_ranks(connection, row.select([PACKED]), identified=True)
    given = rank_of(row)
    better = newer(stored, given.take(np.zeros(len(stored.epoch), int)))
    if better.any():
        raise InputError(
            f"the orbit of {designation} (epoch {given.epoch[0]}) is not stored: that in mpc_orbits (epoch "
            f"{stored.epoch[better][0]}) is better, being of the primary designation, or of a newer epoch or fit. "
            f"Leave {option('--commit', 'commit=True')} away to look only, or say "
            f"{option('--replace-orbit', 'replace_orbit=True')} to store it all the same"
        )


def _outdated(connection: sa.Connection, object_id: int) -> Integers:
    """The visits that have a prediction of the object made by ssdb."""
    made = (
        (ss_prediction.c.visit == visit.c.visit)
        & (ss_prediction.c.ssObjectId == object_id)
        & (ss_prediction.c.provider == PROVIDER)
    )
    found = read_in_turns(connection, sa.select(ss_prediction.c.visit).join(visit, made), ss_prediction)
    return np.unique(found["visit"])


def _with_predictions(connection: sa.Connection, visits: Integers) -> Integers:
    """Those visits whose predictions were loaded: with one object's alone they would pass for predicted."""
    with array_rows(connection, "wanted_visit", {"visit": visits}) as wanted:
        loaded = sa.select(visit.c.visit).join_from(wanted, visit, visit.c.visit == wanted.c.visit)
        return read_arrays(connection, loaded.where(visit.c.predictionsAt.is_not(None)), bounded=True)["visit"]
