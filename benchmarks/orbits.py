"""Orbits of a made-up MPCORB.DAT into both databases.

    python -m benchmarks.orbits [--orbits 300000] [--databases postgresql,sqlite] [--json FILE]

Prints the seconds of the first ingest and of the same file once more, what 1.5 million orbits would take at that pace,
and the memory of the process. It ends with an error if not every orbit is stored.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.command import new_parser, print_figures
from benchmarks.night import DIALECTS
from benchmarks.servers import WrongResult, describe_machine, servers, temporary_database
from ssdb.ingest.orbits import ingest_orbits
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.store.ddl.migrate import initialize

CATALOGUE = 1_500_000
"""Orbits that the Minor Planet Center has, about."""

_HALF_MONTHS = "ABCDEFGHJKLMNOPQRSTUVWXY"
_ORDERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NUMBERS = 619_999
"""Larger ones are packed in another way."""

_DEGREES_PER_DAY = 0.9856076686
"""Mean motion at 1 au."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    parser = new_parser("orbits", __doc__)
    parser.add_argument("--orbits", type=int, default=300_000, help="lines of the file (300000)")
    parser.add_argument("--databases", type=lambda text: text.split(","), default=list(DIALECTS))
    parser.add_argument("--postgresql-url", help="as for benchmarks.night")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return print_figures("orbits", parser.parse_args(arguments), run, text_of)


def text_of(figures: dict[str, Any]) -> str:
    """The figures as lines for people."""
    orbits = figures["orbits"]
    lines = [
        f"{dialect:10}  {what:6}  {seconds:7.2f} s  {orbits / seconds:9,.0f} orbits/s  "
        f"{seconds * CATALOGUE / orbits:6.0f} s for {CATALOGUE:,}"
        for dialect, values in figures["databases"].items()
        for what, seconds in values.items()
    ]
    return "\n".join([*lines, f"largest memory of the process: {figures['memory_mb']:.0f} MB"])


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: ``machine``, ``memory_mb``, and by database the seconds of the first and the second ingest."""
    figures: dict[str, Any] = {"machine": describe_machine(), "orbits": options.orbits, "databases": {}}
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-orbits-") as directory,
        servers(options.databases, options.postgresql_url) as places,
    ):
        path = Path(directory) / "MPCORB.DAT"
        write_mpcorb(path, options.orbits)
        for dialect, (place, _) in places.items():
            seconds = figures["databases"][dialect] = {}
            with temporary_database(place) as url, closing(initialize(url)) as database:
                for what in ("first", "again"):
                    start = time.perf_counter()
                    ingest_orbits(database, path)
                    seconds[what] = time.perf_counter() - start
                    with database.reading() as connection:
                        n = connection.execute(sa.select(sa.func.count()).select_from(mpc_orbits)).scalar_one()
                    if n != options.orbits:
                        raise WrongResult(f"{n:,} of {options.orbits:,} orbits are stored")
    figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def write_mpcorb(path: Path, n: int) -> None:
    """A file in MPCORB.DAT's columns: numbered objects, then as many of one or more oppositions; orbits at random."""
    rng = np.random.default_rng(1)
    a = rng.uniform(1.8, 3.5, n)
    columns = (
        rng.uniform(10, 22, n),
        rng.uniform(0, 359.9, n),
        rng.uniform(0, 359.9, n),
        rng.uniform(0, 359.9, n),
        rng.uniform(0, 40, n),
        rng.uniform(0, 0.4, n),
        _DEGREES_PER_DAY * a**-1.5,
        a,
    )
    numbered = min(n // 2, _NUMBERS)
    with path.open("w", encoding="ascii") as file:
        file.write("MINOR PLANET CENTER ORBIT DATABASE (MPCORB)\n" * 40 + "-" * 160 + "\n")
        for i, (h, anomaly, argperi, node, inclination, e, motion, axis) in enumerate(zip(*columns, strict=True)):
            file.write(
                f"{_packed(i, numbered):7} {h:5.2f}  0.15 K25BL {anomaly:9.5f}  {argperi:9.5f}  {node:9.5f}  "
                f"{inclination:9.5f}  {e:9.7f} {motion:11.8f} {axis:11.7f}  0 MPO123456  1234  12 1999-2025 0.55 "
                f"M-v 3Ek MPCLINUX   0000 {'':27} 20251003\n"
            )


def _packed(i: int, n_numbered: int) -> str:
    if i < n_numbered:
        return f"{_BASE_62[(i + 1) // 10_000]}{(i + 1) % 10_000:04d}"
    rest, year = divmod(i - n_numbered, 26)
    rest, half_month = divmod(rest, len(_HALF_MONTHS))
    cycle, order = divmod(rest, len(_ORDERS))
    return f"K{year:02d}{_HALF_MONTHS[half_month]}{_BASE_62[cycle // 10]}{cycle % 10}{_ORDERS[order]}"


if __name__ == "__main__":
    sys.exit(main())
