"""A visit of another survey that has the number of a stored one is refused at every door; corrections are taken."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from images import header
from ingesting import DERIVED, corners, dump, load_night, refused, rows, statuses, with_value

import ssdb
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.image.detector_image import Exposure
from ssdb.store.database import Database, open_database

MJD = 58976.2
STORED: dict[str, list[Any]] = {
    "visit": [123],
    "midpointMjdTai": [MJD],
    "instrument": ["LSSTCam"],
    "observatoryCode": ["X05"],
    "ra": [50.0],
    "dec": [-5.0],
    "radius": [1.75],
}
POSITION = {"ra": [50.0], "dec": [-5.0]}
SOURCE = {"diaSourceId": [1], "visit": [123], **POSITION}
PREDICTION = {"visit": [123], "designation": ["433"], "ephRa": [50.0], "ephDec": [-5.0]}


@pytest.fixture
def survey(database: Database) -> Database:
    """One associated visit, whose source is 433."""
    ingest_visits(database, STORED)
    ingest_detectors(database, corners(123, 0))
    ingest_sources(database, SOURCE)
    ingest_predictions(database, PREDICTION)
    ssdb.associate(database)
    assert len(rows(database, "SSSource")) == 1
    return database


def image(**cards: Any) -> Exposure:
    """An image that is the stored visit's, but for some of its cards."""
    given = {"VISIT": 123, "DETECTOR": 0, "MJD-AVG": MJD, "TIMESYS": "TAI", "INSTRUME": "LSSTCam", "OBSCODE": "X05"}
    return Exposure.from_header(header(**(given | {name.replace("_", "-"): value for name, value in cards.items()})))


OTHERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"midpointMjdTai": [57000.1], "instrument": ["DECam"]}, ["57000.1", "DECam", "58976.2", "LSSTCam"]),
    ({"midpointMjdTai": [57000.1]}, ["57000.1", "58976.2", "LSSTCam"]),
    ({"midpointMjdTai": [MJD + 0.0201]}, ["58976.2201", "58976.2"]),
    ({"instrument": ["DECam"]}, ["DECam", "LSSTCam", "58976.2"]),
    ({"observatoryCode": ["W84"]}, ["X05", "W84", "58976.2"]),
    ({"ra": [55.0], "dec": [-5.0]}, ["50", "55"]),
    ({"ra": [50.0], "dec": [-3.2]}, ["-5", "-3.2"]),
]


@pytest.mark.parametrize(("other", "words"), OTHERS)
def test_another_visit_of_the_same_number_is_refused(
    survey: Database, other: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    given = {"visit": [123], "midpointMjdTai": [MJD], **other}
    words = ["visit 123", "survey", *words]
    refused(survey, ingest_visits, given, *words, error=InputError)
    refused(survey, ingest_visits, given, *words, error=InputError, skip_invalid=True)
    new = {name: [*values, *values] for name, values in given.items()} | {"visit": [7, 123]}
    refused(survey, ingest_visits, new, *words, error=InputError)


def test_a_visit_that_has_nothing_yet_is_no_other_visit(database: Database) -> None:
    ingest_visits(database, STORED)
    refused(database, ingest_visits, {"visit": [123], "midpointMjdTai": [57000.1]}, "58976.2", "57000.1")


def test_the_command_ends_with_an_error(survey: Database, database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "decam.csv"
    path.write_text("visit,midpointMjdTai,instrument\n123,57000.1,DECam\n")
    before = dump(survey)
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "visits", str(path)])
    assert result.exit_code == 1
    assert all(word in result.stderr for word in ("decam.csv", "visit 123", "58976.2", "57000.1", "LSSTCam", "DECam"))
    assert dump(survey) == before


def test_many_others_are_one_short_line(database: Database) -> None:
    numbers = list(range(500))
    ingest_visits(database, {"visit": numbers, "midpointMjdTai": [MJD] * 500})
    message = refused(
        database, ingest_visits, {"visit": numbers, "midpointMjdTai": [MJD + 1] * 500}, "500 visits", "visit 0 "
    )
    assert len(message) < 1000


