"""Packets of alerts a second of one processor: read, and stored in SQLite, beside fastavro alone.

    python -m benchmarks.alerts [--packets 5000] [--history 0] [--forced 0]

Packets are Rubin's of schema 11.1, all fields filled, without cutouts: a source, its DiaObject, and as many earlier
sources and forced fluxes as is said. Each time is the least of three. It ends with an error if not all is stored.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

import ssdb
from benchmarks.servers import describe_machine
from ssdb.io.alert_packets import packets_of
from ssdb.io.formats.avro import Schemas, lsst_schemas

_VISIT, _MJD, _TIMES = 2026010100000, 61041.0, 3
_SOURCES = "diaSource"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints packets a second."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alerts", description=__doc__)
    parser.add_argument("--packets", type=int, default=5000, help="packets (5000)")
    parser.add_argument("--history", type=int, default=0, help="earlier sources of each (0)")
    parser.add_argument("--forced", type=int, default=0, help="forced fluxes of each (0)")
    options = parser.parse_args(arguments)
    folder = lsst_schemas()
    assert folder is not None
    schema = fastavro.schema.load_schema(folder / "11" / "1" / "lsst.v11_1.alert.avsc")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "alerts.avro"
        with path.open("wb") as file:
            fastavro.writer(file, schema, _packets(schema, options))
        stored: list[int] = []

        def decode() -> None:
            with path.open("rb") as file:
                for _ in fastavro.reader(file):
                    pass

        def ingest() -> None:
            with ssdb.initialize("sqlite://") as database:
                begun = time.process_time()
                report = ssdb.ingest_alerts(database, path, create_visits=True)
                stored.append(report.sources)
                seconds.append(time.process_time() - begun)

        seconds: list[float] = []
        decoded = _least(decode)
        read = _least(lambda: sum(1 for _ in packets_of(path, "alerts", Schemas())))
        for _ in range(_TIMES):
            ingest()
    if set(stored) != {options.packets}:
        print(f"benchmarks.alerts: {stored} sources are stored", file=sys.stderr)
        return 1
    print(describe_machine())
    print(
        f"{options.packets:,} packets, each with {options.history} earlier sources and {options.forced} forced fluxes"
    )
    for what, took in (("fastavro alone", decoded), ("read", read), ("read and stored", min(seconds))):
        print(f"{what:16} {options.packets / took:8,.0f} packets/s   {took / decoded:5.2f} of fastavro's time")
    return 0


def _least(work: Callable[[], Any]) -> float:
    """The least time of the processor, s."""
    took = []
    for _ in range(_TIMES):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def _packets(schema: Any, options: argparse.Namespace) -> Any:
    random = np.random.default_rng(1)
    types = {field["name"]: field["type"] for field in schema["fields"]}
    fields = {_SOURCES: types[_SOURCES]["fields"], "diaObject": types["diaObject"][1]["fields"]}
    of_fluxes = types["prvDiaForcedSources"][1]["items"]["fields"]
    for number in range(1, options.packets + 1):
        at = {
            "diaObjectId": 100 * number,
            "ra": (150.0 + 0.01 * number) % 360.0,
            "dec": 2.0,
            "detector": 7,
            "band": "r",
        }
        empty = {"timeWithdrawnMjdTai": None, "ssObjectId": None, "parentDiaSourceId": None, "reliabilityVersion": "1"}

        def row(of: Any, visit: int, **more: Any) -> dict[str, Any]:
            time_ = {"visit": _VISIT + visit, "midpointMjdTai": _MJD + visit, "timeProcessedMjdTai": _MJD + 99}
            return _filled(of, random) | empty | at | time_ | more  # noqa: B023

        history = [row(fields[_SOURCES], k + 1, diaSourceId=100 * number + k + 1) for k in range(options.history)]
        fluxes = [row(of_fluxes, k + 1, diaForcedSourceId=100 * number + k) for k in range(options.forced)]
        object_ = _filled(fields["diaObject"], random) | at | {"nDiaSources": 1 + options.history}
        yield {
            "diaSourceId": 100 * number,
            _SOURCES: row(fields[_SOURCES], 0, diaSourceId=100 * number),
            "prvDiaSources": history or None,
            "prvDiaForcedSources": fluxes or None,
            "diaObject": object_ | {"validityStartMjdTai": _MJD},
        }


def _filled(fields: Any, random: np.random.Generator) -> dict[str, Any]:
    """A record with a value in every field."""
    made = {"float": random.random, "double": random.random, "boolean": bool, "int": lambda: 1, "long": lambda: 1}
    kinds = {field["name"]: field["type"] for field in fields}
    kinds = {name: kind[1] if isinstance(kind, list) else kind for name, kind in kinds.items()}
    return {name: made.get(kind, str)() for name, kind in kinds.items()}


if __name__ == "__main__":
    sys.exit(main())
