"""Reports for the Minor Planet Center: what is in them, what is left out, and that nothing is reported twice."""

from __future__ import annotations

import copy
import importlib
import math
import re
from collections.abc import Callable
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from ades import psvtoxml
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from ingesting import dump
from lxml import etree
from reported import HEADER, NUMBERED, OBJECTS, UNKNOWN, header_file, observed
from small_surveys import change
from test_cli import failed, misused, run

from ssdb import connect, export_ades, ingest_submissions
from ssdb.errors import ConfigError, InputError, NotFoundError
from ssdb.exchange.identities import ades_name
from ssdb.exchange.texts import digits_of, significant
from ssdb.io.ades.context import header_of
from ssdb.io.times import mjd_tai_of_observed, observed_texts
from ssdb.schema.reported import ss_reported_source
from ssdb.store.database import Database

REPORTED = {101, 102, 103, 104, 105, 106, 201, 301}
SCHEMA = etree.XMLSchema(etree.parse(str(files("ades") / "data" / "xsd" / "submit.xsd")))


@pytest.fixture
def survey(database: Database) -> Database:
    observed(database)
    return database


def valid(path: Path) -> Any:
    """The optical elements of a file that the standard's schema takes, as texts by name, by obsSubID."""
    if path.suffix == ".psv":
        as_xml = path.with_suffix(".converted.xml")
        importlib.reload(psvtoxml)  # it keeps what it knows of the file before, and ends the process
        psvtoxml.psvtoxml(str(path), str(as_xml))
        path = as_xml
    tree = etree.parse(str(path))
    SCHEMA.assertValid(tree)
    rows = [{part.tag: part.text for part in one} for one in tree.iter("optical")]
    return {int(row["obsSubID"]): row for row in rows}


def remembered(database: Database) -> dict[int, Any]:
    with database.reading() as connection:
        return {row.diaSourceId: row for row in connection.execute(sa.select(ss_reported_source))}


def test_what_was_observed_is_written_as_the_standard_has_it(survey: Database, tmp_path: Path) -> None:
    report = export_ades(survey, tmp_path / "night.psv", header=HEADER)
    assert (report.observations, report.objects, report.tracklets) == (8, 6, 7)
    rows = valid(tmp_path / "night.psv")
    assert rows.keys() == REPORTED
    export_ades(survey, tmp_path / "night.xml", header=HEADER, again=True)
    assert valid(tmp_path / "night.xml") == rows

    names = {number: (row.get("permID"), row.get("provID")) for number, row in rows.items()}
    assert names[101] == names[201] == names[301] == ("433", None)
    assert names[105] == (str(NUMBERED), None)
    assert names[106] == ("2I", None)
    assert [names[number][1] for number in (102, 103, 104)] == ["2015 MQ204", "C/2017 K2", "1904 OA"]
    # Of a night they are a tracklet, of the next one another.
    assert rows[101]["trkSub"] == rows[201]["trkSub"] != rows[301]["trkSub"]

    stored = {row["diaSourceId"]: row for row in dump(survey)["DiaSource"]}
    for number, row in rows.items():
        time = Time(row["obsTime"].removesuffix("Z"), scale="utc").tai.mjd
        assert abs(time - stored[number]["midpointMjdTai"]) * 86400 <= 0.0006
        _, name, _, error, flux = OBJECTS[number]
        assert float(row["rmsRA"]) == pytest.approx(error, rel=0.05)
        assert float(row["rmsDec"]) == pytest.approx(1.5 * error, rel=0.05)
        assert float(row["rmsCorr"]) == pytest.approx(0.2, abs=0.001)
        for axis, cos in (("ra", math.cos(math.radians(5.0))), ("dec", 1.0)):
            assert abs(float(row[axis]) - stored[number][axis]) * cos * 3600 < 0.1 * error, name
        magnitude = -2.5 * math.log10(flux * 1e-32) - 48.6  # nJy in erg/s/cm2/Hz
        assert float(row["mag"]) == pytest.approx(magnitude, abs=0.1 * 1.0857 * 100 / flux)
        assert float(row["rmsMag"]) == pytest.approx(1.0857 * 100 / flux, rel=0.05)
        assert (row["stn"], row["mode"], row["astCat"], row["photCat"]) == ("X05", "CCD", "Gaia3E", "Gaia3E")
        assert row["remarks"] == "a < b"
    assert [rows[number]["band"] for number in (101, 201)] == ["Lr", "Lg"]
    assert [rows[number]["exp"] for number in (101, 201)] == ["30", "15.5"]
    assert rows[101]["obsTime"].startswith("2023-02-25T02:57:")
    assert rows[101]["rmsRA"] == "0.020"


