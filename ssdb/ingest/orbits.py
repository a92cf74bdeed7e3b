"""Loads orbits into mpc_orbits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.ephemeris.orbits import ELEMENTS, usable_states
from ssdb.errors import InputError, shown
from ssdb.identity.primary import PrimaryDesignations
from ssdb.ingest.formats.detect import orbit_blocks
from ssdb.ingest.formats.name_tables import names_of_objects
from ssdb.ingest.formats.orbit_block import IN_SOURCE, PACKED, UNPACKED, OrbitBlock
from ssdb.ingest.orbit_checks import Angles, epoch_problems, speed_problems
from ssdb.ingest.orbit_choice import STAYS, FileOrbits, without_worse_than_stored
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.report import IngestReport
from ssdb.io.input_file import input_of
from ssdb.io.tables import label
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import with_column
from ssdb.schema.ranges import absurd_unknown, ranged
from ssdb.store.database import Database
from ssdb.store.tables.aliases import lock_names, write_aliases
from ssdb.store.tables.orbits import lock_orbits, replace_orbits
from ssdb.store.transfer.write import Progress


def ingest_orbits(
    database: Database,
    source: Input,
    *,
    format: str = "auto",
    simulated_names: bool = False,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores orbits. The orbit of an object that has one already is replaced, by a row as a whole, if it is no better.

    Of two orbits of an object, wherever they are from, that of its primary designation is kept; then that of the newer
    epoch, then of the newer fit. The other one is told.

    The input is read in parts, whatever its length, in one transaction. A row that is no usable orbit is left out:
    ``invalid`` of the report counts them, ``doubts`` have their numbers and reasons. InputError if the input is not
    there, not readable, truncated, or has no usable orbit. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        MPCORB.DAT (plain or gzip); the Minor Planet Center's table mpc_orbits (CSV, Parquet, or any table that
        :func:`ssdb.io.tables.read_columns` reads), its JSON or its files of comets; JPL's SBDB; orbits of Sorcha,
        layup, kete, Rubin's DP1 or astroquery's Horizons.
    format : str
        What the input is: "auto", "mpc_orbits", "mpcorb", "sorcha", "mpcorb_extended", "cometels", "mpc_orb", "sbdb",
        "dp1", "kete" or "horizons".
    simulated_names : bool
        Take names of Sorcha's objects that have no packed form for those of simulated objects; their names stand in
        all columns of designations.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all as far as they are known.
    """
    source = input_of(source, table, type)
    return _ingest(database, source, format, simulated_names, progress)


def add_orbits(database: Database, table: pa.Table) -> IngestReport:
    """Stores the orbits of a table as :func:`ingest_orbits` does, as far as they are usable; none may be.

    The table has columns of mpc_orbits, and its name in the metadata as ``label``.
    """
    return _ingest(database, table, "mpc_orbits", needed=False)


def _ingest(
    database: Database,
    source: Input,
    format: str,
    simulated_names: bool = False,
    progress: Progress | None = None,
    *,
    needed: bool = True,
) -> IngestReport:
    """Stores the orbits of an input; InputError if some are needed, and there is no usable one."""
    name = label(source)
    left_out = _LeftOut()
    angles = Angles()
    in_file = FileOrbits()
    stored, n_usable, counts = 0, 0, Counter[str]()
    with database.writing() as connection:
        lock_names(connection, shared=True)
        free_id = lock_orbits(connection)
        primaries = PrimaryDesignations(connection)
        for given in usable_orbits(source, primaries, in_file, format=format, simulated_names=simulated_names):
            n_usable += len(given.ids)
            angles.add({column: given.rows.column(column).to_numpy() for column in ("i", "node", "argperi")})
            block = without_worse_than_stored(connection, given, in_file, identified=bool(primaries))
            left_out.add(block)
            n = block.rows.num_rows
            counts.update(store_orbits(connection, block.rows, free_id + stored, identified=bool(primaries)))
            if block.names is not None:
                write_aliases(connection, names_of_objects(block.names, block.ids), overwrite=False)
            stored += n
            if progress:
                progress(n, stored)
        if needed and not n_usable:
            reasons = "".join(f"; {text}" for text in left_out.texts())
            raise InputError(f"{name}: there is no usable orbit in it{reasons}")
        stored -= in_file.n_replaced
        counts["changed"] -= in_file.n_replaced
    doubts = (*left_out.doubts(), *left_out.texts(), *angles.doubts())
    columns = tuple(left_out.columns)
    counts["older"] = left_out.number_of(STAYS)
    return IngestReport(name, "orbits", stored, 0, left_out.count, columns, doubts=doubts, **dict[str, Any](counts))


