"""Two nights of the Zwicky Transient Facility through the command line: every match is what ZTF itself named."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from conftest import DIALECTS, _postgresql_database, shared_data

from ssdb.cli import main

FOLDER = shared_data("ztf_2020-05")
N_MATCHES, N_OTHERS, N_WAITING = 827, 1413, 14
TABLES = ("SSSource", "SsCandidate", "SsExpected", "DiaSource", "Visit", "VisitDetector", "SsPrediction")
CHANGING = ("runId", "associatedAt", "predictionsAt", "diaRunId", "diaAssociatedAt")
FILES = {"visits": "visits.parquet", "sources": "dia_sources.parquet", "predictions": "predictions_sorcha.csv"}


def ssdb(url: str, *arguments: object) -> Result:
    """Runs a command, which must succeed."""
    result = CliRunner().invoke(main, ["--db", url, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


def load(url: str, folder: Path) -> None:
    """The road of the README up to the predictions."""
    ssdb(url, "init")
    for kind, name in FILES.items():
        ssdb(url, "ingest", kind, folder / name)


def exported(url: str, directory: Path) -> dict[str, pa.Table]:
    """Tables as they are exported to Parquet, without what is another for equal rows."""
    tables = {}
    for name in TABLES:
        path = directory / f"{name}.parquet"
        ssdb(url, "export", name, "-o", path)
        rows = pa.parquet.read_table(path)
        tables[name] = rows.drop_columns([column for column in CHANGING if column in rows.column_names])
    return tables


@pytest.fixture(scope="module")
def folder() -> Path:
    return FOLDER


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[int, tuple[str, bool]]:
    """What ZTF named each source, a number or a provisional designation, and whether that has a prediction."""
    with (folder / "truth.csv").open() as file:
        rows = csv.DictReader(file)
        return {int(row["diaSourceId"]): (row["ssnamenr"], row["hasPrediction"] == "True") for row in rows}


@pytest.fixture(scope="module")
def urls(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By dialect, a database into which the nights were loaded, and in which they were associated."""
    made = {
        "sqlite": f"sqlite:///{tmp_path_factory.mktemp('ztf') / 'ztf.db'}",
        "postgresql": _postgresql_database(request, None),
    }
    for url in made.values():
        load(url, folder)
        ssdb(url, "associate")
    return made


@pytest.fixture(scope="module")
def tables(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, pa.Table]]:
    """By dialect, what is exported from that database."""
    return {dialect: exported(url, tmp_path_factory.mktemp(dialect)) for dialect, url in urls.items()}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_match_is_the_object_that_ztf_named(
    tables: dict[str, dict[str, pa.Table]], truth: dict[int, tuple[str, bool]], dialect: str
) -> None:
    """Designations are compared as text: a number, or a provisional designation without its blank."""
    matches = tables[dialect]["SSSource"]
    assert matches.num_rows == N_MATCHES
    for source, name in zip(*(matches[column].to_pylist() for column in ("diaSourceId", "designation")), strict=True):
        assert re.sub(r"[ ()]", "", name) == truth[source][0]
        assert truth[source][1]
    assert len(set(matches["diaSourceId"].to_pylist())) == N_MATCHES
    assert max(matches["ephOffset"].to_pylist()) <= 1.0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_other_sources_have_no_object(tables: dict[str, dict[str, pa.Table]], dialect: str) -> None:
    """DiaSource and SSSource agree, row by row."""
    sources, matches = tables[dialect]["DiaSource"], tables[dialect]["SSSource"]
    assert sources["ssObjectId"].null_count == N_OTHERS
    known = sources.filter(sources["ssObjectId"].is_valid())
    columns = ("diaSourceId", "ssObjectId", "visit")
    assert [known[name].to_pylist() for name in columns] == [matches[name].to_pylist() for name in columns]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_exposures_without_predictions_wait(
    tables: dict[str, dict[str, pa.Table]], folder: Path, dialect: str
) -> None:
    """Exactly those that the predictions do not mention are pending."""
    predicted = set(pa.csv.read_csv(folder / FILES["predictions"])["FieldID"].to_pylist())
    visits = tables[dialect]["Visit"]
    waiting = {row["visit"] for row in visits.to_pylist() if row["status"] == "pending"}
    assert waiting == set(visits["visit"].to_pylist()) - predicted
    assert len(waiting) == N_WAITING
    counted = [row for row in visits.to_pylist() if row["status"] == "done"]
    assert sum(row["nAssociatedSsObjects"] for row in counted) == N_MATCHES
    assert all(row["nTotalSsObjects"] >= row["nAssociatedSsObjects"] for row in counted)
    assert all(row["nSources"] is None for row in visits.to_pylist() if row["status"] == "pending")


