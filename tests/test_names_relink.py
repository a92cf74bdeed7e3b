"""Moving rows to primary designations: the database is then as if the objects had come under these from the start."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identifications import EROS, EROS_PRIMARY, current, numbered
from ingesting import EROS as BY_NUMBER
from ingesting import (
    MQ204,
    at_once,
    dump,
    load_night,
    rows,
    sources,
    statuses,
    visits,
    wait_for_lock_waits,
    without_clock,
)
from test_views import insert

from ssdb.ask.check import check
from ssdb.association.associate import associate
from ssdb.cli import main
from ssdb.errors import DatabaseError, InputError, NotFoundError
from ssdb.identity.designation import pack, ss_object_id
from ssdb.identity.relink import relink
from ssdb.identity.resolve import resolve
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import mpc_orbits, ss_object, ss_source
from ssdb.schema.columns import metadata
from ssdb.schema.survey import ss_ephemeris, visit
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.visits import lock_visits

AB = ss_object_id("K10A00B")
LINK = current(("2010 AB", "2015 MQ204"), ("2015 MQ204", "2015 MQ204"))
OF_NAMES = ("SsAlias", "current_identifications", "numbered_identifications")


def predicted(*rows_of: tuple[int, str, float]) -> dict[str, list[Any]]:
    """Predictions, given as (visit, designation, ephRa)."""
    numbers, names, ra = zip(*rows_of, strict=True)
    return {"visit": list(numbers), "designation": list(names), "ephRa": list(ra), "ephDec": [-5.0] * len(ra)}


def load(database: Database, *rows_of: tuple[int, str, float]) -> None:
    """The small night's visits and sources, with other predictions, associated."""
    ingest_visits(database, visits())
    ingest_sources(database, sources())
    ingest_predictions(database, predicted(*rows_of))
    assert not associate(database).failed


