"""Checks where visits say that their observers are, and brings the units of that to those of the MPC's ADES."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.places import COLUMNS, GEOCENTRE, POSITION, UNITS, VELOCITY, Places
from ssdb.ingest.table.checks import Problems
from ssdb.ingest.table.conform import unit_factor
from ssdb.schema.arrow import arrow_schema, with_column
from ssdb.schema.survey import visit
from ssdb.units import Array, Mask


def checked_places(
    problems: Problems, rows: pa.Table, units: Mapping[str, str], inside: Mask | None = None
) -> pa.Table:
    """Rows of Visit with whole places, as ADES has them, if they have any; what is wrong with them goes into problems.

    ``units`` are those that the input gives for ``pos1`` to ``vel3``; without one a column is in that of its ``sys``.
    ``sys`` is put in capitals, and a ``ctr`` that is not given is the Earth's centre. Some rows may be ``inside`` the
    Earth, shape (n,).
    """
    if not set(COLUMNS) & set(rows.schema.names):
        return rows
    for field in (arrow_schema(visit).field(name) for name in COLUMNS):
        if field.name not in rows.schema.names:
            # A place takes that of before as a whole: what it does not say of itself is unknown.
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    rows = with_column(rows, "sys", pc.utf8_upper(rows.column("sys")), pa.string())
    systems = rows.column("sys").to_numpy()
    numbers = {name: rows.column(name).to_numpy().astype(float) for name in COLUMNS[1:]}
    known = {name: ~np.isnan(values) for name, values in numbers.items()}
    given = rows.column("sys").is_valid().to_numpy()
    somewhere = np.logical_or.reduce([given, *known.values()])
    whole = np.logical_and.reduce([given, *(known[name] for name in POSITION)])
    problems.add(somewhere & ~whole, "a place needs all of sys, pos1, pos2, pos3")
    text = "sys is none of " + ", ".join(UNITS) + " (IAU is for other bodies than the Earth)"
    problems.add(given & ~np.isin(systems.astype(str), list(UNITS)), text)
    problems.add(known["ctr"] & (numbers["ctr"] != GEOCENTRE), f"ctr is not {GEOCENTRE}, the Earth's centre")
    moves = [known[name] for name in VELOCITY]
    some = np.logical_or.reduce(moves)
    problems.add(some & ~np.logical_and.reduce(moves), "a velocity needs all of vel1, vel2, vel3")
    for system, its_units in UNITS.items():
        chosen = whole & (systems == system)
        on_earth = len(its_units) < 4
        problems.add(chosen & some & on_earth, f"vel1, vel2, vel3 are for ICRF_KM and ICRF_AU, not {system}")
        if chosen.any():
            _check(problems, numbers, chosen, system, units, inside)
    for name in (*POSITION, *VELOCITY):
        rows = with_column(rows, name, numbers[name], pa.float64())
    integer = arrow_schema(visit).field("ctr").type
    centre = pc.if_else(pa.array(given), pa.scalar(GEOCENTRE, integer), pa.scalar(None, integer))
    return with_column(rows, "ctr", centre, integer)


def _check(
    problems: Problems,
    numbers: dict[str, Array],
    chosen: Mask,
    system: str,
    units: Mapping[str, str],
    inside: Mask | None,
) -> None:
    """Notes what is wrong with the places of one system; their numbers are brought to its units."""
    for name, needed in zip((*POSITION, *VELOCITY), UNITS[system], strict=False):
        try:
            numbers[name][chosen] *= unit_factor(units.get(name, ""), needed)
        except ValueError as error:
            problems.add(chosen, f"{name} has the unit {units[name]}, which {error} ({system})")
            return
    places = Places(system, *(np.stack([numbers[name][chosen] for name in names], 1) for names in (POSITION, VELOCITY)))
    for text, wrong in places.problems(False if inside is None else inside[chosen]):
        bad = chosen.copy()
        bad[chosen] = wrong
        problems.add(bad, text)
