"""Finds the segments of objects that may be in the fields of visits, by their boxes on the sky."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.predict.segments import COEFFICIENT_BYTES, Segments, unpacked_series
from ssdb.predict.viewing import Views
from ssdb.schema.survey import ss_ephemeris
from ssdb.sky.boxes import probes_of_field
from ssdb.sky.sphere import positions
from ssdb.store.query_plans import index_loops
from ssdb.store.sql_files import sql_text
from ssdb.store.tables.visit_fields import MARGIN_DEG
from ssdb.store.transfer.array_parameters import array_rows, with_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Array, Columns

_FEW_BYTES = 4 * COEFFICIENT_BYTES
"""What the statement returns of a series: all of it, except for the few objects that have more."""

_MOTION = 16.0 * MAX_TIME_DIFFERENCE_DAYS
"""How far an object may move in that time, in radii of its night's cap: it takes 1/8 d or more to cross that."""

_PROBES = {
    "field": np.int32,
    "night": np.int32,
    "zone": np.int16,
    **dict.fromkeys(("ra0", "ra1", "west", "dec0", "dec1"), np.float64),
}
"""The columns of what the statement looks for."""

_COLUMNS = (
    sa.column("field", sa.Integer()),
    *(ss_ephemeris.c[name] for name in ("night", "ssObjectId", "designation", "tmin", "tmax", "h", "g")),
    sa.column("hasJson", sa.Integer()),
    sa.column("size", sa.Integer()),
    sa.column("coefficients", sa.LargeBinary(_FEW_BYTES)),
)
"""What the statements select, in their order."""


def night_of(mjd_tai: float) -> int:
    """The night of a time: the integer part of MJD TAI."""
    return int(np.floor(mjd_tai))


def segments_near(connection: sa.Connection, views: Views) -> tuple[Columns, Segments]:
    """The segments of objects that may be in fields, never too few; their nights have their segments.

    The columns (n,) are field (index into ``views``), ssObjectId, designation, h, g, hasJson (0 or 1); ascending by
    field and ssObjectId, each pair once.
    """
    fields = np.stack([views.mjd_tai, *positions(views.centers), views.radius, views.away], axis=-1)
    probes = [
        (number, night_of(mjd_tai), *probe)
        for number, (mjd_tai, ra, dec, radius, away) in enumerate(fields.tolist())
        for probe in probes_of_field(ra, dec, radius + MARGIN_DEG, _MOTION, away)
    ]
    numbers = np.array(probes, dtype=float).reshape(-1, len(_PROBES)).T
    arrays: Columns = {name: row.astype(kind) for (name, kind), row in zip(_PROBES.items(), numbers, strict=True)}
    with array_rows(connection, "probe", arrays) as probe, index_loops(connection):
        statement = sa.text(sql_text(f"segments_near.{connection.dialect.name}.sql"))
        typed = statement.columns(*(sa.column(column.name, column.type) for column in _COLUMNS))
        found = read_arrays(connection, with_rows(typed, probe), bounded=True)
    order = np.lexsort((found["ssObjectId"], found["field"]))
    field, object_id = found["field"][order], found["ssObjectId"][order]
    again = (np.diff(field, prepend=-1) == 0) & (np.diff(object_id, prepend=object_id[:1]) == 0)
    columns = {name: values[order[~again]] for name, values in found.items()}
    return columns, Segments(_series(connection, columns), columns["tmin"], columns["tmax"])


def _series(connection: sa.Connection, columns: Columns) -> Array:
    """The series (k, 3, n); those of which the statement has returned a part are read whole."""
    n = len(columns["size"])
    part = np.frombuffer(columns["coefficients"].tobytes(), "<f8").reshape(n, _FEW_BYTES // COEFFICIENT_BYTES, 3)
    n_terms = max(int(columns["size"].max(initial=0)), _FEW_BYTES) // COEFFICIENT_BYTES
    series = np.zeros((n_terms, 3, n))
    series[: part.shape[1]] = part.transpose(1, 2, 0)
    longer = np.flatnonzero(columns["size"] > _FEW_BYTES)
    if len(longer):
        keys: Columns = {name: columns[name][longer] for name in ("night", "ssObjectId")}
        with array_rows(connection, "longer", {"number": np.arange(len(longer))} | keys) as wanted:
            same = sa.and_(*(wanted.c[name] == ss_ephemeris.c[name] for name in keys))
            whole = sa.select(ss_ephemeris.c.coefficients).join_from(wanted, ss_ephemeris, same)
            with index_loops(connection):
                series[:, :, longer] = unpacked_series(connection.scalars(whole.order_by(wanted.c.number)).all())
    return series
