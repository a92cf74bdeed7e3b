"""Makes the columns of an input those of a table of the data model: names, units, types, NULL for unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, quoted, shown
from ssdb.ingest.table.column_map import map_of
from ssdb.ingest.table.values import POSITIONS, Target, UnusableError, are_numbered_codes, converted, is_date, is_needed
from ssdb.io.table_notes import SINGLE, UNREADABLE, about, unit_of
from ssdb.io.units import parsed_unit
from ssdb.schema.arrow import arrow_schema

_ELEMENTS = frozenset({"q", "e", "i", "node", "argperi"})
_UCDS_OF_NAMES = ("meta.id", "meta.id;src")
_MOST_COLUMNS_SHOWN = 40
_MOST_SHAPES = 256
"""How many lists of columns are remembered: files of one kind, and the detectors of a night, have the same."""


@dataclass(frozen=True, slots=True)
class Conformed:
    """An input's columns as those of a table."""

    table: pa.Table
    """The columns that both have, in the table's order, with the types and metadata of its Arrow schema."""
    left_out: tuple[str, ...]
    """Columns of the input that the data model does not have, or makes itself."""
    without_unit: tuple[str, ...]
    """Columns without a unit in the input, taken to be in the data model's. Dates (MJD) are not among them."""
    units: Mapping[str, str]
    """Units that the input gives for columns which have none in the data model."""
    doubts: tuple[str, ...] = ()
    """What is wrong with those of the columns left out that cannot be converted, and that nothing needs. What looks
    wrong with others and may be right.
    """


def conform(
    table: pa.Table, target: sa.Table, label: str, *, filled: Collection[str] = (), mappable: bool = False
) -> Conformed:
    """Makes the columns of an input fit a table of the data model.

    - Names match exactly or, where only one column of the input fits, without regard to case.
    - Units are converted. A column without a unit, or with a dimensionless one, is taken to be in the data model's.
      Where the data model has none, the input's unit is not looked at.
    - Types are converted where nothing is lost but the precision of REAL columns.
    - What stands for "unknown" becomes null (docs/column-maps.md, Unknown values). Required positions keep it, for the
      checks to name the rows.
    - Texts lose the blanks around them.

    ``label`` is the input's name in messages, ``filled`` are columns that must not be NULL and may be missing, because
    the caller fills them in, and ``mappable`` says whether messages may advise a column map. Raises InputError if a
    required column is missing, a unit cannot be converted, or a value does not fit the type of its column.
    """
    given = table.column_names
    given_as = matched_names(tuple(given), target)
    required = [column.name for column in target.columns if not (column.nullable or column.computed)]
    missing = [column for column in required if column not in given_as and column not in filled]
    if missing:
        there = shown(given, most=_MOST_COLUMNS_SHOWN)
        cure = map_of(missing, [name for name in given if name not in given_as.values()]) if mappable else ""
        raise InputError(f"{label}: column {shown(missing, len(missing))} is missing; the file has: {there}{cure}")

    columns, without_unit, units, doubts = {}, [], {}, []
    for column in _columns_to_make(table.schema.serialize().to_pybytes(), target, label, mappable):
        to_make = column.target
        try:
            if column.unusable:
                raise UnusableError(column.unusable)
            values = _one_array(table.column(column.position))
            columns[to_make.name] = converted(values, column.factor or 1.0, to_make)
        except UnusableError as error:
            if is_needed(to_make):
                raise InputError(str(error)) from None
            doubts.append(f"{str(error).removeprefix(f'{label}: ')}: it is left out")
            continue
        if column.factor is None and not is_date(to_make):
            without_unit.append(to_make.name)
        if not to_make.unit and (unit := unit_of(to_make.of_file)):
            units[to_make.name] = unit
        doubts += column.doubts
    used = {given_as[name] for name in columns}
    return Conformed(
        table=pa.Table.from_arrays(list(columns.values()), schema=_schema(target, tuple(columns))),
        left_out=tuple(name for name in given if name not in used),
        without_unit=tuple(without_unit),
        units=units,
        doubts=tuple(doubts),
    )


class _ToMake(NamedTuple):
    """A column to be made, as far as the schema of the input tells."""

    target: Target
    position: int
    """Of the input's column."""
    factor: float | None
    """What to multiply with, for the unit; None if the input has none."""
    unusable: str
    """Why it cannot be made; empty where it can."""
    doubts: list[str]


