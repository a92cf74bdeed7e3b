"""Reads predictions of Sorcha: its ephemeris output and its survey output, in any of its formats.

Columns and units are those of https://sorcha.readthedocs.io (Outputs). The light-time corrected vectors (``LTC``) are
equatorial, ICRS axes, in km and km/s.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ssdb.errors import InputError, option, shown
from ssdb.ingest.formats.foreign_sqlite import quoted, reading
from ssdb.ingest.formats.opsim import SCHEDULES
from ssdb.io.formats.hdf5 import read_hdf5
from ssdb.io.formats.parquet import opened_parquet, parquet_parts
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.limits import whole
from ssdb.io.tables import joined, mask_name, plain
from ssdb.io.text_lines import separated
from ssdb.schema.arrow import arrow_rows
from ssdb.schema.survey import ss_prediction
from ssdb.units import AU_KM, SECONDS_PER_DAY

PROVIDER = "sorcha"

_TIMES_OF_TEXT = 3  # how many times its bytes a compressed text takes
_KEYS = ("ObjID", "FieldID", "fieldMJD_TAI")
_EXACT_TIME = "fieldJD_TDB"
"""The time that positions hold for; fieldMJD_TAI is that of the pointing, up to 43 ms away."""
_IN_VISITS = ("ObjID", "fieldMJD_TAI")
_SAME_TIME = 1.0 / SECONDS_PER_DAY  # days
_TRUE_POSITION = ("RATrue_deg", "DecTrue_deg")
_POSITION = ("RA_deg", "Dec_deg")
_OF_MEASUREMENTS = ("astrometricSigma_deg", "trailedSourceMag", "trailedSourceMagSigma", "PSFMag", "PSFMagSigma")
_RATES = {"ephRateRa": "RARateCosDec_deg_day", "ephRateDec": "DecRate_deg_day"}
_OBJECT = {f"{v}{axis}": f"Obj_Sun_{v}{axis}_LTC_km{'_s' if v else ''}" for v in ("", "v") for axis in "xyz"}
_OBSERVER = {f"{v}{axis}": f"Obs_Sun_{v}{axis}_km{'_s' if v else ''}" for v in ("", "v") for axis in "xyz"}
_INSTEAD_OF_VECTORS = {
    "topoRange": "Range_LTC_km",
    "topoRangeRate": "RangeRate_LTC_km_s",
    "phaseAngle": "phase_deg",
}
_READ = (
    *_KEYS,
    _EXACT_TIME,
    *_TRUE_POSITION,
    *_POSITION,
    *_RATES.values(),
    *_OBJECT.values(),
    *_OBSERVER.values(),
    *_INSTEAD_OF_VECTORS.values(),
)


@dataclass(frozen=True, slots=True)
class _Contents:
    """The names of a file's columns, and what reads some of them (``ObjID`` as text); its format, if that is one of
    :data:`ssdb.io.input_file.TYPES`, and whether it may have several tables.
    """

    names: list[str]
    read: Callable[[list[str]], pa.Table]
    format: str | None = None
    of_several: bool = False


def looks_like_sorcha(column_names: Collection[str]) -> bool:
    """Whether columns are those of a file of Sorcha's, be it one of orbits or of physical parameters, to be refused."""
    return "ObjID" in column_names and ("fieldMJD_TAI" in column_names or _other_kind(column_names) is not None)


def is_sorcha(given: Any) -> bool:
    """Whether an input is the path of a file that :func:`read_sorcha` should read, or refuse with its reasons.

    True for every SQLite and HDF5 file: predictions come in these formats from Sorcha alone.
    """
    given = input_of(given)
    if not isinstance(given, InputFile):
        return False
    try:
        return given.is_sqlite or given.content == "HDF5" or looks_like_sorcha(given.names)
    except InputError:
        return False


def read_sorcha(given: str | os.PathLike[str], doubts: list[str] | None = None) -> pa.Table:
    """Predictions from a file of Sorcha's: text, Parquet, SQLite or HDF5; its contents tell which.

    The position is the true one of the survey output (RATrue_deg, DecTrue_deg) or that of the ephemeris output (RA_deg,
    Dec_deg). It holds for fieldJD_TDB where that is there and within 1 s of fieldMJD_TAI, else for the latter. In the
    survey output, RA_deg and Dec_deg are simulated measurements and never used; neither is trailedSourceMagTrue, which
    is a magnitude in the visit's band and not in V. What looks wrong and may be right is added to ``doubts``.
    InputError if the file is not there, not readable, not Sorcha's predictions, or lacks a column.

    Returns
    -------
    pyarrow.Table
        Columns of SsPrediction, units in the metadata: visit, designation (ObjID), midpointMjdTai (MJD TAI), ephRa,
        ephDec (ICRS astrometric, deg), ephRateRa (includes cos dec), ephRateDec (deg/d), helio_* and topo_* (object
        minus Sun and object minus observer, au and km/s), provider; where the file lacks some of the vectors, topoRange
        (au), topoRangeRate (km/s) and phaseAngle (deg). Columns that the file lacks are left out; what is not a number
        is NULL.
    """
    file = input_of(given)
    contents = _contents(file)
    file.refuse_said(f"Sorcha's, in {contents.format or 'SQLite'}", contents.format, several_tables=contents.of_several)
    return _predictions(file.path, contents, [] if doubts is None else doubts)


