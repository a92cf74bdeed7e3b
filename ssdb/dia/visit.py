"""Gives the sources of one visit to DiaObjects, in one transaction; no history is read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np
import sqlalchemy as sa

from ssdb.association.stages import Stages
from ssdb.association.visit_batch import KEY, VisitBatch, field_density, footprint_densities, read_detectors
from ssdb.config import AssociationConfig, DiaConfig
from ssdb.dia.confirm import confirmed, confirming
from ssdb.dia.match import DiaMatches, makes_object, match_pairs
from ssdb.errors import AssociationError, shown
from ssdb.made_ids import made_ids
from ssdb.moments import ERRORS, MOMENTS, PLACES, add_fluxes, add_places, no_moments, no_places
from ssdb.schema.apdb_dia import dia_object_last
from ssdb.schema.dia import dia_object_base, dia_object_moment
from ssdb.sky.boxes import zone_boxes
from ssdb.store.query_plans import index_loops
from ssdb.store.sql_files import sql_text
from ssdb.store.tables.dia_aliases import remove_aliases
from ssdb.store.tables.dia_matches import add_matches, remove_matches, replace_matches
from ssdb.store.tables.dia_objects import (
    SEARCH_DEG,
    grow_objects,
    make_objects,
    recompute_objects,
)
from ssdb.store.tables.sources import set_dia_objects
from ssdb.store.transfer.array_parameters import array_rows, listed, with_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

_FOUND = (
    *("diaObjectId", "ra", "dec", *ERRORS, "firstDiaSourceMjdTai", "lastDiaSourceMjdTai", "nDiaSources", "searchRa"),
    *PLACES,
)
"""Columns of DiaObjectLast that dia_candidates.*.sql selects, in its order, behind the place of the box."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the sources of a visit."""

    n_sources: int
    """Those that took part."""
    n_updated: int
    n_new: int
    n_marginal: int

    def as_columns(self) -> dict[str, int]:
        """As columns of Visit and AssociationRun."""
        return {
            "nUpdatedDiaObjects": self.n_updated,
            "nNewDiaObjects": self.n_new,
            "nMarginalDiaSources": self.n_marginal,
        }


def undo(
    connection: sa.Connection, visit: int, sources: Columns, earlier: Integers, config: DiaConfig, now: float
) -> None:
    """Takes the sources of a visit from their objects; those that had no other sources are forgotten.

    So are those that it confirmed as the last of several: the sources of ``earlier`` visits have none again.
    """
    given = np.flatnonzero(sources["diaObjectId"])
    if not len(given):
        return
    set_dia_objects(connection, [visit], sources["diaSourceId"][given], np.zeros(len(given), np.int64))
    if config.confirm > 1:
        others = confirming(connection, visit, {name: values[given] for name, values in sources.items()}, earlier)
        if len(others["visit"]):
            between = np.unique(others["visit"]).tolist()
            set_dia_objects(connection, between, others["diaSourceId"], np.zeros_like(others["diaSourceId"]))
            remove_matches(connection, between, others["diaSourceId"])
    recompute_objects(connection, sources["diaObjectId"][given], config, now, forget=True)


def associate_sources(
    connection: sa.Connection,
    visit: int,
    rows: Columns,
    earlier: Integers,
    config: DiaConfig,
    run_id: str,
    now: float,
    stages: Stages,
) -> Counts:
    """Gives the sources of :func:`read_sources` to objects, and stores all but the state of the visit.

    The connection has locked the visit and the cells of the sources, and then undone what was there. ``earlier`` are
    the visits that were done before, where sources have to be confirmed. AssociationError if a detector would make more
    objects than the configuration allows.
    """
    with stages.timed("density"):
        density = _densities(connection, visit, rows)
        part = np.flatnonzero(rows["partakes"])
        sources, density = {name: values[part] for name, values in rows.items()}, density[part]
    with stages.timed("join") as stage:
        objects, place, object_ = _candidates(connection, sources, config)
        stage.rows += len(place)
    with stages.timed("match") as stage:
        matches = match_pairs(sources, objects, place, object_, density, config)
        stage.rows += len(matches.source)
        alone = np.ones(len(part), bool)
        alone[matches.source] = False
        new = np.flatnonzero(alone & makes_object(sources, config))
        several = None
        if config.confirm > 1:
            several = confirmed(connection, sources, new, earlier, config)
            new = several.new
        _refuse_too_many(visit, sources["detector"][new], config)
        first = sources["diaSourceId"][new] if several is None else several.of_new
        of_new = _free(connection, first)
    with stages.timed("write") as stage:
        again = _write(connection, visit, sources, objects, matches, new, of_new, config, now, stages)
        if several is not None:
            _write_earlier(connection, several.earlier, first, of_new, run_id)
        stage.rows += len(matches.source) + len(new)
    with stages.timed("matches"):
        matched = _match_rows(sources, objects, matches, new, of_new, sources["diaSourceId"][new] == first)
        replace_matches(connection, visit, matched, run_id)
    with stages.timed("recompute") as stage:
        recompute_objects(connection, again, config, now)
        stage.rows += len(again)
    return Counts(len(part), len(matches.source), len(new), len(part) - len(matches.source) - len(new))


