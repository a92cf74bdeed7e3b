"""Loads the Minor Planet Center's tables of designations, numbers and names of objects.

Two of them, current_identifications and numbered_identifications, are stored as they are, of the others the names. The
columns are described at https://docs.minorplanetcenter.net/mpc-ops-docs/data-and-services/schema/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError, shown
from ssdb.identity.designation import packed_from_id
from ssdb.identity.identify import identify_in_two_forms
from ssdb.identity.packed_arrays import pack_numbers, unpack
from ssdb.identity.primary import primary_ids, rows_of_moves
from ssdb.ingest.formats.identity_files import RECORD, IdentityFile, is_identity_file, read_identity_file
from ssdb.ingest.formats.name_tables import NUMBER_COLUMN, is_name_column, is_of_names, store_names
from ssdb.ingest.table.checks import Problems, check_not_null, valid_rows
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.report import IngestReport
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.table_notes import incomplete, not_plain
from ssdb.io.tables import label, read_columns
from ssdb.schema.apdb_solar_system import current_identifications, numbered_identifications
from ssdb.schema.survey import ss_alias
from ssdb.store.database import Database
from ssdb.store.tables.aliases import (
    NAME,
    NUMBER,
    PACKED,
    PROVISIONAL,
    SECONDARY,
    lock_names,
    move_aliases,
    write_aliases,
)
from ssdb.store.tables.identifications import UNIQUE, replace_identifications, stored_alike
from ssdb.store.tables.moves import object_moves
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress

_PRIMARY = "packed_primary_provisional_designation"
_OTHER = "packed_secondary_provisional_designation"
_FLAGS = ("published", "numbered")
_NO_IDS = "{}"
"""An empty list, as PostgreSQL writes it: identifier_ids must not be NULL, and says nothing about names."""


def ingest_identifications(
    database: Database,
    source: Input,
    *,
    table: str | int | None = None,
    type: str | None = None,
    skip_invalid: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores identifications of objects, and their names in SsAlias.

    Rows of designations that are stored already take the new values. Which table it is the columns tell. ``id``, which
    has no meaning, is given anew; ``published``, which the Minor Planet Center numbers by the kind of publication, is
    true for all but 0. Rows that are stored under other designations are not touched: see :func:`ssdb.relink`.
    InputError if the input is not usable, or designations would be each other's primary. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        The Minor Planet Center's table current_identifications, numbered_identifications, minor_planet_names or
        comet_names (CSV, Parquet, or any table that :func:`ssdb.io.tables.read_columns` reads), or rows of it. Of the
        last two the names are stored, in SsAlias. Or a file that says all of it: mpcorb_extended.json, or
        NumberedMPs.txt; of what is stored already it changes nothing, and what cannot be used in it is left out.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    skip_invalid : bool, optional
        Store the usable rows of identifications and count the others. Of tables of names that is what is done anyway.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    name = label(source)
    given = input_of(source, table, type)
    if isinstance(given, InputFile) and is_identity_file(given):
        return _ingest_file(database, name, read_identity_file(given), progress)
    text = {c.name for table in UNIQUE for c in table.columns if isinstance(c.type, sa.String)}
    given = read_columns(given, strings=sorted(text | {NUMBER_COLUMN, "name"}))
    if is_of_names(given.column_names):
        return _ingest_names(database, name, given)
    target, rows, left_out, doubts = _read(given, name)
    usable = _usable(name, target, rows, skip_invalid)
    with database.writing() as connection:
        lock_names(connection)
        counts = _store(connection, usable, progress)
    n = usable.rows.num_rows
    return IngestReport(name, "identifications", n, 0, usable.invalid, left_out, doubts=doubts, **counts)


@dataclass(frozen=True, slots=True)
class _Designations:
    """Designations of rows: text, packed, ssObjectId (0 where the packed form is none that is known)."""

    text: pa.Array
    packed: pa.Array
    ids: np.ndarray

    def only(self, rows: np.ndarray) -> _Designations:
        """Those of some rows, given as a mask."""
        return _Designations(self.text.filter(pa.array(rows)), self.packed.filter(pa.array(rows)), self.ids[rows])

    def under(self, moved: Mapping[int, tuple[int, str]]) -> _Designations:
        """With some of them replaced by others."""
        rows = np.flatnonzero(np.isin(self.ids, list(moved)))
        if not len(rows):
            return self
        there = [moved[object_id] for object_id in self.ids[rows].tolist()]
        object_ids = self.ids.copy()
        object_ids[rows] = [object_id for object_id, _ in there]
        mask = np.zeros(len(object_ids), bool)
        mask[rows] = True
        text = pc.replace_with_mask(self.text, pa.array(mask), pa.array([name for _, name in there]))
        packed = pa.array([packed_from_id(object_id) for object_id, _ in there])
        return _Designations(text, pc.replace_with_mask(self.packed, pa.array(mask), packed), object_ids)


@dataclass(frozen=True, slots=True)
class _Usable:
    """Rows of one of the two tables, and the designations in them."""

    target: sa.Table
    rows: pa.Table
    primary: _Designations
    others: _Designations
    """Secondary designations, or numbers."""
    invalid: int = 0

    def only(self, kept: np.ndarray) -> _Usable:
        """Some of the rows, given as a mask."""
        rows = self.rows.filter(pa.array(kept))
        return replace(self, rows=rows, primary=self.primary.only(kept), others=self.others.only(kept))


def _usable(
    name: str, target: sa.Table, rows: pa.Table, skip_invalid: bool = False, numbers: np.ndarray | None = None
) -> _Usable:
    """The usable rows; InputError if others are not to be skipped. Rows are called by ``numbers``, else 1, 2, ..."""
    problems = Problems(name, rows.num_rows, numbers)
    needed = [column.name for column in target.columns if not column.nullable and column.name != "id"]
    check_not_null(problems, rows, needed)
    for key in UNIQUE[target]:
        if key in rows.column_names:
            problems.add(_repeated(rows.column(key)), f"{key} is there twice")
    primary = _identified(rows, problems, "primary")
    others = _identified(rows, problems, "secondary") if target is current_identifications else _numbers(rows)
    found = _Usable(target, rows, primary, others)
    _, invalid = valid_rows(rows, problems, skip_invalid)
    return replace(found.only(~problems.bad), invalid=invalid) if invalid else found


def _store(connection: sa.Connection, given: _Usable, progress: Progress | None) -> dict[str, Any]:
    """Stores rows, and the names in them; the connection has locked the names. Returned are the counts of rows."""
    counts = replace_identifications(connection, given.target, given.rows, progress)
    chained = primary_ids(connection, _primaries_that_are_secondary(connection, given.primary))
    primary = given.primary.under(chained)
    _repoint_names(connection, primary, given.others)
    write_aliases(connection, _aliases(given.rows, primary, given.others), overwrite=True)
    return counts


def _ingest_file(database: Database, name: str, file: IdentityFile, progress: Progress | None) -> IngestReport:
    """Stores what a file says of numbers, designations and names, beside what the tables have more of."""
    left_out = [
        f"{text} ({file.counted}{'s' if len(numbers) > 1 else ''} {shown(sorted(numbers))})"
        for text, numbers in file.left_out.items()
    ]
    counts: Counter[str] = Counter()
    with database.writing() as connection:
        lock_names(connection)
        for given in (file.numbered, file.current):
            target, rows, _, _ = _read(given.drop_columns([RECORD]), name)
            usable = _usable(name, target, rows, numbers=given.column(RECORD).to_numpy())
            known = stored_alike(connection, target, rows)
            counts["unchanged"] += int(known.sum())
            counts.update(_store(connection, usable.only(~known), progress))
        of_names, unknown, doubts = store_names(connection, file.names)
        counts.update(of_names)
    stored = file.numbered.num_rows + file.current.num_rows + file.names.num_rows - unknown
    invalid = unknown + sum(len(numbers) for numbers in file.left_out.values())
    return IngestReport(
        name, "identifications", stored, 0, invalid, doubts=(*left_out, *doubts), **dict[str, Any](counts)
    )


def _ingest_names(database: Database, name: str, given: pa.Table) -> IngestReport:
    """Stores the names of minor_planet_names or comet_names, which are about nothing else."""
    as_text = [pa.field(column, pa.string()) for column in given.column_names if is_name_column(column)]
    try:
        rows = given.select([field.name for field in as_text]).cast(pa.schema(as_text))
    except pa.ArrowException as error:
        raise InputError(f"{name}: {error}") from error
    with database.writing() as connection:
        lock_names(connection)
        counts, invalid, doubts = store_names(connection, rows)
    left_out = (*(column for column in given.column_names if not is_name_column(column)), *not_plain(given.schema))
    return IngestReport(name, "names", rows.num_rows - invalid, 0, invalid, left_out, doubts=doubts, **counts)


def _read(table: pa.Table, name: str) -> tuple[sa.Table, pa.Table, tuple[str, ...], tuple[str, ...]]:
    """Which table of the data model a table is, its rows, the columns of it that the other does not have, and what is
    doubtful.
    """
    others = not_plain(table.schema)
    if _OTHER in table.column_names:
        target = current_identifications
    elif "permid" in table.column_names:
        target = numbered_identifications
    else:
        raise InputError(
            f"{name}: neither current_identifications (it has no column {_OTHER}) nor numbered_identifications (no "
            f"column permid), minor_planet_names (name, mp_number) or comet_names (name, {_PRIMARY}); it has "
            f"{shown(table.column_names, 30)}"
        )
    for flag in [flag for flag in _FLAGS if flag in table.column_names]:
        table = table.set_column(table.column_names.index(flag), flag, _truth(table.column(flag)))
    if "identifier_ids" in target.c and "identifier_ids" not in table.column_names:
        table = table.append_column("identifier_ids", pa.array([_NO_IDS] * table.num_rows, pa.string()))
    table = table.drop_columns([column for column in ("id",) if column in table.column_names])
    conformed = conform(table, target, name, filled=("id",))
    why = incomplete(table.schema)
    doubts = (f"is not complete: {why}",) if why else ()
    return target, conformed.table, (*conformed.left_out, *others), (*doubts, *conformed.doubts)


def _truth(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether numbers are not 0; PostgreSQL's t and f as true and false."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        true = pc.not_equal(values, pa.scalar(0, values.type))
        return pc.if_else(pc.is_finite(values), true, pa.scalar(None, pa.bool_()))
    if pa.types.is_string(values.type):
        return pc.if_else(pc.equal(values, "t"), "true", pc.if_else(pc.equal(values, "f"), "false", values))
    return values


def _repeated(column: pa.ChunkedArray) -> np.ndarray:
    """Which rows have a value that a row before them has."""
    codes = pc.fill_null(column.combine_chunks().dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    repeated = np.ones(len(codes), bool)
    repeated[np.unique(codes, return_index=True)[1]] = False
    return repeated & (codes >= 0)


def _identified(rows: pa.Table, problems: Problems, which: str) -> _Designations:
    """The primary or secondary designations of rows; both forms of each must be of one object."""
    packed = rows.column(f"packed_{which}_provisional_designation").combine_chunks()
    given = rows.column(f"unpacked_{which}_provisional_designation").combine_chunks()
    packed, text, object_ids, agree = identify_in_two_forms(packed, given)
    wrong = ~agree & (object_ids != 0)
    problems.add(wrong, f"the packed and the unpacked {which} designation are not of one object")
    return _Designations(text, packed, object_ids)


def _numbers(rows: pa.Table) -> _Designations:
    text = rows.column("permid").combine_chunks()
    packed = pack_numbers(text)
    return _Designations(text, packed, unpack(packed)[1])


def _primaries_that_are_secondary(connection: sa.Connection, primary: _Designations) -> dict[int, str]:
    """Those of some primary designations that current_identifications has as secondary ones."""
    other = current_identifications.alias()
    columns = current_identifications.c
    of_tables = []
    for column in (columns[_PRIMARY], numbered_identifications.c[_PRIMARY]):
        secondary = (other.c[_OTHER] == column) & (other.c[_PRIMARY] != column)
        of_tables.append(sa.select(column).where(secondary))
    chained = pa.array(connection.scalars(sa.union(*of_tables)).all(), pa.string())
    rows = np.flatnonzero(
        pc.is_in(primary.packed, value_set=chained).to_numpy(zero_copy_only=False) & (primary.ids > 0)
    )
    return dict(zip(primary.ids[rows].tolist(), primary.text.take(pa.array(rows)).to_pylist(), strict=True))


def _repoint_names(connection: sa.Connection, primary: _Designations, others: _Designations) -> None:
    """Makes the names that SsAlias has of the other designations those of the primary ones."""
    named = read_arrays(connection, sa.select(ss_alias.c.ssObjectId))["ssObjectId"]
    rows = np.flatnonzero(
        np.isin(others.ids, named) & (others.ids != primary.ids) & (others.ids > 0) & (primary.ids > 0)
    )
    if len(rows):
        text = primary.text.take(pa.array(rows)).to_pylist()
        there = zip(primary.ids[rows].tolist(), text, strict=True)
        moved = dict(zip(others.ids[rows].tolist(), there, strict=True))
        with staged(connection, object_moves, rows_of_moves(moved)) as moves:
            move_aliases(connection, moves)


def _aliases(rows: pa.Table, primary: _Designations, others: _Designations) -> pa.Table:
    """Rows of SsAlias: the designations of the objects, packed and unpacked, and their numbers and names."""
    named = primary.ids > 0
    of_number = "permid" in rows.column_names
    has_other = named & (others.ids > 0) & (others.ids != primary.ids)
    parts = [
        (others.text, has_other, NUMBER if of_number else SECONDARY),
        (others.packed, has_other, PACKED),
        (primary.text, named, PROVISIONAL),
        (primary.packed, named, PACKED),
    ]
    if "iau_name" in rows.column_names:
        names = rows.column("iau_name").combine_chunks()
        parts.append((names, named & names.is_valid().to_numpy(zero_copy_only=False), NAME))
    table = pa.concat_tables(_part(texts, primary.ids, which, kind) for texts, which, kind in parts)
    first = table.group_by("alias", use_threads=False).aggregate([("ssObjectId", "first"), ("kind", "first")])
    return first.rename_columns(["alias", "ssObjectId", "kind"])


def _part(texts: pa.Array, object_ids: np.ndarray, which: np.ndarray, kind: str) -> pa.Table:
    n = int(which.sum())
    columns = [
        texts.filter(pa.array(which)),
        pa.array(object_ids[which]),
        pa.array([kind]).take(pa.array(np.zeros(n, int))),
    ]
    return pa.table(columns, names=["alias", "ssObjectId", "kind"])
