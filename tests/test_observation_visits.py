"""Which observations that were reported are the same, and which are of one visit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.time import Time
from ingesting import dump
from predicting import BELT, load_orbits
from reported import HEADER, observed

from ssdb import (
    associate,
    check,
    connect,
    ephemeris_table,
    export_ades,
    ingest_observations,
    predict_visits,
)
from ssdb.store.database import Database

ALIKE = ("CG5", "WKE")
"""Stations whose observations at this time and position get the same number."""


def report(stn: str, ra: float, dec: float, **more: Any) -> dict[str, Any]:
    return {"permID": "433", "stn": stn, "obsTime": "2026-06-01T02:03:04.5Z", "ra": ra, "dec": dec, **more}


def ingested(database: Database, *rows: Mapping[str, Any]) -> tuple[int, int]:
    """How many were new and how many were there."""
    done = ingest_observations(database, {name: [row[name] for row in rows] for name in rows[0]})
    return done.new, done.unchanged


def test_what_two_stations_saw_alike_are_two_observations(database: Database) -> None:
    """Their numbers are the same, as are time and position."""
    first, second = (report(code, 10.5, -5.25) for code in ALIKE)
    assert ingested(database, first) == (1, 0)
    assert ingested(database, second) == (1, 0)
    assert ingested(database, second, first) == (0, 2)
    assert {row["observatoryCode"] for row in dump(database)["Visit"]} == set(ALIKE)
    reported = dump(database)["SsReportedSource"]
    assert {row["stn"] for row in reported} == set(ALIKE)
    assert len({row["visit"] for row in dump(database)["DiaSource"]}) == 2


def test_a_stored_observation_keeps_its_visit(database: Database) -> None:
    """Whatever became of that: its observatory was corrected."""
    assert ingested(database, report("568", 10.5, -5.25)) == (1, 0)
    before = dump(database)
    with database.writing() as connection:
        connection.exec_driver_sql("""UPDATE "Visit" SET "observatoryCode" = '675'""")
    assert ingested(database, report("568", 10.5, -5.25)) == (0, 1)
    assert dump(database)["DiaSource"] == before["DiaSource"]
    assert dump(database)["SsReportedSource"] == before["SsReportedSource"]


def test_one_time_of_one_station_may_be_of_several_fields() -> None:
    """Times are rounded, and some codes are of several telescopes: nobody looks at half of the sky at once."""
    rows = [
        report("568", ra, dec)
        for ra, dec in ((359.0, 0.0), (1.0, 0.0), (4.0, 3.0), (180.0, -1.0), (60.0, 89.0), (240.0, 89.0))
    ]
    fields = [{0, 1, 2}, {3}, {4, 5}]
    places = [(row["ra"], row["dec"]) for row in rows]
    for parts in ([[0, 1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1, 0]], [[4], [1], [3, 5], [2], [0]]):
        with connect() as database:
            for part in parts:
                assert ingested(database, *(rows[number] for number in part)) == (len(part), 0)
            found = dump(database)
            visits: dict[int, set[int]] = {}
            for row in found["DiaSource"]:
                visits.setdefault(row["visit"], set()).add(places.index((row["ra"], row["dec"])))
            assert sorted(map(sorted, visits.values())) == sorted(map(sorted, fields))
            assert len(found["Visit"]) == 3
            assert ingested(database, *rows) == (0, 6)
            assert dump(database)["Visit"] == found["Visit"]
            assert [rule for rule in check(database) if rule.n_violations] == []


def test_a_field_does_not_grow_with_each_file() -> None:
    with connect() as database:
        for number in range(12):
            assert ingested(database, report("568", 9.0 * number, 0.0)) == (1, 0)
        visits: dict[int, list[float]] = {}
        for row in dump(database)["DiaSource"]:
            visits.setdefault(row["visit"], []).append(row["ra"])
    assert max(max(ra) - min(ra) for ra in visits.values()) <= 10.0


def test_fields_of_one_time_are_predicted_by_themselves() -> None:
    """Not with all that is between them."""
    with connect() as database:
        load_orbits(database, BELT)
        names = [row["designation"] for row in BELT]
        table = ephemeris_table(database, names, "568", 61010.2, 61010.2, "1d").to_arrow().to_pylist()
        ra = np.array([row["ephRa"] for row in table])
        apart = np.abs((ra[:, None] - ra + 180) % 360 - 180)
        chosen = np.unravel_index(apart.argmax(), apart.shape)
        assert apart[chosen] > 90
        time = Time(61010.2, format="mjd", scale="tai").utc.isot + "Z"
        rows = [
            report("568", table[one]["ephRa"], table[one]["ephDec"], obsTime=time, rmsRA=0.1, rmsDec=0.1)
            for one in chosen
        ]
        assert ingested(database, *rows) == (2, 0)
        done = predict_visits(database)
        assert len(done.predictions) == 2
        assert sum(done.predictions.values()) < len(BELT) / 4
        associate(database)
        assert {row["designation"] for row in dump(database)["SSSource"]} == {
            table[one]["designation"] for one in chosen
        }


def test_what_was_reported_by_other_means_is_known_by_its_number(database: Database, tmp_path: Path) -> None:
    """Somebody wrote diaSourceId as obsSubID without `ssdb export ades`."""
    observed(database)
    source = next(row for row in dump(database)["DiaSource"] if row["diaSourceId"] == 101)
    nowhere = next(row for row in dump(database)["DiaSource"] if row["diaSourceId"] == 301)  # its visit has no code
    rows = [
        report(
            "X05",
            round(row["ra"], 6),
            round(row["dec"], 6),
            obsTime=Time(row["midpointMjdTai"], format="mjd", scale="tai").utc.isot + "Z",
            obsSubID=str(row["diaSourceId"]),
            obsID=f"L{row['diaSourceId']}",
        )
        for row in (source, nowhere)
    ]
    others = [
        rows[0] | {"stn": "568"},
        rows[0] | {"dec": rows[0]["dec"] + 2 / 3600},
        rows[0] | {"obsTime": rows[0]["obsTime"].replace("2023", "2022")},
    ]
    for new in (3, 0):
        columns = {name: [row[name] for row in (*rows, *others)] for name in rows[0]}
        done = ingest_observations(database, columns)
        assert (done.new, done.unchanged) == (new, 3 - new)
        assert done.doubts == ("2 observations left out that are sources of this database already (obsSubID)",)
    reported = {row["diaSourceId"]: row for row in dump(database)["SsReportedSource"]}
    assert len(reported) == 5
    for row in (source, nowhere):
        noted = reported[row["diaSourceId"]]
        assert (noted["visit"], noted["stn"], noted["designation"]) == (row["visit"], "X05", "433")
        assert (noted["obsID"], noted["submittedAt"]) == (f"L{row['diaSourceId']}", None)
    # They count as reported.
    assert export_ades(database, tmp_path / "none.psv", header=HEADER, visits=[30]).file is None
