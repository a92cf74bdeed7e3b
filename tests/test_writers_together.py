"""Ingest and association of the same visits at the same time, by several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusing import PROCESSES
from small_surveys import Survey, beside, differences, exported, rows

from ssdb.association.associate import associate
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.store.ddl.migrate import connect

N_VISITS = 12
Part = list[dict[str, Any]]
Ingest = Callable[..., Any]


def survey() -> Survey:
    """Exposures with two detectors and twelve objects; every source is near one of them, and most objects have one."""
    made, rng = Survey(), np.random.default_rng(8)
    for visit in range(1, N_VISITS + 1):
        made.add_visit(visit)
        for detector, east in ((0, -60.0), (1, 60.0)):
            made.add_square(detector, *beside(10.0, 20.0, east, 0.0), 59.0, visit, pixelScale=0.5)
        for number in range(12):
            east, north = (-100.0 + 18.0 * number, 3.0 * (visit % 5))
            made.add_prediction(number, *beside(10.0, 20.0, east, north), visit)
            if rng.random() < 0.8:
                place = beside(10.0, 20.0, *np.array((east, north)) + rng.normal(0, 0.3, 2))
                made.add_source(100 * visit + number, *place, visit, detector=int(east > 0))
    return made


def columns(part: Part) -> dict[str, list[Any]]:
    return {name: [row[name] for row in part] for name in part[0]}


def load_parts(url: str, parts: Sequence[tuple[Ingest, Part]]) -> int:
    """A process that ingests small files, one after the other."""
    with closing(connect(url)) as database:
        for ingest, part in parts:
            ingest(database, columns(part))
    return len(parts)


def parts_of(ingest: Ingest, all_rows: Part, n_parts: int, seed: int) -> list[tuple[Ingest, Part]]:
    """Rows in small files, each of which concerns several visits."""
    order = np.random.default_rng(seed).permutation(len(all_rows))
    return [(ingest, [all_rows[index] for index in part]) for part in np.array_split(order, n_parts)]


def outlines(made: Survey) -> list[tuple[Ingest, Part]]:
    """The detectors of four visits in each file."""
    groups = [range(start, start + 4) for start in range(1, N_VISITS + 1, 4)]
    return [(ingest_detectors, [row for row in made.corners if row["visit"] in group]) for group in groups]


@pytest.fixture(scope="module")
def expected(made: Survey, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables when everything is loaded before anything is associated."""
    with closing(connect()) as database:
        made.load(database)
        assert associate(database).failed == {}
        return exported(database, tmp_path_factory.mktemp("expected"))


@pytest.fixture(scope="module")
def made() -> Survey:
    return survey()


def associate_until(url: str, finished: Path) -> int:
    """A process that associates what is pending, until there is a file; how many visits it did."""
    n_done = 0
    with closing(connect(url)) as database:
        while not finished.exists():
            report = associate(database)
            assert report.failed == {}
            n_done += len(report.visits)
    return n_done


def test_ingest_and_association_together_lose_nothing(
    database_url: str, made: Survey, expected: dict[str, Any], tmp_path: Path
) -> None:
    """Sources, predictions and outlines come into visits that are being associated, from three processes to two.

    No ingest fails and no visit does (a deadlock would be such a failure), in the end all are done, and the rows are
    those of a night that was loaded first.
    """
    first, rest = made.predictions[::2], made.predictions[1::2]
    half = len(made.sources) // 2
    predictions, detectors = parts_of(ingest_predictions, rest, 6, 3), outlines(made)
    work = [
        parts_of(ingest_sources, made.sources[:half], 9, 1),
        parts_of(ingest_sources, made.sources[half:], 9, 2),
        [one for index in range(3) for one in (*predictions[2 * index : 2 * index + 2], detectors[index])],
    ]
    finished = tmp_path / "finished"
    n_done = 0
    with closing(connect(database_url)) as database:
        Survey(visits=made.visits, predictions=first).load(database)
        with ProcessPoolExecutor(4, PROCESSES) as pool:
            other = pool.submit(associate_until, database_url, finished)
            writing: list[Future[int]] = [pool.submit(load_parts, database_url, parts) for parts in work]
            try:
                while not all(one.done() for one in writing):
                    report = associate(database)
                    assert report.failed == {}
                    n_done += len(report.visits)
            finally:
                finished.touch()
            assert [one.result() for one in writing] == [9, 9, 9]
            n_done += other.result()
        assert n_done > N_VISITS
        # Whoever writes last leaves its visits to the next.
        assert associate(database).failed == {}
        assert rows(database, 'SELECT DISTINCT status FROM "Visit"') == [("done",)]
        assert rows(database, 'SELECT DISTINCT status FROM "VisitDetector"') == [("done",)]
        assert differences(expected, exported(database, tmp_path)) == []
    assert expected["SSSource"].num_rows > 80


def test_sources_are_replaced_while_they_are_associated(
    database_url: str, made: Survey, expected: dict[str, Any], tmp_path: Path
) -> None:
    """The same files again and again, while all is associated again and again: in the end the rows are the same."""
    replace = partial(ingest_sources, replace=True)
    groups = ((1, 5, 9), (2, 6, 9), (9, 3, 7), (1, 4, 5))
    files = [(replace, [row for row in made.sources if row["visit"] in group]) for group in groups]
    with closing(connect(database_url)) as database:
        made.load(database)
        with ProcessPoolExecutor(2, PROCESSES) as pool:
            writing = [pool.submit(load_parts, database_url, parts) for parts in (files * 2, files[::-1] * 2)]
            while not all(one.done() for one in writing):
                assert associate(database).failed == {}
                assert associate(database, everything=True).failed == {}
            assert [one.result() for one in writing] == [8, 8]
        assert associate(database).failed == {}
        assert differences(expected, exported(database, tmp_path)) == []