def _densities(connection: sa.Connection, visit: int, rows: Columns) -> Array:
    """Sources per square arcsecond around each source, shape (s,)."""
    nothing = {name: np.empty(0, np.int64) for name in KEY} | {"midpointMjdTai": np.empty(0)}
    batch = VisitBatch(np.array([visit]), nothing, *read_detectors(connection, [visit]))
    density = footprint_densities(batch)
    detector = np.searchsorted(batch.detectors["detector"], rows["detector"])
    spread = np.flatnonzero(~batch.has_footprint[detector])
    of_sources = density[detector]
    if len(spread):
        of_sources[spread] = field_density(rows["ra"][spread], rows["dec"][spread], AssociationConfig())
    return of_sources


def _candidates(connection: sa.Connection, sources: Columns, config: DiaConfig) -> tuple[Columns, Index, Index]:
    """Objects near sources, and pairs: the places of sources and of objects."""
    radius = config.radius_arcsec / ARCSEC_PER_DEG + SEARCH_DEG
    boxes = zone_boxes(sources["ra"], sources["dec"], np.full(len(sources["ra"]), radius))
    order = np.lexsort((boxes.ra0, boxes.zone))  # as they are in the index
    dec = sources["dec"][boxes.point]
    columns: Columns = {
        "place": boxes.point.astype(np.int32),
        "zone": boxes.zone,
        "ra0": boxes.ra0,
        "ra1": boxes.ra1,
        "dec0": dec - radius,
        "dec1": dec + radius,
    }
    text = sa.text(sql_text(f"dia_candidates.{connection.dialect.name}.sql"))
    typed = text.columns(sa.column("place", sa.Integer), *(dia_object_last.c[name] for name in _FOUND))
    sent = {name: values[order] for name, values in columns.items()}
    with array_rows(connection, "source_box", sent) as box, index_loops(connection):
        found = read_arrays(connection, with_rows(typed, box), bounded=True)
    place = found.pop("place").astype(np.intp)
    _, first, object_ = np.unique(found["diaObjectId"], return_index=True, return_inverse=True)
    return {name: values[first] for name, values in found.items()}, place, object_


def _refuse_too_many(visit: int, detector: Integers, config: DiaConfig) -> None:
    if config.max_new and len(detector):
        names, counts = np.unique(detector, return_counts=True)
        many = counts > config.max_new
        if many.any():
            raise AssociationError(
                f"visit {visit}: detector {shown(names[many].tolist())} would make up to {counts.max():,} DiaObjects, "
                f"more than {config.max_new:,}"
            )


def _match_rows(
    sources: Columns, objects: Columns, matches: DiaMatches, new: Index, of_new: Integers, is_new: Mask
) -> Columns:
    """Columns of DiaMatch, by diaSourceId."""
    unknown = np.full(len(new), np.nan)
    columns: Columns = {
        "diaSourceId": np.append(sources["diaSourceId"][matches.source], sources["diaSourceId"][new]),
        "diaObjectId": np.append(objects["diaObjectId"][matches.object], of_new),
        "separation": np.append(matches.separation, unknown),
        "chi2": np.append(matches.chi2, unknown),
        "logOdds": np.append(matches.log_odds, unknown),
        "isNew": np.append(np.zeros(len(matches.source), bool), is_new),
    }
    order = np.argsort(columns["diaSourceId"])
    return {name: values[order] for name, values in columns.items()}