def usable_orbits(
    source: Input,
    primaries: PrimaryDesignations,
    in_file: FileOrbits | None = None,
    *,
    format: str = "auto",
    simulated_names: bool = False,
) -> Iterator[OrbitBlock]:
    """The orbits of an input, in parts, under their primary designations, of each object the best one.

    ``primaries`` is what the database knows of designations, ``in_file`` the orbits that have come before; the others
    are as of :func:`ingest_orbits`. A block has the rows that are usable orbits, and says which are not. Where an
    object comes again with a better orbit in a later part, it is there again. Raises InputError if the input is not
    there, not readable or truncated.
    """
    in_file = in_file or FileOrbits()
    for given in orbit_blocks(source, format, simulated_names):
        yield in_file.best(_checked(label(source), _under_primary_designations(given, primaries)))


def store_orbits(connection: sa.Connection, rows: pa.Table, first_id: int, *, identified: bool) -> dict[str, Any]:
    """Stores usable orbits, the rows of an :class:`OrbitBlock`, with ``id`` from ``first_id`` on.

    As :func:`ssdb.store.tables.orbits.replace_orbits`; the connection has locked names and orbits.
    """
    if not rows.num_rows:
        return {}
    rows = with_column(rows, "id", np.arange(first_id, first_id + rows.num_rows), pa.int32())
    rows = with_column(rows, "designation", rows.column(UNPACKED), pa.string())
    return replace_orbits(connection, rows, identified=identified)


class _LeftOut:
    """What is wrong with rows of an input that are left out, or with a value of a row, and which they are."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, None] = {}
        self._doubts: dict[str, None] = {}
        self._numbers: dict[str, list[int]] = {}
        self._counted = "row"
        self._incomplete: str | None = None

    def add(self, block: OrbitBlock) -> None:
        """Notes the rows that a block leaves out."""
        self._counted = block.counted
        self.columns |= dict.fromkeys(block.not_plain)
        self._doubts |= dict.fromkeys(block.doubts)
        self._incomplete = block.incomplete or self._incomplete
        self.count += sum(len(numbers) for _, numbers in block.left_out)
        for text, numbers in [*block.left_out, *block.unknown]:
            self._numbers.setdefault(text, []).extend(numbers.tolist())

    def doubts(self) -> tuple[str, ...]:
        """What is to be told of the input as a whole."""
        return (*([f"is not complete: {self._incomplete}"] if self._incomplete else []), *self._doubts)

    def number_of(self, text: str) -> int:
        """How many rows have a problem."""
        return len(self._numbers.get(text, ()))

    def texts(self) -> tuple[str, ...]:
        """Each problem with the first rows that have it."""
        return tuple(
            f"{text} ({self._counted}{'s' if len(numbers) > 1 else ''} {shown(numbers)})"
            for text, numbers in self._numbers.items()
        )


def _under_primary_designations(block: OrbitBlock, primaries: PrimaryDesignations) -> OrbitBlock:
    """Objects under their primary designations, where the database knows these."""
    if not primaries:
        return block
    rows = block.rows
    given = rows.column(PACKED).combine_chunks()
    packed, unpacked, ids = primaries.of(given, rows.column(UNPACKED).combine_chunks(), block.ids)
    moved = pc.if_else(pa.array(ids != block.ids), given, pa.scalar(None, pa.string()))
    rows = with_column(rows, IN_SOURCE, moved, pa.string())
    rows = with_column(with_column(rows, PACKED, packed, pa.string()), UNPACKED, unpacked, pa.string())
    return replace(block, rows=rows, ids=ids)


def _checked(name: str, block: OrbitBlock) -> OrbitBlock:
    """The usable orbits of a block."""
    missing = [column for column in ELEMENTS if column not in block.rows.column_names]
    if missing:
        raise InputError(
            f"{name}: column {shown(missing, len(missing))} is missing; it has {shown(block.rows.column_names, 30)}"
        )
    values = {column: block.rows.column(column).to_numpy() for column in ELEMENTS}  # NULL becomes NaN
    problems = {
        "q is not above 0": values["q"] <= 0,
        "e is below 0": values["e"] < 0,
        **epoch_problems("epoch_mjd", values["epoch_mjd"]),
    }
    problems |= usable_states(values)[1] | speed_problems(values["q"], values["e"])
    return _without_absurd(block.without(problems))


def _without_absurd(block: OrbitBlock) -> OrbitBlock:
    """A block in which values out of their range are unknown, but for elements: the orbit is as good without them."""
    names = [name for name in ranged(mpc_orbits) if name in block.rows.column_names and name not in ELEMENTS]
    given = {name: block.rows.column(name).to_numpy() for name in names}
    cleaned, problems = absurd_unknown(mpc_orbits, given)
    rows = block.rows
    for name in names:
        if cleaned[name] is not given[name]:
            rows = with_column(rows, name, cleaned[name], pa.float64())
    unknown = [*block.unknown, *((text, block.numbers[wrong]) for text, wrong in problems.items())]
    return replace(block, rows=rows, unknown=unknown)
