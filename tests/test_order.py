"""No answer depends on the order in which a database gives rows, which it may choose where a statement states none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ingesting import EROS, MQ204, dump, load_night, predictions, sources, visits, without_clock

import ssdb
from ssdb.errors import DesignationError
from ssdb.identity.aliases import designations_of
from ssdb.schema.survey import ss_alias
from ssdb.store.database import Database


@contextmanager
def opened(url: str, turned: bool) -> Iterator[Database]:
    """A database of SQLite's, in which rows without an order may come the other way round."""
    with closing(ssdb.initialize(url)) as database:

        def turn(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(f"PRAGMA reverse_unordered_selects = {turned:d}").close()

        sa.event.listen(database.engine, "connect", turn)
        database.engine.dispose()  # the connections that there are have not been told
        yield database


def test_rows_do_come_the_other_way_round(tmp_path: Path) -> None:
    """Or what follows would show nothing."""
    url = f"sqlite:///{tmp_path}/a.db"
    found = []
    for turned in (False, True):
        with opened(url, turned) as database:
            ssdb.ingest_visits(database, visits())
            with database.reading() as connection:
                found.append(connection.exec_driver_sql('SELECT visit FROM "Visit"').scalars().all())
    assert found == [[10, 20], [20, 10]]


@pytest.mark.parametrize("footprints", [False, True])
def test_a_night_gives_the_same_rows(tmp_path: Path, footprints: bool) -> None:
    stored = []
    for turned in (False, True):
        with opened(f"sqlite:///{tmp_path}/{turned:d}.db", turned) as database:
            load_night(database, footprints=footprints)
            ssdb.ingest_sources(database, sources())
            ssdb.ingest_predictions(database, predictions(), replace=True)
            ssdb.associate(database)
            stored.append(without_clock(dump(database)))
    assert stored[0] == stored[1]


def _answers(database: Database) -> dict[str, Any]:
    found: dict[str, Any] = {name: ssdb.resolve(database, name).as_dict() for name in ("2015 MQ204", "foo", "FOo")}
    with pytest.raises(DesignationError) as caught:
        designations_of(database, ["bar"])
    found["bar"] = str(caught.value)
    found["check"] = [(result.name, result.examples) for result in ssdb.check(database)]
    return found


def test_names_and_checks_answer_the_same(tmp_path: Path) -> None:
    """Names that differ in case alone and are of one object or of two, and more violations than are shown."""
    url, answers = f"sqlite:///{tmp_path}/a.db", []
    with opened(url, False) as database:
        load_night(database)
        with database.writing() as connection:
            aliases = [
                ("Foo", MQ204, "name"),
                ("FOO", MQ204, "secondary"),
                ("Bar", MQ204, "name"),
                ("BAR", EROS, "name"),
            ]
            names = ("alias", "ssObjectId", "kind")
            connection.execute(sa.insert(ss_alias), [dict(zip(names, row, strict=True)) for row in aliases])
            connection.exec_driver_sql('DELETE FROM "VisitDetector"')
    for turned in (False, True):
        with opened(url, turned) as database:
            answers.append(_answers(database))
    assert any(len(examples) > 1 for _, examples in answers[0]["check"])
    assert answers[0] == answers[1]
