"""``ssdb query --name``: what is printed, written and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from astropy.table import Table
from queried_survey import IDS, QueriedSurvey, queried_survey
from test_cli import done, failed, misused, run

import ssdb
from ssdb.ask.named_queries import named_queries


@pytest.fixture(scope="module")
def survey() -> QueriedSurvey:
    return queried_survey()


@pytest.fixture(scope="module")
def loaded(module_database_url: str, survey: QueriedSurvey) -> Iterator[str]:
    database = ssdb.connect(module_database_url)
    survey.load(database)
    database.close()
    return module_database_url


def test_the_list_names_every_question_with_purpose_and_parameters() -> None:
    """Without a database."""
    text = done("sqlite:///nowhere.db", "query", "--list")
    for name, asked in named_queries().items():
        assert f"{name}: {asked.purpose}" in text
        assert all(f"--param {parameter.name}" in text for parameter in asked.parameters)
        assert all(parameter.meaning in text for parameter in asked.parameters)
    assert text.count("--upload FILE") == 2


def test_the_list_for_programs() -> None:
    told = {one["name"]: one for one in json.loads(done(None, "query", "--list", "--json"))}
    assert told.keys() == named_queries().keys()
    curve = told["light-curve"]
    assert curve["parameters"][0]["name"] == "object"
    assert curve["parameters"][0]["default"] is None
    assert curve["sql"].startswith("SELECT")
    assert told["residuals"]["columns"]["median"]["unit"] == "arcsec"


def test_one_question_is_told_in_full() -> None:
    asked = named_queries()["residuals"]
    text = done(None, "query", "--list", "--name", "residuals")
    assert text.startswith(f"residuals: {asked.purpose}\n")
    assert all(note in text for note in asked.notes)
    assert text.endswith(f"{asked.example}\n")
    assert [one["name"] for one in json.loads(done(None, "query", "--list", "--name", "residuals", "--json"))] == [
        "residuals"
    ]


def test_a_light_curve_is_printed_and_written_with_units(loaded: str, survey: QueriedSurvey, tmp_path: Path) -> None:
    sources = {match["diaSourceId"] for match in survey.matches if match["ssObjectId"] == IDS[7]}
    asked = ("query", "--name", "light-curve", "--param", "object=00007")
    rows = json.loads(done(loaded, *asked, "--json"))
    assert {row["diaSourceId"] for row in rows} == sources
    assert json.loads(done(loaded, *asked, "--format", "json")) == rows
    assert len(done(loaded, *asked).splitlines()) == 2 + len(rows)
    assert len(done(loaded, *asked, "--format", "csv").splitlines()) == 1 + len(rows)
    path = tmp_path / "curve.ecsv"
    assert run(loaded, *asked, "-o", path).stderr == f"{path}: {len(rows)} rows\n"
    table = Table.read(path)
    assert set(table["diaSourceId"]) == sources
    units = {"mag": "mag", "psfFlux": "nJy", "phaseAngle": "deg", "helioRange": "AU"}
    assert {name: str(table[name].unit) for name in units} == units


def test_positions_are_uploaded(loaded: str, survey: QueriedSurvey, tmp_path: Path) -> None:
    match = survey.matches[0]
    path = tmp_path / "mine.csv"
    path.write_text(f"id,ra,dec,midpointMjdTai\nit,{match['ra']},{match['dec']},{match['midpointMjdTai']}\n")
    for name in ("match-objects", "match-sources"):
        rows = json.loads(done(loaded, "query", "--name", name, "--upload", path, "--param", "radius=1", "--json"))
        assert match["ssObjectId"] in [row["ssObjectId"] for row in rows]
        assert {row["id"] for row in rows} == {"it"}


def test_what_cannot_be_answered_is_told_on_one_line(loaded: str, tmp_path: Path) -> None:
    assert "is it light-curve? There are: activity, class-counts" in failed(loaded, "query", "--name", "lightcurve")
    assert "--param object=..." in failed(loaded, "query", "--name", "light-curve")
    assert "no parameter x" in misused(loaded, "query", "--name", "class-counts", "--param", "x=1")
    assert "--upload FILE" in failed(loaded, "query", "--name", "match-objects")
    nowhere = str(tmp_path / "nowhere.csv")
    assert nowhere in failed(loaded, "query", "--name", "match-objects", "--upload", nowhere)
    assert "'Nobody' is not known" in failed(loaded, "query", "--name", "phase-curve", "--param", "object=Nobody")
    assert "is it residuals?" in failed(loaded, "query", "--list", "--name", "residual")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["SELECT 1", "--name", "class-counts"],
        ["SELECT 1", "--list"],
        ["SELECT 1", "--upload", "mine.csv"],
        ["--list", "--param", "x=1"],
        ["--list", "--format", "csv"],
        ["--list", "-o", "list.csv"],
        ["--name", "class-counts", "--json", "--format", "csv"],
        ["--name", "class-counts", "--json", "-o", "classes.csv"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert "Error: " in misused(None, "query", *arguments)
