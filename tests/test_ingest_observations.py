"""Observations that others reported, as sources: ADES and 80 columns, and what can be asked of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import Angle
from astropy.time import Time
from ingesting import dump
from lxml import etree
from predicting import BELT, NEAR, load_orbits
from reported import HEADER, observed
from test_cli import failed, run, told

from ssdb import (
    associate,
    check,
    connect,
    ephemeris_table,
    export_ades,
    ingest_observations,
    ingest_predictions,
    ingest_sources,
    ingest_submissions,
    ingest_visits,
    named_query,
    predict_visits,
)
from ssdb.errors import InputError, UsageError
from ssdb.store.database import Database
from ssdb.store.tables.delete import delete_visits


def line(name: str, code: str, date: str, ra: str, dec: str, mag: str = "", band: str = "", stn: str = "X05") -> str:
    """An observation of 80 columns."""
    return f"{name:14}{code}{date:17}{ra:12}{dec:12}{'':9}{mag:5}{band:1}{'':6}{stn}"


LINES = [
    line("00433", "C", "2024 12 27.238073", "08 56 40.968", "+27 20 08.99", "17.1 ", "V"),
    line("     K15MK4Q*", "C", "2024 12 27.238073", "23 59 59.999", "-00 16 11.9", "21.93", "w"),
    line("     abc123", "B", "2024 12 28.1", "00 00 00.00", "-89 59 59.9"),
    line("0073PK06J01b", " ", "1961 03 04.5    ", "10 30.5", "+05 30", "12.0 ", "B", "675"),
    line("    CK17K020", "P", "1935 03 04.50000", "10 30 30.1", "-05 30 30", stn="675"),
    line("K3289", "V", "2024 12 29.50000", "01 02 03.4", "+01 02 03", "19.0", "R", "247"),
    "K3289         v2024 12 29.50000 1 289.123456 -23.123456  1234                247",
    line("00433", "S", "2024 12 30.25000", "01 02 03.4", "+01 02 03", stn="C51"),
    "00433         s2024 12 30.25000 1 - 5000.1234 + 4000.5678 - 1234.5678        C51",
    line("00433", "S", "2024 12 31.25000", "01 02 03.4", "+01 02 03", stn="250"),
    line("00433", "X", "2024 12 30.25000", "01 02 03.4", "+01 02 03"),
    "00433         R2024 12 30.250000   12345678901                 2380 251        251",
    "00433         r2024 12 30.250000S           5000                    251        251",
    line("00001", "A", "1801 01 01.82630", "03 38 23.07", "+16 17 25.5", stn="535"),
]
ROWS = ((0, "433"), (1, "2015 MQ204"), (2, None), (3, "73P-B"), (4, "C/2017 K2"), (5, "203289"), (7, "433"))
"""Lines that are observations of positions, and whose."""


def stored(database: Database) -> dict[str, dict[str, Any]]:
    """Sources with their visits and what was reported, by time to the minute and right ascension to the minute."""
    tables = dump(database)
    visits = {row["visit"]: row for row in tables["Visit"]}
    reports = {row["diaSourceId"]: row for row in tables["SsReportedSource"]}
    rows = [{**visits[row["visit"]], **row, "reported": reports[row["diaSourceId"]]} for row in tables["DiaSource"]]
    return {f"{row['midpointMjdTai']:.6f} {row['ra']:.6f}": row for row in rows}


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_observations_of_80_columns_are_what_they_say(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "obs.txt", ["COD X05", "OBS A. Observer", *LINES])
    report = ingest_observations(database, path)
    assert (report.rows, report.visits, report.new) == (7, 7, 7)
    assert sorted(report.doubts) == [
        "1 deleted observations left out",
        "1 observations of before 1900 left out",
        "1 placeless observations left out",
        "1 radar observations left out",
    ]
    rows = list(stored(database).values())
    for number, designation in ROWS:
        text = LINES[number]
        year, month, day = text[15:32].split()
        mjd = Time(f"{year}-{month}-01", scale="tai").mjd + float(day) - 1.0
        # Leap seconds, the rubber seconds of 1961 (1.6 s), and UT1 before.
        late = {1961: 1.63, 1935: 23.93 - 32.184}.get(int(year), 37.0)
        ra, dec = Angle(text[32:44], "hourangle").deg, Angle(text[44:56], "deg").deg
        (row,) = [
            one
            for one in rows
            if abs(one["midpointMjdTai"] - mjd - late / 86400) < 0.3 / 86400 and abs(one["ra"] - ra) < 1e-9
        ]
        assert row["dec"] == pytest.approx(dec, abs=1e-9)
        assert row["observatoryCode"] == row["reported"]["stn"] == text[77:80]
        assert row["reported"]["designation"] == designation
        if text[65:70].strip():
            assert -2.5 * np.log10(row["psfFlux"] * 1e-32) - 48.6 == pytest.approx(float(text[65:70]), abs=1e-3)
            assert row["band"] == text[70]
        else:
            assert row["psfFlux"] is None
    by_code = {row["observatoryCode"]: row for row in rows}
    assert [by_code["247"][name] for name in ("sys", "ctr", "pos1", "pos2", "pos3")] == [
        *("WGS84", 399, 289.123456, -23.123456, 1234.0)
    ]
    assert [by_code["C51"][name] for name in ("sys", "pos1", "pos2")] == ["ICRF_KM", -5000.1234, 4000.5678]
    assert by_code["X05"]["sys"] is None
    assert {row["reported"]["trkSub"] for row in rows} == {None, "abc123"}
    before = dump(database)
    again = ingest_observations(database, write(tmp_path / "again.txt", [*LINES[5:9], *LINES[:5]]))
    assert (again.new, again.unchanged) == (0, 7)
    assert dump(database)["DiaSource"] == before["DiaSource"]
    assert [rule for rule in check(database) if rule.n_violations] == []
    delete_visits(database, sorted({row["visit"] for row in rows}))
    assert dump(database)["SsReportedSource"] == []


def test_what_is_written_is_read_within_its_digits(database: Database, tmp_path: Path) -> None:
    with connect() as survey:
        observed(survey)
        export_ades(survey, tmp_path / "night.psv", header=HEADER)
        export_ades(survey, tmp_path / "night.xml", header=HEADER, again=True)
        given = {row["diaSourceId"]: row for row in dump(survey)["DiaSource"]}
        # What the database reported itself is no new source, but may have got a name.
        text = (tmp_path / "night.xml").read_text().replace("<mode>", "<obsID>L4eBVG00</obsID><mode>", 1)
        (tmp_path / "answer.xml").write_text(text)
        report = ingest_observations(survey, tmp_path / "answer.xml")
        assert (report.rows, report.doubts) == (0, ("8 observations left out that this database reported",))
        assert [row["obsID"] for row in dump(survey)["SsReportedSource"]].count("L4eBVG00") == 1
    assert ingest_observations(database, tmp_path / "night.psv").new == 8
    found = list(stored(database).values())
    assert len({row["visit"] for row in found}) == 3
    for row in found:
        source = given[int(row["reported"]["obsSubID"])]
        assert abs(row["midpointMjdTai"] - source["midpointMjdTai"]) * 86400 <= 0.00051
        cos = np.cos(np.radians(source["dec"]))
        assert abs(row["ra"] - source["ra"]) * cos <= 0.06 * source["raErr"]
        assert abs(row["dec"] - source["dec"]) <= 0.06 * source["decErr"]
        for name in ("raErr", "decErr", "psfFluxErr"):
            assert row[name] == pytest.approx(source[name], rel=0.06)
        assert row["ra_dec_Cov"] == pytest.approx(source["ra_dec_Cov"], rel=0.12)
        assert row["psfFlux"] == pytest.approx(source["psfFlux"], rel=0.002)
        assert row["exposureTime"] in (30.0, 15.5)
        assert row["band"] == source["band"] or (source["band"] is None and row["band"] in ("g", "r"))
    # The same in XML and in a table, and nothing twice.
    assert ingest_observations(database, tmp_path / "night.xml").new == 0
    tree = etree.parse(str(tmp_path / "night.xml"))
    elements = [{part.tag: part.text for part in one} for one in tree.iter("optical")]
    with (tmp_path / "night.csv").open("w") as file:
        rows = csv.DictWriter(file, sorted({name for row in elements for name in row}))
        rows.writeheader()
        rows.writerows(elements)
    report = ingest_observations(database, tmp_path / "night.csv")
    assert (report.new, report.unchanged) == (0, 8)


def test_reports_are_predicted_associated_and_compared(database: Database, tmp_path: Path) -> None:
    """What two observatories saw of objects, one of them off by an arcsecond, and one under a wrong name."""
    load_orbits(database, [*BELT[:6], *NEAR])
    names = [row["designation"] for row in BELT[:6]]
    lines = []
    for code, off in (("X05", 0.0), ("568", 0.9)):
        table = ephemeris_table(database, names, code, 61010.2, 61010.3, "0.1d").to_arrow()
        for row in table.to_pylist():
            time = Time(row["midpointMjdTai"], format="mjd", scale="tai").utc
            day = time.mjd - Time(time.strftime("%Y-%m-01"), scale="utc").mjd + 1.0
            ra = Angle(row["ephRa"], "deg").to_string("hourangle", sep=" ", precision=3, pad=True)
            dec = Angle(row["ephDec"] + off / 3600, "deg").to_string(
                "deg", sep=" ", precision=2, pad=True, alwayssign=True
            )
            name = names[0] if row["designation"] == names[5] else row["designation"]
            packed = f"     K01A00{name[-1]}"
            lines.append(line(packed, "C", f"{time.strftime('%Y %m')} {day:09.6f}", ra, dec, "18.0", "V", code))
    path = write(tmp_path / "obs.txt", lines)
    assert ingest_observations(database, path, station="X05").new == 12
    assert ingest_observations(database, path).new == 12
    report = predict_visits(database)
    assert report.failed == {}
    associate(database)
    found = named_query(database, "station-residuals").to_arrow().to_pylist()
    by_code = {row["stn"]: row for row in found}
    assert {code: (row["n"], row["nOther"]) for code, row in by_code.items()} == {"X05": (12, 2), "568": (12, 2)}
    assert by_code["X05"]["rmsDec"] < 0.2 < 0.8 < by_code["568"]["meanDec"] < 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINES[0] + "\nno observation\n", "1 lines are no observations \\(line 2\\)"),
        (line("00433", "C", "2024 12 27.238073", "25 56 40.968", "+27 20 08.99"), "ra is not a number within"),
        (
            line("K3289", "V", "2024 12 31.50000", "01 02 03.4", "+01 02 03", stn="247")
            + "\nK3289         v2024 12 31.50000 1 289.2500  -30.2400  2663                   247\n",
            "1 lines are no observations",
        ),
        (line("00433", "C", "2026 01 41.5", "08 56 40.968", "+27 20 08.99") + "\n", "1 lines are no observations"),
        ("<ades version='2022'><optical><stn>X05</stn></optical></ades>", "obsTime is no time of UTC"),
        ("<ades version='2022'><optical>", "is no XML, or is not whole"),
        ("<!DOCTYPE ades [<!ENTITY a 'b'>]><ades><optical/></ades>", "not|entities"),
        (" \n" * 50_000, "obs.xml"),  # told at once
        ("<?xml version='1.0'?><ades><x/></ades>", "there is no observation in it"),
        (
            "permID|stn|obsTime|ra|dec\n433|X05|2026-06-01T00:00:00Z|1|2\n433|X05|today|1|x\n",
            "dec is no number.*obsTime",
        ),
        ("permID|stn|obsTime|ra|dec\n433|X05|2026-06-01T00:00:00Z|1|2|3\n", "1 lines are no observations"),
        ("permID|stn|obsTime|ra|dec\n433|X 5|2026-06-01T00:00:00Z|1|2\n", "stn is no observatory code"),
        ("permID|stn|obsTime|ra|dec|sys\n433|247|2026-06-01T00:00:00Z|1|2|WGS84\n", "a place needs all"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "obs.xml"
    path.write_text(text, encoding="utf-8")
    with connect() as database:
        with pytest.raises(InputError, match=message):
            ingest_observations(database, path)
        assert dump(database)["Visit"] == []


def test_a_table_of_something_else_is_refused() -> None:
    with connect() as database, pytest.raises(InputError, match=r"is neither ADES .* nor 80 columns: it has e, q"):
        ingest_observations(database, {"e": [0.2], "q": [1.1]})


def test_answers_are_kept(database: Database, tmp_path: Path) -> None:
    observed(database)
    export_ades(database, tmp_path / "a.psv", header=HEADER, visits=[10])
    answers = {"obsSubID": ["101", "102"], "obsID": ["L1", "L2"], "trkID": ["T1", "T2"]}
    report = ingest_submissions(database, answers)
    assert (report.new, report.changed) == (0, 2)
    report = ingest_submissions(database, tmp_path / "a.psv", submission_id="2026-06-01T00:00:00.000_0000FzZw")
    assert report.changed == 6
    rows = {row["diaSourceId"]: row for row in dump(database)["SsReportedSource"]}
    assert {rows[number]["submissionId"] for number in rows} == {"2026-06-01T00:00:00.000_0000FzZw"}
    assert [rows[number]["obsID"] for number in (101, 102, 103)] == ["L1", "L2", None]
    assert rows[101]["designation"] == "433"
    # Submitted by other means: it is not reported again.
    assert ingest_submissions(database, {"diaSourceId": [201], "obsID": ["L3"]}).new == 1
    assert export_ades(database, tmp_path / "b.psv", header=HEADER).observations == 1
    for wrong, message in (
        ({"diaSourceId": [999], "obsID": ["L"]}, "not in the database"),
        ({"obsSubID": ["x1"], "obsID": ["L"]}, "row 1 has no obsSubID"),
        ({"obsSubID": ["101"]}, "nothing was answered"),
    ):
        with pytest.raises(InputError, match=message):
            ingest_submissions(database, wrong)


def test_the_command_says_what_it_read(sqlite_url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "obs.txt", [*LINES, "no observation"])
    given = ("ingest", "observations", path)
    assert "line 15" in failed(sqlite_url, *given)
    done = run(sqlite_url, *given, "--stn", "675", "--skip-invalid")
    assert done.stdout == f"{path}: 2 observations of 2 visits: 2 new, 0 changed, 0 unchanged\n"
    assert "6 observations of other stations left out" in done.stderr
    (report,) = told(sqlite_url, *given, "--skip-invalid")
    assert (report["new"], report["unchanged"], report["invalid"]) == (5, 2, 1)
    with connect(sqlite_url) as database, pytest.raises(UsageError, match="no observatory code"):
        ingest_observations(database, path, station="X 5")


COLLIDING = (
    "permID|mode|stn|obsTime|ra|dec\n",
    [
        "433|CCD|X05|2026-06-01T02:03:04.5Z|3.293316|-3.749744\n",
        "434|CCD|X05|2026-06-01T02:03:04.5Z|1.067366|1.335059\n",
    ],
)
"""Two observations of one second whose hashes are the same."""


@pytest.mark.parametrize("files", [[(0, 1)], [(1, 0)], [(0,), (1,)], [(1,), (0,)], [(1,), (1, 0)]])
def test_no_observation_is_taken_for_another(database: Database, tmp_path: Path, files: list[tuple[int, ...]]) -> None:
    names, lines = COLLIDING
    path = tmp_path / "obs.psv"
    new = 0
    for chosen in files:
        path.write_text(names + "".join(lines[one] for one in chosen))
        new += ingest_observations(database, path).new
    assert new == 2
    before = stored(database)
    assert {(row["ra"], row["dec"], row["reported"]["designation"]) for row in before.values()} == {
        (3.293316, -3.749744, "433"),
        (1.067366, 1.335059, "434"),
    }
    first, second = sorted(row["diaSourceId"] for row in before.values())
    assert second == first + 1
    for chosen in ((0, 1), (1, 0), (0,), (1,), (0, 0)):
        path.write_text(names + "".join(lines[one] for one in chosen))
        report = ingest_observations(database, path)
        assert (report.new, report.unchanged) == (0, len(set(chosen)))
    assert {key: row["diaSourceId"] for key, row in stored(database).items()} == {
        key: row["diaSourceId"] for key, row in before.items()
    }


def test_only_what_was_seen_there_and_then_is_ours(database: Database, tmp_path: Path) -> None:
    observed(database)
    export_ades(database, tmp_path / "night.xml", header=HEADER)
    tree = etree.parse(str(tmp_path / "night.xml"))
    rows = [{part.tag: part.text for part in one} for one in tree.iter("optical")]
    own = next(row for row in rows if row["obsSubID"] == "101")
    far = f"{float(own['dec']) + 2 / 3600:.7f}"
    others = [
        {**own, "stn": "568", "obsID": "L1"},
        {**own, "obsTime": own["obsTime"].replace("2023", "2022"), "obsID": "L2"},
        {**own, "dec": far, "obsID": "L3"},
        {**own, "dec": far, "ra": "1.0", "obsSubID": "\u0661\u0660\u0661", "obsID": "L4"},
        {**own, "dec": far, "ra": "2.0", "obsSubID": str(2**63), "obsID": "L5"},
    ]
    given = [others[0], {**own, "obsID": "L0"}, *others[1:]]
    columns = {name: [row[name] for row in given] for name in ("obsSubID", "obsID", "stn", "obsTime", "ra", "dec")}
    for new in (5, 0):
        report = ingest_observations(database, columns)
        assert (report.new, report.unchanged) == (new, 5 - new)
        assert report.doubts == ("1 observations left out that this database reported",)
    reported = {row["obsID"]: row for row in dump(database)["SsReportedSource"] if row["obsID"]}
    assert sorted(reported) == ["L0", "L1", "L2", "L3", "L4", "L5"]
    assert [name for name, row in reported.items() if row["diaSourceId"] == 101] == ["L0"]


@pytest.mark.parametrize(
    ("number", "error"), [(269537846211501500, 2e-5), (2695378462115015000, 2e-5), (2**63 - 1, 2e-5), (1, 0.09)]
)
def test_sources_of_all_numbers_and_errors_are_known_again(number: int, error: float, tmp_path: Path) -> None:
    with connect() as database:
        ingest_visits(database, {"visit": [1], "midpointMjdTai": [61000.1], "band": ["r"], "observatoryCode": ["X05"]})
        ingest_sources(
            database,
            {
                "diaSourceId": [number],
                "visit": [1],
                "ra": [10.004],
                "dec": [0.004],
                "raErr": [error],
                "decErr": [error],
                "psfFlux": [9e3],
                "psfFluxErr": [90.0],
                "snr": [100.0],
            },
        )
        prediction = {"visit": [1], "designation": ["433"], "ephRa": [10.004], "ephDec": [0.004]}
        ingest_predictions(database, prediction | {"ephRateRa": [0.2], "ephRateDec": [0.0]})
        associate(database)
        assert export_ades(database, tmp_path / "a.psv", header=HEADER).observations == 1
        assert ingest_observations(database, tmp_path / "a.psv").rows == 0


NAMES = "permID|stn|obsTime|ra|dec|mag|band"
WHOLE = "433|568|2020-01-01T01:02:03.4Z|10.5|-5.25123|18.1|V"
LAST = "433|568|2020-01-01T01:12:03.4Z|10.51|-15.25123"


@pytest.mark.parametrize("end", ["", "|"])
def test_a_line_that_was_cut_is_no_observation(end: str, tmp_path: Path) -> None:
    path = tmp_path / "obs.psv"
    whole = LAST + ("||" + end if end else "")
    for text, n in ((whole + "\n", 2), (LAST + "||" + end, 2), (LAST, 1), (LAST[:-6], 1), (LAST[:20], 1)):
        path.write_text(f"{NAMES}{end}\n{WHOLE}{end}\n{text}")
        with connect() as database:
            if n == 1:
                with pytest.raises(InputError, match=r"1 lines are no observations \(line 3\)"):
                    ingest_observations(database, path)
                assert dump(database)["DiaSource"] == []
            report = ingest_observations(database, path, skip_invalid=True)
            assert (report.new, report.invalid) == (n, 2 - n)
            assert {row["dec"] for row in dump(database)["DiaSource"]} == set([-5.25123, -15.25123][:n])


def test_a_bar_at_the_end_of_the_names_is_no_name(tmp_path: Path) -> None:
    path = tmp_path / "obs.psv"
    path.write_text(f"{NAMES}|\n{WHOLE}|\n{LAST}\npermID|stn|obsTime|ra|dec|\n{LAST}1|\n")
    with connect() as database:
        assert ingest_observations(database, path).new == 3
        assert {row["band"] for row in dump(database)["DiaSource"]} == {"V", None}
    path.write_text(f"{NAMES}|\n{WHOLE}|x\n{WHOLE}||\n")
    with connect() as database, pytest.raises(InputError, match=r"2 lines are no observations \(line 2, 3\)"):
        ingest_observations(database, path)