def sorcha_predictions(table: pa.Table, label: str) -> pa.Table:
    """Predictions from Sorcha's columns, in the units that their names say, as :func:`read_sorcha` makes them."""
    return _predictions(label, _Contents(table.column_names, table.select), doubts=[])


def _predictions(label: str, contents: _Contents, doubts: list[str]) -> pa.Table:
    wanted = _wanted(label, contents.names)
    try:
        table = contents.read(wanted)
        visits = _cast(table, "FieldID", pa.int64())
        names = _cast(table, "ObjID", pa.string())
        numbers = [name for name in wanted if name not in ("ObjID", "FieldID")]
        columns = {name: _cast(table, name, pa.float64()).to_numpy() for name in numbers}
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{label}: {error}") from error
    ra, dec = _TRUE_POSITION if "RATrue_deg" in wanted else _POSITION
    values: dict[str, Any] = {
        "visit": visits,
        "designation": names,
        "midpointMjdTai": _times(columns, doubts),
        "ephRa": columns[ra],
        "ephDec": columns[dec],
        **{name: columns[given] for name, given in _RATES.items() if given in columns},
        **_vectors(columns),
        "provider": np.full(table.num_rows, PROVIDER, object),
    }
    return arrow_rows(ss_prediction, values)


def _times(columns: dict[str, np.ndarray], doubts: list[str]) -> np.ndarray:
    """The times that positions hold for, MJD TAI."""
    rounded = columns["fieldMJD_TAI"]
    if _EXACT_TIME not in columns:
        return rounded
    from astropy.time import Time

    exact, known = np.full(len(rounded), np.nan), np.isfinite(columns[_EXACT_TIME])
    exact[known] = Time(columns[_EXACT_TIME][known], format="jd", scale="tdb").tai.mjd
    far = known & (np.abs(exact - rounded) > _SAME_TIME)
    if far.any():
        row = int(np.flatnonzero(far)[0])
        seconds = (exact[row] - rounded[row]) * SECONDS_PER_DAY
        doubts.append(
            f"{_EXACT_TIME} is another time than fieldMJD_TAI in {np.count_nonzero(far):,} rows (in row {row + 1}, "
            f"{seconds:.3f} s later): fieldMJD_TAI was taken"
        )
    return np.where(known & ~far, exact, rounded)


