"""Segments of nights: made once, made again where orbits change, complete or known not to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from ingesting import at_once
from predicting import (
    BELT,
    EPOCH,
    NIGHT,
    ORBITS,
    VISITS,
    brute_force,
    load_orbits,
    load_survey,
    load_visits,
    main_belt,
    predicted,
)
from small_surveys import change, rows

from ssdb.predict import make_segments as nights
from ssdb.predict.catalogue import Catalogue
from ssdb.predict.make_segments import make_segments
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


@pytest.fixture
def memory() -> Iterator[Database]:
    """An empty database in memory, for what is the same on both."""
    opened = connect()
    yield opened
    opened.close()


@pytest.fixture
def survey(database: Database) -> Database:
    """Orbits and visits."""
    return load_survey(database)


SEGMENTS = 'SELECT "ssObjectId", "orbitHash", coefficients FROM "SsEphemeris" WHERE night = :night ORDER BY 1'


def test_only_what_changed_is_made_again(survey: Database) -> None:
    """An orbit that is another, one that is new, one that is gone; a segment that somebody removed."""
    make_segments(survey, [NIGHT])
    before = {row[0]: row[1:] for row in rows(survey, SEGMENTS, night=NIGHT)}
    load_orbits(survey, [BELT[3] | {"q": BELT[3]["q"] + 0.001}, BELT[4], *main_belt(121)[120:]])
    change(survey, "DELETE FROM mpc_orbits WHERE designation = :name", name=BELT[7]["designation"])
    change(survey, 'DELETE FROM "SsEphemeris" WHERE designation = :name', name=BELT[9]["designation"])
    assert make_segments(survey, [NIGHT])[NIGHT].made == 3
    after = {row[0]: row[1:] for row in rows(survey, SEGMENTS, night=NIGHT)}
    names = dict(rows(survey, 'SELECT "ssObjectId", designation FROM "SsEphemeris"'))
    assert len(after) == len(before) == 123
    changed = {names[key] for key in after.keys() & before.keys() if after[key] != before[key]}
    # The one that was removed may come back with the last bit turned.
    assert {BELT[3]["designation"]} <= changed <= {BELT[3]["designation"], BELT[9]["designation"]}
    assert len(after.keys() - before.keys()) == len(before.keys() - after.keys()) == 1
    assert make_segments(survey, [NIGHT]) == {}


def test_segments_that_were_removed_behind_its_back_are_missed(survey: Database) -> None:
    """Although the night was complete and no orbit has changed."""
    make_segments(survey, [NIGHT])
    change(survey, 'DELETE FROM "SsEphemeris" WHERE designation = :name', name=BELT[9]["designation"])
    assert make_segments(survey, [NIGHT])[NIGHT].made == 1
    change(survey, 'DELETE FROM "SsEphemeris"')
    assert make_segments(survey, [NIGHT])[NIGHT].made == 123


def test_the_same_orbits_again_leave_a_night_complete(survey: Database) -> None:
    make_segments(survey, [NIGHT])
    load_orbits(survey, ORBITS)
    assert rows(survey, 'SELECT night FROM "SsEphemerisNight"') == [(NIGHT,)]
    load_orbits(survey, [BELT[0] | {"h": 3.0}])
    assert rows(survey, 'SELECT night FROM "SsEphemerisNight"') == []


def test_work_that_was_broken_off_is_completed(survey: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of 50 orbits, the third of which fails: the first two stay, and the night is not complete."""
    monkeypatch.setattr("ssdb.predict.catalogue.ORBITS_PER_PART", 50)
    real, calls = nights._segment_rows, []

    def fails_at_third(catalogue: Catalogue, needed: dict[int, Any]) -> Any:
        calls.append(len(catalogue.ids))
        if len(calls) == 3:
            raise MemoryError
        return real(catalogue, needed)

    with monkeypatch.context() as patch:
        patch.setattr(nights, "_segment_rows", fails_at_third)
        with pytest.raises(MemoryError):
            make_segments(survey, [NIGHT])
    assert calls == [50, 50, 23]
    assert rows(survey, 'SELECT count(*) FROM "SsEphemeris"') == [(100,)]
    assert rows(survey, 'SELECT night, "nObjects" FROM "SsEphemerisNight"') == [(NIGHT, None)]
    assert make_segments(survey, [NIGHT])[NIGHT].made == 23
    assert make_segments(survey, [NIGHT]) == {}