@lru_cache(_MOST_SHAPES)
def _columns_to_make(schema: bytes, target: sa.Table, label: str, mappable: bool) -> list[_ToMake]:
    """What to make of the columns of an input, by its schema as Arrow serializes it."""
    given = pa.ipc.read_schema(pa.py_buffer(schema))
    given_as = matched_names(tuple(given.names), target)
    to_make = []
    for field in _schema(target, tuple(given_as)):
        position = given.get_field_index(given_as[field.name])
        of_file, factor = given.field(position), None
        column = Target(field, target.columns[field.name], label, of_file.name, of_file, mappable)
        unusable = f"{column.unusable(reason)}" if (reason := about(of_file, UNREADABLE)) else ""
        if not unusable:
            try:
                factor = _unit_factor(unit_of(of_file), column) if column.unit else 1.0
            except UnusableError as error:
                unusable = str(error)
        to_make.append(
            _ToMake(column, position, factor, unusable, _single_precision(column) + _number_for_text(column))
        )
    return to_make


def _single_precision(target: Target) -> list[str]:
    """What to tell of times, positions and orbits that have lost digits before they came here."""
    if not (pa.types.is_float32(target.of_file.type) or about(target.of_file, SINGLE)):
        return []
    if is_date(target):
        return [f"{target.name} is in single precision, which is wrong by minutes: write it in double precision"]
    if target.name in _ELEMENTS:
        return [f"{target.name} is in single precision, which moves predictions: write it in double precision"]
    if target.name in POSITIONS and pa.types.is_float64(target.field.type):
        return [
            f"{target.name} is in single precision, which is wrong by up to 0.05 arcsec: write it in double precision"
        ]
    return []


def _number_for_text(target: Target) -> list[str]:
    """What to tell of codes and versions given as numbers; a name that is a number, as of (433), is one."""
    if are_numbered_codes(target):
        return [f"{target.name} holds numbers, taken for codes with zeros before: 095 of 95"]
    of_file = target.of_file.type
    numbers = pa.types.is_integer(of_file) or pa.types.is_floating(of_file) or pa.types.is_decimal(of_file)
    if not numbers or not pa.types.is_string(target.field.type) or target.column.info["ucd"] in _UCDS_OF_NAMES:
        return []
    return [
        f"{target.name} is text, and given as numbers, which do not tell 7 from 0007, nor 1.1 from 1.10: write it as "
        "text"
    ]


@lru_cache(_MOST_SHAPES)
def matched_names(names: tuple[str, ...], target: sa.Table) -> Mapping[str, str]:
    """Columns of an input by the name of the column of the data model that they are, in the data model's order."""
    wanted = arrow_schema(target).names
    matched = {name: name for name in wanted if name in names}
    rest = [name for name in names if name not in matched]
    of_file = Counter(name.lower() for name in rest)
    of_model = Counter(name.lower() for name in wanted)
    folded = {name.lower(): name for name in rest if of_file[name.lower()] == 1}
    for name in wanted:
        if name not in matched and of_model[name.lower()] == 1 and name.lower() in folded:
            matched[name] = folded[name.lower()]
    return MappingProxyType({name: matched[name] for name in wanted if name in matched})


@lru_cache(_MOST_SHAPES)
def _schema(target: sa.Table, names: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of some columns of a table."""
    model = arrow_schema(target)
    return pa.schema([model.field(name) for name in names])


def _unit_factor(unit: str, target: Target) -> float | None:
    """What to multiply with to come from an input's unit to the data model's; None if the input has none."""
    try:
        return _factor(unit, target.unit)
    except ValueError as error:
        raise target.unusable(f"has the unit {quoted(unit)}, which {error}{target.cure()}") from None


def unit_factor(unit: str, needed: str) -> float:
    """What to multiply with to come from a unit to the one that is needed; 1 where either is none.

    Raises ValueError with the rest of a sentence about the unit, if it is not known or of another kind.
    """
    return (_factor(unit, needed) or 1.0) if needed else 1.0


@cache
def _factor(unit: str, needed: str) -> float | None:
    from astropy import units as u

    if not unit:
        return None
    of_file = parsed_unit(unit)
    if isinstance(of_file, u.UnrecognizedUnit):
        raise ValueError(f"is not known; needed is {needed}")
    if of_file == u.dimensionless_unscaled:
        return None
    # Rubin's schema has the MPC's A1 to A3 in the unit of the column beside them; the numbers are the MPC's.
    if needed == "1e-10 AU/d2" and of_file == parsed_unit("m2/t"):
        return None
    # A magnitude such as mag(AB) converts to a flux by no factor: that is for a column map (convert: ABmag).
    if isinstance(of_file, u.UnitBase) and of_file.is_equivalent(parsed_unit(needed)):
        return of_file.to(parsed_unit(needed))
    raise ValueError(f"cannot be converted to {needed}")


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
