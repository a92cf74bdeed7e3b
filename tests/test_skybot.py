"""Texts of SkyBoT's: positions, rates and errors in the data model's units, and only what the text knows."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import Angle
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from click.testing import CliRunner
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from ingesting import refused, rows

from ssdb.cli import main
from ssdb.errors import ConfigError, InputError, UsageError
from ssdb.ingest.formats.skybot import is_skybot, read_skybot
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

HEADER = (
    "# Num | Name | RA(h) | DE(deg) | Class | Mv | Err(arcsec) | d(arcsec) | dRA(arcsec/h) | dDEC(arcsec/h) "
    "| Dg(ua) | Dh(ua) | Phase(deg) | SunElong(deg) "
)
ROW = (
    " 157323 | 2004 SU57 | 10 19 21.6777 | -06 28 22.447 | MB>Middle | 19.7 | 0.011 | 1015.685 | -31.5462 | 14.651 "
    "| 1.88425162489 | 2.83554273199 | 6.38 | 161.39 "
)
UNKNOWN = ROW.replace("157323", "-").replace("2004 SU57", "2020 KU26").replace("0.011", "0.000")
VISITS = {"visit": [10, 20], "midpointMjdTai": [57071.2968, 57071.3]}


def text(*lines: str, header: str = HEADER, flag: str = "# Flag: 1") -> str:
    return "\n".join([flag, "# Ticket: 170965104917464734", header, *lines, ""])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "skybot.txt"


def read(path: Path, content: str, visit: int | None = 10) -> list[dict[str, Any]]:
    path.write_text(content)
    table, _ = read_skybot(path, visit)
    return table.to_pylist()


def test_a_line_by_hand(path: Path) -> None:
    """10h 19m 21.6777s, -6d 28m 22.447s; rates in deg/d; what SkyBoT has no vectors for is not there."""
    (row,) = read(path, text(ROW))
    assert row.pop("ephRa") == pytest.approx(154.84032375, abs=1e-10)
    assert row.pop("ephDec") == pytest.approx(-6.4729019444, abs=1e-10)
    assert row.pop("ephRateRa") == pytest.approx(-0.210308, abs=1e-12)
    assert row.pop("ephRateDec") == pytest.approx(0.0976733333, abs=1e-10)
    assert row.pop("ephVmag") == pytest.approx(19.7, rel=1e-7)
    assert row.pop("ephErrMajor") == row.pop("ephErrMinor") == pytest.approx(0.011, rel=1e-7)
    assert row == {
        "visit": 10,
        "designation": "2004 SU57",
        "topoRange": 1.88425162489,
        "phaseAngle": 6.38,
        "elongation": 161.39,
        "provider": "skybot",
    }


def test_every_position_of_the_real_text_is_astropys() -> None:
    table, doubts = read_skybot(shared_data("skybot/testSSObjects.txt"), 10)
    lines = shared_data("skybot/testSSObjects.txt").read_text().splitlines()[3:]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert table.num_rows == len(cells) == 126
    assert doubts == ()
    ra, dec = Angle([cell[2] for cell in cells], "hourangle").deg, Angle([cell[3] for cell in cells], "deg").deg
    np.testing.assert_allclose(table["ephRa"].to_numpy(), ra, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table["ephDec"].to_numpy(), dec, rtol=0, atol=1e-12)
    assert "midpointMjdTai" not in table.column_names
    assert not [name for name in table.column_names if name.startswith(("helio", "topo_"))]


@settings(max_examples=40)
@given(
    sign=st.sampled_from(["-", "+", ""]),
    degrees=st.integers(0, 89),
    minutes=st.integers(0, 59),
    seconds=st.integers(0, 59_999),
    colons=st.booleans(),
)
def test_the_sign_is_that_of_the_whole_angle(
    tmp_path_factory: pytest.TempPathFactory, sign: str, degrees: int, minutes: int, seconds: int, colons: bool
) -> None:
    """-00 06 28 is south of the equator, and -06 28 further south than -06."""
    written = f"{sign}{degrees:02} {minutes:02} {seconds / 1000:06.3f}".replace(" ", ":" if colons else " ")
    path = tmp_path_factory.mktemp("skybot") / "skybot.txt"
    (row,) = read(path, text(ROW.replace("-06 28 22.447", written)))
    assert row["ephDec"] == pytest.approx(Angle(written, "deg").deg, abs=1e-12)
    assert np.copysign(1, row["ephDec"]) == (-1 if sign == "-" else 1)


def test_decimal_hours_and_degrees(path: Path) -> None:
    row, other = read(path, text(ROW.replace("10 19 21.6777", "10.5"), ROW.replace("-06 28 22.447", "-0.25")))
    assert row["ephRa"] == 157.5
    assert other["ephDec"] == -0.25
    (row,) = read(path, text(ROW.replace("10 19 21.6777", "157.5"), header=HEADER.replace("RA(h)", "RA(deg)")))
    assert row["ephRa"] == 157.5


@pytest.mark.parametrize(
    ("number", "name", "designation"),
    [
        ("-", "2020 KU26", "2020 KU26"),
        ("", "2020 KU26", "2020 KU26"),
        ("1", "Ceres", "1"),
        ("157323", "2004 SU57", "2004 SU57"),
        ("2101", "2040 P-L", "2040 P-L"),
        ("-", "C/2017 K2 (PANSTARRS)", "C/2017 K2 (PANSTARRS)"),
        ("-", "67P/Churyumov-Gerasimenko", "67P/Churyumov-Gerasimenko"),
        ("99942", "Apophis", "99942"),
    ],
)
def test_the_designation_identifies_and_a_name_does_not(path: Path, number: str, name: str, designation: str) -> None:
    """The provisional designation is that of the APDB's identifiers; a named object is known by its number."""
    (row,) = read(path, text(ROW.replace("157323", number).replace("2004 SU57", name)))
    assert row["designation"] == designation


