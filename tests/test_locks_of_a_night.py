"""What works on a night locks the partitions of that night alone, however many others there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conftest import _postgresql_database
from killed_commands import CASES, Case, load_night
from small_surveys import rows

import ssdb
from ssdb.cli import main
from ssdb.errors import DatabaseError, InputError, QueryError
from ssdb.store.database import Database
from ssdb.store.ddl import partitions as ddl
from ssdb.store.ddl.migrate import connect
from ssdb.store.ddl.partitions import DEFAULT_WIDTH, PARTITIONED, make_partitions

OTHERS = [DEFAULT_WIDTH * number for number in range(5, 17)]
"""The first visits of twelve nights of which nothing is asked."""

OF_ALL_NIGHTS = {
    "init": "it is of no night",
    "fetch": "as predictions; it needs a service",
    "relink": "it moves the rows of objects, wherever they are",
    "detach": "it has to know all ranges",
    "attach": "it has to know all ranges",
}
"""Cases that are of no night, and why they may open all partitions."""

LOCKED = """SELECT DISTINCT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
            WHERE l.pid = pg_backend_pid() AND c.relispartition"""


@contextmanager
def locked() -> Iterator[set[str]]:
    """The partitions, and indexes of these, of other nights that transactions have locked when they are committed."""
    names: set[str] = set()

    def look(connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            found = connection.connection.driver_connection.execute(LOCKED).fetchall()
            names.update(name for (name,) in found if int(re.findall(r"_(\d+)", name)[0]) in OTHERS)

    sa.event.listen(sa.Engine, "commit", look)
    try:
        yield names
    finally:
        sa.event.remove(sa.Engine, "commit", look)


def make_others(database: Database) -> None:
    with database.writing() as connection:
        make_partitions(connection, np.array(OTHERS), PARTITIONED)


@pytest.fixture(scope="module")
def with_others(request: pytest.FixtureRequest) -> str:
    """The name of a database that has these nights, to be copied: to make them takes longer than a command."""
    url = _postgresql_database(request, request.getfixturevalue("_postgresql_template"))
    with closing(connect(url)) as database:
        make_others(database)
    return sa.make_url(url).database or ""


@pytest.fixture
def url_with_others(request: pytest.FixtureRequest, with_others: str) -> str:
    return _postgresql_database(request, with_others)


READING = {
    "status": Case("status", load_night),
    "status-visit": Case("status", load_night, options=("--visit", "10")),
    "load": Case("query", load_night, options=('SELECT count(*) FROM "DiaSource" WHERE visit = 10',)),
}


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads some partitions at a time has several turns."""
    monkeypatch.setattr(ddl, "_AT_ONCE", 5)


@pytest.mark.parametrize("name", [name for name in CASES | READING if name not in OF_ALL_NIGHTS])
def test_a_command_locks_no_partition_of_another_night(name: str, url_with_others: str, tmp_path: Path) -> None:
    """But for a moment, where it reads some partitions at a time."""
    case = (CASES | READING)[name]
    with closing(connect(url_with_others)) as database:
        case.load(database)
    with locked() as names:
        done = CliRunner().invoke(main, ["--db", url_with_others, *case.arguments(tmp_path, "")])
        assert done.exit_code == 0, done.output
    assert names == set()


def test_identifiers_are_found_in_all_nights_where_they_do_not_grow(postgresql_url: str) -> None:
    """The ranges of all visits overlap: their partitions are looked at in turns, and none stays locked."""
    visits = [first + 1 for first in OTHERS]
    n = len(visits)
    mixed = np.random.default_rng(3).permutation(4 * n).reshape(n, 4)
    with closing(connect(postgresql_url)) as database:
        ssdb.ingest_visits(database, {"visit": [*visits, 1], "midpointMjdTai": 60000.0 + np.arange(n + 1)})
        where = {"ra": np.full(4, 10.0), "dec": np.zeros(4)}
        for visit, ids in zip(visits, mixed, strict=True):
            ssdb.ingest_sources(database, {"diaSourceId": ids, "visit": np.full(4, visit)} | where)
        with locked() as names:
            ssdb.ingest_sources(database, {"diaSourceId": 4 * n + np.arange(4), "visit": np.full(4, 1)} | where)
            for stored in (mixed[3, 2], mixed[-1, 0]):
                ids = [stored, 5 * n, 5 * n + 1, 5 * n + 2]
                with pytest.raises(InputError, match=rf"1 sources are stored already .*diaSourceId {stored};"):
                    ssdb.ingest_sources(database, {"diaSourceId": ids, "visit": np.full(4, 1)} | where)
        assert names == set()
        assert not any(result.n_violations for result in ssdb.check(database))


TOO_MANY = "SELECT count(pg_advisory_xact_lock_shared(n)) FROM generate_series(1, 1000000) n"


@pytest.mark.parametrize(("ask", "error"), [(ssdb.query, QueryError), (rows, DatabaseError)])
def test_what_asks_for_too_many_locks_hears_what_to_set(ask: Any, error: type[Exception], postgresql_url: str) -> None:
    set_it = r"set max_locks_per_transaction, which is \d+, to \d+ or more in postgresql.conf"
    with closing(connect(postgresql_url)) as database, pytest.raises(error, match=set_it):
        ask(database, TOO_MANY)