def results(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {table: of_table for table, of_table in without_clock(dump(database)).items() if table not in OF_NAMES}


def broken(database: Database) -> list[str]:
    return [result.name for result in check(database) if result.n_violations]


def test_every_table_is_as_if_the_object_had_come_under_its_primary_designation(database: Database) -> None:
    load(database, (10, "2010 AB", 50.0), (10, "433", 50.5), (20, "2015 MQ204", 50.1), (20, "433", 50.6))
    with closing(connect()) as other:
        load(other, (10, "2015 MQ204", 50.0), (10, "A898 PA", 50.5), (20, "2015 MQ204", 50.1), (20, "A898 PA", 50.6))
        expected = results(other)
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    report = relink(database)
    assert results(database) == expected
    assert {row["ssObjectId"] for row in rows(database, "DiaSource")} == {MQ204, EROS_PRIMARY, None}
    assert report.objects == {"433": "A898 PA", "2010 AB": "2015 MQ204"}
    every = ("DiaSource", "SSSource", "SsCandidate", "SsExpected", "SsPrediction")
    assert report.moved == dict.fromkeys(every, 3)
    assert (report.removed, report.pending, report.dry_run) == ({}, (), False)
    assert set(statuses(database).values()) == {"done"}
    assert broken(database) == []


def test_again_there_is_nothing_to_do(database: Database) -> None:
    load_night(database)
    ingest_identifications(database, EROS)
    relink(database)
    before = dump(database)
    report = relink(database)
    assert (report.objects, report.moved, report.removed, report.pending) == ({}, {}, {}, ())
    assert dump(database) == before


def test_nothing_to_do_without_identifications(database: Database) -> None:
    load_night(database)
    before = dump(database)
    assert relink(database).objects == {}
    assert dump(database) == before


def test_an_object_predicted_twice_keeps_the_primary_prediction(database: Database) -> None:
    """The other one took the source of the first: only a new association can tell whose it is."""
    load(database, (10, "2010 AB", 50.0), (10, "2015 MQ204", 50.0002), (20, "2010 AB", 50.1), (20, "433", 50.6))
    assert {row["ssObjectId"] for row in rows(database, "SSSource") if row["visit"] == 10} == {AB}
    ingest_identifications(database, LINK)
    report = relink(database)
    assert report.pending == (10,)
    assert report.removed == {"SSSource": 1, "SsCandidate": 1, "SsExpected": 1, "SsPrediction": 1}
    assert statuses(database) == {
        **{(10,): "pending", (10, 1): "pending", (10, 2): "pending"},
        **{(20,): "done", (20, 1): "done", (20, 2): "done"},
    }
    assert [row["ephRa"] for row in rows(database, "SsPrediction") if row["visit"] == 10] == [50.0002]
    assert {row["ssObjectId"] for row in rows(database, "DiaSource") if row["visit"] == 10} == {None}
    assert broken(database) == []
    associate(database)
    with closing(connect()) as other:
        load(other, (10, "2015 MQ204", 50.0002), (20, "2015 MQ204", 50.1), (20, "433", 50.6))
        assert results(database) == results(other)
    assert broken(database) == []


def test_of_two_other_designations_one_prediction_stays(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_predictions(database, predicted((10, "2010 AB", 50.0), (10, "2011 CD5", 50.1)))
    ingest_identifications(database, current(("2010 AB", "2015 MQ204"), ("2011 CD5", "2010 AB")))
    assert relink(database).removed == {"SsPrediction": 1}
    assert [(row["ssObjectId"], row["designation"]) for row in rows(database, "SsPrediction")] == [
        (MQ204, "2015 MQ204")
    ]


def test_orbits_objects_and_ephemerides_move_or_make_way(database: Database) -> None:
    def orbit(number: int, name: str) -> dict[str, Any]:
        packed = pack(name)[0]
        return {
            "id": number,
            "designation": name,
            "packed_primary_provisional_designation": packed,
            "unpacked_primary_provisional_designation": name,
            "h": number,
        }

    insert(database, mpc_orbits, orbit(1, "433"), orbit(2, "2010 AB"), orbit(3, "2015 MQ204"), orbit(4, "2003 YF26"))
    insert(
        database,
        ss_object,
        {"ssObjectId": BY_NUMBER, "designation": "433", "nObs": 5},
        {"ssObjectId": AB, "designation": "2010 AB", "nObs": 6},
        {"ssObjectId": MQ204, "designation": "2015 MQ204", "nObs": 7},
    )
    insert(
        database,
        ss_ephemeris,
        {"night": 1, "ssObjectId": AB, "tmin": 1.5},
        {"night": 2, "ssObjectId": AB, "tmin": 2.5},
        {"night": 2, "ssObjectId": MQ204, "tmin": 3.5},
    )
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    report = relink(database)
    assert report.moved == {"mpc_orbits": 1, "SSObject": 1, "SsEphemeris": 1}
    assert report.removed == {"mpc_orbits": 1, "SSObject": 1, "SsEphemeris": 1}
    names = ("designation", "packed_primary_provisional_designation", "unpacked_primary_provisional_designation", "h")
    assert {tuple(row[name] for name in names) for row in rows(database, "mpc_orbits")} == {
        ("A898 PA", "I98P00A", "A898 PA", 1),
        ("2015 MQ204", "K15MK4Q", "2015 MQ204", 3),
        ("2003 YF26", "K03Y26F", "2003 YF26", 4),
    }
    kept = {(row["ssObjectId"], row["designation"], row["nObs"]) for row in rows(database, "SSObject")}
    assert kept == {(EROS_PRIMARY, "A898 PA", 5), (MQ204, "2015 MQ204", 7)}
    segments = {(row["night"], row["ssObjectId"], row["tmin"]) for row in rows(database, "SsEphemeris")}
    assert segments == {(1, MQ204, 1.5), (2, MQ204, 3.5)}


def test_no_table_with_identifiers_of_objects_is_forgotten() -> None:
    """Who adds one has to say how its rows move."""
    tables = {table.name for table in metadata.sorted_tables if "ssObjectId" in table.c}
    moved = {"DiaSource", "SSObject", "SSSource", "SsAlias", "SsCandidate", "SsExpected", "SsPrediction"}
    assert tables == moved | {"SsForcedSource", "SsEphemeris", "SsEphemerisEnd", "SsObjectFit", "SsObjectChange"}


def test_old_names_stay_names_of_the_object(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_predictions(database, predicted((10, "433 Eros", 50.0), (20, "2010 AB", 50.0)))
    for table in (LINK, numbered(("433", "A898 PA", None))):
        ingest_identifications(database, table)
    relink(database)
    with database.writing() as connection:
        for name in OF_NAMES[1:]:
            connection.execute(metadata.tables[name].delete())
    for name in ("433", "Eros", "433 Eros", "00433", "A898 PA"):
        assert resolve(database, name).ssObjectId == EROS_PRIMARY, name
    assert resolve(database, "2010 AB").kind == "secondary"
    ingest_predictions(database, predicted((20, "eros", 51.0), (10, "K10A00B", 51.0)))
    stored = {(row["visit"], row["ssObjectId"], row["designation"]) for row in rows(database, "SsPrediction")}
    of_both = ((EROS_PRIMARY, "A898 PA"), (MQ204, "2015 MQ204"))
    assert stored == {(number, *of_object) for number in (10, 20) for of_object in of_both}


def test_the_primary_may_become_another_again(database: Database) -> None:
    load(database, (10, "2010 AB", 50.0), (20, "2015 MQ204", 50.1))
    ingest_identifications(database, LINK)
    relink(database)
    ingest_identifications(database, current(("2015 MQ204", "2010 AB"), ("2010 AB", "2010 AB")))
    assert relink(database).objects == {"2015 MQ204": "2010 AB"}
    assert {row["ssObjectId"] for row in rows(database, "SsPrediction")} == {AB}
    kinds = {row["alias"]: row["kind"] for row in rows(database, "SsAlias") if row["kind"] != "packed"}
    assert kinds == {"2010 AB": "provisional", "2015 MQ204": "secondary"}
    assert broken(database) == []


def test_some_objects_by_any_of_their_names(database: Database) -> None:
    load(database, (10, "2010 AB", 50.0), (10, "433", 50.5), (20, "433", 50.6))
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    assert relink(database, ["Eros"]).objects == {"433": "A898 PA"}
    assert {row["ssObjectId"] for row in rows(database, "SsPrediction")} == {AB, EROS_PRIMARY}
    with pytest.raises(NotFoundError, match="Erosion"):
        relink(database, ["K10A00B", "Erosion"])
    assert relink(database, ["K10A00B"]).objects == {"2010 AB": "2015 MQ204"}


def test_a_dry_run_tells_the_same_and_changes_nothing(database: Database) -> None:
    load(database, (10, "2010 AB", 50.0), (10, "2015 MQ204", 50.0002), (20, "433", 50.6))
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    before = dump(database)
    told = relink(database, dry_run=True).as_dict()
    assert dump(database) == before
    done = relink(database).as_dict()
    assert (told.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert told == done


def test_tables_that_contradict_themselves_are_refused(database: Database) -> None:
    """They can only come from somebody else than ssdb."""
    load_night(database)
    ingest_identifications(database, current(("2015 MQ204", "2010 AB")))
    with database.writing() as connection:
        table = metadata.tables["current_identifications"]
        (row,) = connection.execute(sa.select(table)).mappings()
        keys = {"primary": "secondary", "secondary": "primary"}
        turned = {
            f"{form}_{one}_provisional_designation": row[f"{form}_{other}_provisional_designation"]
            for form in ("packed", "unpacked")
            for one, other in keys.items()
        }
        connection.execute(table.insert().values({**row, **turned, "id": 99}))
    before = dump(database)
    with pytest.raises(InputError, match="secondary to another"):
        relink(database)
    assert dump(database) == before


def test_what_fails_changes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    load_night(database)
    ingest_identifications(database, EROS)
    before = dump(database)

    def fail(*_args: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("ssdb.identity.relink._keep_names", fail)
    with pytest.raises(DatabaseError, match="gone"):
        relink(database)
    assert dump(database) == before


NAMES = ("433", "A898 PA", "2010 AB", "2015 MQ204", "2011 CD5")
PRIMARY = {"433": "A898 PA", "2010 AB": "2015 MQ204", "2011 CD5": "2015 MQ204"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from((10, 20)), st.sampled_from(NAMES)), unique=True, min_size=1))
def test_whatever_was_predicted_each_object_is_there_once_for_a_visit(pairs: Sequence[tuple[int, str]]) -> None:
    with closing(connect()) as database:
        load(database, *((number, name, 50.0 + 0.1 * (number == 20)) for number, name in pairs))
        for table in (current(("2010 AB", "2011 CD5"), ("2011 CD5", "2015 MQ204")), EROS):
            ingest_identifications(database, table)
        report = relink(database)
        expected = sorted({(number, PRIMARY.get(name, name)) for number, name in pairs})
        stored = sorted((row["visit"], row["designation"]) for row in rows(database, "SsPrediction"))
        assert stored == expected
        assert report.removed.get("SsPrediction", 0) == len(pairs) - len(expected)
        counted = Counter((number, PRIMARY.get(name, name)) for number, name in pairs)
        assert report.pending == tuple(sorted({number for (number, _), n in counted.items() if n > 1}))
        assert broken(database) == []
        associate(database)
        assert broken(database) == []


# With others at work


def test_relink_while_visits_are_associated(database: Database, database_url: str) -> None:
    ingest_visits(database, {"visit": list(range(30)), "midpointMjdTai": [60000.0 + n / 1000 for n in range(30)]})
    numbers = [n for n in range(30) for _ in (0, 1)]
    ra = [50.0, 51.0] * 30
    ingest_sources(database, {"diaSourceId": list(range(60)), "visit": numbers, "ra": ra, "dec": [-5.0] * 60})
    names = ["2010 AB", "433"] * 30
    ingest_predictions(database, {"visit": numbers, "designation": names, "ephRa": ra, "ephDec": [-5.0] * 60})
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    stop = threading.Event()

    def again_and_again() -> int:
        done = 0
        with closing(connect(database_url)) as own:
            while not stop.is_set():
                done += len(associate(own).visits)
        return done

    def move() -> Any:
        with closing(connect(database_url)) as own:
            try:
                return relink(own)
            finally:
                stop.set()

    report = at_once([again_and_again, move])[1]
    assert report.objects == {"433": "A898 PA", "2010 AB": "2015 MQ204"}
    associate(database)
    assert {row["ssObjectId"] for row in rows(database, "SSSource")} == {MQ204, EROS_PRIMARY}
    assert len(rows(database, "SSSource")) == 60
    assert broken(database) == []


def test_relink_waits_for_predictions_that_are_being_stored(postgresql_url: str) -> None:
    """Or they would be stored under a designation that is not used any more."""
    with closing(connect(postgresql_url)) as database, closing(connect(postgresql_url)) as other:
        load_night(database)
        ingest_identifications(database, EROS)
        with database.writing() as connection:
            lock_names(connection, shared=True)
            thread = threading.Thread(target=lambda: relink(other))
            thread.start()
            wait_for_lock_waits(database, 1)
        thread.join(30)
        assert {row["ssObjectId"] for row in rows(database, "SsPrediction")} == {MQ204, EROS_PRIMARY}


def test_relink_waits_for_a_visit_that_is_being_associated(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database, closing(connect(postgresql_url)) as other:
        load_night(database)
        ingest_identifications(database, EROS)
        with database.writing() as connection:
            lock_visits(connection, np.array([20]))
            thread = threading.Thread(target=lambda: relink(other))
            thread.start()
            wait_for_lock_waits(database, 1)
            statement = sa.update(dia_source).where(dia_source.c.visit == 20).values(ssObjectId=None)
            connection.execute(statement)
            connection.execute(sa.delete(ss_source).where(ss_source.c.visit == 20))
            connection.execute(sa.update(visit).where(visit.c.visit == 20).values(status="pending"))
        thread.join(30)
        assert not thread.is_alive()
        assert {(row["visit"], row["ssObjectId"]) for row in rows(database, "SSSource")} == {
            (10, MQ204),
            (10, EROS_PRIMARY),
        }


# On the command line


def test_the_command_tells_what_it_moved(database_url: str) -> None:
    database = connect(database_url)
    load(database, (10, "2010 AB", 50.0), (10, "2015 MQ204", 50.0002), (20, "433", 50.6))
    for table in (LINK, EROS):
        ingest_identifications(database, table)
    run = CliRunner().invoke(main, ["--db", database_url, "relink", "--dry-run"])
    assert (run.exit_code, "433 -> A898 PA" in run.output) == (0, True)
    assert "SsPrediction: 1 rows would be moved" in run.output
    assert {row["ssObjectId"] for row in rows(database, "SsPrediction")} == {AB, MQ204, BY_NUMBER}
    run = CliRunner().invoke(main, ["--db", database_url, "relink", "Eros", "--json"])
    assert json.loads(run.stdout)["objects"] == {"433": "A898 PA"}
    run = CliRunner().invoke(main, ["--db", database_url, "relink"])
    assert "2010 AB -> 2015 MQ204" in run.output
    assert "1 visits had an object under two names" in run.output
    run = CliRunner().invoke(main, ["--db", database_url, "relink", "Erosion"])
    assert (run.exit_code, run.stderr.startswith("ssdb: 'Erosion' is not known")) == (1, True)
    database.close()


def test_the_command_loads_both_tables(database_url: str, tmp_path: Any) -> None:
    paths = []
    for name, table in (("current", LINK), ("numbered", EROS)):
        paths.append(str(tmp_path / f"{name}.parquet"))
        pa.parquet.write_table(pa.table(table), paths[-1])
    run = CliRunner().invoke(main, ["--db", database_url, "ingest", "identifications", *paths])
    assert run.exit_code == 0
    assert "2 identifications" in run.output
    assert "ssdb relink" in run.stderr
