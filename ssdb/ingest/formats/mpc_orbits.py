"""Reads orbits of the Minor Planet Center's table mpc_orbits: CSV, Parquet, or a table in memory.

The columns are those of https://www.minorplanetcenter.net/mpcops/documentation/replicated-tables-schema/, which
mpc_orbits has here too: elements in the J2000 mean ecliptic, times MJD TT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.ephemeris.covariance import LARGEST_COMET_A
from ssdb.errors import InputError, shown
from ssdb.identity.identify import identify_in_two_forms
from ssdb.ingest.formats.mpc_orb_json import as_text, not_json, with_values_of_json
from ssdb.ingest.formats.orbit_block import (
    PACKED,
    UNPACKED,
    OrbitBlock,
    Part,
    csv_parts,
    numbers_of,
    parts_of,
)
from ssdb.ingest.orbit_checks import perihelion_problems
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.instants import instants_of
from ssdb.io.formats.parquet import is_plain, opened_parquet, parquet_parts
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.not_read import require_file
from ssdb.io.table_notes import incomplete, not_plain
from ssdb.io.tables import label, mask_name, read_columns
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.sentinels import ORBITS, without_sentinels

_NAMES = (PACKED, UNPACKED)

_OURS = ("id", "designation")
"""Columns without a meaning of their own: numbers of rows, and a copy of the designation."""

_target = mpc_orbits.to_metadata(sa.MetaData())
for _name in _NAMES:
    _target.c[_name].type = sa.Text()  # one that is too long costs its row, not the file


@dataclass(frozen=True, slots=True)
class Translated:
    """Rows of another table of orbits, as those of mpc_orbits."""

    table: pa.Table
    """Columns of mpc_orbits; what is in other units is not converted, unless the metadata of a field has its unit."""
    problems: dict[str, np.ndarray] = field(default_factory=dict)
    """Masks of the rows that are no orbit, by what is wrong with them."""
    unknown: dict[str, np.ndarray] = field(default_factory=dict)
    """Masks of the rows of which a value is unknown, or taken for something else, by what is told of them."""
    names: pa.Array | None = None
    """Names of the objects; NULL where there is none."""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How tables of orbits of one kind become rows of mpc_orbits."""

    name: str
    """As :data:`ssdb.ingest.formats.ORBIT_FORMATS` has it."""
    needed: frozenset[str]
    """Columns by which such a table is known."""
    numbers: Mapping[str, str]
    """Columns of numbers, and the column of mpc_orbits of whose type they are."""
    texts: tuple[str, ...]
    """The other columns that are read."""
    translate: Callable[[pa.Table], Translated]
    """Makes the rows; the numbers are numbers, and columns may be missing but for those that are needed."""

    def reads(self, column: str) -> bool:
        """Whether a column is read."""
        return column in self.numbers or column in self.texts


_PARQUET_ROWS = 10_000  # with the JSON text of every orbit, 50,000 rows are half a gigabyte


def is_mpc_orbits(column_names: list[str]) -> bool:
    """Whether columns are those of the table mpc_orbits, or enough of them."""
    folded = {name.lower() for name in column_names}
    return bool(folded & set(_NAMES)) and {"q", "e", "epoch_mjd"} <= folded


def read_mpc_orbits(given: Any) -> Iterator[OrbitBlock]:
    """Orbits of the Minor Planet Center's table mpc_orbits, in blocks of rows with their numbers, from 1.

    The input is CSV (plain or gzip), Parquet, or whatever else :func:`ssdb.io.tables.read_columns` takes. Either form
    of the designation is enough; where both are there they must be of one object. Columns that mpc_orbits does not have
    are passed over, as are ``id`` and ``designation``; the text of ``mpc_orb_jsonb`` is kept to the letter. InputError
    if the input is not there, not readable, truncated, or lacks a column.
    """
    return read_dialect(given, OWN)


def read_dialect(given: Any, dialect: Dialect) -> Iterator[OrbitBlock]:
    """Orbits of another kind of table, as of :func:`read_mpc_orbits`."""
    name = label(given)
    return blocks_of(_parts(given, name, dialect), dialect, name)


def blocks_of(parts: Iterable[Part], dialect: Dialect, name: str, counted: str = "row") -> Iterator[OrbitBlock]:
    """Blocks of the parts of a table."""
    for table, numbers, left_out in parts:
        yield _block(table, numbers, left_out, name, dialect, counted)


def _parts(given: Any, name: str, dialect: Dialect) -> Iterator[Part]:
    given = input_of(given)
    if isinstance(given, InputFile):
        if given.format == "CSV" and given.is_simple_text and b"," in given.header[0]:
            return csv_parts(given, [column for column in given.names if dialect.reads(column)])
        if given.format == "Parquet":
            return _parquet_parts(Path(name), dialect)
    return ((table, numbers, []) for table, numbers in parts_of(read_columns(given, strings=dialect.texts)))


def _parquet_parts(path: Path, dialect: Dialect) -> Iterator[Part]:
    before = 0
    try:
        for part in parquet_parts(path):
            require_file(part)
            with opened_parquet(part, in_parts=True) as (file, _):
                schema = file.schema_arrow
                ours = {name for f in schema if dialect.reads(f.name) for name in (f.name, mask_name(f.name))}
                wanted = [f.name for f in schema if f.name in ours or not is_plain(f.type)]
                for batch in file.iter_batches(_PARQUET_ROWS, columns=wanted):
                    rows = read_columns(as_text(pa.Table.from_batches([batch])))
                    yield rows, before + 1 + np.arange(batch.num_rows), []
                    before += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as Parquet, is it complete? ({error})") from error