def test_what_should_not_be_reported_is_left_out(survey: Database, tmp_path: Path) -> None:
    report = export_ades(survey, tmp_path / "night.psv", header=HEADER)
    assert report.left_out == {
        "are negative on the difference image": 1,
        "are outliers: more than 3 sigma from their orbits": 1,
    }
    rest = export_ades(survey, tmp_path / "rest.psv", header=HEADER, outliers=True)
    assert (rest.observations, rest.left_out) == (
        1,
        {"were reported before": 8, "are negative on the difference image": 1},
    )
    assert valid(tmp_path / "rest.psv").keys() == {113}
    assert remembered(survey).keys() == REPORTED | {113}
    other = copy.deepcopy(HEADER) | {"observatory": {"mpcCode": "I41"}}
    other["optical"]["bands"] = {"r": "Sr"}
    assert export_ades(survey, tmp_path / "i41.xml", header=other).observations == 1
    assert valid(tmp_path / "i41.xml")[401]["band"] == "Sr"


def test_nothing_is_reported_twice(survey: Database, tmp_path: Path) -> None:
    first = tmp_path / "first.psv"
    assert export_ades(survey, first, header=HEADER, visits=[10]).observations == 6
    before = first.read_bytes()
    with pytest.raises(InputError, match="has what was reported before, and is not replaced"):
        export_ades(survey, first, header=HEADER)
    assert export_ades(survey, tmp_path / "second.psv", header=HEADER, since=60000.15).observations == 2
    nothing = export_ades(survey, tmp_path / "third.psv", header=HEADER)
    assert (nothing.file, nothing.observations) == (None, 0)
    assert not (tmp_path / "third.psv").exists()
    rows = remembered(survey)
    assert rows.keys() == REPORTED
    assert {Path(row.file).name for row in rows.values()} == {"first.psv", "second.psv"}
    assert rows[104].designation == "1904 OA"
    assert rows[101].mag == pytest.approx(20.0, abs=0.01)
    with pytest.raises(InputError, match="has what was reported before, and is not replaced"):
        export_ades(survey, first, header=HEADER, visits=[10], again=True)
    assert first.read_bytes() == before
    export_ades(survey, tmp_path / "again.psv", header=HEADER, visits=[10], again=True)
    # Nor when the database knows only the later file.
    with pytest.raises(InputError, match="has what was reported before, and is not replaced"):
        export_ades(survey, first, header=HEADER, visits=[10], again=True)
    assert first.read_bytes() == before
    assert (tmp_path / "again.psv").read_bytes() == before
    assert remembered(survey).keys() == REPORTED


