"""Which objects are summarized: those that changed, whatever changed them; and the rows are those of all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from identifications import EROS, current
from ingesting import EROS as EROS_ID
from ingesting import MQ204, load_night, predictions, sources, with_value
from summaries import due, id_of, load, objects, observation, orbit, rows_of
from test_partitions import NIGHTS, three_nights

import ssdb
from ssdb.cli import main
from ssdb.dia.withdraw import withdraw
from ssdb.identity.relink import relink
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_solar_system import ss_object, ss_source
from ssdb.schema.summary import ss_object_change, ss_object_fit
from ssdb.store.database import Database
from ssdb.store.ddl.detached import attach, detach, drop
from ssdb.store.ddl.migrate import connect
from ssdb.store.driver import driver_connection
from ssdb.store.tables.delete import delete_visits
from ssdb.store.transfer import read
from ssdb.store.transfer.read import _compiled, read_arrays
from ssdb.summary import summarize as road
from ssdb.summary.summarize import summarize


def stored(database: Database) -> tuple[list[Any], list[Any]]:
    return rows_of(database, ss_object), rows_of(database, ss_object_fit)


def counts(database: Database) -> dict[str, int]:
    return {name: row["nObs"] for name, row in objects(database).items()}


def settled(database: Database) -> None:
    """What is due is summarized; then the rows are as if all had been at once, and every check holds."""
    summarize(database)
    assert due(database) == (set(), set())
    incremental = stored(database)
    summarize(database, all=True)
    assert stored(database) == incremental
    assert [one.name for one in ssdb.check(database) if one.n_violations] == []


@pytest.fixture
def night(database: Database) -> Database:
    """The small night, of which all is summarized."""
    load_night(database)
    assert due(database) == (set(), {10, 20})
    assert summarize(database).n_objects == 2
    assert counts(database) == {"2015 MQ204": 2, "433": 2}
    return database


def test_a_second_run_finds_nothing_to_do_and_writes_nothing(night: Database) -> None:
    before = stored(night)
    assert summarize(night).as_dict()["n_objects"] == 0
    assert stored(night) == before
    settled(night)


def delete(database: Database) -> None:
    delete_visits(database, [10])


def withdraw_one(database: Database) -> None:
    withdraw(database, {"diaSourceId": [101]})


def undo_by_predictions(database: Database) -> None:
    ingest_predictions(database, {name: values[:2] for name, values in predictions().items()}, replace=True)


def replaced_sources(database: Database) -> None:
    ingest_sources(database, {name: values[:2] for name, values in sources().items()}, replace=True)


def other_predictions(database: Database) -> None:
    """In visit 10 another object has the source."""
    first = {name: values[:2] for name, values in predictions().items()}
    ingest_predictions(database, with_value(first, "designation", 0, "2010 AB"), replace=True)
    ssdb.associate(database)


def smaller_radius(database: Database) -> None:
    """Sources move away from the predictions, which then find none."""
    with database.writing() as connection:
        connection.execute(sa.text('UPDATE "DiaSource" SET ra = ra + 0.0001 WHERE visit = 10'))
    ssdb.associate(database, [10], config=ssdb.AssociationConfig(radius_arcsec=0.1))


@pytest.mark.parametrize(
    ("change", "noted", "left"),
    [
        (delete, {MQ204, EROS_ID}, {"2015 MQ204": 1, "433": 1}),
        (withdraw_one, {MQ204}, {"2015 MQ204": 1, "433": 2}),
        (undo_by_predictions, {MQ204, EROS_ID}, {"2015 MQ204": 1, "433": 1}),
        (replaced_sources, {MQ204, EROS_ID}, {"2015 MQ204": 1, "433": 1}),
        (smaller_radius, {MQ204, EROS_ID}, {"2015 MQ204": 1, "433": 1}),
    ],
)
def test_objects_that_lose_a_source_are_due(
    change: Callable[[Database], None], noted: set[int], left: dict[str, int], night: Database
) -> None:
    change(night)
    assert due(night) == (noted, set())
    assert summarize(night).n_objects == len(noted)
    assert counts(night) == left
    settled(night)


def test_both_objects_are_due_where_a_source_turns_out_to_be_another(night: Database) -> None:
    other_predictions(night)
    assert due(night) == ({MQ204, EROS_ID}, {10})
    assert summarize(night).n_objects == 3
    assert counts(night) == {"2015 MQ204": 1, "433": 2, "2010 AB": 1}
    settled(night)


def test_an_object_that_has_lost_all_has_no_row(night: Database) -> None:
    delete_visits(night, [10, 20])
    report = summarize(night)
    assert (report.n_objects, report.n_removed) == (0, 2)
    assert stored(night) == ([], [])
    settled(night)


def test_a_new_visit_makes_its_objects_due_and_no_others(night: Database) -> None:
    ingest_visits(night, {"visit": [30], "midpointMjdTai": [60000.3]})
    ingest_sources(night, {"diaSourceId": [301], "visit": [30], "detector": [1], "ra": [80.0], "dec": [-5.0]})
    ingest_predictions(night, {"visit": [30], "designation": ["433"], "ephRa": [80.0], "ephDec": [-5.0]})
    ssdb.associate(night)
    assert due(night) == (set(), {30})
    report = summarize(night)
    assert (report.n_objects, report.n_observations) == (1, 3)
    assert counts(night) == {"2015 MQ204": 2, "433": 3}
    settled(night)


def test_a_visit_of_another_time_makes_its_objects_due(night: Database) -> None:
    ingest_visits(night, {"visit": [20], "midpointMjdTai": [60000.205]})
    assert due(night) == (set(), {20})
    summarize(night)
    assert {row["arc"] for row in objects(night).values()} == {float(np.float32(60000.205 - 60000.1))}


def test_the_same_association_again_changes_no_row(night: Database) -> None:
    before = stored(night)
    ssdb.associate(night, everything=True)
    assert due(night) == (set(), {10, 20})
    settled(night)
    assert stored(night) == before


# ---- orbits --------------------------------------------------------------------------------------------------------


def orbits(designation: str = "2015 MQ204", **elements: Any) -> dict[str, list[Any]]:
    row = orbit(designation, **elements)
    del row["id"]
    return {name: [value] for name, value in row.items()}


def test_another_orbit_makes_its_object_due(night: Database) -> None:
    ingest_orbits(night, orbits())
    assert due(night) == ({MQ204}, set())
    settled(night)
    first = objects(night)["2015 MQ204"]
    assert first["MOIDEarth"] is not None
    ingest_orbits(night, orbits())
    ingest_orbits(night, orbits(h=12.0))
    assert due(night) == (set(), set())  # H is in no column
    ingest_orbits(night, orbits(q=1.2))
    assert due(night) == ({MQ204}, set())
    settled(night)
    second = objects(night)["2015 MQ204"]
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {c.name for c in ss_object.c if c.name.startswith("MOID")} | {"tisserand_J"}
    assert objects(night)["433"]["MOIDEarth"] is None


def test_an_orbit_that_goes_makes_its_object_due(night: Database) -> None:
    """It was under the number; now it comes under the primary designation, which no row of SSObject has."""
    ingest_orbits(night, orbits("433"))
    summarize(night)
    assert objects(night)["433"]["MOIDEarth"] is not None
    ingest_identifications(night, EROS)
    ingest_orbits(night, orbits("A898 PA", epoch_mjd=61_200.0))
    assert due(night) == ({EROS_ID}, set())
    relink(night)
    assert due(night) == ({EROS_ID, id_of("A898 PA")}, set())  # the former has nothing any more
    settled(night)
    assert counts(night) == {"2015 MQ204": 2, "A898 PA": 2}
    assert objects(night)["A898 PA"]["MOIDEarth"] is not None


# ---- names ---------------------------------------------------------------------------------------------------------


def test_relinked_objects_are_due_under_both_names(database: Database) -> None:
    load_night(database, associated=False)
    names = {"designation": ["2015 MQ204", "433", "2010 AB", "433"]}
    ingest_predictions(database, predictions() | names, replace=True)
    ssdb.associate(database)
    summarize(database)
    assert counts(database) == {"2015 MQ204": 1, "2010 AB": 1, "433": 2}
    ingest_identifications(database, current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204")))
    relink(database)
    assert due(database) == ({MQ204}, set())
    assert {row["ssObjectId"] for row in objects(database).values()} == {MQ204, EROS_ID}
    settled(database)
    assert counts(database) == {"2015 MQ204": 2, "433": 2}


# ---- partitions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Database]:
    """Three nights in three partitions, summarized, with one object in each."""
    with closing(connect(postgresql_url)) as opened:
        three_nights().load(opened)
        ssdb.associate(opened)
        summarize(opened)
        yield opened


def test_objects_of_a_night_that_is_detached_attached_or_dropped_are_due(server: Database) -> None:
    before = stored(server)
    first = before[0][0]["ssObjectId"]
    detach(server, NIGHTS[0])
    assert due(server) == ({first}, set())
    settled(server)
    assert len(stored(server)[0]) == 2
    attach(server, NIGHTS[0])
    assert due(server) == (set(), {NIGHTS[0] + 1, NIGHTS[0] + 2})
    settled(server)
    assert stored(server) == before
    drop(server, NIGHTS[1])
    assert len(due(server)[0]) == 1
    settled(server)
    detach(server, NIGHTS[0])
    summarize(server)
    drop(server, NIGHTS[0], detached=True)
    assert due(server) == (set(), set())


# ---- the run itself ------------------------------------------------------------------------------------------------


def many(database: Database) -> None:
    """Some objects with some observations in two bands, some of them bad, and orbits of half of them."""
    rng = np.random.default_rng(3)
    rows, names = [], [f"2020 A{letter}{k or ''}" for k in range(3) for letter in "ABCDEFGHJK"]
    for number in range(1, 600):
        measured = {"error": 0.05, "phaseAngle": float(rng.uniform(0.5, 25)), "band": "gr"[number % 2]}
        measured |= {"extendedness": float(rng.uniform()), "ephOffsetRa": float(rng.normal())}
        magnitude = None if rng.random() < 0.05 else float(rng.normal(20, 0.1))
        rows.append(observation(number, names[number * number % 30], magnitude, **measured))
    load(database, rows, [orbit(name, q=1.0 + 0.1 * k) for k, name in enumerate(names[::2])])


def test_chunks_leave_no_trace_and_both_databases_have_the_same_rows(
    sqlite_url: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for url, size in ((sqlite_url, 10**6), (postgresql_url, 10**6), (postgresql_url, 40), (sqlite_url, 1)):
        monkeypatch.setattr(road, "_OBSERVATIONS_PER_CHUNK", size)
        with closing(connect(url)) as database:
            if size == 10**6:
                many(database)
            told: list[tuple[int, int]] = []
            report = summarize(database, all=True, progress=lambda *done, told=told: told.append(done))  # type: ignore
            assert sum(done for done, _ in told) == report.n_observations == 599
            found.append(stored(database))
    assert found[1:] == found[:1] * 3
    assert len(found[0][0]) > 10


def test_what_changes_while_an_object_is_summarized_is_due_the_next_time(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another connection commits a withdrawal after the observations were read, and before they are written."""
    with closing(connect(postgresql_url)) as database, closing(connect(postgresql_url)) as other:
        load_night(database)
        read = road.read_observations

        def reading(*arguments: Any) -> Any:
            found = read(*arguments)
            withdraw(other, {"diaSourceId": [101]})
            return found

        with monkeypatch.context() as patched:
            patched.setattr(road, "read_observations", reading)
            summarize(database)
        assert counts(database) == {"2015 MQ204": 2, "433": 2}
        assert due(database) == ({MQ204}, set())
        settled(database)
        assert counts(database) == {"2015 MQ204": 1, "433": 2}


