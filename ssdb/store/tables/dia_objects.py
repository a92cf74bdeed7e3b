"""DiaObject, DiaObjectLast and DiaObjectMoment: what DiaObjects are by their sources.

All in the transaction of a connection that has locked the cells of the sky in which the objects are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ssdb.config import DiaConfig
from ssdb.equal_rows import begins
from ssdb.given_objects import FORCED, given_sums, merge_sums
from ssdb.moments import ERRORS, FLUXES, MOMENTS, PLACES, flux_columns, folded, no_moments, positions
from ssdb.schema.apdb_dia import BANDS, dia_forced_source, dia_object, dia_object_last, dia_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.dia import dia_object_moment
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.dia_bases import as_given, read_bases
from ssdb.store.transfer.array_parameters import array_rows, listed, send_arrays
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import write_rows
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Integers

_SPAN = ("firstDiaSourceMjdTai", "lastDiaSourceMjdTai")
Among = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]
"""Makes the condition that a column is one of some numbers."""

_SEARCH_ARCSEC = 0.1
"""So far ``searchRa`` may be from ``ra``: while it and the zone stay, an update changes no index."""

SEARCH_DEG = _SEARCH_ARCSEC / ARCSEC_PER_DEG
"""What a search by searchRa has to be wider by."""

BAND_BYTES = 32
"""Of a band, 8 letters of any kind, in UTF-8."""


def bands_of(names: np.ndarray) -> np.ndarray:
    """Under which band sources count, of the bytes of their own: that of its last letter if it is one of ugrizy."""
    found, which = np.unique(names, return_inverse=True)
    texts = [bytes(name).rstrip(b"\0 ") for name in found.tolist()]
    letters = [text.lower()[-1:] for text in texts]
    known = [
        letter if letter and letter.decode(errors="replace") in BANDS else text
        for letter, text in zip(letters, texts, strict=True)
    ]
    return np.array(known or [b""], f"S{BAND_BYTES}")[which] if len(names) else names


def band_column(connection: sa.Connection, column: sa.Column) -> sa.Label:
    """A column of bands as bytes, for :func:`ssdb.store.transfer.read.read_arrays`."""
    known = sa.func.coalesce(column, "")
    as_bytes = (
        sa.func.convert_to(known, "UTF8")
        if connection.dialect.name == "postgresql"
        else (sa.cast(known, sa.LargeBinary))
    )
    return sa.type_coerce(as_bytes, sa.LargeBinary(BAND_BYTES)).label(column.name)


def as_bands(values: np.ndarray) -> np.ndarray:
    """What was read of :func:`band_column`, as bytes without zeros at the end."""
    return values.view(f"S{BAND_BYTES}")


def grow_objects(
    connection: sa.Connection,
    objects: Columns,
    band: np.ndarray,
    moments: Columns,
    config: DiaConfig,
    now: float,
) -> None:
    """Stores objects that have got one more source each.

    Parameters
    ----------
    objects : mapping of str to ndarray, shape (n,)
        diaObjectId, firstDiaSourceMjdTai, lastDiaSourceMjdTai, nDiaSources, searchRa, and the columns of
        :data:`ssdb.moments.PLACES`, with the source.
    band : ndarray of bytes, shape (n,)
        Under which the source counts (:func:`bands_of`).
    moments : mapping of str to ndarray, shape (n,)
        Columns of :data:`ssdb.moments.MOMENTS` of that band, with the source.
    now : float
        MJD TAI: from when this holds.
    """
    place = positions(objects, config)
    numbers = objects["diaObjectId"]
    if config.versions:
        _begin_versions(connection, numbers, now)
    last = {name: objects[name] for name in ("diaObjectId", *_SPAN, "nDiaSources", *PLACES)}
    moved = ~(np.abs(place["ra"] - objects["searchRa"]) * np.cos(np.radians(place["dec"])) <= SEARCH_DEG)
    last |= place | {"searchRa": np.where(moved, place["ra"], objects["searchRa"])}
    last["validityStartMjdTai"] = np.full(len(numbers), now)
    of_object = {name: last[name] for name in ("diaObjectId", "validityStartMjdTai", "lastDiaSourceMjdTai")}
    of_object |= {"nDiaSources": last["nDiaSources"]} | place
    fluxes = flux_columns(moments)
    for name in np.unique(band):
        here = band == name
        letter = name.decode(errors="replace")
        columns = {key: values[here] for key, values in of_object.items()}
        prefixes = {}
        if letter in tuple(BANDS):
            columns |= {key: values[here] for key, values in fluxes.items()}
            prefixes = {key: f"{letter}_{key}" for key in fluxes}
        _update(connection, dia_object, columns, prefixes)
        _add_moments(connection, {"diaObjectId": numbers[here]} | {key: moments[key][here] for key in MOMENTS}, letter)
    _update(connection, dia_object_last, last)


def make_objects(
    connection: sa.Connection,
    objects: Columns,
    moments: Columns,
    config: DiaConfig,
    now: Array | float,
    given: Columns | None = None,
) -> None:
    """Stores new objects.

    ``given`` are rows of DiaObjectBase: of their objects that have no further source the columns are as they came.
    ``objects`` have diaObjectId, nDiaSources, firstDiaSourceMjdTai, lastDiaSourceMjdTai and the columns of
    :data:`ssdb.moments.PLACES`, shape (n,); ``moments`` diaObjectId, band and those of :data:`ssdb.moments.MOMENTS`,
    shape (m,), in any order. Forced fluxes that are stored for them count.
    """
    if not len(objects["diaObjectId"]):
        return
    with listed(connection, "made_object", objects["diaObjectId"]) as among, index_loops(connection):
        moments = _with_forced(moments, _forced_moments(connection, among))
    place = positions(objects, config)
    start = np.full(len(objects["diaObjectId"]), now)
    rows = objects | place | {"validityStartMjdTai": start}
    rows |= _flux_rows(objects["diaObjectId"], moments)
    if given is not None and len(given["diaObjectId"]):
        rows |= as_given(rows, given)
    rows["searchRa"] = rows["ra"]
    _write(connection, dia_object, rows)
    _write(connection, dia_object_last, rows)
    _write(connection, dia_object_moment, moments)


def _flux_rows(objects: Integers, moments: Columns) -> Columns:
    """The columns of the fluxes in DiaObject, of those bands that objects have moments in, and all counts."""
    columns: Columns = {f"{letter}_psfFluxNdata": np.zeros(len(objects), np.int32) for letter in BANDS}
    order = np.argsort(objects)
    for letter in BANDS:
        here = np.flatnonzero(moments["band"] == letter.encode())
        if not len(here):
            continue
        to = order[np.searchsorted(objects, moments["diaObjectId"][here], sorter=order)]
        for name, values in flux_columns({key: moments[key][here] for key in MOMENTS}).items():
            column = columns.setdefault(f"{letter}_{name}", np.full(len(objects), np.nan))
            column[to] = values
    return columns


# ---- from all their sources ------------------------------------------------------------------------------------------


def recompute_objects(
    connection: sa.Connection, ids: Integers, config: DiaConfig, now: float, *, forget: bool = False
) -> None:
    """Makes the rows of objects from all their sources anew.

    Sources are added to what came from elsewhere. Objects without any, withdrawn ones aside, are closed: validityEnd is
    ``now`` (MJD TAI), and they are found by nobody any more. With ``forget`` they are removed, as if they had never
    been, if no versions are kept. The visits of the sources need not be locked.
    """
    ids = np.unique(ids)
    if not len(ids):
        return
    with index_loops(connection):
        with listed(connection, "recomputed_object", ids) as among:
            sources = _sources_of(connection, among)
            for table in (dia_object_moment, dia_object_last):
                connection.execute(sa.delete(table).where(among(table.c.diaObjectId)))
            given = read_bases(connection, among)
        objects, moments = folded(sources.pop("diaObjectId"), sources, config, given_sums(given, BANDS, config))
        gone = np.setdiff1d(ids, objects["diaObjectId"])
        if config.versions:
            _close(connection, ids, now)
        else:
            with listed(connection, "recomputed_object", objects["diaObjectId"]) as among:
                connection.execute(sa.delete(dia_object).where(among(dia_object.c.diaObjectId), _CURRENT))
            if forget:
                with listed(connection, "recomputed_object", gone) as among:
                    connection.execute(sa.delete(dia_object).where(among(dia_object.c.diaObjectId)))
            else:
                _close(connection, gone, now)
    make_objects(connection, objects, moments, config, now, given)


def store_given(connection: sa.Connection, given: Columns, config: DiaConfig, now: float) -> None:
    """Makes objects of rows of DiaObjectBase, or makes them anew: they have no sources."""
    with listed(connection, "given_object", given["diaObjectId"]) as among:
        for table in (dia_object_moment, dia_object_last, dia_object):
            connection.execute(sa.delete(table).where(among(table.c.diaObjectId)))
    objects, moments = given_sums(given, BANDS, config)
    start = given["validityStartMjdTai"][np.argsort(given["diaObjectId"])]
    make_objects(connection, objects, moments, config, np.where(np.isnan(start), now, start), given)


def _sources_of(connection: sa.Connection, among: Among) -> Columns:
    """The sources of objects, but withdrawn ones, as :func:`ssdb.moments.folded` takes them, with diaObjectId."""
    names = ("diaObjectId", "diaSourceId", "midpointMjdTai", "ra", "dec", *ERRORS, *FLUXES)
    columns = (*(dia_source.c[name] for name in names), band_column(connection, dia_source.c.band))
    wanted = (among(dia_source.c.diaObjectId), dia_source.c.timeWithdrawnMjdTai.is_(None))
    found = read_in_turns(connection, sa.select(*columns).where(*wanted), dia_source, bounded=True)
    return found | {"band": bands_of(as_bands(found["band"]))}


def _forced_moments(connection: sa.Connection, among: Among) -> Columns:
    """diaObjectId, band, forcedWeight and forcedMean of objects, by the rows of DiaForcedSource.

    Withdrawn fluxes do not count, nor those without an error above 0.
    """
    source = dia_forced_source.c
    names = ("diaObjectId", "visit", "detector", "psfFlux", "psfFluxErr")
    usable = (source.psfFluxErr > 0, source.psfFlux.is_not(None), source.timeWithdrawnMjdTai.is_(None))
    wanted = sa.select(*(source[name] for name in names), band_column(connection, source.band))
    rows = read_arrays(connection, wanted.where(among(source.diaObjectId), *usable), bounded=True)
    keys = {"diaObjectId": rows["diaObjectId"], "band": bands_of(as_bands(rows["band"]))}
    # In an order of their own, so that the sums are the same to the bit.
    order = np.lexsort((rows["detector"], rows["visit"], keys["band"], keys["diaObjectId"]))
    keys = {name: values[order] for name, values in keys.items()}
    first = begins(*keys.values())
    flux, error = (np.asarray(rows[name][order], float) for name in ("psfFlux", "psfFluxErr"))
    total, weighted = (
        np.add.reduceat(values, np.flatnonzero(first)) if len(values) else values
        for values in (error**-2, flux * error**-2)
    )
    means = {"forcedWeight": total, "forcedMean": weighted / total}
    return {name: values[first] for name, values in keys.items()} | means


def _with_forced(moments: Columns, forced: Columns) -> Columns:
    """Moments to which those of :func:`_forced_moments` are added."""
    n = len(forced["diaObjectId"])
    return merge_sums(moments, no_moments(n) | forced) if n else moments


# ---- forced fluxes ---------------------------------------------------------------------------------------------------


def renew_forced_means(connection: sa.Connection, ids: Integers) -> None:
    """Gives objects the means of the forced fluxes that are stored, and nothing in the bands in which they have none.

    ``ids``, shape (n,), are current objects, ascending, each once.
    """
    if not len(ids):
        return
    columns, forced = dia_object_moment.c, ("forcedWeight", "forcedMean")
    with listed(connection, "forced_object", ids) as among, index_loops(connection):
        wanted = (columns.diaObjectId, band_column(connection, columns.band), *(columns[name] for name in MOMENTS))
        moments = read_arrays(connection, sa.select(*wanted).where(among(columns.diaObjectId)), bounded=True)
        given = given_sums(read_bases(connection, among), BANDS, DiaConfig()).moments
        found = _forced_moments(connection, among)
    moments["band"] = as_bands(moments["band"])
    moments |= {name: np.full(len(moments["band"]), MOMENTS[name]) for name in forced}
    has = given["forcedWeight"] > 0
    for means in ({name: given[name][has] for name in ("diaObjectId", "band", *forced)}, found):
        moments = _with_forced(moments, means)
    for name in np.unique(moments["band"]):
        of_band = {key: moments[key][moments["band"] == name] for key in ("diaObjectId", *MOMENTS)}
        _add_moments(connection, of_band, name.decode(errors="replace"))
    fluxes = _flux_rows(ids, moments)
    of_bands = (f"{letter}_{name}" for letter in BANDS for name in FORCED)
    _update(
        connection, dia_object, {"diaObjectId": ids} | {n: fluxes.get(n, np.full(len(ids), np.nan)) for n in of_bands}
    )


# ---- what the statements have in common ------------------------------------------------------------------------------

_CURRENT = dia_object.c.validityEndMjdTai.is_(None)
_VALIDITY = ("validityStartMjdTai", "validityEndMjdTai")


def _close(connection: sa.Connection, ids: Integers, now: float) -> None:
    """Ends the present rows of objects; those that begin now are removed."""
    with listed(connection, "ended_object", ids) as among:
        these = (among(dia_object.c.diaObjectId), _CURRENT)
        connection.execute(sa.delete(dia_object).where(*these, dia_object.c.validityStartMjdTai == now))
        connection.execute(sa.update(dia_object).where(*these).values(validityEndMjdTai=now))


def _begin_versions(connection: sa.Connection, ids: Integers, now: float) -> None:
    """Ends the present rows of objects, and begins others with the same values; those that begin now stay."""
    names = [column.name for column in dia_object.columns if column.name not in _VALIDITY]
    with listed(connection, "ended_object", ids) as among:
        earlier = (among(dia_object.c.diaObjectId), _CURRENT, dia_object.c.validityStartMjdTai != now)
        rows = sa.select(sa.literal(now), *(dia_object.c[name] for name in names)).where(*earlier)
        connection.execute(sa.insert(dia_object).from_select(["validityStartMjdTai", *names], rows))
        connection.execute(sa.update(dia_object).where(*earlier).values(validityEndMjdTai=now))


def join_versions(connection: sa.Connection, ids: Integers, now: float) -> None:
    """Lets the rows of objects that have ended now hold on, where those that have begun now are the same."""
    before, last = dia_object.alias("before"), dia_object_last
    names = [column.name for column in dia_object.columns if column.name not in _VALIDITY]
    with listed(connection, "joined_object", ids) as among:
        same = sa.and_(*(dia_object.c[name].is_not_distinct_from(before.c[name]) for name in names))
        begun = (among(dia_object.c.diaObjectId), _CURRENT, dia_object.c.validityStartMjdTai == now)
        wanted = sa.select(before.c.diaObjectId, before.c.validityStartMjdTai).join_from(
            dia_object, before, sa.and_(same, before.c.validityEndMjdTai == now)
        )
        found = read_arrays(connection, wanted.where(*begun), bounded=True)
    with listed(connection, "joined_object", found["diaObjectId"]) as among:
        current = (among(dia_object.c.diaObjectId), _CURRENT)
        connection.execute(sa.delete(dia_object).where(*current))
        ended = (among(dia_object.c.diaObjectId), dia_object.c.validityEndMjdTai == now)
        connection.execute(sa.update(dia_object).where(*ended).values(validityEndMjdTai=None))
    _update(connection, last, found)


def _update(
    connection: sa.Connection, table: sa.Table, columns: Columns, prefixed: dict[str, str] | None = None
) -> None:
    """Sets columns of the present rows of objects; ``prefixed``: what columns are called where that differs."""
    in_order = np.argsort(columns["diaObjectId"])
    targets = {name: table.c[(prefixed or {}).get(name, name)] for name in columns}
    sent = {name: _sent(targets[name], values)[in_order] for name, values in columns.items()}
    ids = sent.pop("diaObjectId")
    if connection.dialect.name == "postgresql":
        # As in set_objects.postgresql.sql: no join, of which the planner would choose the order. One search a row.
        send_arrays(connection)
        names = ", ".join(f'"{targets[name].name}"' for name in sent)
        each = {name: f"(:{name})[place]" for name in sent}
        values = ", ".join(f"nullif({v}, 'NaN')" if sent[k].dtype.kind == "f" else v for k, v in each.items())
        place = '(SELECT width_bucket("diaObjectId", :ids) OFFSET 0) found (place)'
        current = ' AND "validityEndMjdTai" IS NULL' if table is dia_object else ""
        where = f'"diaObjectId" = ANY (:ids){current}'
        text = f'UPDATE "{table.name}" SET ({names}) = (SELECT {values} FROM {place}) WHERE {where}'
        connection.execute(sa.text(text), sent | {"ids": ids})
        return
    with array_rows(connection, f"new_{table.name}_{len(columns)}", sent | {"diaObjectId": ids}) as new:
        changed = {targets[name]: new.c[name] for name in sent}
        these = [table.c.diaObjectId == new.c.diaObjectId, *([_CURRENT] if table is dia_object else [])]
        connection.execute(sa.update(table).where(*these).values(changed))


def _add_moments(connection: sa.Connection, columns: Columns, band: str) -> None:
    """Adds the moments of objects in a band, or sets those that are there."""
    table = dia_object_moment
    order = np.argsort(columns["diaObjectId"])
    sent = {name: _sent(table.c[name], values)[order] for name, values in columns.items()}
    with array_rows(connection, "new_DiaObjectMoment", sent) as new:
        given = {name: _known(connection, new.c[name], values) for name, values in sent.items()}
        rows = sa.select(*given.values(), sa.literal(band)).where(sa.true())
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
        statement: Any = insert.from_select([*given, "band"], rows)
        values = {name: statement.excluded[name] for name in MOMENTS}
        connection.execute(statement.on_conflict_do_update(index_elements=["diaObjectId", "band"], set_=values))


def _sent(column: sa.Column, values: np.ndarray) -> np.ndarray:
    """Values as they are sent for a column: rounded to what it holds."""
    match column.type:
        case sa.BigInteger():
            return values.astype(np.int64)
        case sa.Integer():
            return values.astype(np.int32)
        case sa.REAL():
            return _single(values).astype(np.float64)
    return values.astype(np.float64)


def _single(values: np.ndarray) -> Array:
    with np.errstate(over="ignore"):  # infinite, which the server refuses
        return values.astype(np.float32)


def _known(connection: sa.Connection, value: sa.ColumnElement[Any], sent: np.ndarray) -> sa.ColumnElement[Any]:
    """NULL for NaN, which SQLite's driver makes of it itself."""
    if connection.dialect.name != "postgresql" or sent.dtype.kind != "f":
        return value
    return sa.func.nullif(value, sa.literal_column("'NaN'::float8"))


def _write(connection: sa.Connection, table: sa.Table, columns: Columns) -> None:
    """Adds rows to a table, of those of the columns that it has; NaN is NULL."""
    write_rows(connection, table, rows_of_columns(table, columns))


def rows_of_columns(table: sa.Table, columns: Columns) -> pa.Table:
    """Those of the columns that a table has, as its rows: NaN becomes NULL, bytes become text."""
    arrays = {}
    for name, type_ in arrow_types(table).items():
        if name not in columns:
            continue
        values = columns[name]
        if values.dtype.kind == "S":
            arrays[name] = pa.array([text.decode(errors="replace") for text in values.tolist()], type_)
        elif pa.types.is_float32(type_):
            arrays[name] = pa.array(_single(values), type_, from_pandas=True)
        else:
            arrays[name] = pa.array(values.astype(numpy_type(type_), copy=False), type_, from_pandas=True)
    return pa.table(arrays)