def test_an_answer_is_to_the_file_that_a_source_was_written_to_last(survey: Database, tmp_path: Path) -> None:
    """File and answer of a row belong together, whatever was written again."""
    first, again = tmp_path / "first.psv", tmp_path / "again.xml"
    export_ades(survey, first, header=HEADER)
    ingest_submissions(survey, first, submission_id="A")
    ingest_submissions(survey, {"obsSubID": ["101", "201"], "obsID": ["L1", "L2"]})
    report = export_ades(survey, again, header={**HEADER, "comment": ["again"]}, visits=[10], again=True)
    assert (report.observations, report.forgotten) == (6, 6)
    rows = remembered(survey)
    answers = {number: (Path(row.file).name, row.submissionId, row.obsID) for number, row in rows.items()}
    new = dict.fromkeys(sorted(REPORTED - {201, 301}), ("again.xml", None, None))
    assert answers == {**new, 201: ("first.psv", "A", "L2"), 301: ("first.psv", "A", None)}
    # The answer to the first file comes late, or once more.
    late = ingest_submissions(survey, first, submission_id="B")
    assert (late.rows, late.doubts) == (2, ("6 sources left out that were written to another file since (again.xml)",))
    assert ingest_submissions(survey, again, submission_id="C").changed == 6
    rows = remembered(survey)
    assert {number: row.submissionId for number, row in rows.items()} == {**dict.fromkeys(new, "C"), 201: "B", 301: "B"}
    export_ades(survey, tmp_path / "third.psv", header=HEADER, visits=[10], again=True)
    with pytest.raises(InputError, match=r"its 6 sources were written to another file since \(third.psv\)"):
        ingest_submissions(survey, again, submission_id="D")


def test_what_fails_is_not_remembered(survey: Database, tmp_path: Path) -> None:
    header = copy.deepcopy(HEADER) | {"observatory": {"mpcCode": "W84"}}
    with survey.writing() as connection:
        connection.exec_driver_sql("""UPDATE "Visit" SET "observatoryCode" = 'W84' WHERE visit < 40""")
    with pytest.raises(ConfigError, match=r"band g, r of W84 has no code in ADES.*bands: \{g: ..., r: ...\}"):
        export_ades(survey, tmp_path / "a.psv", header=header)
    with pytest.raises(InputError, match="ending"):
        export_ades(survey, tmp_path / "a.csv", header=header)
    with pytest.raises(InputError, match="no such directory"):
        export_ades(survey, tmp_path / "no" / "a.psv", header=header)
    with pytest.raises(NotFoundError, match="visit 11"):
        export_ades(survey, tmp_path / "a.psv", header=header, visits=[11])
    header["optical"]["bands"] = {"g": "g", "r": "r", "VR": "VR"}
    # The file is there and cannot be remembered.
    with survey.writing() as connection:
        connection.exec_driver_sql('ALTER TABLE "SsReportedSource" RENAME COLUMN "astCat" TO away')
    with pytest.raises(Exception, match="astCat"):
        export_ades(survey, tmp_path / "a.psv", header=header)
    with survey.writing() as connection:
        connection.exec_driver_sql('ALTER TABLE "SsReportedSource" RENAME COLUMN away TO "astCat"')
    assert list(tmp_path.glob("a.*")) == []
    assert remembered(survey) == {}
    assert export_ades(survey, tmp_path / "a.psv", header=header).observations == 8


def test_tracklets_of_users_are_reported_under_their_names(survey: Database, tmp_path: Path) -> None:
    rows = {"diaSourceId": [*UNKNOWN, 102, 113], "trkSub": ["new1", "new1", "mine", "far"]}
    for wrong, message in (
        (rows | {"trkSub": ["new 1", "new1", "", "far"]}, "trkSub"),
        (rows | {"diaSourceId": [121, 121, 102, 113]}, "twice"),
        (rows | {"diaSourceId": [121, 999, 102, 113]}, "not in the database.*999"),
        (rows | {"diaSourceId": [121, 401, 102, 113]}, "not of X05"),
    ):
        with pytest.raises(InputError, match=message):
            export_ades(survey, tmp_path / "a.psv", header=HEADER, tracklets=wrong)
    report = export_ades(survey, tmp_path / "a.psv", header=HEADER, visits=[20], tracklets=rows)
    found = valid(tmp_path / "a.psv")
    assert {number: row["trkSub"] for number, row in found.items() if number != 201} == dict(
        zip(rows["diaSourceId"], rows["trkSub"], strict=True)
    )
    assert (report.observations, report.objects) == (5, 3)  # 201 is of the visit
    assert found[121].keys().isdisjoint({"permID", "provID"})
    assert found[102]["provID"] == "2015 MQ204"
    assert {number: remembered(survey)[number].designation for number in (121, 102)} == {121: None, 102: "2015 MQ204"}


