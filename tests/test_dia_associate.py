"""Sources are given to DiaObjects in the database: the same rows whoever does it, when, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from dia_surveys import ARCSEC, BEGIN, field, load, load_visits, objects_of, rows_of, sources, stored

from ssdb.ask.check import check
from ssdb.ask.status import status
from ssdb.association.associate import associate
from ssdb.config import DiaConfig
from ssdb.dia.associate import DiaReport, associate_dia
from ssdb.dia.merge import merge_objects
from ssdb.dia.withdraw import withdraw
from ssdb.errors import NotFoundError
from ssdb.ingest.predictions import ingest_predictions
from ssdb.moments import MOMENTS
from ssdb.schema.apdb_dia import dia_object, dia_object_last
from ssdb.schema.dia import dia_match, dia_object_moment
from ssdb.schema.survey import visit
from ssdb.sky.sphere import separations
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.tables.dia_objects import recompute_objects

VISITS = range(1, 9)


def done(database: Database, visits: Sequence[int] | None = None, **options: Any) -> DiaReport:
    """Without the Solar System half; nothing may fail, and all checks hold."""
    report = associate_dia(database, visits, solar_system=False, **options)
    assert report.failed == {}
    holds(database)
    return report


def holds(database: Database) -> None:
    assert [result.name for result in check(database) if result.n_violations] == []


@pytest.fixture
def survey(database: Database) -> Database:
    load_visits(database, VISITS)
    load(database, field(VISITS))
    return database


def test_sources_near_each_other_are_one_object(database: Database) -> None:
    load_visits(database, [1, 2])
    load(database, [sources(1, [10.0, 10.1], -30.0), sources(2, [10.0 + 0.05 * ARCSEC, 10.2], -30.0)])
    report = done(database)
    assert objects_of(database) == {1000: 1000, 1001: 1001, 2000: 1000, 2001: 2001}
    assert [(one.visit, one.n_updated, one.n_new) for one in report.visits] == [(1, 0, 2), (2, 1, 1)]
    new, seen = (rows_of(database, dia_match)[place] for place in (0, 2))
    assert (new["isNew"], new["separation"], new["chi2"], new["logOdds"]) == (True, None, None, None)
    assert seen["isNew"] is False
    assert seen["separation"] == pytest.approx(0.05 * np.cos(np.radians(30.0)), abs=1e-9)
    assert seen["runId"] == report.run_id
    row = rows_of(database, dia_object)[0]
    assert (row["nDiaSources"], row["r_psfFluxNdata"], row["g_psfFluxNdata"]) == (2, 2, 0)
    assert row["firstDiaSourceMjdTai"], row["lastDiaSourceMjdTai"] == (BEGIN + 1, BEGIN + 2)
    assert row["r_psfFluxMean"] == pytest.approx(1015.0)
    assert row["r_psfFluxMeanErr"] == pytest.approx(5.0 / np.sqrt(2.0))
    assert row["r_psfFluxMaxSlope"] == pytest.approx(10.0)
    assert row["validityEndMjdTai"] is None


def test_again_gives_the_same_rows(survey: Database) -> None:
    """C9.1: the last visit again, and then all of them, each of which was undone in between."""
    done(survey)
    once = stored(survey)
    assert done(survey).visits == []
    report = done(survey, [8])
    assert report.kept == {}
    assert stored(survey) == once
    report = done(survey, [3])
    assert report.kept == {3: 5}
    assert stored(survey)["DiaObject"] == once["DiaObject"]


def test_a_detector_at_a_time_gives_the_same_rows(database: Database, tmp_path: Any) -> None:
    load_visits(database, VISITS)
    other = initialize(f"sqlite:///{tmp_path}/other.db")
    load_visits(other, VISITS)
    for table in field(VISITS):
        detector = pa.array(np.arange(table.num_rows) % 3, pa.int16())
        table = table.set_column(table.schema.get_field_index("detector"), "detector", detector)
        load(other, [table])
        for number in range(3):
            load(database, [table.filter(pa.array(detector.to_numpy() == number))])
            done(database)
    done(other)
    # The density of sources, and with it the odds, is that of the visit's field.
    assert stored(database) == stored(other)
    other.close()


def test_by_hand_in_any_order_gives_the_same_rows(survey: Database) -> None:
    """A visit is done when it is its turn, whatever is asked for first."""
    report = associate_dia(survey, [5], solar_system=False)
    assert (report.visits, report.waiting) == ([], {5: 1})
    report = done(survey, [3, 2, 1])
    assert [one.visit for one in report.visits] == [1, 2, 3]
    done(survey)
    one_by_one = stored(survey)
    with survey.writing() as connection:
        for table in (dia_match, dia_object, dia_object_last, dia_object_moment):
            connection.execute(sa.delete(table))
        connection.exec_driver_sql('UPDATE "DiaSource" SET "diaObjectId" = NULL')
        connection.execute(sa.update(visit).values(diaStatus="pending", diaRunId=None))
    done(survey)
    assert stored(survey) == one_by_one


def test_known_objects_are_not_for_dia_objects(database: Database) -> None:
    load_visits(database, [1, 2])
    load(database, [sources(1, [10.0, 10.1], -30.0), sources(2, [10.0, 10.1], -30.0)])
    predictions = {"visit": [1], "designation": ["2010 AB"], "ephRa": [10.1], "ephDec": [-30.0]}
    ingest_predictions(database, pa.table(predictions | {"ephRateRa": [0.0], "ephRateDec": [0.0]}))
    report = associate_dia(database)
    assert (report.visits, report.unready, report.n_without_predictions) == ([], [1, 2], 1)
    associate(database)
    report = associate_dia(database)
    assert [one.visit for one in report.visits] == [1]
    assert report.unready == [2]
    assert objects_of(database) == {1000: 1000, 1001: None, 2000: None, 2001: None}
    holds(database)


def test_a_visit_without_predictions_holds_up_those_of_its_field(database: Database) -> None:
    load_visits(database, [1, 3])
    load_visits(database, [2], ra=200.0)
    load(database, [sources(1, 10.0, -30.0), sources(2, 200.0, -30.0), sources(3, 10.0, -30.0)])
    empty = pa.table({"visit": [2, 3], "designation": ["433", "433"], "ephRa": [0.0, 0.0], "ephDec": [80.0, 80.0]})
    ingest_predictions(database, empty)
    associate(database)
    report = associate_dia(database)
    assert [one.visit for one in report.visits] == [2]
    assert (report.unready, report.waiting, report.n_without_predictions) == ([1], {3: 1}, 1)
    assert [one.visit for one in done(database).visits] == [1, 3]


def test_a_late_visit_is_refused_or_given_to_the_objects_as_they_are(survey: Database) -> None:
    done(survey)
    load_visits(survey, [100], midpointMjdTai=np.array([BEGIN + 3.5]))
    load(survey, [sources(100, [10.0, 10.2], [-30.0, -30.2])])
    report = done(survey)
    assert (report.visits, report.late) == ([], [100])
    # It holds up nobody.
    load_visits(survey, [9])
    load(survey, field([9]))
    assert [one.visit for one in done(survey).visits] == [9]
    report = done(survey, late=True)
    assert [one.visit for one in report.visits] == [100]
    assert objects_of(survey)[100000] == 100000


def test_a_late_source_counts_in_time(database: Database) -> None:
    """The steepest rise, the last flux and the place are those of all sources in time, to the bit."""
    rows = {n: sources(n, 10.0, -30.0, psfFlux=np.array([flux])) for n, flux in ((1, 10.0), (2, 500.0), (3, 90.0))}
    load_visits(database, [1, 2, 3])
    load(database, [rows[1], rows[3]])
    with database.writing() as connection:
        connection.execute(sa.update(visit).where(visit.c.visit == 2).values(midpointMjdTai=1e5))
    done(database)
    with database.writing() as connection:
        row = {"midpointMjdTai": BEGIN + 2, "diaStatus": "pending", "diaRunId": None}
        connection.execute(sa.update(visit).where(visit.c.visit == 2).values(**row))
    load(database, [rows[2]])
    done(database, late=True)
    (moment,) = rows_of(database, dia_object_moment)
    assert (moment["nValues"], moment["steepest"], moment["lastFlux"]) == (3, 490.0, 90.0)


CENTRES = [(0.0, 0.0), (359.99999, -40.0), (0.00001, 60.0), (123.0, 89.9999), (77.0, -89.9999), (200.0, 90.0)]


@pytest.mark.parametrize(("ra", "dec"), CENTRES)
def test_across_0h_and_at_the_poles(database: Database, ra: float, dec: float) -> None:
    rng = np.random.default_rng(2)
    n, tables = 12, []
    angle, distance = rng.uniform(0, 2 * np.pi, n), rng.uniform(5, 60, n) * ARCSEC
    places = np.array(
        [moved(ra, dec, *xy) for xy in zip(distance * np.cos(angle), distance * np.sin(angle), strict=True)]
    )
    load_visits(database, VISITS, ra=ra, dec=dec)
    for number in VISITS:
        seen = [moved(*place, *rng.normal(0, 0.05 * ARCSEC, 2)) for place in places.tolist()]
        tables.append(sources(number, *np.transpose(seen)))
    load(database, tables)
    report = done(database)
    assert report.totals["nNewDiaObjects"] == n
    rows = rows_of(database, dia_object_last)
    assert [row["nDiaSources"] for row in rows] == [8] * n
    apart = separations([row["ra"] for row in rows], [row["dec"] for row in rows], *places.T)
    assert apart.max() < 0.1


def moved(ra: float, dec: float, east: float, north: float) -> tuple[float, float]:
    """A place so many degrees from another."""
    lon, lat, x, y = np.radians([ra, dec, east, north])
    to_east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    to_north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    at = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]) + x * to_east + y * to_north
    return float(np.degrees(np.arctan2(at[1], at[0])) % 360.0), float(np.degrees(np.arctan2(at[2], np.hypot(*at[:2]))))


def test_two_visits_at_the_same_second_and_bands_of_any_name(database: Database) -> None:
    load_visits(database, [1, 2, 3], step_days=0.0)
    names = {1: "r", 2: "lsst_r", 3: "VR_ü?x"}
    load(database, [sources(n, 10.0, -30.0, band=[name]) for n, name in names.items()])
    done(database)
    assert objects_of(database) == {1000: 1000, 2000: 1000, 3000: 1000}
    moments = rows_of(database, dia_object_moment)
    assert sorted((row["band"], row["nValues"], row["steepest"]) for row in moments) == [
        ("VR_ü?x", 1, None),
        ("r", 2, None),
    ]
    assert rows_of(database, dia_object)[0]["r_psfFluxNdata"] == 2


def test_sources_without_errors_fluxes_or_bands(database: Database) -> None:
    nothing = {"raErr": [None], "decErr": [None], "psfFlux": [None], "psfFluxErr": [None], "band": [None]}
    nothing = {
        name: pa.array(values, pa.string() if name == "band" else pa.float64()) for name, values in nothing.items()
    }
    load_visits(database, [1, 2])
    load(database, [sources(n, 10.0, -30.0, **nothing) for n in (1, 2)])
    done(database)
    assert objects_of(database) == {1000: 1000, 2000: 1000}
    (row,) = rows_of(database, dia_object)
    assert row["nDiaSources"] == 2
    assert row["raErr"] == pytest.approx(0.2 * ARCSEC / np.sqrt(2), rel=1e-4)
    assert [row[f"{band}_psfFluxMean"] for band in "ugrizy"] == [None] * 6
    (moment,) = rows_of(database, dia_object_moment)
    assert (moment["band"], moment["nValues"], moment["scienceMean"]) == ("", 0, 2000.0)


def test_flags_and_reliability_decide_what_takes_part_and_what_makes_an_object(database: Database) -> None:
    flags = {"pixelFlags_crCenter": [True, False, None, None], "pixelFlags_streakCenter": [False, True, None, None]}
    reliability = {"reliability": [0.9, 0.9, 0.05, None]}
    load_visits(database, [1])
    load(database, [sources(1, [10.0, 10.1, 10.2, 10.3], -30.0, **flags, **reliability)])
    (outcome,) = done(database).visits
    assert (outcome.n_sources, outcome.n_new, outcome.n_marginal) == (3, 1, 2)
    assert objects_of(database) == {1000: None, 1001: None, 1002: None, 1003: 1003}


def test_more_new_objects_than_allowed_fail_the_visit(survey: Database) -> None:
    before = stored(survey)
    report = associate_dia(survey, solar_system=False, config=DiaConfig(max_new=5))
    assert "would make up to 24 DiaObjects, more than 5" in report.failed[1]
    assert (list(report.failed), report.waiting[2], report.visits) == ([1], 1, [])
    assert stored(survey) == before


def test_versions_of_objects_stay(survey: Database) -> None:
    done(survey, [1], config=DiaConfig(versions=True))
    done(survey, config=DiaConfig(versions=True))
    rows = rows_of(survey, dia_object)
    assert len(rows) == sum(row["nDiaSources"] for row in rows_of(survey, dia_object_last))
    for object_id in {row["diaObjectId"] for row in rows}:
        versions = [row for row in rows if row["diaObjectId"] == object_id]
        assert [row["nDiaSources"] for row in versions] == list(range(1, len(versions) + 1))
        ends = [row["validityEndMjdTai"] for row in versions]
        assert ends == [row["validityStartMjdTai"] for row in versions[1:]] + [None]


def test_again_adds_no_versions(survey: Database) -> None:
    """What comes out as it was holds since it did; what does not has a version more."""
    config = DiaConfig(versions=True)
    done(survey, config=config)
    once = rows_of(survey, dia_object)
    done(survey, [8], config=config)
    assert rows_of(survey, dia_object) == once
    done(survey, [3], config=config)
    assert rows_of(survey, dia_object) == once
    lost = next(row["diaSourceId"] for row in rows_of(survey, dia_match) if row["visit"] == 8 and not row["isNew"])
    withdraw(survey, pa.table({"diaSourceId": [lost]}))
    holds(survey)
    done(survey, [8], config=config)
    now = rows_of(survey, dia_object)
    assert len(now) == len(once) + 1
    assert sum(row["validityEndMjdTai"] is None for row in now) == len(rows_of(survey, dia_object_last))
    merge_objects(survey, 60.0)
    holds(survey)


def test_unknown_visits_are_refused(survey: Database) -> None:
    with pytest.raises(NotFoundError, match="visit 77 is not in the database"):
        associate_dia(survey, [1, 77], solar_system=False)


def test_moments_are_those_of_all_sources_to_the_bit(survey: Database) -> None:
    done(survey)
    before = stored(survey)
    with survey.writing() as connection:
        ids = np.array([row["diaObjectId"] for row in rows_of(survey, dia_object_last)])
        recompute_objects(connection, ids, DiaConfig(), mjd_tai_now())
    assert stored(survey) == before
    assert set(MOMENTS) < set(dia_object_moment.c.keys())


def test_a_large_field(sqlite_url: str) -> None:
    """C9.5, on a smaller scale: thousands of objects, of which each visit sees some hundred."""
    with connect(sqlite_url) as database:
        rng = np.random.default_rng(3)
        load_visits(database, [1, 2], radius=1.8)
        ra, dec = 10.0 + rng.uniform(-1, 1, 900), -30.0 + rng.uniform(-1, 1, 900)
        load(database, [sources(1, ra, dec), sources(2, ra[:100], dec[:100])])
        report = done(database)
        assert [one.n_updated for one in report.visits] == [0, 100]


def test_an_object_is_confirmed_by_several_sources_in_one_place(database: Database) -> None:
    """A transient on one date makes none; the third source in one place makes one of all three, also across visits."""
    load_visits(database, [1, 2, 3, 4])
    there = {1: [10.0, 10.1], 2: [10.0, 10.2], 3: [10.1, 10.3], 4: [10.0, 10.1]}
    load(database, [sources(n, ra, -30.0) for n, ra in there.items()])
    report = done(database, config=DiaConfig(confirm=3))
    assert [(one.n_new, one.n_marginal) for one in report.visits] == [(0, 2), (0, 2), (0, 2), (2, 0)]
    given = {number: object_id for number, object_id in objects_of(database).items() if object_id}
    assert given == {1000: 1000, 2000: 1000, 4000: 1000, 1001: 1001, 3000: 1001, 4001: 1001}
    assert [(row["diaObjectId"], row["nDiaSources"]) for row in rows_of(database, dia_object_last)] == [
        (1000, 3),
        (1001, 3),
    ]
    assert {row["diaSourceId"] for row in rows_of(database, dia_match) if row["isNew"]} == {1000, 1001}


def test_again_confirms_the_same(database: Database) -> None:
    """The visit that confirmed an object, again: the sources of before have no object until it is done."""
    config = DiaConfig(confirm=3)
    load_visits(database, [1, 2, 3, 4])
    there = {1: [10.0, 10.1], 2: [10.0, 10.1], 3: 10.0, 4: 10.1}
    load(database, [sources(n, ra, -30.0) for n, ra in there.items()])
    done(database, config=config)
    once = stored(database)
    assert {row["nDiaSources"] for row in rows_of(database, dia_object)} == {3}
    done(database, [3], config=config)
    done(database, [4], config=config)
    assert stored(database) == once
    withdraw(database, pa.table({"diaSourceId": [3000]}))
    holds(database)
    done(database, [3], config=config)
    holds(database)


def test_a_visit_without_sources_is_done(database: Database) -> None:
    load_visits(database, [1, 2])
    load(database, [sources(2, 10.0, -30.0)])
    assert [(one.visit, one.n_sources) for one in done(database).visits] == [(1, 0), (2, 1)]


COUNTED = ("diaObjects", "diaDone", "diaPending", "diaWaiting", "diaLate")


def test_status_counts_visits_and_objects(survey: Database) -> None:
    before = status(survey)
    assert [before[name] for name in COUNTED] == [0, 0, 8, 8, 0]
    done(survey)
    load_visits(survey, [100], midpointMjdTai=np.array([BEGIN + 3.5]))
    after = status(survey)
    assert [after[name] for name in COUNTED] == [30, 8, 1, 1, 1]
    assert (after["nNewDiaObjects"], after["nUpdatedDiaObjects"], after["nMarginalDiaSources"]) == (30, 154, 0)
