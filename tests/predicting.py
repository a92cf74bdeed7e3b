"""Orbits, visits and what an independent way says of them, for the tests of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from small_surveys import differences, exported, rows

from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.bodies import earth, sun
from ssdb.ephemeris.elements import cartesian_to_cometary
from ssdb.ephemeris.orbits import Orbits
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

EPOCH, NIGHT = 61000.0, 61010
ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time", "epoch_mjd")

Row = dict[str, Any]


def main_belt(n: int, seed: int = 1) -> list[Row]:
    """Orbits of n objects of the main belt, named 2001 AA, 2001 AB, ..."""
    rng = np.random.default_rng(seed)
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
    rows = []
    for number in range(n):
        a, e = rng.uniform(2.1, 3.3), min(rng.rayleigh(0.1), 0.3)
        rows.append(
            {
                "designation": f"2001 A{letters[number % 25]}{number // 25 or ''}",
                "q": a * (1 - e),
                "e": e,
                "i": rng.rayleigh(7.0),
                "node": rng.uniform(0, 360),
                "argperi": rng.uniform(0, 360),
                "peri_time": EPOCH + rng.uniform(-900, 900),
                "epoch_mjd": EPOCH,
                "h": rng.uniform(14, 19),
                "g": 0.15,
            }
        )
    return rows


def at(designation: str, distance: float, direction: tuple[float, float], speed: float = 0.006) -> Row:
    """The orbit of an object that the Earth has in a direction (ra, dec, deg) in the middle of the night.

    It moves with the Earth but for ``speed`` (au/d) across the line of sight.
    """
    middle = NIGHT + 0.5
    ra, dec = np.radians(direction)
    towards = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    across = np.cross(towards, [0.6, -0.48, 0.64])
    here, centre = earth(middle)[0], sun(middle)[0]
    position = here[:3] + distance * towards - centre[:3]
    velocity = here[3:] + speed * across / np.linalg.norm(across) - centre[3:]
    # Slower than to leave the solar system.
    velocity *= min(1.0, 0.9 * np.sqrt(2 * 2.959e-4 / np.linalg.norm(position)) / np.linalg.norm(velocity))
    elements = cartesian_to_cometary(np.concatenate([position, velocity])[None], np.array([middle]))
    values = {name: float(value[0]) for name, value in elements.items() if name in ELEMENTS}
    return {"designation": designation, **values, "epoch_mjd": middle, "h": 20.0, "g": 0.15}


def orbits_of(rows: list[Row]) -> Orbits:
    """Rows as the engine takes them."""
    columns = {name: [row[name] for row in rows] for name in (*ELEMENTS, "h", "g")}
    return Orbits.from_elements(
        [row["designation"] for row in rows], H=columns.pop("h"), G=columns.pop("g"), **columns, time_scale="tt"
    )


def load_orbits(database: Database, rows: list[Row]) -> None:
    """Ingests orbits as rows of the MPC's table."""
    table = pa.Table.from_pylist(
        [row | {"unpacked_primary_provisional_designation": row["designation"]} for row in rows]
    )
    ingest_orbits(database, table, format="mpc_orbits")


def load_visits(database: Database, rows: list[Row]) -> None:
    """Ingests visits; the observatory is X05 where they say nothing."""
    ingest_visits(database, pa.Table.from_pylist([{"observatoryCode": "X05", "radius": 2.0} | row for row in rows]))


def brute_force(
    orbits: list[Row], visits: list[Row], margin: float = 0.0
) -> dict[tuple[int, str], tuple[float, float]]:
    """Positions of the objects that are in the circles of visits, by the engine itself, one visit at a time."""
    found = {}
    for visit in visits:
        seen = ephemeris(orbits_of(orbits), [visit["midpointMjdTai"]], visit.get("observatoryCode", "X05"))
        for row, ra, dec in zip(orbits, seen["ephRa"][:, 0], seen["ephDec"][:, 0], strict=True):
            if apart(ra, dec, visit["ra"], visit["dec"]) <= visit.get("radius", 2.0) + margin:
                found[visit["visit"], row["designation"]] = (ra, dec)
    return found


def apart(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """The angle between two positions, degrees, from the cross product of their vectors."""
    a, b = (
        np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        for ra, dec in np.radians([(ra1, dec1), (ra2, dec2)])
    )
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


BELT = main_belt(120)
NEAR = [
    at("2002 AA", 0.05, (0.05, 1.0), 0.01),
    at("2002 AB", 0.02, (123.0, 89.0), 0.005),
    at("2002 AC", 1.2, (359.9, -1.0), 0.005),
]
ORBITS = [*BELT, *NEAR]
PREDICTED = 'SELECT visit, designation, "ephRa", "ephDec" FROM "SsPrediction" ORDER BY visit, designation'

VISITS: list[Row] = [
    {"visit": 1, "midpointMjdTai": NIGHT + 0.1, "ra": 0.0, "dec": 0.0, "radius": 30.0},
    {"visit": 2, "midpointMjdTai": NIGHT + 0.2, "ra": 180.0, "dec": 90.0, "radius": 20.0},
    {"visit": 3, "midpointMjdTai": NIGHT + 0.3, "ra": 180.0, "dec": 0.0, "radius": 25.0, "observatoryCode": "I41"},
    {"visit": 4, "midpointMjdTai": NIGHT + 0.4, "ra": 90.0, "dec": -80.0, "radius": 0.5},
    {"visit": 5, "midpointMjdTai": NIGHT + 1.4, "ra": 359.0, "dec": 0.0, "radius": 30.0},
]


def load_survey(database: Database) -> Database:
    """The orbits and visits above."""
    load_orbits(database, ORBITS)
    load_visits(database, VISITS)
    return database


def predicted(database: Database) -> dict[tuple[int, str], tuple[float, float]]:
    """What is stored: positions by visit and designation."""
    return {(visit, name): (ra, dec) for visit, name, ra, dec in rows(database, PREDICTED)}


def check_positions(found: dict[Any, tuple[float, float]], expected: dict[Any, tuple[float, float]]) -> None:
    """The same objects, to 1 mas."""
    assert found.keys() == expected.keys()
    assert max(apart(*found[key], *expected[key]) for key in expected) * 3600 < 1e-3


def same_rows(database: Database, directory: Path, before: dict[str, Any]) -> bool:
    """Whether the exports of a database are those of before."""
    directory.mkdir(exist_ok=True)
    return differences(before, exported(database, directory)) == []
