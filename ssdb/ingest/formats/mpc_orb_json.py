"""The JSON text of an orbit (mpc_orb, column ``mpc_orb_jsonb``): making it a text again, and reading values of it.

The names are those of https://github.com/Smithsonian/mpc-public/tree/main/mpc_orb. The Minor Planet Center fills the
columns of mpc_orbits out of these texts, not always all of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.covariance import comet_unit
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema

JSON = "mpc_orb_jsonb"

_FIT = "orbit_fit_statistics"
_KEYS = {
    "h": ("magnitude_data", "H"),
    "g": ("magnitude_data", "G"),
    "earth_moid": ("moid_data", "Earth"),
    "orbit_type_int": ("categorization", "orbit_type_int"),
    "u_param": (_FIT, "U_param"),
    "nopp": (_FIT, "nopp"),
    "nobs_total": (_FIT, "nobs_total"),
    "nobs_total_sel": (_FIT, "nobs_total_sel"),
    "arc_length_total": (_FIT, "arc_length_total"),
    "arc_length_sel": (_FIT, "arc_length_sel"),
    "normalized_rms": (_FIT, "normalized_RMS"),
    "not_normalized_rms": (_FIT, "not_normalized_RMS"),
}
"""Where the text has what columns of mpc_orbits have. Arcs are text, such as "20 days" or "1955-2019"."""

_FORCES = {
    **{"yarkovsky": ("yarkovsky", "yarkovski"), "srp": ("srp",), "dt": ("DT",)},
    **{"a1": ("A1",), "a2": ("A2",), "a3": ("A3",)},
}
"""The same of coefficients that were fitted beside the six of COM and CAR, by their names there."""

_HAS_FORCES = r"\"non_gravs\"\s*:\s*true"

_WHOLE = frozenset(name for name in _KEYS if pa.types.is_integer(arrow_schema(mpc_orbits).field(name).type))

_JSON_OBJECT = r"(?s)^\s*(\{\s*(\".*)?\}|null)\s*$"

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\s*(?:d|days?))?\s*")


def as_text(table: pa.Table) -> pa.Table:
    """A table whose column :data:`JSON`, in whatever case its name is, holds text.

    Structures, maps and lists of key and value, as Parquet files and drivers that decode jsonb give them, become the
    text again that they were made of: numbers keep their values, not their digits.
    """
    for index, field in enumerate(table.schema):
        if field.name.lower() != JSON:
            continue
        column = table.column(index)
        if isinstance(column.type, pa.BaseExtensionType):  # Arrow's own type of JSON
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
        if any(is_of(column.type) for is_of in (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)):
            column = pa.chunked_array([pa.array(map(_dumped, column.to_pylist()), pa.string())])
        table = table.set_column(index, field.name, column)
    return table


def in_memory_as_text(given: Any) -> Any:
    """A table in memory whose column :data:`JSON` holds text; dicts need not be alike, as Arrow would have them."""
    if isinstance(given, pa.Table):
        return as_text(given)
    names = [name for name in _names(given) if str(name).lower() == JSON]
    if not names:
        return given
    values = list(given[names[0]])
    if not any(isinstance(value, Mapping | list | np.ndarray | bytes) for value in values):
        return given
    texts = pa.array([_dumped(value) for value in values], pa.string())
    if isinstance(given, Mapping):
        return {**given, names[0]: texts}
    copied = given.copy()
    copied[names[0]] = texts.to_pylist()
    return copied


def _names(given: Any) -> list[Any]:
    if isinstance(given, Mapping):
        return list(given)
    columns = getattr(given, "colnames", None)  # an astropy Table's; its columns are no names
    return list(getattr(given, "columns", ()) if columns is None else columns)


def _dumped(value: Any) -> str | None:
    """JSON text; that of text is the text itself, and unknown values (None, NaN) have none."""
    value = _plain(value)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _plain(value: Any) -> Any:
    """A value of JSON's types; what is not finite is null, as numbers in JSON are finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        return {str(key): _plain(inner) for key, inner in value}  # of Arrow's maps
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def mpc_orb_of(kind: str, names: Sequence[str], values: Sequence[float], covariance: np.ndarray, epoch: float) -> str:
    """The JSON text of an orbit of other files: its covariance (k, k), ``CAR`` or ``COM``, at an epoch (MJD TT).

    ``names`` and ``values`` (k) are those that mpc_orb has for the kind, then of forces, in its units.
    """
    size = len(names)
    upper = {f"cov{row}{column}": float(covariance[row, column]) for row in range(size) for column in range(row, size)}
    part = {
        "coefficient_names": [*names],
        "coefficient_values": [float(value) for value in values],
        "covariance": upper,
    }
    return json.dumps({kind: part, "epoch_data": {"epoch": epoch}})