def _vectors(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The vectors of SsPrediction as far as they are in the file; if not all are, the quantities made from them."""
    values: dict[str, np.ndarray] = {}
    for component, given in _OBJECT.items():
        scale = 1.0 if component.startswith("v") else 1.0 / AU_KM
        if given in columns:
            values[f"helio_{component}"] = columns[given] * scale
        if given in columns and _OBSERVER[component] in columns:
            values[f"topo_{component}"] = (columns[given] - columns[_OBSERVER[component]]) * scale
    if len(values) < len(_OBJECT) + len(_OBSERVER):
        for name, given in _INSTEAD_OF_VECTORS.items():
            if given in columns:
                values[name] = columns[given] / AU_KM if name == "topoRange" else columns[given]
    return values


def _wanted(label: str, names: list[str]) -> list[str]:
    """The columns to read; InputError with the reason if they cannot make predictions."""
    other = _other_kind(names)
    if other:
        raise InputError(f"{label}: {other}")
    if any(name in names for name in _TRUE_POSITION):
        position = _TRUE_POSITION
    else:
        position = _POSITION
        measured = [name for name in _OF_MEASUREMENTS if name in names]
        if measured:
            raise InputError(
                f"{label}: this is Sorcha's survey output without RATrue_deg and DecTrue_deg (it has {measured[0]}): "
                "its RA_deg and Dec_deg are simulated measurements, not predictions. Let Sorcha write all columns "
                "(output_columns = all), or its ephemeris output"
            )
    missing = [name for name in (*_KEYS, *position) if name not in names]
    if missing:
        raise InputError(
            f"{label}: not Sorcha's predictions: column {shown(missing, len(missing))} is missing; "
            f"it has: {shown(names, 40)}"
        )
    unused = _POSITION if position == _TRUE_POSITION else _TRUE_POSITION
    return [name for name in _READ if name in names and name not in unused]


def _other_kind(names: Collection[str]) -> str | None:
    """What else a file is that Sorcha reads or brings along, and what can be done with it; None if it is neither."""
    if "fieldMJD_TAI" in names:
        return None
    if "ObjID" in names and "FORMAT" in names:
        return (
            "this is a Sorcha orbit file (FORMAT): orbital elements, not predictions for visits; "
            "run Sorcha with it and ingest the ephemerides that it writes (ssdb ingest orbits stores the orbits)"
        )
    if "ObjID" in names and any(re.fullmatch(r"H_\w+", name) for name in names):
        return (
            "this is a Sorcha file of physical parameters (absolute magnitudes and colours), not predictions for "
            "visits; run Sorcha with it and ingest the ephemerides that it writes"
        )
    if set(names) == {"detector", "x", "y"}:
        return (
            "these are corners of detectors in the focal plane (x, y in radians), not predictions, and not positions "
            "on the sky"
        )
    return None


def _cast(table: pa.Table, name: str, type_: pa.DataType) -> pa.ChunkedArray:
    """A column in another type; ArrowInvalid, with the column's name, if a value would not be the same."""
    column = table[name]
    try:
        return (pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column).cast(type_)
    except pa.ArrowInvalid as error:
        raise pa.ArrowInvalid(f"column {name}: {error}") from None


def _contents(given: InputFile) -> _Contents:
    """The columns of a file, whatever its format is, or of the one of its tables that is wanted."""
    path = Path(given)
    try:
        if given.is_sqlite:
            return _sqlite(path, given.table)
        if given.content == "HDF5":
            return _hdf5(path, given.table)
        if given.content == "Parquet" or path.is_dir():
            return _parquet(path, given.names)
        return _text(given)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error


def _text(given: InputFile) -> _Contents:
    names, (header, before) = given.names, given.header
    by_whitespace = b"," not in header
    if not names:
        raise InputError(f"{given.path}: the file is empty, or has no line with the names of columns")

    def read(wanted: list[str]) -> pa.Table:
        # Numbers are parsed later, by column, so that an error can name the column.
        types = {name: pa.string() for name in wanted if name != "FieldID"}
        convert = pyarrow.csv.ConvertOptions(column_types=types, include_columns=wanted, strings_can_be_null=True)
        options = pyarrow.csv.ReadOptions(column_names=names, skip_rows=before + 1)
        try:
            with whole(Path(given), lambda piece: _TIMES_OF_TEXT * len(piece)) as stream:
                text = pa.BufferReader(separated(stream.read(), b",")) if by_whitespace else stream
                return pyarrow.csv.read_csv(text, options, None, convert)
        except pa.ArrowInvalid as error:
            hint = ". Names with blanks need CSV, or underscores: 2015_MQ204" if by_whitespace else ""
            raise pa.ArrowInvalid(f"{error}{hint}") from None
        except (EOFError, zlib.error) as error:
            raise InputError(f"{given.path}: cannot be read, is it complete? ({error})") from error

    return _Contents(names, read, "CSV")


def _parquet(path: Path, names: list[str]) -> _Contents:
    def read(wanted: list[str]) -> pa.Table:
        parts = []
        for part in parquet_parts(path):
            with opened_parquet(part) as (file, _):
                parts.append(plain(file.read([*wanted, *map(mask_name, wanted)]), str(path)))
        table = joined(parts, path)
        missing = [name for name in wanted if name not in table.column_names]
        if missing:
            raise InputError(f"{path}: column {shown(missing)} has no plain values")
        return table

    return _Contents(names, read, "Parquet")


def _sqlite(path: Path, wanted: str | int | None) -> _Contents:
    with reading(path) as database:
        columns = database.columns
    if any(table in columns for table in SCHEDULES):
        raise InputError(f"{path}: this is a schedule of visits (OpSim), not predictions: ssdb ingest visits")
    having = [table for table, names in columns.items() if {*_IN_VISITS} <= {*names}]
    if wanted is not None:
        having = [table for table in having if table.lower() == str(wanted).lower()]
        if not having:
            raise InputError(f"{path}: no predictions in a table {wanted}; its tables are {shown(columns, 12)}")
    if len(having) > 1:
        raise InputError(
            f"{path}: predictions are in {len(having)} tables ({shown(having)}): say which with "
            f"{option('--table NAME', 'table=...')}"
        )

    def read(wanted: list[str]) -> pa.Table:
        # ObjID may have become an integer on its way into the database.
        terms = {name: 'CAST("ObjID" AS TEXT)' if name == "ObjID" else quoted(name) for name in wanted}
        with reading(path) as database:
            return database.read(having[0], terms)

    # Those of all tables, where there are no predictions, say what the file is instead.
    all_names = [name for table in having[:1] or columns for name in columns[table]]
    return _Contents(all_names, read, of_several=True)


def _hdf5(path: Path, wanted: str | int | None) -> _Contents:
    names, table = read_hdf5(path, having=_IN_VISITS, columns=_READ, wanted=wanted)
    return _Contents(names, table.select, "HDF5", of_several=True)