def test_the_other_forms_of_its_output(path: Path) -> None:
    """Fewer columns, no units, more columns: vectors and the reference epoch of -output=all are not taken."""
    cells = [cell.strip() for cell in ROW.split("|")]
    titles = [title.strip("# ") for title in HEADER.split("|")]
    (row,) = read(path, text(" | ".join(cells[:8]), header="# " + " | ".join(titles[:8])))
    assert "topoRange" not in row
    assert "ephRateRa" not in row
    (plain,) = read(path, text(ROW, header="# " + " | ".join(title.split("(")[0] for title in titles)))
    assert plain == read(path, text(ROW))[0]
    more = "| x(au) | y(au) | z(au) | vx(au/d) | vy(au/d) | vz(au/d) | T0(jd)"
    (full,) = read(path, text(f"{ROW}| 1 | 2 | 3 | 4 | 5 | 6 | 2457000.5", header=f"{HEADER}{more}"))
    assert full == plain


def test_planets_and_satellites_are_left_out_and_told(path: Path) -> None:
    path.write_text(text(ROW, ROW.replace("2004 SU57", "Mars").replace("157323", "4").replace("MB>Middle", "Planet")))
    table, (doubt,) = read_skybot(path, 10)
    assert table["designation"].to_pylist() == ["2004 SU57"]
    assert "1 planets and satellites are left out (Mars)" in doubt


@pytest.mark.parametrize("said", ["2457071.79645", "2015-02-18T07:06:53.28"])
def test_an_epoch_that_is_said_is_utc(path: Path, said: str) -> None:
    """35 s before TAI in 2015."""
    (row,) = read(path, text(ROW, flag=f"# Epoch: {said}\n# Flag: 1"))
    utc = Time(2457071.79645, format="jd", scale="utc")
    assert row["midpointMjdTai"] == pytest.approx(utc.mjd + 35 / 86400, abs=1e-9)
    with pytest.raises(InputError, match="epoch 'yesterday' is neither"):
        read(path, text(ROW, flag="# Epoch: yesterday\n# Flag: 1"))


