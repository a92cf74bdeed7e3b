"""Sources that change, go, or are known objects after all: DiaObjects are those of the sources that there are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from dia_surveys import BEGIN, field, load, load_visits, objects_of, rows_of, sources, stored
from test_dia_associate import done, holds

from ssdb.association.associate import associate
from ssdb.cli import main
from ssdb.config import DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.dia.merge import merge_objects, resolve_dia_object
from ssdb.dia.withdraw import withdraw
from ssdb.errors import ConfigError, InputError, NotFoundError, UsageError
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.dia import dia_match
from ssdb.schema.survey import association_run, visit
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.tables.delete import delete_visits
from ssdb.store.tables.dia_objects import recompute_objects


def predict(database: Database, visits: list[int], ra: float = 10.1, **options: Any) -> None:
    """The object 2010 AB at a place in visits."""
    n = len(visits)
    columns = {"visit": visits, "designation": ["2010 AB"] * n, "ephRa": [ra] * n, "ephDec": [-30.0] * n}
    ingest_predictions(
        database, pa.table(columns | {"ephRateRa": [0.0] * n, "ephRateDec": [0.0] * n}), replace=True, **options
    )


@pytest.fixture
def three(database: Database) -> Database:
    """Three visits of two places, all of them given to DiaObjects, nothing predicted near them."""
    load_visits(database, [1, 2, 3])
    load(database, [sources(n, [10.0, 10.1], -30.0) for n in (1, 2, 3)])
    predict(database, [1, 2, 3], ra=11.0)
    associate(database)
    associate_dia(database)
    assert objects_of(database) == {1000: 1000, 2000: 1000, 3000: 1000, 1001: 1001, 2001: 1001, 3001: 1001}
    return database


def counts(database: Database) -> dict[int, int]:
    return {row["diaObjectId"]: row["nDiaSources"] for row in rows_of(database, dia_object_last)}


def status(database: Database) -> dict[int, str]:
    return {row["visit"]: row["diaStatus"] for row in rows_of(database, visit)}


def test_a_source_that_turns_out_to_be_a_known_object_leaves_its_dia_object(three: Database) -> None:
    predict(three, [2])
    associate(three)
    assert counts(three) == {1000: 3, 1001: 2}
    of_source = {row["diaSourceId"]: row for row in rows_of(three, dia_source)}
    assert of_source[2001]["diaObjectId"] is None
    assert of_source[2001]["ssObjectId"] is not None
    assert of_source[2001]["ssObjectReassocTimeMjdTai"] > BEGIN
    assert of_source[1001]["ssObjectReassocTimeMjdTai"] is None
    assert 2001 not in {row["diaSourceId"] for row in rows_of(three, dia_match)}
    holds(three)


def test_an_object_without_sources_is_closed(three: Database) -> None:
    predict(three, [1, 2, 3])
    associate(three)
    assert counts(three) == {1000: 3}
    closed = next(row for row in rows_of(three, dia_object) if row["diaObjectId"] == 1001)
    assert closed["validityEndMjdTai"] > BEGIN
    assert resolve_dia_object(three, 1001) == (1001, False)
    holds(three)


def test_a_source_that_is_no_known_object_any_more_gets_a_dia_object_again(three: Database) -> None:
    predict(three, [2])
    associate(three)
    predict(three, [2], ra=11.0)
    assert status(three)[2] == "pending"
    associate(three)
    report = associate_dia(three)
    assert (report.failed, [one.visit for one in report.visits]) == ({}, [2])
    assert counts(three) == {1000: 3, 1001: 3}
    holds(three)


def test_new_sources_of_a_visit_make_it_pending(three: Database) -> None:
    load(three, [sources(3, [10.2], -30.0, diaSourceId=np.array([3005]))])
    assert status(three) == {1: "done", 2: "done", 3: "pending"}
    associate(three)
    associate_dia(three)
    assert counts(three) == {1000: 3, 1001: 3, 3005: 1}
    holds(three)


def test_replaced_sources_leave_their_objects(three: Database) -> None:
    load(three, [sources(2, [10.1], -30.0, diaSourceId=np.array([2007]))], replace=True)
    assert counts(three) == {1000: 2, 1001: 2}
    assert status(three)[2] == "pending"
    associate(three)
    associate_dia(three)
    assert counts(three) == {1000: 2, 1001: 3}
    holds(three)


def test_a_deleted_visit_takes_its_sources_along(three: Database) -> None:
    delete_visits(three, [1])
    assert counts(three) == {1000: 2, 1001: 2}
    delete_visits(three, [2, 3])
    assert counts(three) == {}
    assert all(row["validityEndMjdTai"] for row in rows_of(three, dia_object))
    holds(three)


def test_a_corrected_time_is_that_of_the_objects(three: Database) -> None:
    ingest_visits(three, pa.table({"visit": [3], "midpointMjdTai": [BEGIN + 3.01]}))
    assert {row["lastDiaSourceMjdTai"] for row in rows_of(three, dia_object_last)} == {BEGIN + 3.01}
    assert status(three)[3] == "pending"
    holds(three)


def test_without_dia_objects_a_change_asks_once(database: Database) -> None:
    """A question of Visit is all that a survey without DiaObjects pays."""
    load_visits(database, [1])
    load(database, [sources(1, [10.0, 10.1], -30.0)])
    predict(database, [1])
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    associate(database)
    of_dia = [text for text in asked if "DiaObject" in text or "DiaMatch" in text or "diaRunId" in text]
    assert len(of_dia) == 1
    assert 'FROM "Visit"' in of_dia[0]


# ---- withdrawal ------------------------------------------------------------------------------------------------------


def test_withdrawn_sources_count_in_nothing(three: Database) -> None:
    report = withdraw(three, pa.table({"diaSourceId": [1000, 2001]}))
    assert (report.n_withdrawn, report.n_before, report.n_matches, report.n_of_objects) == (2, 0, 0, 2)
    assert counts(three) == {1000: 2, 1001: 2}
    times = {row["diaSourceId"]: row["timeWithdrawnMjdTai"] for row in rows_of(three, dia_source)}
    assert {number for number, time in times.items() if time is not None} == {1000, 2001}
    again = withdraw(three, pa.table({"diaSourceId": [1000, 1001]}))
    assert (again.n_withdrawn, again.n_before) == (1, 1)
    assert rows_of(three, dia_source)[0]["timeWithdrawnMjdTai"] == times[1000]
    assert counts(three) == {1000: 2, 1001: 1}
    holds(three)
    # Whatever is done later.
    associate_dia(three, [1, 2, 3])
    assert counts(three) == {1000: 2, 3001: 1}
    holds(three)


def test_a_withdrawn_detector_loses_its_known_objects(three: Database) -> None:
    predict(three, [2])
    associate(three)
    report = withdraw(three, visit=2, detector=0)
    assert (report.n_withdrawn, report.n_matches, report.n_of_objects) == (2, 1, 1)
    assert rows_of(three, ss_source) == []
    associate(three)
    assert rows_of(three, ss_source) == []
    assert counts(three) == {1000: 2, 1001: 2}
    holds(three)


def test_what_cannot_be_withdrawn_is_refused(three: Database) -> None:
    before = stored(three, times=True)
    with pytest.raises(InputError, match=r"1 sources are not in the database \(diaSourceId 77\)"):
        withdraw(three, pa.table({"diaSourceId": [77, 1000]}))
    with pytest.raises(NotFoundError, match="visit 9 is not in the database"):
        withdraw(three, visit=9)
    with pytest.raises(NotFoundError, match="visit 1, detector 5 has no source"):
        withdraw(three, visit=1, detector=5)
    with pytest.raises(UsageError, match="say either"):
        withdraw(three)
    with pytest.raises(InputError, match="diaSourceId"):
        withdraw(three, pa.table({"visit": [1]}))
    assert stored(three, times=True) == before


# ---- merging ---------------------------------------------------------------------------------------------------------


def doubled(database: Database) -> None:
    """Objects 1.2 arcsec apart, in a row, which association does not join."""
    load_visits(database, [1, 2, 3])
    step = 1.2 / 3600
    load(database, [sources(n, 10.0, -30.0 + n * step) for n in (2, 3, 1)])
    done(database)
    assert counts(database) == {1000: 1, 2000: 1, 3000: 1}


def test_doubled_objects_are_merged(database: Database) -> None:
    doubled(database)
    assert merge_objects(database, 1.0).merged == {}
    report = merge_objects(database)
    assert (report.merged, report.n_sources) == ({2000: 1000, 3000: 1000}, 2)
    assert counts(database) == {1000: 3}
    assert {row["diaObjectId"] for row in rows_of(database, dia_match)} == {1000}
    assert resolve_dia_object(database, 3000) == (1000, True)
    with pytest.raises(NotFoundError, match="DiaObject 4 is not in the database"):
        resolve_dia_object(database, 4)
    holds(database)


@pytest.mark.parametrize("option", ["--bad-flags", "--new-object-bad-flags"])
def test_an_unknown_flag_is_wrong_usage_before_anything_is_done(
    option: str, database_url: str, database: Database
) -> None:
    load_visits(database, [1])
    load(database, [sources(1, 10.0, -30.0)])
    with pytest.raises(ConfigError, match="DiaSource has no flag 'nonsense'"):
        associate_dia(database, [], config=DiaConfig(**{option[2:].replace("-", "_"): ("nonsense",)}))
    result = CliRunner().invoke(main, ["--db", database_url, "associate", "--without-solar-system", option, "nonsense"])
    assert result.exit_code == 2
    assert f"Error: {option}: DiaSource has no flag 'nonsense'" in result.stderr
    assert rows_of(database, association_run) == []


def test_the_commands(database_url: str, database: Database, tmp_path: Any) -> None:
    def told(*arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(main, ["--db", database_url, *arguments])
        assert result.exit_code == code, result.output
        return result.stdout

    doubled(database)
    assert json.loads(told("merge-objects", "--json")) == {"merged": {"2000": 1000, "3000": 1000}, "nSources": 2}
    assert json.loads(told("resolve", "--json", "3000")) != []
    told("resolve", "900000000000000000", code=1)
    pyarrow.parquet.write_table(pa.table({"diaSourceId": [1000]}), tmp_path / "bad.parquet")
    assert "sources taken back" in told("withdraw", str(tmp_path / "bad.parquet"))
    assert json.loads(told("withdraw", "--visit", "1", "--json"))["n_before"] == 1
    assert counts(database) == {1000: 2}
    told("withdraw", code=2)
    told("withdraw", "x.csv", "--visit", "1", code=2)
    told("merge-objects", "--radius", "0", code=1)


# ---- everything at random --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_after_any_changes_objects_are_those_of_their_sources(database: Database, seed: int) -> None:
    """C9.3: after withdrawals, merges and repetitions what is kept is what recomputation gives, to the bit."""
    rng = np.random.default_rng(seed)
    visits = list(range(1, 7))
    load_visits(database, visits)
    load(database, field(visits, n=25, seed=seed, sigma=0.3))
    done(database)
    for _ in range(50):
        match rng.integers(3):
            case 0:
                ids = rng.choice([row["diaSourceId"] for row in rows_of(database, dia_source)], 2, replace=False)
                withdraw(database, pa.table({"diaSourceId": ids}))
            case 1:
                merge_objects(database, float(rng.uniform(0.5, 60.0)) if rng.random() < 0.1 else 1.5)
            case _:
                associate_dia(database, [int(rng.choice(visits))], solar_system=False)
    holds(database)
    before = stored(database)
    with database.writing() as connection:
        recompute_objects(connection, np.array(list(counts(database))), DiaConfig(), mjd_tai_now())
    assert stored(database) == before
