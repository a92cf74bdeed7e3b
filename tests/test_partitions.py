"""Partitions: rows go where they belong, a night is detached, attached and dropped, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from ingesting import at_once, dump, without_clock
from small_surveys import MJD, Survey, change, rows, table_of

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, DatabaseError, InputError, NotFoundError
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.detached import attach, detach, drop, list_partitions, partition_width
from ssdb.store.ddl.migrate import connect
from ssdb.store.ddl.partitions import (
    DEFAULT_WIDTH,
    PARTITIONED,
    _beside,
    make_partitions,
    partitions,
    partitions_for,
    set_width,
)

NIGHTS = (2031092300000, 2031092400000, 2031092500000)
SMALLEST, LARGEST = -(2**63), 2**63 - 1
int64 = st.integers(SMALLEST, LARGEST)


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Database]:
    """An open, empty PostgreSQL database of ssdb."""
    with closing(connect(postgresql_url)) as opened:
        yield opened


def three_nights(how_many: int = 3) -> Survey:
    """Two visits in each of the first nights, each with a source that is an object and one that is none."""
    survey = Survey()
    for night, first in enumerate(NIGHTS[:how_many]):
        for number in (1, 2):
            visit = survey.add_visit(first + number, midpointMjdTai=MJD + night)
            for place in (0, 1):
                source = first + 10 * number + place
                survey.add_source(source, 10.0 + place, 5.0 * night, visit, midpointMjdTai=MJD + night)
            survey.add_prediction(night, 10.0, 5.0 * night + 1e-5, visit, midpointMjdTai=MJD + night)
    return survey


@pytest.fixture
def associated(server: Database) -> Database:
    """The three nights, associated."""
    three_nights().load(server)
    ssdb.associate(server)
    return server


def stored(database: Database) -> dict:
    """All rows, but for runs and what the clock says."""
    return without_clock(dump(database))


def holds(wanted: tuple[int, int | None], visit: int) -> bool:
    return wanted[0] <= visit and (wanted[1] is None or visit < wanted[1])


# Ranges


@given(st.lists(int64, min_size=1, max_size=20), st.lists(int64, max_size=10), st.integers(1, 2**62))
def test_every_visit_has_one_range_and_ranges_that_exist_stay(visits: list[int], before: list[int], width: int) -> None:
    """Whatever the width then was: each visit is in exactly one range, and no two ranges overlap."""
    existing = partitions_for(np.array(before, np.int64), 1 + width // 3, [])
    needed = partitions_for(np.array(visits, np.int64), width, existing)
    together = sorted({*existing, *needed})
    for visit in visits:
        assert sum(holds(wanted, visit) for wanted in needed) == 1
    for (_, past), (first, _) in pairwise(together):
        assert past is not None
        assert past <= first
    assert all(past is None or past - first <= max(width, 1 + width // 3) for first, past in needed)


def test_ranges_are_nights_of_rubins_numbering() -> None:
    visits = np.array([2031092300001, 2031092399999, 2031092400000])
    assert partitions_for(visits, DEFAULT_WIDTH, []) == [(2031092300000, 2031092400000), (2031092400000, 2031092500000)]


def test_the_last_range_has_no_end() -> None:
    ((first, past),) = partitions_for(np.array([LARGEST]), DEFAULT_WIDTH, [])
    assert first == LARGEST // DEFAULT_WIDTH * DEFAULT_WIDTH
    assert past is None


# Rows in partitions


def test_visits_make_the_partitions_that_they_need(associated: Database) -> None:
    with associated.reading() as connection:
        found = partitions(connection)
    ranges = {(first, first + DEFAULT_WIDTH) for first in NIGHTS}
    for table in PARTITIONED:
        assert {partition for partition, tables in found.items() if table.name in tables} == ranges
    for first in NIGHTS:
        of_night = f'SELECT count(*), min(visit), max(visit) FROM "DiaSource_{first}"'
        assert rows(associated, of_night) == [(4, first + 1, first + 2)]


@pytest.mark.parametrize("width", [10, 700, 100_000])
def test_a_new_range_is_found_by_those_beside_it(server: Database, width: int) -> None:
    """Of other widths, lengths and signs: the others make no difference."""
    with server.writing() as connection:
        for stored, others in ((1000, [1, 1500, -1500, 12_000, 99_999, 100_000]), (30, [2000, 2040, 20_010, 131_000])):
            set_width(connection, stored)
            make_partitions(connection, np.array(others), PARTITIONED[:2])
        set_width(connection, width)
        every = partitions(connection)
        ends = (0, 25, 999, 1990, 2029, 2070, 2999, 9999, 10_000, 11_999, 20_050, 98_000, 101_500, 10**12, -1, -2001)
        for visit in ends:
            new = np.array([visit])
            beside = partitions(connection, begin=_beside(connection, new))
            assert len(beside) < len(every)
            assert partitions_for(new, width, beside) == partitions_for(new, width, every)


def test_a_partition_has_the_indexes_of_its_table(associated: Database) -> None:
    """Those of DiaSource are made after its first sources are loaded."""
    for table in PARTITIONED:
        counted = "SELECT count(*) FROM pg_index WHERE indrelid = CAST(:name AS regclass) AND indisvalid"
        counts = {
            rows(associated, counted, name=f'"{name}"')[0][0] for name in (table.name, f"{table.name}_{NIGHTS[0]}")
        }
        assert counts == {len(table.indexes) + 1}


def test_the_partition_of_the_first_sources_leaves_room_for_updates(associated: Database) -> None:
    options = f"SELECT reloptions FROM pg_class WHERE oid = CAST('\"DiaSource_{NIGHTS[0]}\"' AS regclass)"
    assert rows(associated, options) == [(["fillfactor=80"],)]


@pytest.mark.parametrize("table", ["DiaSource", f"DiaSource_{NIGHTS[0]}"])
def test_later_sources_go_straight_into_their_partition_unless_the_table_has_triggers(
    associated: Database, table: str
) -> None:
    """A trigger for each statement fires on the table that the statement names: it is called in both cases."""
    for sql in (
        "CREATE TABLE called (n integer)",
        """CREATE FUNCTION called() RETURNS trigger LANGUAGE plpgsql
           AS $$ BEGIN INSERT INTO called VALUES (1); RETURN NULL; END $$""",
        f'CREATE TRIGGER called AFTER INSERT ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION called()',
    ):
        change(associated, sql)
    more = Survey()
    visit = more.add_visit(NIGHTS[0] + 3)
    more.add_source(NIGHTS[0] + 30, 10.0, 0.0, visit)
    more.load(associated)
    assert rows(associated, "SELECT count(*) FROM called") == [(1,)]


def test_sources_that_are_refused_leave_no_partition(server: Database) -> None:
    survey = three_nights()
    ssdb.ingest_visits(server, table_of(survey.visits))
    ssdb.ingest_sources(server, table_of(survey.sources[:1]))
    before = _partition_names(server)
    # What is wrong with them is seen when they have been loaded: another visit has one of them.
    again = [row | {"visit": NIGHTS[1] + 1, "midpointMjdTai": MJD + 1} for row in survey.sources[:2]]
    with pytest.raises(InputError, match="stored already"):
        ssdb.ingest_sources(server, table_of(again))
    assert _partition_names(server) == before
    assert f"DiaSource_{NIGHTS[1]}" not in before


def test_sources_that_are_stored_in_another_night_are_refused(associated: Database) -> None:
    """Their partition would be a new one, which does not know of the others."""
    visit = NIGHTS[-1] + DEFAULT_WIDTH + 1
    ssdb.ingest_visits(associated, {"visit": [visit], "midpointMjdTai": [MJD + 3]})
    again = {"diaSourceId": [NIGHTS[0] + 10], "visit": [visit], "ra": [1.0], "dec": [1.0]}
    with pytest.raises(InputError, match="stored already"):
        ssdb.ingest_sources(associated, again)
    assert f"DiaSource_{visit - 1}" not in _partition_names(associated)


def test_first_sources_of_one_night_from_many_at_once(server: Database) -> None:
    """One of them makes the partition, the others wait for it; every source is there."""
    survey = three_nights()
    ssdb.ingest_visits(server, table_of(survey.visits))
    visits = [NIGHTS[0] + 1, NIGHTS[0] + 2]
    many = [
        {
            "diaSourceId": [1000 * k + i for i in range(50)],
            "visit": [visits[k % 2]] * 50,
            "ra": [1.0] * 50,
            "dec": [2.0] * 50,
        }
        for k in range(6)
    ]
    reports = at_once([lambda one=one: ssdb.ingest_sources(server, one) for one in many])
    assert [report.rows for report in reports] == [50] * 6
    assert rows(server, "SELECT count(*), count(DISTINCT diaSourceId) FROM DiaSource") == [(300, 300)]
    totals = "SELECT visit, nDiaSources FROM VisitDetector ORDER BY visit"
    assert rows(server, totals) == [(visits[0], 150), (visits[1], 150)]


def test_the_width_is_of_partitions_that_are_made_later(server: Database) -> None:
    survey = three_nights()
    ssdb.ingest_visits(server, table_of(survey.visits[:1]))
    assert partition_width(server) == DEFAULT_WIDTH
    assert partition_width(server, 10 * DEFAULT_WIDTH) == 10 * DEFAULT_WIDTH
    ssdb.ingest_visits(server, table_of(survey.visits))
    ranges = [(part.first, part.past) for part in list_partitions(server)]
    # What is left of ten nights where one has its own already.
    assert ranges == [(NIGHTS[0], NIGHTS[1]), (NIGHTS[1], 2031093000000)]
    with pytest.raises(ConfigError, match="above 0"):
        partition_width(server, 0)


# A night that is detached


def test_a_night_set_aside_and_brought_back_is_as_it_was(associated: Database) -> None:
    before = stored(associated)
    detach(associated, NIGHTS[1] + 2)
    without = stored(associated)
    for name in ("Visit", "VisitDetector", *(table.name for table in PARTITIONED)):
        kept = [row for row in before[name] if not NIGHTS[1] <= row["visit"] < NIGHTS[2]]
        assert without[name] == kept
    assert not any(result.n_violations for result in ssdb.check(associated))
    assert [part.visits for part in list_partitions(associated) if part.detached] == [2]
    assert attach(associated, NIGHTS[1]) == 2
    assert stored(associated) == before
    assert not any(part.detached for part in list_partitions(associated))
    assert not any(name.endswith("_detached") for name in _partition_names(associated))
    ssdb.associate(associated, everything=True)
    assert stored(associated) == before


def test_a_night_set_aside_before_an_upgrade_gets_the_new_columns(associated: Database) -> None:
    """NULL in its rows, as in those of the other nights; then it is a night like any other."""
    older = {"Visit": ["depth"], "VisitDetector": ["depth", "sourceCounts"], "SsExpected": ["ephMag", "pDetected"]}
    older |= {"SsCandidate": ["probability", "density", "oddsPosition"]}
    detach(associated, NIGHTS[1])
    for table, columns in older.items():
        for column in columns:
            change(associated, f'ALTER TABLE "{table}_{NIGHTS[1]}_detached" DROP COLUMN "{column}"')
    assert attach(associated, NIGHTS[1]) == 2
    after = stored(associated)
    assert [len(after[name]) for name in ("Visit", "SsCandidate", "DiaSource")] == [6, 6, 12]
    assert {row["probability"] for row in after["SsCandidate"]} == {None}
    assert [row["sourceCounts"] is None for row in after["VisitDetector"]] == [False] * 2 + [True] * 2 + [False] * 2
    config = ssdb.AssociationConfig(mode="uncertainty")
    assert not ssdb.associate(associated, everything=True, config=config).failed
    assert None not in {row["probability"] for row in stored(associated)["SsCandidate"]}
    assert not any(result.n_violations for result in ssdb.check(associated))


def test_a_dropped_night_is_gone_and_the_others_are_not(associated: Database) -> None:
    before = stored(associated)
    part = drop(associated, NIGHTS[0] + 1)
    assert (part.first, part.visits, part.pending) == (NIGHTS[0], 2, 0)
    after = stored(associated)
    for name in ("Visit", "VisitDetector", *(table.name for table in PARTITIONED)):
        assert after[name] == [row for row in before[name] if row["visit"] >= NIGHTS[1]]
    assert not any(result.n_violations for result in ssdb.check(associated))
    three_nights(1).load(associated)
    ssdb.associate(associated)
    assert stored(associated) == before


def test_a_night_that_is_set_aside_can_be_dropped(associated: Database) -> None:
    names = detach(associated, NIGHTS[0])
    assert len(names) == len(PARTITIONED) + 2
    assert drop(associated, NIGHTS[0]).detached
    assert not set(names) & set(_partition_names(associated))
    with pytest.raises(NotFoundError, match="partition list"):
        drop(associated, NIGHTS[0])


def test_a_night_stored_anew_keeps_the_old_one_out(associated: Database) -> None:
    before = stored(associated)
    detach(associated, NIGHTS[0])
    ssdb.ingest_visits(associated, {"visit": [NIGHTS[0] + 1], "midpointMjdTai": [MJD]})
    with pytest.raises(DatabaseError, match=f"stored meanwhile: {NIGHTS[0] + 1}; the partition stays detached"):
        attach(associated, NIGHTS[0])
    with pytest.raises(DatabaseError, match="detached=True"):
        drop(associated, NIGHTS[0])
    assert drop(associated, NIGHTS[0], detached=True).detached
    with pytest.raises(NotFoundError, match="any more"):
        drop(associated, NIGHTS[0], detached=True)
    assert [part.visits for part in list_partitions(associated)] == [1, 2, 2]
    assert stored(associated)["SSSource"] == [row for row in before["SSSource"] if row["visit"] >= NIGHTS[1]]


def test_what_is_not_there_is_told(associated: Database) -> None:
    for action in (detach, drop):
        with pytest.raises(NotFoundError, match="visit 5 belongs to"):
            action(associated, 5)
    with pytest.raises(NotFoundError, match="is detached"):
        attach(associated, NIGHTS[0])


def test_sqlite_has_no_partitions(sqlite_url: str) -> None:
    with closing(connect(sqlite_url)) as database:
        for action in (
            list_partitions,
            lambda d: detach(d, 1),
            lambda d: attach(d, 1),
            lambda d: drop(d, 1),
            partition_width,
        ):
            with pytest.raises(ConfigError, match="SQLite"):
                action(database)


def test_a_night_in_use_is_not_waited_for_without_end(associated: Database, postgresql_url: str) -> None:
    """A reader that does not finish makes it give up; nothing has changed then."""
    before = stored(associated)
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as reader:
        reader.execute('SELECT count(*) FROM "DiaSource"')
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ssdb.store.locks._SECONDS", 0.2)
            with pytest.raises(DatabaseError, match="in use"):
                detach(associated, NIGHTS[0])
    assert stored(associated) == before


# The command


def test_the_command(associated: Database, postgresql_url: str) -> None:
    def run(*arguments: str, **options: str) -> str:
        result = CliRunner().invoke(main, ["--db", postgresql_url, "partition", *arguments], **options)
        assert result.exit_code == 0, result.output
        return result.output

    parts = json.loads(run("list", "--json"))
    assert [(part["first"], part["visits"], part["detached"]) for part in parts] == [(n, 2, False) for n in NIGHTS]
    assert "is detached, in DiaMatch_2031092300000_detached" in run("detach", str(NIGHTS[0]))
    assert "detached" in run("list")
    assert "is back, with 2 visits" in run("attach", str(NIGHTS[0]))
    result = CliRunner().invoke(main, ["--db", postgresql_url, "partition", "drop", str(NIGHTS[0])], input="n\n")
    assert result.exit_code == 1
    assert len(list_partitions(associated)) == 3
    assert "dropped the partition from visit 2031092300000, with 2 visits" in run("drop", "--yes", str(NIGHTS[0]))
    assert run("width", "500") == "500\n"
    assert CliRunner().invoke(main, ["--db", postgresql_url, "partition", "width", "0"]).exit_code == 2


def test_association_makes_partitions_that_are_missing(server: Database) -> None:
    """Those that somebody dropped: the visits of that night are associated with the others."""
    three_nights().load(server)
    for table in ("SSSource", "SsExpected", "SsCandidate"):
        change(server, f'DROP TABLE "{table}_{NIGHTS[1]}"')
    report = ssdb.associate(server)
    assert report.failed == {}
    assert report.totals["nAssociatedSsObjects"] == 6
    assert rows(server, 'SELECT visit FROM "SSSource" ORDER BY 1') == [(first + n,) for first in NIGHTS for n in (1, 2)]


def _partition_names(database: Database) -> list[str]:
    """Ordinary tables that are not in the schema: partitions, and those that were detached."""
    found = rows(database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    return sorted(name for (name,) in found if name not in metadata.tables and name != "alembic_version")


# Plans


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The plans, by table, of the statements with which associations search or change partitioned tables."""
    found: dict[str, str] = {}
    execute = psycopg.Cursor.execute

    def explained(cursor: psycopg.Cursor, query: object, values: object = None, **options: object) -> psycopg.Cursor:
        text = str(query)
        marks = {"box b": "join", "matched_object": "ephemerides", 'update "DiaSource"': "objects"}
        for mark, name in marks.items():
            if mark in text:
                with cursor.connection.cursor() as other:
                    plan = execute(other, f"EXPLAIN {text}", values, prepare=False)
                    found[name] = "\n".join(line for (line,) in plan.fetchall())
        return execute(cursor, query, values, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", explained)
    return found


@pytest.mark.parametrize("known", ["fresh", "analyzed", "of other visits"])
def test_statements_open_one_night_and_search_its_index(server: Database, plans: dict[str, str], known: str) -> None:
    """Whatever statistics say: none yet, those of now, or those of visits before, so that later ones seem empty."""
    first = NIGHTS[1]
    survey = Survey()
    for number in range(20):
        visit = survey.add_visit(first + 100 + number)
        for place in range(60):
            survey.add_source(1000 * number + place, place / 10, 0.0, visit)
            survey.add_prediction(place, place / 10, 1e-5, visit)
    old, new = ({first + 100 + number for number in numbers} for numbers in (range(18), range(18, 20)))
    three_nights().load(server)
    for visits in (old, new):
        kinds = (survey.visits, survey.sources, survey.predictions)
        part = Survey(*([row for row in of_kind if row["visit"] in visits] for of_kind in kinds))
        part.load(server)
        if visits is old and known == "of other visits":
            change(server, "ANALYZE")
    if known == "analyzed":
        change(server, "ANALYZE")
    report = ssdb.associate(server, sorted(new))
    assert report.totals["nAssociatedSsObjects"] == 120
    assert plans.keys() == {"join", "ephemerides", "objects"}
    for name, searched in (
        ("join", ("visit = ", "zone = ", "ra >= ", "ra <= ")),
        ("ephemerides", ("visit = ",)),  # all of these visits: most of them are wanted
        ("objects", ("visit >= ", "visit <= ")),  # by the identifiers, or else the sources of these visits alone
    ):
        plan = plans[name]
        assert not any(str(night) in plan for night in NIGHTS if night != first), plan
        (condition,) = (line for line in plan.splitlines() if "Index Cond: " in line)
        assert [bound for bound in searched if bound not in condition] == [], plan
        assert "Seq Scan on" not in plan, plan
