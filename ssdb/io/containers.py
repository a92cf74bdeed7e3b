"""Files that hold several tables, and which of these are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ssdb.errors import InputError, option, shown

_MOST_COLUMNS_SHOWN = 6
_MOST_TABLES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class TableInFile:
    """One of the tables of a file: its number by place, its other names (EXTNAME; name and ID; key), its columns.

    The number of a FITS table is that of its HDU, where the primary one is 0; others count from 1. Names and units of
    the columns are what tables that are read as one have in common.
    """

    number: int
    names: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    n_rows: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        name = f" {self.names[0]}" if self.names else ""
        rows = "" if self.n_rows is None else f"{self.n_rows:,} rows of "
        return f"{self.number}{name} ({rows}{shown((name for name, _ in self.columns), _MOST_COLUMNS_SHOWN)})"


def chosen(tables: Sequence[TableInFile], wanted: str | int | None, name: object) -> list[TableInFile]:
    """The tables of a file that are read: those that its user wants, else all, which must have the same columns.

    ``wanted`` is a name, without regard to case, or a number. InputError if there is none of that name or number, or
    some have other columns than others; the message lists them.
    """
    listed = "; ".join(map(str, tables[:_MOST_TABLES_SHOWN]))
    if len(tables) > _MOST_TABLES_SHOWN:
        listed += f" and {len(tables) - _MOST_TABLES_SHOWN:,} more"
    if wanted is not None:
        text = str(wanted).strip().strip("/").lower()
        found = [table for table in tables if text in (one.strip("/").lower() for one in table.names)]
        found = found or [table for table in tables if text == str(table.number)]
        if not found:
            raise InputError(f"{name}: there is no table {str(wanted)[:80]} in it; there are {listed}")
        tables = found
    # In any order: a name is what says which column is which.
    kinds = {frozenset(table.columns) for table in tables}
    if len(kinds) > 1:
        raise InputError(
            f"{name}: has {len(tables):,} tables with different columns: say which is meant with "
            f"{option('--table NAME|NUMBER', 'table=...')}: {listed}"
        )
    return list(tables)