@pytest.mark.parametrize("said", ["# Flag: 0", "# Flag: 0\n# No solar system object was found in the requested FOV"])
def test_no_object_is_an_answer(path: Path, said: str) -> None:
    path.write_text(f"{said}\n# Ticket: 1\n")
    table, doubts = read_skybot(path, 10)
    assert table.num_rows == 0
    assert doubts == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# Flag: -1\n# Error: the service is not available\n", "SkyBoT reports an error: .*not available"),
        ("# Flag: 1\n# Ticket: 5\n", "does not say so: is it complete"),
        (text(), "does not say so: is it complete"),
        ("", "does not say so: is it complete"),
        ("# Flag: 1\n" + ROW + "\n", "no line # Num"),
        (text(ROW, ROW[:60]), "is it complete"),
        (text(ROW, header=HEADER.replace("RA(h)", "Alpha")), "RA is missing; it has: Num, Name, Alpha"),
        (text(ROW, header=HEADER.replace("arcsec/h", "arcsec/min")), "dRA is in arcsec/min, not in arcsec/h"),
        (text(ROW, ROW.replace("10 19 21", "ten")), r"RA is not an angle .*\(row 2\)"),
        (text(ROW.replace("28 22.447", "61 22.447"), ROW), r"DE has minutes or seconds beyond 60 \(row 1\)"),
        (text(ROW, UNKNOWN, ROW.replace("19.7", "faint")), r"Mv is not a number \(row 3\)"),
        (text(ROW.replace("10 19 21.6777", "-")), r"RA is not an angle .*\(row 1\)"),
    ],
)
def test_what_is_not_its_text_is_refused(path: Path, content: str, words: str) -> None:
    with pytest.raises(InputError, match=f"skybot.txt: .*{words}"):
        read(path, content)


def test_a_visit_is_said_once(path: Path) -> None:
    """By the option or by a column, never by both or neither."""
    with_column = text(f"{ROW}| 10", f"{ROW}| 20", header=f"{HEADER}| visit")
    assert [row["visit"] for row in read(path, with_column, None)] == [10, 20]
    with pytest.raises(UsageError, match="column visit, and visit=10: keep one of them"):
        read(path, with_column, 10)
    with pytest.raises(InputError, match="say it with visit="):
        read(path, text(ROW), None)
    with pytest.raises(InputError, match=r"visit is not a whole number \(row 1\)"):
        read(path, text(f"{ROW}| ten", header=f"{HEADER}| visit"), None)


def test_its_texts_are_recognized_and_others_are_not(path: Path) -> None:
    for content, expected in ((text(ROW), True), (HEADER, True), ("visit,ra\n1,2\n", False), ("# visits\n", False)):
        path.write_text(content)
        assert is_skybot(path) is expected
    path.write_bytes(b"\xff\xfe\0# Flag")
    assert not is_skybot(path)
    assert not is_skybot(path.with_name("nothing"))
    assert not is_skybot(pa.table({}))


def test_the_real_text_in_the_database(database: Database) -> None:
    """The format is seen; an error of 0.000 is unknown; the time is the visit's."""
    ingest_visits(database, VISITS)
    report = ingest_predictions(database, shared_data("skybot/testSSObjects.txt"), visit=10)
    assert (report.rows, report.visits, report.without_unit) == (126, 1, ())
    stored = {row["designation"]: row for row in rows(database, "SsPrediction")}
    assert len(stored) == 126
    assert {"166622", "16253", "21587"} <= set(stored)  # Sebastien, Griffis, Christopynn
    assert {row["midpointMjdTai"] for row in stored.values()} == {57071.2968}
    row = stored["2020 KU26"]
    assert (row["ephErrMajor"], row["ephErrMinor"], row["ephErrPa"]) == (None, None, None)
    row = stored["2004 SU57"]
    assert (row["ephErrMajor"], row["ephErrMinor"], row["ephErrPa"]) == (
        pytest.approx(0.011),
        pytest.approx(0.011),
        None,
    )
    assert (row["topoRange"], row["helioRange"], row["helio_x"], row["topo_vx"]) == (1.88425162489, None, None, None)
    assert {row["provider"] for row in stored.values()} == {"skybot"}


