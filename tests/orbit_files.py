"""Files of orbits for the tests: lines of MPCORB.DAT, rows of the Minor Planet Center's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.schema.apdb_solar_system import current_identifications, mpc_orbits, numbered_identifications
from ssdb.store.database import Database

CERES = (
    "00001    3.35  0.15 K25BL 231.53975   73.29974   80.24963   10.58789  0.0795763  0.21429712   2.7656157"
    "  0 MPO950947  7369 126 1801-2025 0.69 M-v 30k MPCLINUX   4000      (1) Ceres              20251003"
)
PALLAS = (
    "00002    4.11  0.15 K25BL 211.52977  310.93340  172.88859   34.92833  0.2306430  0.21379713   2.7699258"
    "  0 E2025-V46  9021 124 1804-2025 0.64 M-c 28k MPCLINUX   4000      (2) Pallas             20251103"
)
ONE_OPPOSITION = (
    "K15MK4Q 18.1   0.15 K156R  10.00000   20.00000   30.00000    5.00000  0.1000000  0.25000000   2.4956061"
    "  E MPO345678    12   1   33 days 0.45 M-v 38h MPC        0000          2015 MQ204         20150720"
)
HYPERBOLA = (
    "0001I   22.08  0.15 K17A4 100.00000  241.68430   24.59920  122.67860  1.1992600  0.68800000            "
    "  2 MPO436262   120   1   35 days 0.44 M-v 3Ek MPCW       0000              1I/Oumuamua    20171023"
)
"""Made up, but for the first two; their perihelion times follow from M / n."""

HEADER = "MINOR PLANET CENTER ORBIT DATABASE\n\nDes'n     H     G   Epoch     M\n\n" + "-" * 160 + "\n"


def mpcorb(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def changed(line: str, first: int, text: str) -> str:
    """A line with other text from a column, counted from 1."""
    return line[: first - 1] + text + line[first - 1 + len(text) :]


def mpc_row(**values: Any) -> dict[str, Any]:
    """A row of the Minor Planet Center's table."""
    row = {
        "packed_primary_provisional_designation": "K15MK4Q",
        "unpacked_primary_provisional_designation": "2015 MQ204",
        "q": 2.2,
        "e": 0.1,
        "i": 5.0,
        "node": 30.0,
        "argperi": 20.0,
        "peri_time": 57160.5,
        "epoch_mjd": 57200.0,
    }
    return row | values


def columns(*rows: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def stored(database: Database) -> dict[str, dict[str, Any]]:
    """The rows of mpc_orbits by designation."""
    with database.reading() as connection:
        rows = connection.execute(sa.select(mpc_orbits)).mappings().all()
    return {row["designation"]: dict(row) for row in rows}


def number(database: Database, permid: str, packed: str, unpacked: str) -> None:
    """Makes the Minor Planet Center give an object a number."""
    with database.writing() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(numbered_identifications)).scalar_one()
        connection.execute(
            sa.insert(numbered_identifications).values(
                id=count + 1,
                permid=permid,
                packed_primary_provisional_designation=packed,
                unpacked_primary_provisional_designation=unpacked,
            )
        )


def identify(database: Database, packed: str, unpacked: str, packed_other: str, unpacked_other: str) -> None:
    """Makes the Minor Planet Center say that the second designation is one of the object of the first."""
    with database.writing() as connection:
        connection.execute(
            sa.insert(current_identifications).values(
                id=1,
                packed_primary_provisional_designation=packed,
                unpacked_primary_provisional_designation=unpacked,
                packed_secondary_provisional_designation=packed_other,
                unpacked_secondary_provisional_designation=unpacked_other,
                identifier_ids="{}",
            )
        )


def kepler_state(q: float, e: float, i: float, node: float, argperi: float, since: float, gm: float) -> np.ndarray:
    """Position and velocity on ellipses and hyperbolas, on ecliptic axes: by Newton's method and rotation matrices.

    Degrees, au, au/d; ``since`` is the time since perihelion, d.
    """
    a = q / (1 - e)
    mean = np.sqrt(gm / abs(a) ** 3) * since
    if e < 1:
        mean = (mean + np.pi) % (2 * np.pi) - np.pi
        anomaly = mean if e < 0.8 else np.pi * np.sign(mean)
        for _ in range(100):
            anomaly -= (anomaly - e * np.sin(anomaly) - mean) / (1 - e * np.cos(anomaly))
        x, y = a * (np.cos(anomaly) - e), a * np.sqrt(1 - e * e) * np.sin(anomaly)
        speed = np.sqrt(gm / a) / (1 - e * np.cos(anomaly))
        vx, vy = -speed * np.sin(anomaly), speed * np.sqrt(1 - e * e) * np.cos(anomaly)
    else:
        anomaly = np.arcsinh(mean / e)
        for _ in range(100):
            anomaly -= (e * np.sinh(anomaly) - anomaly - mean) / (e * np.cosh(anomaly) - 1)
        x, y = a * (np.cosh(anomaly) - e), -a * np.sqrt(e * e - 1) * np.sinh(anomaly)
        speed = np.sqrt(-gm / a) / (e * np.cosh(anomaly) - 1)
        vx, vy = -speed * np.sinh(anomaly), speed * np.sqrt(e * e - 1) * np.cosh(anomaly)
    rotation = _about_z(node) @ _about_x(i) @ _about_z(argperi)
    return np.concatenate((rotation @ [x, y, 0.0], rotation @ [vx, vy, 0.0]))


def _about_z(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _about_x(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
