"""Reads predictions of mpSky's answers: Chebyshev coefficients of all objects in a field, for one night.

The answer is a sequence of Arrow messages (https://github.com/mjuric/mpsky, ``ipc_write``): a tensor of the objects'
coefficients, shape (degree + 1, 3, n), one of the observer's, shape (degree + 1, 3), and a stream with one record
batch: ``name``, ``ra``, ``dec``, ``tmin``, ``tmax``, and the elements of the orbits where they were asked for (``q``,
``e``, ``inc``, ...; or the columns of mpc_orbits, and ``Vmag`` with them). The coefficients are those of ``numpy``'s
``chebfit`` over t - tmin in days, unscaled: heliocentric, au, ICRS axes, of positions with the light time taken off,
fitted against the time of observation. tmin and tmax come from Sorcha's ``fieldMJD_TAI``; where mpSky's documentation
says UTC, it is 37 s off.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.chebyshev import evaluate
from ssdb.errors import InputError, shown
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.limits import content_of, refuse_repeated
from ssdb.io.tables import label
from ssdb.schema.arrow import arrow_rows
from ssdb.schema.survey import ss_prediction
from ssdb.sky.sphere import directions_and_rates, separations
from ssdb.units import AU_PER_DAY_KM_S, Array

PROVIDER = "mpsky"


_NEEDED = ("name", "ra", "dec", "tmin", "tmax")

_MESSAGE = b"\xff\xff\xff\xff"  # what a message of Arrow's begins with; the length of its header follows

_DICTIONARY, _RECORD_BATCH, _TENSOR = 2, 3, 4
"""Kinds of messages (Message.fbs of Arrow's format)."""

_SAME_ARCSEC = 3.0
"""mpSky's fits are good to about an arcsecond; its positions and ours come from the same coefficients."""


def is_mpsky(given: Any) -> bool:
    """Whether an input is the path of a file that begins with an Arrow tensor: nothing else in use here does."""
    given = input_of(given)
    if not isinstance(given, InputFile) or not given.beginning.startswith(_MESSAGE):
        return False
    length = int.from_bytes(given.beginning[4:8], "little")
    header = given.beginning[8 : 8 + length]
    try:
        return len(header) == length and _Header(header).kind == _TENSOR
    except struct.error:
        return False


def read_mpsky(
    given: str | os.PathLike[str] | bytes, visit: int, midpoint_mjd_tai: float, name: str | None = None
) -> tuple[pa.Table, tuple[str, ...]]:
    """Predictions from an answer of mpSky's, a path or bytes, for a visit and its mid-exposure (MJD TAI).

    Positions, rates and velocities are those of the polynomials at that time; the rates are the derivative of object
    minus observer, which contains the light time already. The answer's own positions are only compared. InputError if
    it is not there, not an answer of mpSky, cut short, or if its polynomials do not hold at that time.

    Returns
    -------
    table : pyarrow.Table
        Columns of SsPrediction, units in the metadata: visit, designation (as the service names the object),
        midpointMjdTai (MJD TAI), ephRa, ephDec (ICRS astrometric, deg), ephRateRa (includes cos dec), ephRateDec
        (deg/d), ephVmag where the answer has it, helio_* and topo_* (au and km/s), provider. The service knows no
        errors of its positions. No rows: it knows no object there.
    doubts : tuple of str
        What looks wrong and may be right.
    """
    name = name or label(given)
    content = given if isinstance(given, bytes) else content_of(Path(os.fsdecode(given)), name)
    objects, observer, columns = _parts(content, name)
    names = columns["name"]
    t = midpoint_mjd_tai - start_times(name, columns, midpoint_mjd_tai)
    values: dict[str, Any] = {
        "visit": np.full(len(names), visit, np.int64),
        "designation": names,
        "midpointMjdTai": np.full(len(names), midpoint_mjd_tai),
        **predicted_columns(objects, observer[:, :, None], t),
        "provider": np.full(len(names), PROVIDER, object),
    }
    if "Vmag" in columns.column_names:
        values["ephVmag"] = _numbers(name, columns, "Vmag")
    return arrow_rows(ss_prediction, values), _doubts(name, columns, values["ephRa"], values["ephDec"])


def predicted_columns(objects: Array, observer: Array, t: Array) -> dict[str, Array]:
    """What polynomials say of n objects, ``t`` days after the tmin of each, as columns of SsPrediction.

    The Chebyshev coefficients are heliocentric, au, ICRS axes, of shape (degree + 1, 3, n), the observer's also (degree
    + 1, 3, 1). ephRa, ephDec are in deg, ephRateRa (includes cos dec) and ephRateDec in deg/d, helio_* and topo_* in au
    and km/s, each of shape (n,).
    """
    helio, helio_v = evaluate(objects, t)
    place, motion = evaluate(observer, t)
    topo, topo_v = helio - place, helio_v - motion
    ra, dec, rate_ra, rate_dec = directions_and_rates(topo.T, topo_v.T)
    return {
        "ephRa": ra,
        "ephDec": dec,
        "ephRateRa": rate_ra,
        "ephRateDec": rate_dec,
        **_components("helio", helio, helio_v),
        **_components("topo", topo, topo_v),
    }


def _parts(content: bytes, name: str) -> tuple[Array, Array, pa.Table]:
    """Coefficients of the objects and of the observer, and the columns of the record batch."""
    try:
        stream = pa.BufferReader(content)
        objects = pa.ipc.read_tensor(stream).to_numpy()
        observer = pa.ipc.read_tensor(stream).to_numpy()
        _refuse_compressed(content, stream.tell())
        with pa.ipc.open_stream(stream) as reader:
            columns = reader.read_all()
        columns.validate(full=True)
    except (pa.ArrowException, OSError, EOFError, ValueError, MemoryError, struct.error) as error:  # of damaged lengths
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{name}: not an answer of mpSky, or cut short ({reason})") from error
    refuse_repeated(columns.column_names, name)
    missing = [column for column in _NEEDED if column not in columns.column_names]
    if missing:
        raise InputError(
            f"{name}: not an answer of mpSky: column {shown(missing)} is missing; it has: "
            f"{shown(columns.column_names, 20)}"
        )
    right = objects.ndim == 3 and objects.shape[1] == 3 and observer.ndim == 2 and observer.shape[1] == 3
    if not (right and objects.shape[0] and observer.shape[0] and objects.dtype.kind == observer.dtype.kind == "f"):
        raise InputError(
            f"{name}: not an answer of mpSky: its tensors are {objects.dtype} {objects.shape} and {observer.dtype} "
            f"{observer.shape}, not coefficients of shape (degree + 1, 3, objects) and (degree + 1, 3)"
        )
    if objects.shape[2] != columns.num_rows:
        raise InputError(
            f"{name}: coefficients of {objects.shape[2]:,} objects, but {columns.num_rows:,} rows: is it cut short?"
        )
    names = columns["name"]
    if not columns.num_rows:
        names = pa.chunked_array([pa.array([], pa.string())])  # of nothing, Arrow may have made another type
    elif not (pa.types.is_string(names.type) or pa.types.is_large_string(names.type)):
        raise InputError(f"{name}: column name holds {names.type}, not names of objects")
    columns = columns.set_column(columns.schema.get_field_index("name"), "name", names.cast(pa.string()))
    return objects.astype(np.float64), observer.astype(np.float64), columns


def _refuse_compressed(content: bytes, start: int) -> None:
    """Raises ValueError if a message of the stream is compressed: mpSky's never are, and it may unfold to anything."""
    messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(content)[start:])
    for message in messages:
        if _Header(bytes(message.metadata)).is_compressed:
            raise ValueError("its columns are compressed, which mpSky does not do")


