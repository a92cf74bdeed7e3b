"""Makes Arrow tables of tables in memory: astropy's, pandas' and numpy's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ssdb.io.table_notes import described, noted

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time


def from_memory(given: Any) -> pa.Table:
    """An astropy, pyarrow or pandas table, an array of records, or a mapping of names to arrays, as an Arrow table.

    Columns of values that are not plain are left out, as :func:`ssdb.io.table_notes.not_plain` tells. TypeError,
    ValueError or pyarrow.ArrowException if it is none of these, or has what cannot be taken.
    """
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, Mapping):
        return _table({str(name): _column(values) for name, values in given.items()})
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        swapped = {n: t.newbyteorder("=") for n, t in given.dtypes.items() if getattr(t, "byteorder", "=") in "<>"}
        # By itself Arrow leaves out an index that pandas keeps as a range, whether it has a name or not.
        named = any(name is not None for name in given.index.names)
        return pa.Table.from_pandas(given.astype(swapped) if swapped else given, preserve_index=named)
    from astropy.table import Table

    if isinstance(given, np.ndarray) and given.dtype.names:  # among them FITS_rec
        given = _of_records(given)

    if isinstance(given, Table):
        return from_astropy(given)
    raise TypeError(
        "columns are read from a path, an astropy Table, a pyarrow Table, a pandas DataFrame, "
        f"or a mapping of names to arrays, not from {type(given).__name__}"
    )


def from_astropy(table: Table) -> pa.Table:
    """A table of astropy's as an Arrow table."""
    from astropy.table import Column
    from astropy.time import Time
    from astropy.units import Quantity

    columns = {name: table[name] for name in table.colnames}
    return _table({k: _column(v) if isinstance(v, Column | Quantity | Time) else _COMPOUND for k, v in columns.items()})


_COMPOUND = (None, None, None)


def _of_records(given: np.ndarray) -> Table:
    """A numpy array of records; of astropy's FITS_rec the values that its columns stand for, and their units."""
    from astropy.io.fits import BinTableHDU, FITS_rec
    from astropy.table import Table

    return Table.read(BinTableHDU(given), format="fits") if isinstance(given, FITS_rec) else Table(given)


def _table(columns: Mapping[str, tuple[Any, ...]]) -> pa.Table:
    """A table of (values, unit, description, and of times the scale) by name, without those that have no values."""
    plain = {name: column for name, column in columns.items() if column[0] is not None}
    fields = [described(name, values.type, *about) for name, (values, *about) in plain.items()]
    others = {name: "" for name in columns if name not in plain}
    return pa.Table.from_arrays(
        [values for values, *_ in plain.values()], schema=noted(pa.schema(fields), not_plain=others)
    )


def _column(values: Any) -> tuple[Any, ...]:
    """The values of a column (None if they are not plain), its unit and its description; of times the scale, too."""
    if hasattr(values, "jd1"):
        return _times(values)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values, None, None
    if isinstance(values, list | tuple):
        return pa.array(values), None, None
    from astropy.utils.masked import get_data_and_mask

    data, mask = get_data_and_mask(values)
    description = getattr(getattr(values, "info", None), "description", None)
    return _to_arrow(np.asarray(data), mask), getattr(values, "unit", None), description


def _times(times: Time) -> tuple[pa.Array | None, str, object, str]:
    """Times of astropy's as MJD TAI."""
    try:
        tai = times.tai
    except Exception as error:  # a local scale has no way to TAI
        raise ValueError(f"times of the scale {times.scale} cannot be converted to TAI") from error
    mask = np.asarray(np.ma.getmaskarray(times.mask) | times.mask)
    return _to_arrow(np.ma.getdata(np.ma.filled(tai.mjd, np.nan)), mask), "d", times.info.description, "tai"


def _to_arrow(values: np.ndarray, mask: np.ndarray | None) -> pa.Array | None:
    """A numpy array as an Arrow array, null where ``mask`` is set; None if it has no place in a table of values."""
    if values.ndim == 0:
        raise ValueError("a column is an array, not a single value")
    if values.ndim > 1 or values.dtype.kind in "cV":
        return None
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return pa.array(values, mask=None if mask is None else np.broadcast_to(mask, values.shape).copy())
