"""DiaObject, DiaObjectLast and DiaObjectMoment: what DiaObjects are by their sources.

All in the transaction of a connection that has locked the cells of the sky in which the objects are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.config import DiaConfig
from ssdb.equal_rows import begins
from ssdb.moments import ERRORS, FLUXES, MOMENTS, PLACES, flux_columns, folded, no_moments, positions
from ssdb.schema.apdb_dia import BANDS, dia_object, dia_object_last, dia_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.dia import dia_object_moment
from ssdb.store.query_plans import index_loops
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import write_rows
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Integers, Mask

_PLACE = ("ra", "dec", *ERRORS)
_SEARCH_ARCSEC = 0.01
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
    first_of_band: Mask,
    config: DiaConfig,
    now: float,
) -> None:
    """Stores objects that have got one more source each.

    Parameters
    ----------
    objects : mapping of str to ndarray, shape (n,)
        diaObjectId, lastDiaSourceMjdTai, nDiaSources, searchRa, and the columns of :data:`ssdb.moments.PLACES`, with
        the source.
    band : ndarray of bytes, shape (n,)
        Under which the source counts (:func:`bands_of`).
    moments : mapping of str to ndarray, shape (n,)
        Columns of :data:`ssdb.moments.MOMENTS` of that band, with the source.
    first_of_band : ndarray of bool, shape (n,)
        Whether the object had none of that band before.
    now : float
        MJD TAI: from when this holds.
    """
    place = positions(objects, config)
    numbers = objects["diaObjectId"]
    if config.versions:
        _begin_versions(connection, numbers, now)
    last = {name: objects[name] for name in ("diaObjectId", "lastDiaSourceMjdTai", "nDiaSources", *PLACES)}
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
        if letter in BANDS:
            columns |= {key: values[here] for key, values in fluxes.items()}
            prefixes = {key: f"{letter}_{key}" for key in fluxes}
        _update(connection, dia_object, columns, dia_object.c.validityEndMjdTai.is_(None), prefixes)
        of_band = {"diaObjectId": numbers[here]} | {key: moments[key][here] for key in MOMENTS}
        fresh = first_of_band[here]
        _update(
            connection,
            dia_object_moment,
            {key: values[~fresh] for key, values in of_band.items()},
            dia_object_moment.c.band == letter,
        )
        new = {key: values[fresh] for key, values in of_band.items()}
        _write(connection, dia_object_moment, new | {"band": np.full(int(fresh.sum()), name)})
    _update(connection, dia_object_last, last)


def make_objects(connection: sa.Connection, objects: Columns, moments: Columns, config: DiaConfig, now: float) -> None:
    """Stores new objects.

    ``objects`` have diaObjectId, nDiaSources, firstDiaSourceMjdTai, lastDiaSourceMjdTai and the columns of
    :data:`ssdb.moments.PLACES`, shape (n,); ``moments`` diaObjectId, band and those of :data:`ssdb.moments.MOMENTS`,
    shape (m,), in any order.
    """
    if not len(objects["diaObjectId"]):
        return
    place = positions(objects, config)
    start = np.full(len(objects["diaObjectId"]), now)
    rows = objects | place | {"validityStartMjdTai": start, "searchRa": place["ra"]}
    _write(connection, dia_object, rows | _flux_rows(objects["diaObjectId"], moments))
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
    """Makes the rows of objects from all their sources anew, but for the forced fluxes, which stay.

    Objects without sources, withdrawn ones aside, are closed: validityEnd is ``now`` (MJD TAI), and they are found by
    nobody any more. With ``forget`` they are removed, as if they had never been. The visits of the sources need not be
    locked.
    """
    ids = np.unique(ids)
    if not len(ids):
        return
    with index_loops(connection):
        sources = _sources_of(connection, ids)
        forced = _forced_moments(connection, ids)
        objects, moments = folded(sources.pop("diaObjectId"), sources, config)
        kept = np.isin(forced["diaObjectId"], objects["diaObjectId"])
        moments = _with_forced(moments, {name: values[kept] for name, values in forced.items()})
        gone = np.setdiff1d(ids, objects["diaObjectId"])
        with array_rows(connection, "recomputed_object", {"diaObjectId": ids}) as these:
            wanted = sa.select(these.c.diaObjectId)
            for table in (dia_object_moment, dia_object_last):
                connection.execute(sa.delete(table).where(table.c.diaObjectId.in_(wanted)))
            if config.versions:
                connection.execute(sa.update(dia_object).where(_current(these)).values(validityEndMjdTai=now))
        if not config.versions:
            with array_rows(connection, "recomputed_object", {"diaObjectId": objects["diaObjectId"]}) as these:
                connection.execute(sa.delete(dia_object).where(_current(these)))
        with array_rows(connection, "recomputed_object", {"diaObjectId": gone}) as these:
            if forget:
                of_gone = dia_object.c.diaObjectId.in_(sa.select(these.c.diaObjectId))
                connection.execute(sa.delete(dia_object).where(of_gone))
            else:
                connection.execute(sa.update(dia_object).where(_current(these)).values(validityEndMjdTai=now))
    make_objects(connection, objects, moments, config, now)


def _sources_of(connection: sa.Connection, ids: Integers) -> Columns:
    """The sources of objects, but withdrawn ones, as :func:`ssdb.moments.folded` takes them, with diaObjectId."""
    names = ("diaObjectId", "diaSourceId", "midpointMjdTai", "ra", "dec", *ERRORS, *FLUXES)
    with array_rows(connection, "recomputed_object", {"diaObjectId": ids}) as these:
        columns = (*(dia_source.c[name] for name in names), band_column(connection, dia_source.c.band))
        wanted = dia_source.c.diaObjectId.in_(sa.select(these.c.diaObjectId))
        statement = sa.select(*columns).where(wanted, dia_source.c.timeWithdrawnMjdTai.is_(None))
        found = read_arrays(connection, statement, bounded=True)
    return found | {"band": bands_of(as_bands(found["band"]))}


def _forced_moments(connection: sa.Connection, ids: Integers) -> Columns:
    """diaObjectId, band, forcedWeight and forcedMean of objects with forced fluxes."""
    moment = dia_object_moment.c
    with array_rows(connection, "recomputed_object", {"diaObjectId": ids}) as these:
        columns = (moment.diaObjectId, band_column(connection, moment.band), moment.forcedWeight, moment.forcedMean)
        wanted = moment.diaObjectId.in_(sa.select(these.c.diaObjectId)) & (moment.forcedWeight > 0)
        found = read_arrays(connection, sa.select(*columns).where(wanted), bounded=True)
    return found | {"band": as_bands(found["band"])}


def _with_forced(moments: Columns, forced: Columns) -> Columns:
    """Moments with the forced ones, where there are no others as rows of their own."""
    n = len(forced["diaObjectId"])
    if not n:
        return moments
    own = no_moments(n) | {name: forced[name] for name in ("diaObjectId", "band", "forcedWeight", "forcedMean")}
    both = {name: np.concatenate([moments[name], own[name]]) for name in moments}
    order = np.lexsort((both["band"], both["diaObjectId"]))  # stable: the forced one comes second
    both = {name: values[order] for name, values in both.items()}
    first = begins(both["diaObjectId"], both["band"])
    to = np.flatnonzero(first)[np.cumsum(first) - 1]
    for name in ("forcedWeight", "forcedMean"):
        both[name][to[~first]] = both[name][~first]
    return {name: values[first] for name, values in both.items()}


# ---- forced fluxes ---------------------------------------------------------------------------------------------------


def set_forced_means(connection: sa.Connection, ids: Integers, means: Columns) -> None:
    """Gives objects the means of their forced fluxes, and nothing in the bands in which they have none.

    ``ids``, shape (n,), are current objects, ascending, each once; ``means`` have diaObjectId, band (as of
    :func:`bands_of`), forcedWeight and forcedMean, shape (m,), each object and band once.
    """
    if not len(ids):
        return
    fluxes: Columns = {"diaObjectId": ids}
    moment = dia_object_moment.c
    with array_rows(connection, "forced_object", {"diaObjectId": ids}) as these, index_loops(connection):
        wanted = moment.diaObjectId.in_(sa.select(these.c.diaObjectId))
        stored = read_arrays(
            connection, sa.select(moment.diaObjectId, band_column(connection, moment.band)).where(wanted), bounded=True
        )
    stored["band"] = as_bands(stored["band"])
    for name in np.unique(np.concatenate([stored["band"], means["band"], [band.encode() for band in BANDS]])):
        letter, here = name.decode(errors="replace"), means["band"] == name
        values = {"forcedWeight": np.zeros(len(ids)), "forcedMean": np.full(len(ids), np.nan)}
        to = np.searchsorted(ids, means["diaObjectId"][here])
        for column, of_all in values.items():
            of_all[to] = means[column][here]
        known = np.isin(ids, stored["diaObjectId"][stored["band"] == name])
        columns = {"diaObjectId": ids, **values}
        of_known = {column: of_all[known] for column, of_all in columns.items()}
        _update(connection, dia_object_moment, of_known, moment.band == letter)
        new = ~known & (values["forcedWeight"] > 0)
        of_new = {column: of_all[new] for column, of_all in columns.items()}
        _write(connection, dia_object_moment, no_moments(int(new.sum())) | of_new | {"band": np.full(new.sum(), name)})
        if letter in BANDS:
            of_flux = flux_columns(no_moments(len(ids)) | values)
            fluxes |= {f"{letter}_{column}": of_flux[column] for column in ("fpFluxMean", "fpFluxMeanErr")}
    _update(connection, dia_object, fluxes, dia_object.c.validityEndMjdTai.is_(None))


# ---- what the statements have in common ------------------------------------------------------------------------------


def _current(these: sa.FromClause) -> sa.ColumnElement[bool]:
    """That a row of DiaObject is the present one of one of these objects."""
    return dia_object.c.diaObjectId.in_(sa.select(these.c.diaObjectId)) & dia_object.c.validityEndMjdTai.is_(None)


def _begin_versions(connection: sa.Connection, ids: Integers, now: float) -> None:
    """Ends the present rows of objects, and begins others with the same values."""
    copied: list[Any] = [
        sa.literal(now).label(column.name) if column.name == "validityStartMjdTai" else column
        for column in dia_object.columns
        if column.name != "validityEndMjdTai"
    ]
    names = [column.name for column in dia_object.columns if column.name != "validityEndMjdTai"]
    with array_rows(connection, "versioned_object", {"diaObjectId": ids}) as these:
        connection.execute(sa.update(dia_object).where(_current(these)).values(validityEndMjdTai=now))
        ended = dia_object.c.diaObjectId.in_(sa.select(these.c.diaObjectId)) & (dia_object.c.validityEndMjdTai == now)
        connection.execute(sa.insert(dia_object).from_select(names, sa.select(*copied).where(ended)))


def _update(
    connection: sa.Connection,
    table: sa.Table,
    columns: Columns,
    where: sa.ColumnElement[bool] | None = None,
    names: dict[str, str] | None = None,
) -> None:
    """Sets columns of the rows of objects, by their diaObjectId; ``names``: what columns are called where that differs."""
    if not len(columns["diaObjectId"]):
        return
    in_order = np.argsort(columns["diaObjectId"])
    target = {name: table.c[(names or {}).get(name, name)] for name in columns}
    sent = {name: _sent(target[name], values)[in_order] for name, values in columns.items()}
    with array_rows(connection, f"new_{table.name}_{len(columns)}", sent) as new, index_loops(connection):
        values = {
            target[name]: _known(connection, new.c[name]) if sent[name].dtype.kind == "f" else new.c[name]
            for name in columns
            if name != "diaObjectId"
        }
        same = table.c.diaObjectId == new.c.diaObjectId
        connection.execute(sa.update(table).where(same, *([] if where is None else [where])).values(values))


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


def _known(connection: sa.Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """NULL for NaN, which SQLite's driver makes of it itself."""
    if connection.dialect.name != "postgresql":
        return column
    return sa.func.nullif(column, sa.literal_column("'NaN'::float8"))


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