def test_no_object_makes_a_visit_ready(database: Database, path: Path) -> None:
    ingest_visits(database, VISITS)
    path.write_text("# Flag: 0\n# Ticket: 1\n")
    assert ingest_predictions(database, path, visit=20).rows == 0
    assert [row["predictionsAt"] is not None for row in rows(database, "Visit")] == [False, True]


def test_refusals_leave_the_database_as_it_was(database: Database, path: Path) -> None:
    ingest_visits(database, VISITS)
    path.write_text(text(ROW))
    refused(database, ingest_predictions, path, "visits are not in the database (99)", visit=99)
    refused(database, ingest_predictions, path, "visit=")
    refused(database, ingest_predictions, path, "complete=True", error=ConfigError, visit=10, complete=True)
    path.write_text(text(ROW, ROW))
    refused(database, ingest_predictions, path, "twice", "row 2", visit=10)
    path.write_text(text(ROW, flag="# Epoch: 2457071.9\n# Flag: 1"))
    refused(database, ingest_predictions, path, "midpointMjdTai is more than 0.02 d", visit=10)


def test_a_compressed_text_is_the_same(database: Database, path: Path, tmp_path: Path) -> None:
    ingest_visits(database, {"visit": [10], "midpointMjdTai": [57071.2968]})
    path.write_text(text(ROW, UNKNOWN))
    packed = tmp_path / "answer.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert is_skybot(packed)
    assert read_skybot(packed, 10)[0].equals(read_skybot(path, 10)[0])
    assert ingest_predictions(database, packed, visit=10).rows == 2
    packed.write_bytes(packed.read_bytes()[:-9])
    refused(database, ingest_predictions, packed, "is it complete?", visit=10, format="skybot")


