"""Reads orbit files of Sorcha's, and of layup's: COM, KEP, CART, and about the barycentre BCOM, BKEP, BCART, BCART_EQ.

Columns and units are those of https://sorcha.readthedocs.io (Inputs, orbit file): au, au/d, degrees in the J2000 mean
ecliptic, MJD TDB. They become what mpc_orbits has: heliocentric cometary elements in that ecliptic that osculate at
the same instant. The times stay as they are, TDB, which is TT within 2 ms. Barycentric elements are those of a body
that moves round the mass of the whole Solar System; from the states that they give, that of the Sun (DE440) is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.constants import GM_ASTEROIDS, GM_PLANETS, GM_SUN
from ssdb.ephemeris.elements import cartesian_to_cometary, cometary_to_cartesian, keplerian_to_cometary, of_ellipses
from ssdb.errors import InputError, option, quoted, shown
from ssdb.identity.identify import identify
from ssdb.identity.packed_arrays import packed_of
from ssdb.ingest.formats import layup
from ssdb.ingest.formats.mpc_orb_json import JSON
from ssdb.ingest.formats.orbit_block import (
    PACKED,
    UNPACKED,
    OrbitBlock,
    Part,
    numbers_of,
    parts_of,
)
from ssdb.ingest.orbit_checks import epoch_problems, perihelion_problems
from ssdb.ingest.table.conform import unit_factor
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.table_notes import incomplete, unit_of
from ssdb.io.tables import label, read_columns
from ssdb.io.text_lines import lines_of, separated
from ssdb.schema.sentinels import known_texts
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.units import Array

_ORIENTATION = ("inc", "node", "argPeri")
_COLUMNS = {
    "COM": ("q", "e", *_ORIENTATION, "t_p_MJD_TDB"),
    "KEP": ("a", "e", *_ORIENTATION, "ma"),
    "CART": ("x", "y", "z", "xdot", "ydot", "zdot"),
}
"""What each format has beside ObjID, FORMAT and epochMJD_TDB; the barycentric ones, with a B before, have the same."""

_UNITS = {
    **dict.fromkeys(("q", "a", "x", "y", "z"), "AU"),
    **dict.fromkeys(("xdot", "ydot", "zdot"), "AU/d"),
    **dict.fromkeys((*_ORIENTATION, "ma"), "deg"),
    **dict.fromkeys(("t_p_MJD_TDB", "epochMJD_TDB"), "d"),
    "e": "",
}

_EQUATORIAL = "_EQ"
"""How the formats end that layup and others have on ICRF axes, where Sorcha's are ecliptic."""
_FORMATS = (*_COLUMNS, *(f"B{name}" for name in _COLUMNS), *(f"{name}{_EQUATORIAL}" for name in ("CART", "BCART")))
_ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time")
_NAME, _EPOCH = "ObjID", "epochMJD_TDB"

_UNUSED = "the covariance is of barycentric or Keplerian elements, and is not used"

_MASS_RATIO = (GM_SUN + sum(GM_PLANETS.values()) + sum(GM_ASTEROIDS.values())) / GM_SUN
"""Mass of the Solar System over that of the Sun."""


def is_sorcha_orbits(column_names: Collection[str]) -> bool:
    """Whether columns are those of an orbit file of Sorcha's, or of layup's."""
    return "FORMAT" in column_names and not {_NAME, layup.IDENTIFIER}.isdisjoint(column_names)


def read_sorcha_orbits(given: Any, *, simulated_names: bool = False) -> Iterator[OrbitBlock]:
    """Orbits in Sorcha's formats, in blocks: lines of text with their numbers, or rows of a table from 1.

    The input is comma- or whitespace-separated text (also gzip), or any other table that
    :func:`ssdb.io.tables.read_columns` takes. H and G are not in these files. Where ``simulated_names`` is set, names
    without a packed form are those of simulated objects.

    InputError if the input is not there, not readable, truncated, or lacks a column; DesignationError if simulated
    names cannot be stored or told apart; EphemerisError if elements about the barycentre need a package that is
    missing.
    """
    name = label(given)
    given = input_of(given)
    parts: Iterator[Part]
    if isinstance(given, InputFile) and given.is_simple_text:
        counted, parts = "line", _text_parts(given)
    else:
        table = read_columns(given, strings=(_NAME, layup.IDENTIFIER, "FORMAT"))
        counted, parts = "row", ((*part, []) for part in parts_of(table))
    for table, numbers, left_out in parts:
        rows, ids, problems, unused = _orbits(table, name, simulated_names)
        told = [(_UNUSED, numbers[unused])] if unused.any() else []
        why = incomplete(table.schema)
        yield OrbitBlock(rows, numbers, ids, left_out, counted, told, incomplete=why).without(problems)


