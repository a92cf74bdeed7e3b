"""After any commands DiaObjects are those of a fresh database with the same rows, on both databases."""

from __future__ import annotations

import numpy as np
import pytest
from dia_random import COMMANDS, World, contents, forced_means, fresh, orphans, stored_forced_means
from dia_surveys import load, load_visits, objects_of, rows_of, sources, stored
from test_dia_associate import done, holds

from ssdb.config import DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.ingest.forced import ingest_forced
from ssdb.ingest.objects import ingest_objects
from ssdb.schema.apdb_dia import dia_object, dia_object_last
from ssdb.schema.dia import dia_match
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


@pytest.mark.parametrize("seed", [3])
def test_objects_are_those_of_a_fresh_database(database: Database, seed: int) -> None:
    world = World(database, seed)
    for _ in range(25):
        world.step(COMMANDS)
        holds(database)
        assert orphans(database) == []
    world.finish()
    holds(database)
    means, expected = stored_forced_means(database), forced_means(database)
    assert means
    assert means.keys() == expected.keys()
    np.testing.assert_allclose([means[key] for key in expected], list(expected.values()), rtol=1e-6)
    with connect() as other:
        fresh(database, other)
        assert_same(contents(database), contents(other))


def assert_same(one: dict, other: dict) -> None:
    """The same objects with the same columns, but for what a single number holds less of."""
    assert one.keys() == other.keys()
    for members, row in one.items():
        for name, value in row.items():
            same = other[members][name]
            assert value == same or np.float32(value) == np.float32(same), (members, name)


FLUXES = {"visit": [2], "ra": [10.0], "dec": [-30.0], "psfFlux": [120.0], "psfFluxErr": [10.0], "band": ["g"]}


def forced_mean(database: Database, number: int) -> float | None:
    (row,) = (row for row in rows_of(database, dia_object) if row["diaObjectId"] == number)
    return row["g_fpFluxMean"]


def test_forced_fluxes_count_when_their_object_is_made(database: Database) -> None:
    """Whether for the first time, again, or of a table."""
    load_visits(database, [1, 2])
    load(database, [sources(1, 10.0, -30.0)])
    ingest_forced(database, FLUXES | {"diaObjectId": [1000]})
    done(database)
    assert forced_mean(database, 1000) == 120.0
    done(database, [1])
    assert forced_mean(database, 1000) == 120.0
    associate_dia(database, [1], solar_system=False, config=DiaConfig(new_object_reliability_threshold=0.5))
    assert forced_mean(database, 1000) == 120.0
    of_others = {"diaObjectId": [7], "ra": [10.1], "dec": [-30.0], "nDiaSources": [1]}
    ingest_objects(database, of_others)
    ingest_forced(database, FLUXES | {"diaObjectId": [7], "ra": [10.1]})
    ingest_objects(database, of_others | {"nDiaSources": [2]})
    assert forced_mean(database, 7) == 120.0


@pytest.mark.parametrize("confirm", [1, 2])
def test_an_identifier_that_another_object_has_is_not_taken(database: Database, confirm: int) -> None:
    """Of an object from elsewhere, or of one which its first source has left for another place."""
    config = DiaConfig(confirm=confirm)
    ingest_objects(database, {"diaObjectId": [1000, 3], "ra": [11.0, 11.1], "dec": [-30.0] * 2, "nDiaSources": [5, 1]})
    load_visits(database, [1, 2, 3])
    load(database, [sources(n, [10.0, 10.1], -30.0) for n in (1, 2, 3)])
    done(database, config=config)
    given = objects_of(database)
    made = given[1000]
    assert made not in (None, 1000)
    assert given == {1000: made, 2000: made, 3000: made, 1001: 1001, 2001: 1001, 3001: 1001}
    new = [row["diaSourceId"] for row in rows_of(database, dia_match) if row["isNew"]]
    assert new == [1000, 1001]
    once = stored(database)
    done(database, [3], config=config)
    assert stored(database) == once
    ids = np.array([1000, 1001])
    load(database, [sources(1, [10.2, 10.3], -30.0, diaSourceId=ids)], replace=True)
    load(database, [sources(2, [10.2, 10.3], -30.0)], replace=True)
    done(database, config=config)
    given = objects_of(database)
    assert (given[3000], given[3001]) == (made, 1001)
    assert given[1000] not in (None, 1000, made)
    assert given[1001] not in (None, 1001)
    assert (given[2000], given[2001]) == (given[1000], given[1001])
    places = {row["diaObjectId"]: row["ra"] for row in rows_of(database, dia_object_last)}
    assert places[given[1000]] == pytest.approx(10.2, abs=1e-9)
    assert places[1000] == 11.0
    holds(database)