def test_times_are_utc_in_all_ages() -> None:
    texts = [
        "2016-12-31T23:59:60.5Z",
        "2026-06-01T12:30:00.123456Z",
        "1971-02-03T04:05:06.789Z",
        "1965-01-01T00:00:00Z",
    ]
    times = mjd_tai_of_observed([*texts, "1935-03-04T05:06:07.8Z", "2026-02-30T00:00:00Z", "2026-02-03", ""])
    expected = [Time(text.removesuffix("Z"), scale="utc").tai.mjd for text in texts]
    assert times[:4].tolist() == expected
    assert np.isnan(times[5:]).all()
    # UT1 then: TT - UT1 was 23.9 s (Stephenson & Morrison 1984), and TT is 32.184 s ahead of TAI.
    ahead = (times[4] - Time("1935-03-04T05:06:07.8", scale="tai").mjd) * 86400 + 32.184
    assert ahead == pytest.approx(23.9, abs=0.3)
    digits = np.array([1, 6, 3, 0, 1])
    back = observed_texts(times[:5], digits)
    assert back == [*texts[:3], "1965-01-01T00:00:00Z", "1935-03-04T05:06:07.8Z"]


@given(st.floats(1e-9, 1e4))
def test_digits_are_worth_their_errors(error: float) -> None:
    (text,) = significant(np.array([error]), 12)
    assert Decimal(text) == 0 or abs(float(text) - error) <= 0.051 * error
    assert len(text.replace(".", "").lstrip("0")) <= 2 or error >= 99
    (digits,) = digits_of(np.array([error]), "position", 6).tolist()
    if 1e-7 < error < 1:
        assert 0.0099 * error <= 10.0**-digits <= 0.1001 * error


@pytest.mark.parametrize(
    ("designation", "name"),
    [
        *(("433", ("433", "")), ("73P-BB", ("73P-BB", "")), ("1P", ("1P", "")), ("2040 P-L", ("", "2040 P-L"))),
        *(("A904 OA", ("", "1904 OA")), ("2031 AB612", ("", "2031 AB612")), ("P/1994 P1-B", ("", "P/1994 P1-B"))),
        *(("S100cuQfa", None), ("C/-43 K1", None), ("", None)),
    ],
)
def test_names_are_those_of_the_standard(designation: str, name: Any) -> None:
    assert ades_name(designation) == name
    if name:
        tag, text = ("permID", name[0]) if name[0] else ("provID", name[1])
        row = f"<{tag}>{text}</{tag}><mode>CCD</mode><stn>X05</stn><obsTime>2026-06-01T00:00:00Z</obsTime>"
        context = "".join(
            f"<{tag}>{inside}</{tag}>"
            for tag, inside in (
                ("observatory", "<mpcCode>X05</mpcCode>"),
                ("submitter", "<name>A</name>"),
                ("measurers", "<name>A</name>"),
                ("telescope", "<design>a</design><aperture>1</aperture><detector>CCD</detector>"),
            )
        )
        optical = f"<optical>{row}<ra>1</ra><dec>1</dec><astCat>Gaia3E</astCat></optical>"
        block = f"<obsBlock><obsContext>{context}</obsContext><obsData>{optical}</obsData></obsBlock>"
        SCHEMA.assertValid(etree.fromstring(f'<ades version="2022">{block}</ades>'))