def columns_of(format: str) -> tuple[str, ...]:
    """The columns that a format has beside the name and the epoch."""
    return _COLUMNS[format.removeprefix("B").removesuffix(_EQUATORIAL)]


def heliocentric(format: str, columns: dict[str, Array], epoch: Array) -> dict[str, Array]:
    """Heliocentric cometary elements of orbits in a format of Sorcha's, each of shape (n,).

    The columns are those that the format has (au, au/d, deg, MJD TDB; J2000 mean ecliptic or, where it ends in _EQ,
    ICRF axes; about the Sun or, where it begins with B, the barycentre), and osculate at ``epoch``, MJD TDB. Returned
    are ``q`` (au), ``e``, ``i``, ``node``, ``argperi`` (deg, J2000 mean ecliptic), ``peri_time`` (MJD TDB).
    EphemerisError if elements about the barycentre need a package that is missing, or an epoch is outside of DE440.
    """
    barycentric = format.startswith("B")
    values = [columns[name] for name in columns_of(format)]
    if "CART" in format:
        frame = np.eye(3) if format.endswith(_EQUATORIAL) else mean_ecliptic_rotation()
        states = np.concatenate([np.stack(values[:3], axis=1) @ frame, np.stack(values[3:], axis=1) @ frame], axis=1)
    else:
        size, e, i, node, argperi, anomaly = values
        if format.endswith("COM"):
            q, peri_time = size, anomaly
        else:
            q, peri_time = keplerian_to_cometary(size, e, anomaly, epoch)
        if not barycentric:
            return dict(zip(_ELEMENTS, (q, e, i, node, argperi, peri_time), strict=True))
        # Round a mass that is larger by a factor the same orbit is run through faster by its root. The anomaly of
        # KEP has been made a time round the mass of the Sun already.
        faster = np.sqrt(_MASS_RATIO)
        if format == "BCOM":
            peri_time = epoch - faster * (epoch - peri_time)
        states = cometary_to_cartesian(q, e, i, node, argperi, peri_time, epoch)
        states[:, 3:] *= faster
    if barycentric:
        from ssdb.ephemeris.bodies import sun

        instants, which = np.unique(epoch, return_inverse=True)
        states = states - sun(instants)[which]
    return cartesian_to_cometary(states, epoch)


