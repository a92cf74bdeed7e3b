"""Finds the orbit of one object: by its name in the database, or in a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.orbits import ELEMENTS, NONGRAVITATIONAL_UNITS, Orbits, nongravitational_of
from ssdb.errors import EphemerisError, InputError, NotFoundError, UsageError, option, shown
from ssdb.identity.designation import pack, packed_from_id
from ssdb.identity.primary import PrimaryDesignations
from ssdb.identity.resolve import ResolvedName, find_object
from ssdb.ingest.formats.orbit_block import PACKED, UNPACKED, OrbitBlock
from ssdb.ingest.orbits import usable_orbits
from ssdb.ingest.table.input import Input
from ssdb.io.tables import label
from ssdb.predict.catalogue import orbits_of
from ssdb.predict.covariances import stored_covariances
from ssdb.units import Array


@dataclass(frozen=True, eq=False)
class Target:
    """One object with its orbit."""

    object_id: int
    designation: str
    """Primary."""
    orbit: Orbits
    """One."""
    covariance: Array | None
    """As of :func:`ssdb.ephemeris.covariance.covariance_of`, where it is known."""
    row: pa.Table | None = None
    """Of an orbit out of a file: its row of mpc_orbits."""


def find_target(
    connection: sa.Connection, name: str | None, orbit: Input | None = None, format: str = "auto"
) -> Target:
    """An object by its name, as :func:`ssdb.resolve` takes it, with its orbit in mpc_orbits or in an input.

    That is what :func:`ssdb.ingest_orbits` takes, with its format. Without a name, it has one orbit.

    ConfigError if there is neither name nor input. NotFoundError or DesignationError if the name is not known, or of
    several objects; if there is no orbit of the object. InputError if the input is not usable, or has several orbits
    and no name says which. EphemerisError if the object cannot be followed from its stored orbit.
    """
    resolved = None if name is None else find_object(connection, name)
    if orbit is not None:
        return _in_input(connection, resolved, orbit, format)
    if format != "auto":
        raise UsageError("format= needs orbit=: it says what that input is")
    if resolved is None:
        raise UsageError("say which object is to be looked for: its name, or a file with its orbit")
    return _stored(connection, resolved)


def _stored(connection: sa.Connection, resolved: ResolvedName) -> Target:
    if resolved.ssObjectId < 0:
        packed = [resolved.designation]
    else:
        packed = [packed_from_id(resolved.ssObjectId), *(pack(other)[0] for other in resolved.stored_under)]
    found = orbits_of(connection, packed)
    names = [str(one) for one in pa.array(found.orbits.ids).cast(pa.string()).to_pylist()]
    stored = [one for one in packed if one in names]
    if not stored and found.unusable:
        why = next(iter(found.unusable.values()))
        raise EphemerisError(
            f"{resolved.name} ({resolved.designation}) cannot be followed: {why}; "
            "load another orbit (ssdb ingest orbits)"
        )
    if not stored:
        raise NotFoundError(
            f"{resolved.name} ({resolved.designation}) has no orbit in mpc_orbits: load one (ssdb ingest orbits); "
            f"precover also takes a file that has it ({option('--orbit FILE', 'orbit=...')})"
        )
    orbit = found.orbits[np.array([names.index(stored[0])])]
    covariance = stored_covariances(connection, stored[:1]).get(stored[0])
    return Target(resolved.ssObjectId, resolved.designation, orbit, covariance)


def _in_input(connection: sa.Connection, resolved: ResolvedName | None, source: Input, format: str) -> Target:
    name = label(source)
    wanted: list[OrbitBlock] = []
    reasons: list[str] = []
    n_orbits = 0
    for block in usable_orbits(source, PrimaryDesignations(connection), format=format):
        n_orbits += len(block.ids)
        reasons += [f"{text} ({block.counted} {shown(numbers.tolist())})" for text, numbers in block.left_out]
        if resolved is None:
            wanted.append(block)
            _refuse_several(name, wanted)
        elif (block.ids == resolved.ssObjectId).any():
            row = int(np.flatnonzero(block.ids == resolved.ssObjectId)[0])
            wanted.append(OrbitBlock(block.rows.slice(row, 1), block.numbers[row : row + 1], block.ids[row : row + 1]))
    found = [block for block in wanted if len(block.ids)]
    if not found:
        why = "".join(f"; {text}" for text in reasons[:5])
        if resolved is None or not n_orbits:
            raise InputError(f"{name}: there is no usable orbit in it{why}")
        raise NotFoundError(f"{name} has no usable orbit of {resolved.name} ({resolved.designation}){why}")
    rows = found[-1].rows
    values = {column: rows.column(column).to_numpy() for column in rows.column_names if column in ELEMENTS}
    given = {
        column: rows.column(column).to_numpy() if column in rows.column_names else np.full(1, np.nan)
        for column in ("h", "g", *NONGRAVITATIONAL_UNITS)
    }
    names, forces = rows.column(PACKED).to_pylist(), nongravitational_of(given)
    orbit = Orbits.from_elements(names, **values, H=given["h"], G=given["g"], nongrav=forces, time_scale="tt")
    designation = rows.column(UNPACKED)[0].as_py()
    text = rows.column("mpc_orb_jsonb")[0].as_py() if "mpc_orb_jsonb" in rows.column_names else None
    covariance = covariance_of(text, float(values["epoch_mjd"][0]), f"{name}: {designation}")
    return Target(int(found[-1].ids[0]), designation, orbit, covariance, rows)


def _refuse_several(name: str, blocks: list[OrbitBlock]) -> None:
    names = dict.fromkeys(name for block in blocks for name in block.rows.column(UNPACKED).to_pylist())
    if len(names) > 1:
        raise InputError(f"{name} has the orbits of several objects ({shown(names)}): say of which, by its name")
