"""What is measured in a process of its own, with a high-water mark of memory that is its alone."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.visits import ingest_visits
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.sqlite import MEMORY_URL

INGEST: dict[str, Callable[..., IngestReport]] = {
    "visits": ingest_visits,
    "detectors": ingest_detectors,
    "sources": ingest_sources,
    "predictions": partial(ingest_predictions, complete=True),
}


class Child(Protocol):
    """Calls a function in another process, and returns its result."""

    def __call__(self, function: Callable[..., Any], /, *arguments: Any) -> Any: ...


@contextmanager
def child_process(files: dict[str, Path]) -> Iterator[Child]:
    """A new process that does one thing after another, and has been through a tiny night before."""
    # Of a server that has only these modules, so that it begins without the night that this process has in memory.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "alembic.command", "astropy.table", "pyarrow.parquet", "scipy.optimize"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(rehearse, files).result()
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def rehearse(files: dict[str, Path]) -> None:
    """Puts a tiny night through a database in memory: modules that are imported once are imported then."""
    with closing(initialize(MEMORY_URL)) as database:
        for kind, path in files.items():
            INGEST[kind](database, path)
        associate(database)


def peak_memory_mb() -> float:
    """The most memory that this process has had since its program began, MB (1e6 bytes)."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        # Elsewhere than on Linux. There this would be that of the process that started this one, if it was larger.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def ingest_file(url: str, kind: str, path: Path) -> dict[str, Any]:
    """Seconds and rows of an ingest, reading the file included, and the memory of this process so far."""
    with closing(connect(url)) as database:
        start = time.perf_counter()
        rows = INGEST[kind](database, path).rows
        return {"seconds": time.perf_counter() - start, "rows": rows, "peak_mb": peak_memory_mb()}


def associate_all(url: str, config: AssociationConfig) -> dict[str, Any]:
    """Associates what is pending: seconds, of each stage and of each visit its share of a batch, counts, memory."""
    with closing(connect(url)) as database:
        report = associate(database, config=config)
    return {
        "seconds": report.seconds,
        "stages": {name: stage.seconds for name, stage in report.stages.items()},
        "visits": [outcome.seconds for outcome in report.visits],
        "associated": report.totals["nAssociatedSsObjects"],
        "failed": report.failed,
        "peak_mb": peak_memory_mb(),
    }