def test_only_the_objects_that_are_asked_for(database: Database) -> None:
    load_night(database)
    assert summarize(database, ["433"]).n_objects == 1
    assert counts(database) == {"433": 2}
    assert due(database) == (set(), {10, 20})
    settled(database)


def test_few_objects_are_read_by_their_index(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On fresh tables, and with statistics: matches and sources are not read from end to end."""
    plans: list[str] = []

    def explained(connection: sa.Connection, statement: Any, *arguments: Any, **options: Any) -> Any:
        text, values = _compiled(connection, statement)
        rows = driver_connection(connection).execute(f"EXPLAIN {text}", values, prepare=False).fetchall()
        plans.append("\n".join(row[0] for row in rows))
        return read_arrays(connection, statement, *arguments, **options)

    with closing(connect(postgresql_url)) as database:
        many(database)
        with monkeypatch.context() as patched:
            patched.setattr(read, "read_arrays", explained)
            summarize(database, ["2020 AB"])
            with database.session() as connection:
                connection.exec_driver_sql("ANALYZE")
            summarize(database, ["2020 AB"])
    about_sources = [plan for plan in plans if "SSSource" in plan]
    assert len(about_sources) == 4  # how many there are, and which
    assert not [plan for plan in about_sources if "Seq Scan" in plan]
    assert [plan for plan in about_sources if 'Index Scan using "DiaSource_0' in plan]


def test_the_command_and_the_status(night: Database, database_url: str) -> None:
    def ssdb_of(*arguments: str) -> Any:
        result = CliRunner().invoke(main, ["--db", database_url, *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    withdraw(night, {"diaSourceId": [101]})
    status = json.loads(ssdb_of("status", "--json"))
    assert (status["summarized"], status["objectsDue"], status["visitsDue"]) == (2, 1, 0)
    assert "objects that changed since" in ssdb_of("status")
    told = json.loads(ssdb_of("summarize", "--json", "--floor", "0.03"))
    assert (told["n_objects"], told["n_observations"], told["config"]["floor_mag"]) == (1, 1, 0.03)
    assert "objects summarized" in ssdb_of("summarize", "--all")
    assert json.loads(ssdb_of("summarize", "--object", "2015 MQ204", "--json"))["n_objects"] == 1
    for wrong in (["--fiducial", "2"], ["--all", "--object", "433"], ["--model", "HG"]):
        assert CliRunner().invoke(main, ["--db", database_url, "summarize", *wrong]).exit_code == 2


def test_without_anything(database: Database) -> None:
    for everything in (False, True):
        report = summarize(database, all=everything)
        assert (report.n_objects, report.n_observations, report.n_fits) == (0, 0, 0)
    assert ss_object_change.c.keys() == ["visit", "ssObjectId"]
    assert ss_source.c.ssObjectId.name in ss_object.c
