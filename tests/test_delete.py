"""Exposures that were stored wrongly are removed with all that belongs to them, and nothing else is."""

from __future__ import annotations

from contextlib import closing
from threading import Thread

import pytest
from click.testing import CliRunner
from ingesting import corners, dump, load_night, predictions, sources, visits, without_clock

import ssdb
from ssdb.cli import main
from ssdb.errors import NotFoundError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.delete import delete_visits


def load(database: Database, numbers: tuple[int, ...]) -> None:
    """Some of the visits of the night, each by itself, and associated."""
    for number in numbers:
        for ingest, table in (
            (ssdb.ingest_visits, visits()),
            (ssdb.ingest_detectors, corners(number, 1)),
            (ssdb.ingest_sources, sources()),
            (ssdb.ingest_predictions, predictions()),
        ):
            rows = [row for row, visit in enumerate(table["visit"]) if visit == number]
            ingest(database, {name: [values[row] for row in rows] for name, values in table.items()})
    ssdb.associate(database)


def test_nothing_of_it_is_left_and_nothing_else_is_touched(database: Database, database_url: str) -> None:
    load(database, (20,))
    expected = without_clock(dump(database))
    load(database, (10,))
    assert len(dump(database)["SSSource"]) > len(expected["SSSource"])
    done = CliRunner().invoke(main, ["--db", database_url, "delete", "visit", "10", "--yes"])
    assert (done.exit_code, done.stdout) == (
        0,
        "removed 1 visits, 2 detectors, 4 sources, 2 predictions, 2 matches\n",
    )
    left = without_clock(dump(database))
    for table in ("Visit", "VisitDetector", "DiaSource", "SsPrediction", "SsExpected", "SsCandidate", "SSSource"):
        assert left[table] == expected[table], table
    assert CliRunner().invoke(main, ["--db", database_url, "check"]).exit_code == 0
    load(database, (10,))


def test_it_is_asked_for(database: Database, database_url: str) -> None:
    load_night(database)
    before = dump(database)
    asked = CliRunner().invoke(main, ["--db", database_url, "delete", "visit", "10"], input="n\n")
    assert asked.exit_code != 0
    assert "Remove 1 visits, " in asked.stderr
    assert dump(database) == before


def test_of_several_all_or_none_are_removed(database: Database, database_url: str) -> None:
    load_night(database)
    before = dump(database)
    with pytest.raises(NotFoundError, match="visit 30 is not in the database"):
        delete_visits(database, [10, 30])
    assert dump(database) == before
    assert delete_visits(database, [20, 10])["Visit"] == 2
    assert dump(database)["DiaSource"] == []


def test_beside_association(postgresql_url: str) -> None:
    """Whoever has the visit first ends first; the other one finds it done or gone."""
    with closing(connect(postgresql_url)) as one, closing(connect(postgresql_url)) as other:
        load_night(one)
        thread = Thread(target=ssdb.associate, args=(other,))
        thread.start()
        delete_visits(one, [10])
        thread.join()
        tables = dump(one)
        assert {row["visit"] for name in ("SSSource", "SsExpected", "DiaSource") for row in tables[name]} == {20}