def test_the_command_line(sqlite_url: str, path: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(main, ["--db", sqlite_url, "ingest", *words])

    (tmp_path / "visits.csv").write_text("visit,midpointMjdTai\n10,57071.2968\n")
    run("visits", str(tmp_path / "visits.csv"))
    path.write_text(text(ROW, UNKNOWN))
    result = run("predictions", str(path), "--format", "skybot", "--visit", "10")
    assert result.exit_code == 0, result.output
    assert f"{path}: 2 predictions of 1 visits" in result.output


def votable(*rows: tuple[str, ...]) -> str:
    """A VOTable as SkyBoT makes them; the units of its times of day are those of no standard."""
    fields = [
        ("Num", "", "char"),
        ("Name", "", "char"),
        ("RA", "h:m:s", "char"),
        ("DEC", "d:m:s", "char"),
        ("Class", "", "char"),
        ("Mv", "", "float"),
        ("ErrPos", "arcsec", "float"),
        ("dRAcosDec", "arcsec/h", "double"),
        ("dDEC", "arcsec/h", "double"),
        ("Dgeo", "AU", "double"),
    ]
    size = {"char": 'arraysize="32"'}
    header = "".join(
        f'<vot:FIELD name="{name}" datatype="{kind}" {size.get(kind, "")} {unit and f"""unit="{unit}" """}/>'
        for name, unit, kind in fields
    )
    cells = "".join("<vot:TR>" + "".join(f"<vot:TD>{cell}</vot:TD>" for cell in row) + "</vot:TR>" for row in rows)
    return (
        '<?xml version="1.0"?><vot:VOTABLE version="1.3" xmlns:vot="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<vot:RESOURCE name="Skybot.ConeSearch"><vot:PARAM ID="epoch" name="Epoch" datatype="char" arraysize="*" '
        'value="2015-02-18 07:06:53.00"/>'
        f'<vot:TABLE name="SkybotConeSearch" nrows="{len(rows)}">{header}<vot:DATA><vot:TABLEDATA>{cells}'
        "</vot:TABLEDATA></vot:DATA></vot:TABLE></vot:RESOURCE></vot:VOTABLE>"
    )


CELLS = [cell.strip() for cell in ROW.split("|")]
AS_VOTABLE = (*CELLS[:7], *CELLS[8:11])


def as_astroquery(*numbers: int | None) -> Table:
    """The table that astroquery makes of the text: positions in degrees, a masked number for none."""
    n = len(numbers)
    names = ["2004 SU57" if number else "2020 KU26" for number in numbers]
    angle = Angle([CELLS[2]], "hourangle").deg.tolist() * n, Angle([CELLS[3]], "deg").deg.tolist() * n
    table = Table(
        {
            "Number": MaskedColumn([number or 0 for number in numbers], mask=[not number for number in numbers]),
            "Name": names,
            "RA": Column(angle[0], unit="deg"),
            "DEC": Column(angle[1], unit="deg"),
            "Type": [CELLS[4]] * n,
            "V": Column([19.7] * n, unit="mag"),
            "posunc": Column([0.011] * n, unit="arcsec"),
            "RA_rate": Column([-31.5462] * n, unit="arcsec/hour"),
            "DEC_rate": Column([14.651] * n, unit="arcsec/hour"),
            "geodist": Column([1.88425162489] * n, unit="AU"),
            "epoch": Column([2457071.5] * n, unit="d"),
        }
    )
    return table


@pytest.mark.parametrize("kind", ["votable", "astropy", "ecsv", "csv"])
def test_a_table_says_what_the_text_says(path: Path, tmp_path: Path, kind: str) -> None:
    (expected,) = read(path, text(ROW))
    if kind == "votable":
        given: Any = tmp_path / "skybot.xml"
        given.write_text(votable(AS_VOTABLE))
    elif kind == "astropy":
        given = as_astroquery(157323)
    else:
        given = tmp_path / f"skybot.{kind}"
        as_astroquery(157323).write(given, format={"ecsv": "ascii.ecsv", "csv": "ascii.csv"}[kind])
    assert is_skybot(given)
    (row,) = read_skybot(given, 10)[0].to_pylist()
    midpoint = row.pop("midpointMjdTai", None)
    if kind == "votable":
        assert midpoint == pytest.approx(Time("2015-02-18T07:06:53", scale="utc").tai.mjd, abs=1e-9)
    else:
        assert midpoint is None  # what astroquery calls epoch is the time of the vectors
    same = {name: value for name, value in expected.items() if name in row}
    assert {"ephRa", "ephDec", "ephRateRa", "ephRateDec", "ephErrMajor", "topoRange", "designation"} <= set(same)
    assert row.keys() == same.keys()
    for name, value in same.items():
        assert row[name] == (value if isinstance(value, str | int) else pytest.approx(value, rel=1e-6, abs=1e-9)), name


def test_tables_are_ingested(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, VISITS)
    given = tmp_path / "skybot.vot"
    given.write_text(votable(AS_VOTABLE))
    assert ingest_predictions(database, given, visit=10).rows == 1
    assert ingest_predictions(database, as_astroquery(157323, None), visit=20).rows == 2
    assert [row["designation"] for row in rows(database, "SsPrediction")] == ["2004 SU57", "2004 SU57", "2020 KU26"]
    given.write_text(votable().replace('name="DEC"', 'name="Declination"'))
    refused(database, ingest_predictions, given, "not SkyBoT's columns: DE is missing", visit=10, replace=True)