@pytest.mark.parametrize(
    "correction",
    [
        {"midpointMjdTai": [MJD + 0.0199]},
        {"ra": [51.0], "dec": [-5.5]},
        {"instrument": ["lsstCam "]},
        {"instrument": [None], "observatoryCode": [None]},
        {"ra": [410.0 - 360.0], "dec": [None]},
        {"band": ["r"]},
    ],
)
def test_a_correction_is_taken(survey: Database, correction: dict[str, Any]) -> None:
    ingest_visits(survey, {"visit": [123], "midpointMjdTai": [MJD], **correction})
    (stored,) = rows(survey, "Visit")
    assert stored["midpointMjdTai"] == correction.get("midpointMjdTai", [MJD])[0]
    pending = not correction.keys().isdisjoint(("midpointMjdTai", "band"))
    assert statuses(survey)[123,] == ("pending" if pending else "done")


@pytest.mark.parametrize("what", ["sources", "predictions"])
def test_a_correction_away_from_the_times_of_the_rows_is_refused(database: Database, what: str) -> None:
    ingest_visits(database, STORED)
    time = {"midpointMjdTai": [MJD + 0.015]}
    if what == "sources":
        ingest_sources(database, SOURCE | time)
    else:
        ingest_predictions(database, PREDICTION | time)
    before = dump(database)
    with pytest.raises(InputError, match=rf"visit 123 .* mid-exposure 58976\.185 .* of its {what}, 58976\.215"):
        ingest_visits(database, STORED | {"midpointMjdTai": [MJD - 0.015]})
    assert dump(database) == before
    ingest_visits(database, STORED | {"midpointMjdTai": [MJD + 0.015]})


def test_a_field_across_0h_and_at_the_pole_is_the_same(database: Database) -> None:
    ingest_visits(
        database,
        {"visit": [1, 2], "midpointMjdTai": [MJD] * 2, "ra": [359.9, 10.0], "dec": [0.0, 89.9], "radius": [1.0, 1.0]},
    )
    ingest_visits(database, {"visit": [1, 2], "midpointMjdTai": [MJD] * 2, "ra": [0.1, 190.0], "dec": [0.0, 89.9]})
    assert [row["ra"] for row in rows(database, "Visit")] == [0.1, 190.0]


def test_an_unknown_size_allows_a_few_degrees(database: Database) -> None:
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [MJD], "ra": [10.0], "dec": [0.0]})
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [MJD], "ra": [13.0], "dec": [0.0]})
    other = {"visit": [1], "midpointMjdTai": [MJD], "ra": [150.0], "dec": [2.0]}
    refused(database, ingest_visits, other, "visit 1", "13", "150")


def test_what_makes_no_sense_may_be_replaced(survey: Database) -> None:
    """What an older version, or SQL, has brought."""
    with survey.writing() as connection:
        connection.exec_driver_sql('UPDATE "Visit" SET "midpointMjdTai" = 2458976.7, ra = 999')
    ingest_visits(survey, STORED)
    assert rows(survey, "Visit")[0]["midpointMjdTai"] == MJD


IMAGES: list[tuple[dict[str, Any], list[str]]] = [
    ({"MJD_AVG": 57000.1, "INSTRUME": "DECam"}, ["57000.1", "DECam", "58976.2", "LSSTCam"]),
    ({"INSTRUME": "DECam"}, ["DECam", "LSSTCam"]),
    ({"OBSCODE": "W84"}, ["W84", "X05"]),
    ({"CRVAL1": 60.0}, ["59.98", "50"]),
]


@pytest.mark.parametrize(("cards", "words"), IMAGES)
def test_images_of_another_visit_are_refused(survey: Database, cards: dict[str, Any], words: list[str]) -> None:
    for detector in (0, 7):
        other = image(**cards, DETECTOR=detector)
        refused(survey, ingest_detectors, other, "visit 123", *words, error=InputError)
        refused(survey, ingest_detectors, other, "visit 123", *words, error=InputError, create_visits=True)


def test_images_of_the_visit_are_taken(survey: Database) -> None:
    ingest_detectors(survey, [image(DETECTOR=0), image(DETECTOR=5, INSTRUME="LSSTCAM", MJD_AVG=MJD + 0.01)])
    assert [row["detector"] for row in rows(survey, "VisitDetector")] == [0, 5]