def not_json(rows: pa.Table) -> dict[str, np.ndarray]:
    """Which rows of mpc_orbits have a text that begins or ends as no text of a JSON object does, by what is wrong."""
    if JSON not in rows.column_names:
        return {}
    looks_right = pc.match_substring_regex(rows.column(JSON), _JSON_OBJECT)
    wrong = pc.fill_null(pc.invert(looks_right), False).to_numpy()
    text = f"{JSON} is not JSON (a dict as Python prints it, say), so that its covariance is not used"
    return {text: wrong} if wrong.any() else {}


def with_values_of_json(rows: pa.Table) -> pa.Table:
    """Rows, of the types of mpc_orbits, with values of the JSON text where they are unknown and the text knows them."""
    if JSON not in rows.column_names:
        return rows
    rows = _filled(rows, _KEYS, None, _values)
    return _filled(rows, _FORCES, _HAS_FORCES, _forces)


def _filled(
    rows: pa.Table, names: Iterable[str], pattern: str | None, values_of: Callable[[str], dict[str, float]]
) -> pa.Table:
    """Rows with columns filled from those texts that have a pattern."""
    texts = rows.column(JSON)
    columns = {name: _column(rows, name) for name in names}
    unknown = np.logical_or.reduce([column.is_null().to_numpy(zero_copy_only=False) for column in columns.values()])
    has = texts.is_valid() if pattern is None else pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    asked = np.flatnonzero(unknown & has.to_numpy(zero_copy_only=False))
    if not len(asked):
        return rows
    found = [values_of(text) for text in texts.take(pa.array(asked)).to_pylist()]
    for name, column in columns.items():
        values = np.full(rows.num_rows, np.nan)
        values[asked] = [of_text[name] for of_text in found]
        if np.isnan(values).all():
            continue
        filled = pc.coalesce(column, pa.array(values, from_pandas=True).cast(column.type))
        index = rows.schema.get_field_index(name)
        field = arrow_schema(mpc_orbits).field(name)
        rows = rows.append_column(field, filled) if index < 0 else rows.set_column(index, field, filled)
    return rows


def _column(rows: pa.Table, name: str) -> pa.Array:
    if name in rows.column_names:
        return rows.column(name).combine_chunks()
    return pa.nulls(rows.num_rows, arrow_schema(mpc_orbits).field(name).type)


def _values(text: str) -> dict[str, float]:
    """What a text has for columns of mpc_orbits; NaN where it has nothing."""
    try:
        orbit = json.loads(text)
    except (ValueError, RecursionError):  # told where its covariance is wanted
        orbit = None
    return {name: _number(orbit, name, *path) for name, path in _KEYS.items()}


def _forces(text: str) -> dict[str, float]:
    """The fitted forces that a text has, in the units of mpc_orbits' columns; NaN where it has none.

    Those of Yabushita's model, of carbon monoxide, are not those of the columns, which are of water.
    """
    found = dict.fromkeys(_FORCES, math.nan)
    try:
        orbit = json.loads(text)
        part = orbit.get("COM") or orbit["CAR"]
        pairs = zip(part["coefficient_names"], part["coefficient_values"], strict=True)
        given = {name: float(value) for name, value in pairs if value is not None}
        if orbit["non_grav_booleans"].get("non_grav_model", {}).get("yabushita"):
            return found
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return found
    units = comet_unit(given)
    for column, names in _FORCES.items():
        for name in names:
            if name in given:
                found[column] = given[name] * units.get(name, 1.0)
    return found


def _number(orbit: Any, column: str, part: str, key: str) -> float:
    inner = orbit.get(part) if isinstance(orbit, dict) else None
    value = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        value = float(match[1]) if match else None
    if value is None or isinstance(value, bool | dict | list):
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return math.nan if column in _WHOLE and not (number.is_integer() and abs(number) < 2**31) else number
