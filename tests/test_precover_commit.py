"""``precover --commit`` is one transaction: orbit, predictions and association, or nothing."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from ingesting import dump, rows, without_clock
from orbit_files import columns, identify
from pyarrow import parquet
from small_surveys import change
from test_precover import HN13, HN13_COM, hn13_row, load

import ssdb
from ssdb.association import associate as association
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.predict.precover import precover
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


def turned() -> dict[str, list]:
    """Another orbit, with which the object is in none of the visits."""
    return columns(hn13_row() | {"node": HN13_COM[3] + 40.0})


def late(database: Database, days: float) -> None:
    """The object's source in a visit cannot be of the time of that."""
    change(
        database,
        'UPDATE "DiaSource" SET "midpointMjdTai" = "midpointMjdTai" + :days WHERE "diaSourceId" = 103',
        days=days,
    )
    last = 'UPDATE "VisitDetector" SET "lastSourceMjdTai" = "lastSourceMjdTai" + :days WHERE visit = 3'
    change(database, last, days=days)


@pytest.fixture
def committed(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The object is found and stored; from now on every visit is a batch."""
    load(database)
    precover(database, HN13, commit=True)
    monkeypatch.setattr(association, "_VISITS_PER_BATCH", 1)
    return database


def test_others_see_nothing_of_it_before_the_end(committed: Database, database_url: str) -> None:
    before = dump(committed)
    seen = []
    with closing(connect(database_url)) as other:

        def look(_done: int, _of_all: int) -> None:
            seen.append(dump(other) == before)

        precover(committed, orbit=turned(), commit=True, progress=look)
    assert seen == [True] * 6
    assert {row["designation"] for row in rows(committed, "SsPrediction")} == {"2015 MQ204"}
    assert [row["diaSourceId"] for row in rows(committed, "SSSource")] == [501]


@pytest.mark.parametrize("n_batches", [1, 3, 6])
def test_broken_off_it_has_changed_nothing(committed: Database, n_batches: int) -> None:
    before = dump(committed)
    done: list[int] = []

    def end(n: int, _of_all: int) -> None:
        done.append(n)
        if len(done) == n_batches:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        precover(committed, orbit=turned(), commit=True, progress=end)
    assert dump(committed) == before


BETTER = {
    "epoch": {"epoch_mjd": hn13_row()["epoch_mjd"] - 200.0},
    "fit": {"fitting_datetime": datetime(2020, 1, 1)},
}


@pytest.mark.parametrize("values", BETTER.values(), ids=BETTER)
def test_an_orbit_that_is_no_better_than_the_stored_one_is_not_stored(
    database: Database, values: dict[str, Any]
) -> None:
    """Unless that is asked for. To look with it is free."""
    load(database, orbit=hn13_row(fitting_datetime=datetime(2024, 1, 1)))
    older = columns(hn13_row() | {"fitting_datetime": None, "h": 17.25} | values)
    assert precover(database, orbit=older).n_stored == 0
    before = dump(database)
    with pytest.raises(InputError, match=r"2012 HN13.*is better.*replace_orbit=True") as caught:
        precover(database, orbit=older, commit=True)
    assert str(caught.value).count(chr(10)) == 0
    assert dump(database) == before
    precover(database, orbit=older, commit=True, replace_orbit=True)
    assert [row["h"] for row in rows(database, "mpc_orbits")] == [17.25]


def test_an_orbit_of_another_designation_is_not_stored_in_place_of_the_primarys(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """By the command, too. One that came under that name itself makes way for the primary's."""
    load(database)
    identify(database, "K12H13N", HN13, "K10A00B", "2010 AB")
    other = {
        "packed_primary_provisional_designation": "K10A00B",
        "unpacked_primary_provisional_designation": "2010 AB",
        "epoch_mjd": hn13_row()["epoch_mjd"] + 200.0,
    }
    path = tmp_path / "other.parquet"
    parquet.write_table(pa.Table.from_pylist([hn13_row() | other]), path)
    command = ["--db", database_url, "precover", HN13, "--orbit", str(path), "--commit"]
    refused = CliRunner().invoke(main, command)
    assert (refused.exit_code, "--replace-orbit" in refused.stderr) == (1, True)
    assert CliRunner().invoke(main, [*command, "--replace-orbit"]).exit_code == 0
    (row,) = rows(database, "mpc_orbits")
    assert (row["designation"], row["designation_in_source"]) == (HN13, "K10A00B")
    precover(database, orbit=columns(hn13_row()), commit=True)
    (row,) = rows(database, "mpc_orbits")
    assert (row["epoch_mjd"], row["designation_in_source"]) == (hn13_row()["epoch_mjd"], None)


def test_an_exposure_that_cannot_be_associated_costs_only_itself(committed: Database) -> None:
    """It is told, has its predictions, and stays pending: associate finishes it when it can."""
    expected = without_clock(dump(committed))
    late(committed, 0.021)
    report = precover(committed, HN13, commit=True)
    assert report.association is not None
    assert list(report.association.failed) == [3]
    assert [outcome.visit for outcome in report.association.visits] == [1, 2, 4, 5, 6]
    assert {row["visit"] for row in rows(committed, "Visit") if row["status"] == "pending"} == {3, 7}
    assert {row["nFailed"] for row in rows(committed, "AssociationRun")} == {0, 1}
    late(committed, -0.021)
    assert not ssdb.associate(committed, [3]).failed
    assert without_clock(dump(committed)) == expected