def _orbits(
    table: pa.Table, name: str, simulated_names: bool
) -> tuple[pa.Table, np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Rows of mpc_orbits, their identifiers, what is wrong with them, and which have a covariance that is not used."""
    called = layup.IDENTIFIER if layup.IDENTIFIER in table.column_names else _NAME
    _require(table, (called, "FORMAT", _EPOCH), name, "an orbit file of Sorcha's")
    n = table.num_rows
    formats = np.array([str(value).strip() for value in table.column("FORMAT").to_pylist()], object)
    epoch = _column(table, _EPOCH, name)
    simulated = option("--simulated-names", "simulated_names=True")
    names = known_texts(_cast(table, called, pa.string(), name).combine_chunks())
    known = names if simulated_names else names.fill_null("")
    ids, designations = identify(known, name, simulated_names, strict=False)
    unpacked = pa.array(designations, pa.string())
    problems = {
        "the fit did not converge, by its flag": layup.failed(_parsed(table)),
        f"{called} is no designation with a packed form (if it is the name of a simulated object: {simulated})": ids
        == 0,
        f"FORMAT is none of {', '.join(_FORMATS)}": ~np.isin(formats, _FORMATS),
        f"{_EPOCH} is unknown": np.isnan(epoch),
        **epoch_problems(_EPOCH, epoch),
    }
    elements = {element: np.full(n, np.nan) for element in _ELEMENTS}
    for format_ in sorted({*formats.tolist()} & {*_FORMATS}):
        wanted = columns_of(format_)
        _require(table, wanted, name, f"orbits of FORMAT {format_}")
        columns = {column: _column(table, column, name) for column in wanted}
        here = formats == format_
        senseless = _senseless(format_, columns)
        if format_.endswith("COM"):
            senseless |= perihelion_problems("t_p_MJD_TDB", columns["t_p_MJD_TDB"], epoch, columns["q"], columns["e"])
        for text, wrong in senseless.items():
            problems[text] = problems.get(text, np.zeros(n, bool)) | (here & wrong)
        usable = here & ~np.logical_or.reduce(list(problems.values()))
        found = heliocentric(format_, {column: values[usable] for column, values in columns.items()}, epoch[usable])
        for element, values in found.items():
            elements[element][usable] = values
    elements["epoch_mjd"] = epoch
    elements |= of_ellipses(elements["q"], elements["e"], elements["peri_time"], epoch)
    rows = {PACKED: pc.coalesce(packed_of(ids), unpacked), UNPACKED: unpacked}
    rows |= {element: pa.array(values, from_pandas=True) for element, values in elements.items()}
    if layup.COVARIANCE[0] in table.column_names:
        rows[JSON], unused = layup.covariances(_parsed(table), formats, elements, epoch)
    else:
        unused = np.zeros(n, bool)
    return pa.table(rows), ids, problems, unused


def _parsed(table: pa.Table) -> pa.Table:
    """The columns that layup alone has, as numbers."""
    names = [name for name in (layup.FLAG, *layup.COVARIANCE) if name in table.column_names]
    columns = {}
    for name in names:
        column = table.column(name).combine_chunks()
        columns[name] = pa.array(numbers_of(column)[0]) if pa.types.is_string(column.type) else column
    return pa.table(columns) if columns else table.select([])


def _require(table: pa.Table, columns: Collection[str], name: str, what: str) -> None:
    if missing := [column for column in columns if column not in table.column_names]:
        raise InputError(
            f"{name}: column {shown(missing, len(missing))} is missing for {what}; "
            f"it has {shown(table.column_names, 30)}"
        )


def _cast(table: pa.Table, column: str, type_: pa.DataType, name: str) -> pa.ChunkedArray:
    values = table.column(column)
    try:
        return values.cast(type_, safe=pa.types.is_string(type_))  # large integers as numbers lose digits, as they may
    except pa.ArrowException:
        raise InputError(f"{name}: column {column} holds {values.type}, which cannot be {type_}") from None


def _column(table: pa.Table, column: str, name: str) -> Array:
    """Numbers of a column in its unit; NaN where there is none."""
    texts = table.column(column)
    if pa.types.is_string(texts.type):
        values = numbers_of(texts.combine_chunks())[0]
    else:
        values = _cast(table, column, pa.float64(), name).to_numpy()
    unit = unit_of(table.schema.field(column))
    try:
        values = values * unit_factor(unit, _UNITS[column])
    except ValueError as error:
        raise InputError(f"{name}: column {column} has the unit {quoted(unit)}, which {error}") from None
    return np.where(np.isfinite(values), values, np.nan)


def _senseless(format_: str, columns: dict[str, Array]) -> dict[str, np.ndarray]:
    """Rows that are no orbit, by what is wrong with them."""
    problems = {f"{name} is not a number": np.isnan(values) for name, values in columns.items()}
    if "CART" in format_:
        x, y, z, vx, vy, vz = columns.values()
        turning = np.hypot(np.hypot(y * vz - z * vy, z * vx - x * vz), x * vy - y * vx) > 0
        return problems | {"the motion is along a straight line through the centre": ~turning}
    e = columns["e"]
    if format_.endswith("COM"):
        return problems | {"q is not above 0": ~(columns["q"] > 0), "e is below 0": e < 0}
    q = columns["a"] * (1.0 - e)
    return problems | {"e is below 0": e < 0, "e is 1, where there is no a": e == 1, "a (1 - e) is not above 0": q <= 0}


def _text_parts(given: InputFile) -> Iterator[Part]:
    """Columns of text; lines that have not as many values as the first one has names are left out."""
    names, (header, before) = given.names, given.header
    by_whitespace = b"," not in header
    before += 1
    with given.opened(below_header=True) as stream:
        for block in lines_of(stream, given.path):
            text = block.tobytes().replace(b"\r", b"")
            characters = np.frombuffer(separated(text, b",") if by_whitespace else text, np.uint8)
            ends = np.flatnonzero(characters == ord("\n"))
            lengths = np.diff(ends, prepend=-1)
            commas = np.diff(np.searchsorted(np.flatnonzero(characters == ord(",")), ends), prepend=0)
            values = np.where(lengths > 1, commas + 1, 0)
            numbers = before + 1 + np.arange(len(ends))
            before += len(ends)
            whole = values == len(names)
            wrong = numbers[~whole & (values > 0)]
            left_out = [(f"there are not {len(names)} values", wrong)] if len(wrong) else []
            rows = characters[np.repeat(whole, lengths)].tobytes()
            for table, part in parts_of(_as_table(rows, names, given.path)):
                yield table, numbers[whole][part - 1], left_out
                left_out = []


def _as_table(rows: bytes, names: list[str], path: str) -> pa.Table:
    """Lines of comma-separated values as columns of text."""
    from pyarrow import csv

    if not rows:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    try:
        return csv.read_csv(pa.BufferReader(rows), csv.ReadOptions(column_names=names), convert_options=convert)
    except pa.ArrowException as error:
        raise InputError(f"{path}: cannot be read as text in columns: {error}") from None
