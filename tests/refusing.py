"""What is refused, by a process of its own whose memory is looked at."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ssdb.errors import SsdbError

READ = {
    "columns": "from ssdb.io.tables import read_columns as read",
    "sorcha": "from ssdb.ingest.formats.sorcha import read_sorcha as read",
    "opsim": "from ssdb.ingest.formats.opsim import read_opsim as read",
    "exposures": "from ssdb import read_exposures as read",
    "rows": "from ssdb.io.row_source import open_rows\n"
    "def read(path): return sum(t.num_rows for t in open_rows(path).tables())",
    "orbits": "from ssdb.ingest.formats.detect import orbit_blocks\n"
    "def read(path): return list(orbit_blocks(path, 'auto', False))",
    "map": "from ssdb import ColumnMap; read = ColumnMap.read",
}

PROCESSES = multiprocessing.get_context("forkserver")
"""Copies of a process that has imported what most of them need, which is most of what a new one would do."""
PROCESSES.set_forkserver_preload(
    ["astropy.table", "astropy.wcs", "pytest", "scipy.optimize", "ssdb.cli.common"]
    + [
        f"ssdb.{name}"
        for name in ("ask.sql", "association.associate", "ingest.orbits", "ingest.predictions", "ingest.sources")
    ]
)


def refusal(read: str, path: Path) -> str:
    """The message of an error of ssdb's, from a process that used less than 1 GB."""
    here, there = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_refused, args=(READ[read], path, there))
    process.start()
    there.close()
    try:
        assert here.poll(600), "it takes for ever"
        message, megabytes = here.recv()
    except EOFError:
        pytest.fail("the process has ended")
    finally:
        process.kill()
        process.join()
    assert megabytes < 1000
    assert message, "it is refused"
    assert "\n" not in message
    return str(message)


def _refused(code: str, path: Path, answer: Connection) -> None:
    names: dict[str, Callable[[str], object]] = {}
    exec(code, names)
    message = ""
    try:
        names["read"](str(path))
    except SsdbError as error:
        message = str(error)
    with open("/proc/self/status", encoding="ascii") as status:
        about = dict(line.split(":", 1) for line in status)
    answer.send((message, int(about["VmHWM"].split()[0]) // 1000))
