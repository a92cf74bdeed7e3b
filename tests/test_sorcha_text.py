"""Texts of Sorcha's as they are kept: compressed, and with comments before the names of the columns."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner
from ingesting import refused, rows, truncated, visits
from orbit_files import stored
from test_ingest_orbits_sorcha import cometary, text

from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.ingest.formats.sorcha import is_sorcha
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

LINES = [
    "ObjID,FieldID,fieldMJD_TAI,RA_deg,Dec_deg",
    "2015_MQ204,10,60000.1,50.0,-5.0",
    "00433,10,60000.1,50.5,-5.0",
]
COMMENTS = ["# Sorcha 1.2.1", "# run of 2026-11-30, with an 'odd quote", "#", ""]


@pytest.fixture
def database(memory: Database) -> Database:
    """How files are read does not depend on the database."""
    return memory


def written(path: Path, lines: list[str], form: str) -> Path:
    if "blanks" in form:
        lines = [line.replace(",", "  ") for line in lines]
    if "comments" in form:
        lines = COMMENTS + lines
    content = ("\r\n" if "windows" in form else "\n").join([*lines, ""]).encode()
    content = b"\xef\xbb\xbf" + content if "mark" in form else content
    path.write_bytes(gzip.compress(content) if "gz" in form else content)
    return path


FORMS = ["gz", "comments", "gz comments", "blanks comments", "gz blanks comments", "mark comments windows", "gz blanks"]


@pytest.mark.parametrize("form", FORMS)
def test_predictions(database: Database, tmp_path: Path, form: str) -> None:
    path = written(tmp_path / ("s.csv.gz" if "gz" in form else "s.csv"), LINES, form)
    assert is_sorcha(path)
    ingest_visits(database, visits())
    assert ingest_predictions(database, path).rows == 2
    found = {row["designation"]: (row["ephRa"], row["provider"]) for row in rows(database, "SsPrediction")}
    assert found == {"2015 MQ204": (50.0, "sorcha"), "433": (50.5, "sorcha")}


@pytest.mark.parametrize("form", FORMS)
def test_orbits(database: Database, tmp_path: Path, form: str) -> None:
    lines = text(tmp_path / "plain.csv", [cometary(), cometary("K10A00B", q=-1.0)]).read_text().splitlines()
    report = ingest_orbits(database, written(tmp_path / ("o.csv.gz" if "gz" in form else "o.csv"), lines, form))
    assert set(stored(database)) == {"2015 MQ204"}
    assert report.doubts == (f"q is not above 0 (line {7 if 'comments' in form else 3})",)


def test_the_ending_does_not_matter(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    assert ingest_predictions(database, written(tmp_path / "s.txt.gz", LINES, "gz comments")).rows == 2


def test_a_wrong_value_names_its_column(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    path = written(tmp_path / "s.csv.gz", [*LINES, "00001,10,60000.1,east,-5"], "gz comments")
    refused(database, ingest_predictions, path, "s.csv.gz", "RA_deg", error=InputError)


def test_half_a_file_stores_nothing(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    many = [LINES[0], *(f"2015_MQ204,10,60000.1,{50 + i / 7e4:.9f},-5.0" for i in range(20_000))]
    path = truncated(written(tmp_path / "s.csv.gz", many, "gz"))
    refused(database, ingest_predictions, path, "s.csv.gz", "is it complete?", error=InputError)


def test_comments_alone(database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", [], "comments")
    refused(database, ingest_predictions, path, "the file is empty, or has no line", format="sorcha", error=InputError)


def test_by_the_command(database_url: str, tmp_path: Path) -> None:
    visit = tmp_path / "v.csv"
    visit.write_text("visit,midpointMjdTai,band\n10,60000.1,r\n")
    path = written(tmp_path / "s.csv.gz", LINES, "gz comments")
    for arguments in (["visits", str(visit)], ["predictions", str(path)]):
        run = CliRunner().invoke(main, ["--db", database_url, "ingest", *arguments])
        assert run.exit_code == 0, run.output


def test_comments_before_a_table_of_orbits(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    names = "unpacked_primary_provisional_designation,q,e,i,node,argperi,peri_time,epoch_mjd"
    path.write_text("\n".join([*COMMENTS, names, "2015 MQ204,2.2,0.1,5,30,20,57160.5,57200", "2010 AB,0,0,0,0,0,0,0"]))
    report = ingest_orbits(database, path)
    assert (report.rows, report.doubts) == (1, ("q is not above 0 (row 2)",))