def _write(
    connection: sa.Connection,
    visit: int,
    sources: Columns,
    objects: Columns,
    matches: DiaMatches,
    new: Index,
    of_new: Integers,
    config: DiaConfig,
    now: float,
    stages: Stages,
) -> Integers:
    """Stores which source is of which object, and what that makes of the objects.

    Returns the objects that have to be computed from all their sources: those that have a later one, or several.
    """
    source_id, object_id = sources["diaSourceId"], objects["diaObjectId"]
    with stages.timed("sources"):
        given = np.append(source_id[matches.source], source_id[new])
        to = np.append(object_id[matches.object], of_new)
        set_dia_objects(connection, [visit], given, to)
    # An object from elsewhere may not say when it was seen: then whatever comes is later.
    in_time = ~(sources["midpointMjdTai"][matches.source] <= objects["lastDiaSourceMjdTai"][matches.object])
    source, object_ = matches.source[in_time], matches.object[in_time]
    with stages.timed("moments"):
        before = _moments(connection, object_id[object_], sources["band"][source])
    grown = {name: objects[name][object_] for name in ("diaObjectId", "searchRa", *PLACES)}
    added = {name: values[source] for name, values in sources.items()}
    grown |= add_places({name: grown[name] for name in PLACES}, added, config)
    grown["firstDiaSourceMjdTai"] = np.minimum(objects["firstDiaSourceMjdTai"][object_], added["midpointMjdTai"])
    grown["lastDiaSourceMjdTai"] = added["midpointMjdTai"]
    grown["nDiaSources"] = objects["nDiaSources"][object_] + 1
    with stages.timed("grow"):
        grow_objects(connection, grown, added["band"], add_fluxes(before, added), config, now)
    alone = new if config.confirm == 1 else new[:0]
    made = {name: values[alone] for name, values in sources.items()}
    n = len(alone)
    fresh = add_places(no_places(n), made, config) | {
        "diaObjectId": of_new[:n],
        "nDiaSources": np.ones(n, np.int32),
        "firstDiaSourceMjdTai": made["midpointMjdTai"],
        "lastDiaSourceMjdTai": made["midpointMjdTai"],
    }
    moments = add_fluxes(no_moments(n), made) | {"diaObjectId": of_new[:n], "band": made["band"]}
    with stages.timed("make"):
        remove_aliases(connection, of_new)
        make_objects(connection, fresh, moments, config, now)
    return np.append(object_id[matches.object[~in_time]], of_new[n:])


def _write_earlier(connection: sa.Connection, earlier: Columns, first: Integers, of_new: Integers, run_id: str) -> None:
    """Gives sources of earlier visits to the objects that they have made with one of this visit.

    ``first`` are the first sources of the new objects, and ``of_new`` the identifiers of these.
    """
    visits, sources = earlier["visit"], earlier["diaSourceId"]
    if len(visits):
        order = np.argsort(first)
        objects = of_new[order[np.searchsorted(first, earlier["diaObjectId"], sorter=order)]]
        is_new = sources == earlier["diaObjectId"]
        set_dia_objects(connection, visits, sources, objects)
        unknown = dict.fromkeys(("separation", "chi2", "logOdds"), np.full(len(visits), np.nan))
        add_matches(connection, earlier | unknown | {"diaObjectId": objects, "isNew": is_new}, run_id)


def _moments(connection: sa.Connection, ids: Integers, band: np.ndarray) -> Columns:
    """The moments of objects in the bands of their sources."""
    moments = no_moments(len(ids))
    moment = dia_object_moment.c
    order = np.argsort(ids)
    for name in np.unique(band):
        columns = [moment[column] for column in ("diaObjectId", *MOMENTS)]
        of_band = moment.band == name.decode(errors="replace")
        with listed(connection, "grown_object", ids[band == name]) as among, index_loops(connection):
            statement = sa.select(*columns).where(among(moment.diaObjectId), of_band)
            found = read_arrays(connection, statement, bounded=True)
        place = order[np.searchsorted(ids, found.pop("diaObjectId"), sorter=order)]
        for column, values in found.items():
            moments[column][place] = values
    return moments


def _free(connection: sa.Connection, first: Integers) -> Integers:
    """Identifiers of new objects: those of their first sources, or made of these where another object has them.

    That is one which came from elsewhere, or whose first source has left it.
    """
    free = first.copy()
    for number in count(1):
        taken = [np.empty(0, np.int64)]
        with listed(connection, "made_object", free) as among, index_loops(connection):
            for table in (dia_object_last, dia_object_base):
                wanted = sa.select(table.c.diaObjectId).where(among(table.c.diaObjectId))
                taken.append(read_arrays(connection, wanted, bounded=True)["diaObjectId"])
        others = np.isin(free, np.concatenate(taken))
        if not others.any():
            break
        free[others] = made_ids(first[others], number)
    return free
