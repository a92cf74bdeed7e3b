"""Which segments may be of objects in fields: the box join with SsEphemeris."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.predict.segments import COEFFICIENT_BYTES, Segments, unpacked_series
from ssdb.predict.views import Views
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
"""What the statement returns of a series: all of it, but for the few objects with more."""

_MOTION = 16.0 * MAX_TIME_DIFFERENCE_DAYS
"""How far an object comes in that time, in radii of the cap that it stays in: it would cross that in 1/8 d."""

_PROBES = {
    "field": np.int32,
    "night": np.int32,
    "zone": np.int16,
    **dict.fromkeys(("ra0", "ra1", "west", "dec0", "dec1"), np.float64),
}
"""The columns of what the statement looks for."""

_KEYS_PER_STATEMENT = 5_000

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
    """The segments of objects that may be in fields, never too few.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    views : Views
        Of nights that have their segments.

    Returns
    -------
    columns : dict of columns, shape (n,)
        field (index into ``views``), ssObjectId, designation, h, g, hasJson (0 or 1); ascending by field and
        ssObjectId, each pair once.
    segments : Segments
        Of the n.
    """
    fields = np.stack([views.mjd_tai, *positions(views.centers), views.radius], axis=-1)
    probes = [
        (number, night_of(mjd_tai), *probe)
        for number, (mjd_tai, ra, dec, radius) in enumerate(fields.tolist())
        for probe in probes_of_field(ra, dec, radius + MARGIN_DEG, _MOTION)
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
        keys = list(zip(columns["night"][longer].tolist(), columns["ssObjectId"][longer].tolist(), strict=True))
        whole = _whole_series(connection, set(keys))
        series[:, :, longer] = unpacked_series([whole[key] for key in keys])
    return series


def _whole_series(connection: sa.Connection, keys: set[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    key = sa.tuple_(ss_ephemeris.c.night, ss_ephemeris.c.ssObjectId)
    statement = sa.select(ss_ephemeris.c.night, ss_ephemeris.c.ssObjectId, ss_ephemeris.c.coefficients)
    found: dict[tuple[int, int], bytes] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), _KEYS_PER_STATEMENT):
        part = wanted[start : start + _KEYS_PER_STATEMENT]
        for night, object_id, coefficients in connection.execute(statement.where(key.in_(part))):
            found[night, object_id] = coefficients
    return found