def test_orbits_that_change_while_their_segments_are_made_are_not_missed(
    survey: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = nights._segment_rows, []

    def changed_meanwhile(catalogue: Catalogue, needed: dict[int, Any]) -> Any:
        made = real(catalogue, needed)
        if not calls:
            calls.append(1)
            load_orbits(survey, [BELT[3] | {"q": BELT[3]["q"] + 0.001}])
        return made

    monkeypatch.setattr(nights, "_segment_rows", changed_meanwhile)
    assert make_segments(survey, [NIGHT])[NIGHT].made == 124
    once = rows(survey, SEGMENTS, night=NIGHT)
    change(survey, 'DELETE FROM "SsEphemerisNight"')
    assert make_segments(survey, [NIGHT])[NIGHT].made == 0
    assert rows(survey, SEGMENTS, night=NIGHT) == once


def test_several_at_once_make_each_segment_once(postgresql_url: str) -> None:
    first = connect(postgresql_url)
    load_orbits(first, ORBITS)
    load_visits(first, VISITS)
    others = [connect(postgresql_url) for _ in range(3)]
    reports = at_once([lambda database=database: predict_visits(database) for database in others])
    made = [report.nights[NIGHT].made for report in reports if NIGHT in report.nights]
    assert sum(made) == 123
    assert sorted(visit for report in reports for visit in report.predictions) == [1, 2, 3, 4, 5]
    assert rows(first, 'SELECT count(*) FROM "SsEphemeris"') == [(246,)]
    assert brute_force(ORBITS, VISITS).keys() <= predicted(first).keys()
    for database in (first, *others):
        database.close()


def test_orbits_that_lead_nowhere_are_counted_and_harm_no_other(memory: Database) -> None:
    into_the_sun = BELT[0] | {"designation": "2003 AA", "q": 1e-8, "e": 0.99999999, "peri_time": EPOCH + 3}
    load_orbits(memory, [*BELT[:3], into_the_sun])
    change(memory, "UPDATE mpc_orbits SET e = NULL WHERE designation = :name", name=BELT[1]["designation"])
    report = make_segments(memory, [NIGHT])[NIGHT]
    assert (report.made, report.lost) == (2, 2)
    assert rows(memory, "SELECT nObjects, nLost FROM SsEphemerisNight") == [(2, 2)]
    assert make_segments(memory, [NIGHT]) == {}


def test_the_box_join_uses_its_index(postgresql_url: str) -> None:
    """On a table without statistics, too."""
    database = connect(postgresql_url)
    load_orbits(database, BELT[:20])
    make_segments(database, [NIGHT])
    from ssdb.store.query_plans import index_loops
    from ssdb.store.sql_files import sql_text
    from ssdb.store.transfer.array_parameters import rows_as_text

    names = ("field", "night", "zone", "ra0", "ra1", "west", "dec0", "dec1")
    probe = dict(zip(names, np.array([[0, 61010, 3, 0, 10, 0, -5, 5]], dtype=float).T, strict=True))
    probe |= {name: probe[name].astype(np.int32) for name in names[:3]}
    rows_of_probe, values = rows_as_text(database.engine.dialect, "probe", probe)
    statement = sa.text(f"EXPLAIN WITH {rows_of_probe} " + sql_text("segments_near.postgresql.sql"))
    with database.writing() as connection, index_loops(connection):
        plan = "\n".join(connection.scalars(statement, values))
    assert "ix_SsEphemeris_night_zone_raMin" in plan
    assert "Seq Scan" not in plan
    database.close()
