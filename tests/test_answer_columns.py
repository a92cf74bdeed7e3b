"""The columns of an answer are typed, described and measured as what is asked for, not as others of their name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy.table import Table
from click.testing import CliRunner
from queried_survey import FIRST_MJD, add_orbits, queried_survey
from test_queries import _upload, _with_defaults

import ssdb
import ssdb.ask.sql as query_module
from ssdb.ask.meanings import column_meant
from ssdb.ask.named_queries import named_queries, named_query
from ssdb.cli import main
from ssdb.store.database import Database

OF_POSTGRESQL = {16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 25: pa.string(), 700: pa.float32()}
OF_POSTGRESQL |= {701: pa.float64(), 1043: pa.string(), 1114: pa.timestamp("us")}


@pytest.fixture(scope="module")
def survey_url(module_database_url: str) -> str:
    with closing(ssdb.connect(module_database_url)) as database:
        made = queried_survey()
        add_orbits(made)
        made.load(database)
    return module_database_url


@pytest.fixture
def survey(survey_url: str) -> Iterator[Database]:
    with closing(ssdb.connect(survey_url)) as database:
        yield database


@pytest.mark.parametrize("name", sorted(named_queries()))
def test_the_types_of_a_ready_made_question_are_those_that_postgresql_answers(
    survey: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if survey.dialect == "sqlite":
        pytest.skip("SQLite's answers have no types")
    answered: dict[str, pa.DataType] = {}
    on_postgresql = query_module._on_postgresql

    @contextmanager
    def noted(*arguments: Any) -> Iterator[Any]:
        with on_postgresql(*arguments) as cursor:
            answered.update({item.name: OF_POSTGRESQL[item.type_code] for item in cursor.description})
            yield cursor

    monkeypatch.setattr(query_module, "_on_postgresql", noted)
    result = named_query(survey, name, _with_defaults(name), upload=_upload(name))
    declared = {field.name: field.type for field in result.schema or ()}
    assert declared == answered


@pytest.mark.parametrize(
    ("name", "column", "comment", "unit"),
    [
        ("light-curve", "ra", "Right ascension of the source, ICRS", "deg"),
        ("light-curve", "dec", "Declination of the source, ICRS", "deg"),
        ("light-curve", "diaSourceId", "The DiaSource that is the object", ""),
        ("fast-movers", "ra", "Right ascension of the source, ICRS", "deg"),
        ("match-sources", "diaSourceId", "Identifier of the source", ""),
        ("match-objects", "diaSourceId", "NULL: not seen", ""),
        ("match-objects", "id", "name of the position", ""),
        ("match-objects", "midpointMjdTai", "Time, MJD TAI", "d"),
    ],
)
def test_a_column_is_described_as_what_it_is(survey: Database, name: str, column: str, comment: str, unit: str) -> None:
    answer = named_query(survey, name, _with_defaults(name), upload=_upload(name))
    assert answer.schema is not None
    about = answer.schema.field(column).metadata
    assert comment in about[b"description"].decode()
    assert about.get(b"unit", b"").decode() == unit


def test_the_columns_of_a_statement_are_those_of_the_tables_that_it_takes_them_from() -> None:
    """Of the last SELECT's alias; else of the first table that it reads; of a view's text in the same way."""
    beside = 'SELECT v."ra", d."dec" FROM "Visit" v JOIN "DiaSource" d ON d."visit" = v."visit"'
    assert column_meant(beside, "ra").table.name == "Visit"
    assert column_meant(beside, "dec").table.name == "DiaSource"
    inner = 'WITH q AS (SELECT * FROM "DiaSource" d) SELECT q."ra", v."band" FROM q JOIN "Visit" v ON true'
    assert column_meant(inner, "ra").table.name == "DiaSource"
    assert column_meant(inner, "band").table.name == "Visit"
    assert column_meant('SELECT o."ra"\nFROM "SsObservation" o', "ra").table.name == "DiaSource"


@pytest.mark.parametrize("ids", [["first", "0007", "1.10"], ["7", "8", "9"]])
@pytest.mark.parametrize("name", ["match-objects", "match-sources"])
def test_the_names_of_positions_come_back_as_they_were_given(
    survey_url: str, tmp_path: Path, name: str, ids: list[str]
) -> None:
    positions, answer = tmp_path / "positions.csv", tmp_path / "x.ecsv"
    with positions.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "ra", "dec", "midpointMjdTai"], *([i, 10, -5, FIRST_MJD] for i in ids)])
    command = ["--db", survey_url, "query", "--name", name, "--upload", str(positions), "-o", str(answer)]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert list(dict.fromkeys(Table.read(answer)["id"].tolist())) == ids


def test_a_text_named_like_a_column_of_numbers_stays_text(survey_url: str, tmp_path: Path) -> None:
    sql = "SELECT 'abc' AS id, 'north' AS ra, 1 AS band, 0.5 AS visit"
    for ending in ("ecsv", "parquet", "fits", "vot", "csv"):
        path = tmp_path / f"x.{ending}"
        done = CliRunner().invoke(main, ["--db", survey_url, "query", sql, "-o", str(path)], catch_exceptions=False)
        assert done.exit_code == 0
    row = Table.read(tmp_path / "x.ecsv")[0]
    assert (str(row["id"]), str(row["ra"]), int(row["band"]), float(row["visit"])) == ("abc", "north", 1, 0.5)
