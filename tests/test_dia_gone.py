"""Nights that are detached or dropped: DiaObjects keep what they have of them, and ``ssdb check`` knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
from dia_surveys import load, load_visits, objects_of, rows_of, sources, stored
from small_surveys import change
from test_dia_associate import done, holds

from ssdb.ask.check import check
from ssdb.dia.associate import associate_dia
from ssdb.dia.merge import merge_objects
from ssdb.dia.withdraw import withdraw
from ssdb.schema.apdb_dia import dia_object_last
from ssdb.schema.apdb_solar_system import apdb_metadata
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.ddl.detached import attach, detach, drop, partition_width
from ssdb.store.ddl.gone_sources import KEY
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.delete import delete_visits

VISITS = (1, 2, 11, 12, 21, 22)
"""Two in each of three partitions."""


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Database]:
    """Two objects that every visit saw, one that only the last partition saw, one that only the first did."""
    with closing(connect(postgresql_url)) as opened:
        partition_width(opened, 10)
        load_visits(opened, VISITS)
        places = {1: [10.0, 10.1, 10.3], 21: [10.0, 10.1, 10.2], 22: [10.0, 10.1, 10.2]}
        load(opened, [sources(number, places.get(number, [10.0, 10.1]), -30.0) for number in VISITS])
        done(opened)
        assert counts(opened) == {1000: 6, 1001: 6, 1002: 1, 21002: 2}
        yield opened


def counts(database: Database) -> dict[int, int]:
    return {row["diaObjectId"]: row["nDiaSources"] for row in rows_of(database, dia_object_last)}


def detach_and_drop(database: Database, number: int) -> None:
    detach(database, number)
    drop(database, number, detached=True)


def broken(database: Database) -> dict[str, list[int]]:
    """The objects against each of the checks that something is against."""
    results = [result for result in check(database) if result.n_violations]
    return {result.name: [row["diaObjectId"] for row in result.examples] for result in results}


@pytest.mark.parametrize(("go", "night"), [(detach, 1), (drop, 11), (detach_and_drop, 1)])
def test_objects_keep_what_they_have_of_a_night_that_goes(
    go: Callable[[Database, int], object], night: int, server: Database
) -> None:
    """They are as they were, the checks hold, and still find what is wrong."""
    before = stored(server)
    go(server, night)
    after = stored(server)
    assert all(after[name] == before[name] for name in ("DiaObject", "DiaObjectLast", "DiaObjectMoment"))
    holds(server)
    # Of an object that began later all has to be right, of the others nothing may lack.
    wrong = 'UPDATE "DiaObjectLast" SET "nDiaSources" = {} WHERE "diaObjectId" = {}'
    for objects, n in ((21002, 3), (1000, 3)):
        change(server, wrong.format(n, objects))
    change(server, 'UPDATE "DiaObjectMoment" SET "nValues" = 3 WHERE "diaObjectId" IN (1000, 21002)')
    change(server, 'UPDATE "DiaObjectMoment" SET lowest = highest WHERE "diaObjectId" = 1001')
    assert broken(server) == {
        "dia_last_is_current": [1000, 21002],
        "dia_moments_agree": [1000, 1001, 21002],
        "dia_object_counts": [1000, 21002],
    }


def test_a_visit_that_is_deleted_first_is_forgotten(server: Database) -> None:
    delete_visits(server, [1, 2])
    drop(server, 1)
    assert counts(server) == {1000: 4, 1001: 4, 21002: 2}
    assert rows_of(server, apdb_metadata) == [{"name": "ssdb:visitsPerPartition", "value": "10"}]
    holds(server)


def test_a_night_that_is_back_has_its_objects_and_is_checked_as_before(server: Database) -> None:
    before = stored(server)
    detach(server, 1)
    assert [row["value"] for row in rows_of(server, apdb_metadata) if row["name"].startswith(KEY)] == ["60002.0"]
    attach(server, 1)
    assert stored(server) == before
    holds(server)
    change(server, 'UPDATE "DiaObjectLast" SET "nDiaSources" = 7 WHERE "diaObjectId" = 1000')
    assert broken(server) == {"dia_last_is_current": [1000], "dia_object_counts": [1000]}


def test_the_last_of_the_nights_that_went_counts(server: Database) -> None:
    """Whether they were dropped or are detached, and in whichever order."""
    drop(server, 11)
    detach(server, 1)
    drop(server, 1, detached=True)
    noted = {row["name"]: row["value"] for row in rows_of(server, apdb_metadata) if row["name"].startswith(KEY)}
    assert noted == {f"{KEY}dropped": "60012.0"}
    holds(server)


def test_objects_that_are_gone_when_their_night_is_back(server: Database) -> None:
    """Those that were closed or merged: the sources of that night get others, as if it had not been away."""
    load_visits(server, [3])
    load(server, [sources(3, [10.1003], -30.0)])  # another object, 1 arcsec from the second one
    done(server, late=True)
    before = objects_of(server)
    assert counts(server) == {1000: 6, 1001: 6, 1002: 1, 3000: 1, 21002: 2}
    detach(server, 21)
    withdraw(server, {"diaSourceId": [1000, 2000, 11000, 12000]})  # all that there are of the first
    merge_objects(server, 1.5)
    assert set(counts(server)) == {1001, 1002, 21002}
    attach(server, 21)
    assert {row["visit"] for row in rows_of(server, visit) if row["diaStatus"] == "pending"} == {21, 22}
    associate_dia(server, solar_system=False)
    holds(server)
    after = objects_of(server)
    assert np.unique([after[number] for number in (21000, 22000)]).tolist() == [21000]
    assert {number: after[number] for number in (21001, 22001, 21002, 22002, 3000)} == {
        **{number: before[number] for number in (21001, 22001, 21002, 22002)},
        3000: 1001,
    }


def test_an_object_computed_anew_meanwhile_is_mended_by_its_visits(server: Database) -> None:
    """As docs/dia.md says."""
    detach(server, 1)
    withdraw(server, {"diaSourceId": [22000]})
    assert counts(server)[1000] == 3
    holds(server)
    attach(server, 1)
    assert broken(server) == {"dia_object_counts": [1000], "dia_moments_agree": [1000]}
    associate_dia(server, [1], solar_system=False)
    assert counts(server) == {1000: 5, 1001: 6, 1002: 1, 21002: 2}
    holds(server)