def test_images_of_two_cameras_make_no_visit(database: Database) -> None:
    two = [image(VISIT=9, DETECTOR=1), image(VISIT=9, DETECTOR=2, INSTRUME="DECam")]
    refused(database, ingest_detectors, two, "visit 9", "DECam", "LSSTCam", create_visits=True)


def test_corners_in_another_field_are_refused(survey: Database) -> None:
    refused(survey, ingest_detectors, corners(123, 0, ra=150.0, dec=2.0), "visit 123", "150", "50", error=InputError)
    refused(survey, ingest_detectors, corners(123, 7, ra=53.5), "visit 123", error=InputError)
    ingest_detectors(survey, corners(123, 7, ra=52.3))


def test_a_detector_does_not_move_across_the_sky(database: Database) -> None:
    """Where nothing is known of the field, the detector's own place is."""
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [MJD]})
    ingest_detectors(database, corners(1, 4))
    refused(database, ingest_detectors, corners(1, 4, ra=150.0), "visit 1", "detector 4", error=InputError)
    ingest_detectors(database, corners(1, 4, ra=50.3))


@pytest.mark.parametrize("create", [False, True])
def test_sources_at_another_time_are_refused(survey: Database, create: bool) -> None:
    other = {**SOURCE, "diaSourceId": [2], "midpointMjdTai": [57000.1]}
    refused(survey, ingest_sources, other, "visit 123", "58976.2", "57000.1", create_visits=create, error=InputError)
    refused(survey, ingest_sources, other, "visit 123", "58976.2", "57000.1", replace=True, error=InputError)


def test_predictions_for_another_time_are_refused(survey: Database) -> None:
    other = {**PREDICTION, "midpointMjdTai": [57000.1]}
    for options in ({}, {"replace": True}, {"complete": True}):
        refused(survey, ingest_predictions, other, "visit 123", "58976.2", "57000.1", error=InputError, **options)


def test_a_table_of_results_that_no_visit_has_is_found(survey: Database) -> None:
    """What an older version rewrote: `ssdb check` says so."""
    assert [result.name for result in ssdb.check(survey) if result.n_violations] == []
    with survey.writing() as connection:
        connection.exec_driver_sql('UPDATE "Visit" SET "midpointMjdTai" = 57000.1')
    found = {result.name: result for result in ssdb.check(survey) if result.n_violations}
    assert set(found) == {"time_is_of_visit"}
    assert found["time_is_of_visit"].examples[0]["visit"] == 123


def test_a_correction_keeps_what_was_derived_until_it_is_renewed(database: Database) -> None:
    load_night(database)
    before = dump(database)
    times = {"visit": [10, 20], "midpointMjdTai": [60000.1, 60000.2]}
    ingest_visits(database, with_value(times, "midpointMjdTai", 0, 60000.105))
    after = dump(database)
    assert [after[table] for table in DERIVED] == [before[table] for table in DERIVED]
    assert statuses(database)[10,] == "pending"
    ssdb.associate(database)
    assert [result.name for result in ssdb.check(database) if result.n_violations] == []


# ---- two surveys -----------------------------------------------------------------------------------------------------


def test_a_schema_for_each_survey(postgresql_url: str) -> None:
    """As docs/data-model.md has it: the same numbers, and one statement that sees both."""
    with closing(open_database(postgresql_url)) as database, database.writing() as connection:
        connection.exec_driver_sql("CREATE SCHEMA decam")
    url = sa.make_url(postgresql_url).update_query_dict({"options": "-csearch_path=decam"})
    for each, time in ((postgresql_url, MJD), (url, 57000.1)):
        with closing(ssdb.initialize(each)) as database:
            ingest_visits(database, {"visit": [123], "midpointMjdTai": [time]})
            ingest_sources(database, SOURCE)
            ingest_predictions(database, PREDICTION)
            ssdb.associate(database)
            assert [result.name for result in ssdb.check(database) if result.n_violations] == []
            assert len(rows(database, "SSSource")) == 1
    both = 'SELECT (SELECT count(*) FROM "SSSource") AS one, (SELECT count(*) FROM decam."SSSource") AS other'
    with closing(open_database(postgresql_url)) as database, database.reading() as connection:
        assert connection.exec_driver_sql(both).one() == (1, 1)