class _Header:
    """The header of a message of Arrow's: Message.fbs of its format, in FlatBuffers' binary form."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def kind(self) -> int:
        place = self._field(self._table(0), 1)
        return self._number("<B", place) if place else 0

    @property
    def is_compressed(self) -> bool:
        """Whether it is of a record batch or a dictionary with the field ``compression``."""
        if self.kind not in (_DICTIONARY, _RECORD_BATCH):
            return False
        batch = self._table(self._field(self._table(0), 2))
        if self.kind == _DICTIONARY:
            batch = self._table(self._field(batch, 1))
        return self._field(batch, 3) > 0

    def _number(self, form: str, place: int) -> int:
        return int(struct.unpack_from(form, self._content, place)[0])

    def _table(self, place: int) -> int:
        return place + self._number("<I", place)

    def _field(self, table: int, which: int) -> int:
        """Where a field of a table is; 0 if it is not there."""
        known = table - self._number("<i", table)
        offset = self._number("<H", known + 4 + 2 * which) if 4 + 2 * which < self._number("<H", known) else 0
        return table + offset if offset else 0


def _numbers(name: str, columns: pa.Table, column: str) -> Array:
    """A column as numbers, unknown ones NaN."""
    try:
        return columns[column].cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise InputError(f"{name}: column {column} does not hold numbers ({error})") from None


def start_times(name: str, columns: pa.Table, time: float) -> Array:
    """tmin of every object (MJD TAI), from columns name, tmin, tmax; InputError if its polynomials do not hold then."""
    tmin, tmax = (_numbers(name, columns, column) for column in ("tmin", "tmax"))
    outside = np.flatnonzero(~((tmin <= time) & (time <= tmax)))
    if len(outside):
        objects = [f"{columns['name'][int(i)].as_py()}: {tmin[i]:.6f} to {tmax[i]:.6f}" for i in outside[:5].tolist()]
        more = f" and {len(outside) - 5:,} more" if len(outside) > 5 else ""
        raise InputError(
            f"{name}: the visit's mid-exposure, MJD {time:.6f} TAI, is outside of the time for which the answer holds "
            f"({', '.join(objects)}{more}): ask for the visit's own time"
        )
    return tmin


def _components(origin: str, position: Array, velocity: Array) -> dict[str, Array]:
    """Columns of a vector, shape (3, n), and of its derivative (au/d)."""
    places = {f"{origin}_{axis}": values for axis, values in zip("xyz", position, strict=True)}
    return places | {
        f"{origin}_v{axis}": values * AU_PER_DAY_KM_S for axis, values in zip("xyz", velocity, strict=True)
    }


def _doubts(name: str, columns: pa.Table, ra: Array, dec: Array) -> tuple[str, ...]:
    """Whether the answer's own positions are others than those of its polynomials at the visit's time."""
    apart = separations(ra, dec, _numbers(name, columns, "ra"), _numbers(name, columns, "dec"))
    far = apart > _SAME_ARCSEC
    if not far.any():
        return ()
    return (
        f"the positions of {far.sum():,} objects are up to {apart[far].max():.1f} arcsec from where the answer itself "
        "has them: it was asked for another time than the visit's mid-exposure (MJD TAI)",
    )