def test_both_databases_have_the_same_rows(tables: dict[str, dict[str, pa.Table]]) -> None:
    """Every table, to the last bit."""
    for name in TABLES:
        assert tables["sqlite"][name] == tables["postgresql"][name], name


def test_offsets_are_those_of_astropy(tables: dict[str, dict[str, pa.Table]], folder: Path) -> None:
    """ephOffset is the angle between the source in one file and the prediction in the other."""
    from astropy.coordinates import SkyCoord

    sources = pa.parquet.read_table(folder / FILES["sources"]).to_pylist()
    predictions = pa.csv.read_csv(folder / FILES["predictions"]).to_pylist()
    place = {row["diaSourceId"]: (row["ra"], row["dec"]) for row in sources}
    predicted = {
        (row["FieldID"], re.sub(r"[ _()]", "", str(row["ObjID"]))): (row["RATrue_deg"], row["DecTrue_deg"])
        for row in predictions
    }
    matches = tables["sqlite"]["SSSource"].to_pylist()
    keys = [(row["visit"], re.sub(r"[ ()]", "", row["designation"])) for row in matches]
    a = SkyCoord([predicted[key] for key in keys], unit="deg")
    b = SkyCoord([place[row["diaSourceId"]] for row in matches], unit="deg")
    np.testing.assert_allclose([row["ephOffset"] for row in matches], a.separation(b).arcsec, atol=2e-6)


def test_again_and_from_shuffled_files(
    tables: dict[str, dict[str, pa.Table]], folder: Path, tmp_path: Path, database_url: str
) -> None:
    """The order of the rows leaves no trace, and a second run over everything changes nothing."""
    rng = np.random.default_rng(3)
    for name in FILES.values():
        path = folder / name
        rows = pa.csv.read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path)
        rows = rows.take(pa.array(rng.permutation(rows.num_rows)))
        write = pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table
        write(rows, tmp_path / name)
    load(database_url, tmp_path)
    for options in ((), ("--all",)):
        answer = json.loads(ssdb(database_url, "associate", "--json", *options).stdout)
        assert answer["nAssociatedSsObjects"] == N_MATCHES
        assert answer["nWithoutPredictions"] == N_WAITING
        assert answer["failed"] == {}
        found = exported(database_url, tmp_path)
        for name in TABLES:
            assert found[name] == tables["sqlite"][name], name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_status_and_query_tell_the_result(urls: dict[str, str], dialect: str) -> None:
    """The road of the README to its end, names unquoted on both databases."""
    database_url = urls[dialect]
    answer = json.loads(ssdb(database_url, "status", "--json").stdout)
    assert (answer["visits"], answer["done"], answer["pending"]) == (179, 165, N_WAITING)
    assert (answer["without_predictions"], answer["sources"], answer["matches"]) == (N_WAITING, 2240, N_MATCHES)
    told = ssdb(database_url, "status").stdout
    assert re.search(r"^matches \(rows of SSSource\) +827$", told, re.MULTILINE)
    assert re.search(r"^sources without an object +1,413$", told, re.MULTILINE)
    sql = "SELECT ssObjectId, ephOffset FROM SSSource ORDER BY ephOffset DESC LIMIT 10"
    rows = json.loads(ssdb(database_url, "query", sql, "--format", "json").stdout)
    assert len(rows) == 10
    assert all(row.keys() == {"ssObjectId", "ephOffset"} for row in rows)
    offsets = [row["ephOffset"] for row in rows]
    assert offsets == sorted(offsets, reverse=True)
    assert 0.5 < offsets[0] <= 1.0
    counted = ssdb(database_url, "query", "SELECT count(*) AS n FROM DiaSource WHERE ssObjectId IS NULL").stdout
    assert counted.split()[-1] == str(N_OTHERS)