class _Own(Dialect):
    """The columns of mpc_orbits itself, in small or capital letters."""

    def reads(self, column: str) -> bool:
        return column.lower() in mpc_orbits.c and column.lower() not in _OURS


def _as_given(table: pa.Table) -> Translated:
    return Translated(table)


OWN = _Own("mpc_orbits", frozenset(), {}, _NAMES, _as_given)


def _parsed(table: pa.Table, dialect: Dialect) -> tuple[pa.Table, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A table with numbers and instants for their texts, and the rows of which one cannot be read, by what is wrong.

    Those with an unreadable instant come last and by themselves: when a row was written is no part of its orbit, and
    becomes unknown.
    """
    types = {field.name: field.type for field in arrow_schema(mpc_orbits)}
    unreadable, unknown = {}, {}
    for index, name in enumerate(table.column_names):
        column, type_ = table.column(index), types.get(dialect.numbers.get(name, name.lower()), pa.string())
        if pa.types.is_timestamp(type_):
            values, bad = instants_of(column.combine_chunks())
            unknown[f"{name} is not a date and time of UTC: taken for unknown"] = bad
        elif pa.types.is_string(column.type) and not pa.types.is_string(type_):
            numbers, bad = numbers_of(column.combine_chunks(), type_)
            unreadable[f"{name} is not a {'whole ' if pa.types.is_integer(type_) else ''}number"] = bad
            values = pa.array(numbers, from_pandas=True)
        else:
            continue
        table = table.set_column(index, name, values)
    return table, unreadable, {text: bad for text, bad in unknown.items() if bad.any()}


def _typed(table: pa.Table, dialect: Dialect, name: str) -> pa.Table:
    """A table with the numbers that a dialect reads as such; InputError where a column is of a type that is none."""
    for index, column in enumerate(table.column_names):
        if column in dialect.numbers:
            given = table.column(index)
            try:
                table = table.set_column(index, column, given.cast(pa.float64(), safe=False))
            except pa.ArrowException:
                raise InputError(f"{name}: {column} is of type {given.type}, which is no number") from None
    return table


def _block(
    table: pa.Table,
    numbers: np.ndarray,
    left_out: list[tuple[str, np.ndarray]],
    name: str,
    dialect: Dialect,
    counted: str,
) -> OrbitBlock:
    others, why = tuple(not_plain(table.schema)), incomplete(table.schema)
    parsed, unreadable, unknown = _parsed(table.select([c for c in table.column_names if dialect.reads(c)]), dialect)
    translated = dialect.translate(_typed(parsed, dialect, name))
    if not {column.lower() for column in translated.table.column_names} & {*_NAMES}:
        raise InputError(
            f"{name}: there is neither {PACKED} nor {UNPACKED}: is it the table mpc_orbits? "
            f"It has {shown(table.column_names, 30)}"
        )
    conformed = conform(translated.table, _target, name, filled=(*_NAMES, *_OURS))
    rows = conformed.table
    unknown |= translated.unknown | not_json(rows) | _forces_in_au(rows)
    # What the text does not know either is there as it is in the columns.
    rows = without_sentinels(with_values_of_json(without_sentinels(rows, ORBITS)), ORBITS)
    packed, unpacked, ids, agree = identify_in_two_forms(*(_given(rows, column) for column in _NAMES))
    for column, values in ((PACKED, packed), (UNPACKED, unpacked)):
        index = rows.schema.get_field_index(column)
        rows = rows.set_column(index, column, values) if index >= 0 else rows.append_column(column, values)
    problems = (
        unreadable
        | translated.problems
        | _perihelia(rows)
        | {
            "there is no designation that has a packed form": ids == 0,
            "the packed and the unpacked designation are of two objects": ~agree,
        }
    )
    told = [(text, numbers[bad]) for text, bad in unknown.items() if bad.any()]
    doubts = (*translated.doubts, *conformed.doubts)
    block = OrbitBlock(rows, numbers, ids, left_out, counted, told, others, why, translated.names, doubts)
    return block.without(problems)


def _forces_in_au(rows: pa.Table) -> dict[str, np.ndarray]:
    """Accelerations of comets that are too small for the MPC's unit, and right in JPL's; told, and nothing else."""
    names = [name for name in ("a1", "a2", "a3") if name in rows.column_names]
    if not names:
        return {}
    size = np.max([np.abs(np.nan_to_num(rows.column(name).to_numpy())) for name in names], axis=0)
    small = (size > 0.0) & (size < LARGEST_COMET_A)
    text = "a1, a2, a3 look like au/d^2, and were taken for 1e-10 au/d^2"
    return {text: small} if small.any() else {}


def _perihelia(rows: pa.Table) -> dict[str, np.ndarray]:
    """Times of perihelion that are no MJD; as far as the columns are there, which is looked at later."""
    names = ("peri_time", "epoch_mjd", "q", "e")
    if not {*names} <= {*rows.column_names}:
        return {}
    return perihelion_problems("peri_time", *(rows.column(name).to_numpy() for name in names))


def _given(rows: pa.Table, name: str) -> pa.Array:
    """The designations of a column; NULL where there is no such column."""
    if name not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    return pc.ascii_trim_whitespace(rows.column(name).combine_chunks())