def _without(*keys: str) -> Callable[[dict[str, Any]], object]:
    def change(header: dict[str, Any]) -> None:
        for key in keys[:-1]:
            header = header[key]
        del header[keys[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("submitter"), "submitter is missing"),
        (_without("measurers"), r"measurers is missing: it needs `measurers: \[A. Observer\]`"),
        (_without("observatory", "mpcCode"), "observatory lacks mpcCode"),
        (_without("telescope", "aperture"), "telescope lacks aperture"),
        (_without("optical"), "optical lacks mode"),
        (_without("optical", "astCat"), "optical lacks astCat"),
        (lambda h: h["optical"].update(mode="ccd"), "mode must be one of CCD, CMO"),
        (lambda h: h["telescope"].update(aperture="8.4 m"), "telescope: aperture must be a number"),
        (lambda h: h["telescope"].update(aparture="8.4"), "'aparture', which is no element .* did you mean aperture"),
        (lambda h: h.update(comment="a|b"), "comment must be a line of 1 to 100"),
        (lambda h: h["submitter"].update(name="A\nB"), "submitter: name must be a line of 1 to 100"),
        (lambda h: h["telescope"].update(design="a\rb"), "telescope: design must be a line of 1 to 25"),
        (lambda h: h.update(comment=["one", "two\n433|x"]), "comment must be a line"),
        (lambda h: h["optical"].update(remarks="a\r\nb"), "remarks must be a line of 1 to 300"),
        (lambda h: h["optical"].update(remarks="a\u2028b"), "remarks must be a line of 1 to 300"),
        (lambda h: h.update(measurers={"name": "A"}), "measurers must be a list"),
        (lambda h: h.update(observatory="X05"), "observatory must have mpcCode, name"),
        (lambda h: h["optical"].update(bands={"g": "too long"}), "bands: g must be a code"),
    ],
)
def test_a_header_that_is_none_is_refused(change: Callable[[Any], object], message: str) -> None:
    header = copy.deepcopy(HEADER)
    change(header)
    with pytest.raises(ConfigError, match=message):
        header_of(header)


def test_a_header_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "header.yaml"
    path.write_text(
        "observatory: {mpcCode: 010}\nsubmitter: {name: A}\nmeasurers: A\n"
        "telescope: {design: a, aperture: 1.10, detector: no}\noptical: {mode: CCD, astCat: UNK}\n"
    )
    header = header_of(path)
    assert header.station == "010"
    assert header.context["telescope"] == {"design": "a", "aperture": "1.10", "detector": "no"}
    assert header.context["measurers"] == ["A"]
    with pytest.raises(ConfigError, match=r"header.yaml: observatory: mpcCode is '010'"):
        header_of(path, "X05")
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match="a is there twice"):
        header_of(path)


def test_the_command_says_what_it_wrote(sqlite_url: str, tmp_path: Path) -> None:
    with connect(sqlite_url) as database:
        observed(database)
    header = header_file(tmp_path)
    given = ("export", "ades", "--header", header, "-o", tmp_path / "a.psv")
    told = run(sqlite_url, *given, "--stn", "X05")
    assert told.stdout == f"{tmp_path / 'a.psv'}: 8 observations of 6 known objects, in 7 tracklets\n"
    assert re.search(r"^1 sources left out that are outliers", told.stderr, re.MULTILINE)
    assert run(sqlite_url, *given[:-1], tmp_path / "b.psv").stdout.startswith("there is nothing new to report in ")
    assert "8 sources left out that were reported before" in run(sqlite_url, *given[:-1], tmp_path / "b.psv").stderr
    assert "has what was reported before, and is not replaced" in failed(sqlite_url, *given)
    with connect(sqlite_url) as database:
        change(database, "UPDATE Visit SET observatoryCode = 'X05' WHERE observatoryCode IS NULL")
    elsewhere = header_file(tmp_path, HEADER | {"observatory": {"mpcCode": "568"}})
    assert "no visit is of the station 568: the visits are of I41, X05" in failed(
        sqlite_url, "export", "ades", "--header", elsewhere, "-o", tmp_path / "c.psv"
    )
    assert "--stn says 'I41'" in failed(sqlite_url, *given, "--stn", "I41")
    assert "--header" in misused(sqlite_url, "export", "ades", "-o", "a.psv")
    assert "cannot be read" in failed(sqlite_url, *given[:2], "--header", tmp_path / "no.yaml", *given[4:])
