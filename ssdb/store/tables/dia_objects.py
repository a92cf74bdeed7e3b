"""DiaObject and DiaObjectMoment: the means of forced fluxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.apdb_dia import BANDS, dia_forced_source, dia_object, dia_object_last
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.dia import dia_object_moment
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_table
from ssdb.store.transfer.staging import of_key, staged
from ssdb.units import Integers

_KEY = ("diaObjectId", "band")
_FORCED = ("forcedWeight", "forcedMean")


def renew_forced_means(connection: sa.Connection, objects: Integers) -> None:
    """Makes forcedWeight, forcedMean and the current fpFluxMean, fpFluxMeanErr of objects those of DiaForcedSource.

    ``objects``, shape (n,), each once; those that do not exist are passed over. Withdrawn fluxes do not count, nor
    those without an error above 0.
    """
    if not len(objects):
        return
    source, moment = dia_forced_source.c, dia_object_moment.c
    with array_rows(connection, "forced_object", {"diaObjectId": np.sort(objects)}) as wanted:
        current = sa.select(wanted.c.diaObjectId).join(
            dia_object_last, dia_object_last.c.diaObjectId == wanted.c.diaObjectId
        )
        flux, error = (sa.cast(column, sa.Double) for column in (source.psfFlux, source.psfFluxErr))
        letter = sa.func.lower(sa.func.substr(source.band, sa.func.length(source.band), 1))
        band = sa.case((letter.in_(BANDS), letter), else_=sa.func.coalesce(source.band, ""))
        weight = sa.func.sum(1.0 / (error * error))
        usable = (source.psfFluxErr > 0) & source.psfFlux.is_not(None) & source.timeWithdrawnMjdTai.is_(None)
        means = (
            sa.select(
                source.diaObjectId,
                sa.type_coerce(band, sa.String(8)).label("band"),
                weight.label("forcedWeight"),
                (sa.func.sum(flux / (error * error)) / weight).label("forcedMean"),
            )
            .where(source.diaObjectId.in_(current), usable)
            .group_by(source.diaObjectId, band)
            .order_by(source.diaObjectId, band)
        )
        schema = pa.schema([arrow_schema(dia_object_moment).field(name) for name in (*_KEY, *_FORCED)])
        found = read_table(connection, means, schema)
        known = sa.select(wanted.c.diaObjectId)
        none = sa.update(dia_object_moment).where(moment.diaObjectId.in_(known), moment.forcedWeight != 0)
        connection.execute(none.values(forcedWeight=0.0, forcedMean=None))
    with staged(connection, dia_object_moment, found) as new:
        same = of_key(dia_object_moment, _KEY, new)
        connection.execute(sa.update(dia_object_moment).where(same).values({name: new.c[name] for name in _FORCED}))
        counts = {name: sa.literal(0) for name in ("nWeighted", "nValues", "nErrors")}
        sums = {name: sa.literal(0.0) for name in ("weight", "squares", "scienceWeight")}
        others = {**counts, **sums}
        missing: sa.Select[Any] = sa.select(*new.c, *others.values()).where(~sa.exists().where(same))
        connection.execute(sa.insert(dia_object_moment).from_select([*(c.name for c in new.c), *others], missing))
    with staged(connection, dia_object, _fluxes_by_band(objects, found)) as new:
        now = (dia_object.c.diaObjectId == new.c.diaObjectId) & dia_object.c.validityEndMjdTai.is_(None)
        values = {column.name: column for column in new.c if column.name != "diaObjectId"}
        connection.execute(sa.update(dia_object).where(now).values(values))


def _fluxes_by_band(objects: Integers, means: pa.Table) -> pa.Table:
    """diaObjectId, and fpFluxMean and fpFluxMeanErr of all bands, from rows of objects and bands."""
    objects = np.sort(objects)
    columns: dict[str, pa.Array] = {"diaObjectId": pa.array(objects)}
    bands = np.array(means.column("band").to_pylist(), object)
    rows = np.searchsorted(objects, means.column("diaObjectId").to_numpy())
    weight, mean = (means.column(name).to_numpy() for name in _FORCED)
    for band in BANDS:
        value, error = np.full((2, len(objects)), np.nan)
        of_band = bands == band
        value[rows[of_band]], error[rows[of_band]] = mean[of_band], weight[of_band] ** -0.5
        for name, values in ((f"{band}_fpFluxMean", value), (f"{band}_fpFluxMeanErr", error)):
            columns[name] = pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)
    return pa.table(columns)
