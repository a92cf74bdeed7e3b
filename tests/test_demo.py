"""The demo: a simulated night from files to matches, compared with its truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import ssdb
from ssdb.cli import main
from ssdb.demo import DemoResult, run_demo
from ssdb.simulate import SimulationConfig

SMALL = SimulationConfig(n_visits=8, n_sources=200, n_objects=60, n_detectors=4)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    """Of a small demo; what changes it makes it again."""
    return run_demo(tmp_path_factory.mktemp("a") / "new" / "demo", SMALL)


def test_nearly_all_objects_are_found_and_nearly_all_matches_are_right(result: DemoResult) -> None:
    """Not all: some predictions are off by more than the search radius, and pairs contend for one source."""
    assert result.visits == 8
    assert result.score.n_truth > 100
    assert 0.9 < result.score.completeness <= 1
    assert 0.95 < result.score.purity <= 1
    assert result.score.n_correct <= min(result.score.n_truth, result.score.n_matched)
    assert set(result.seconds) == {"simulate", "ingest", "associate"}


def test_the_database_stays_and_holds_what_the_demo_told(result: DemoResult) -> None:
    database = ssdb.connect(f"sqlite:///{result.database}")
    counts = ssdb.status(database)
    assert (counts["visits"], counts["done"], counts["sources"]) == (8, 8, result.sources)
    assert (counts["predictions"], counts["matches"]) == (result.predictions, result.score.n_matched)
    truth = dict(
        line.strip().split(",")[::2]
        for line in Path(result.database).with_name("truth.csv").read_text().replace('"', "").splitlines()[1:]
    )
    matches = ssdb.query(database, "SELECT diaSourceId, designation FROM SSSource").rows
    assert sum(truth.get(str(source)) == name for source, name in matches) == result.score.n_correct
    database.close()


def test_it_can_be_run_again_in_the_same_place(result: DemoResult) -> None:
    """Also with another night; nothing of the first one is left."""
    tmp_path, first = Path(result.database).parent, result
    other = run_demo(tmp_path, SimulationConfig(n_visits=4, n_sources=50, n_objects=20, n_detectors=0, seed=2))
    assert not (tmp_path / "detectors.parquet").exists()
    again = run_demo(tmp_path, SMALL)
    assert again.score == first.score != other.score
    assert again.sources == first.sources


def test_a_wider_search_finds_the_objects_whose_predictions_are_off(tmp_path: Path, result: DemoResult) -> None:
    narrow = run_demo(tmp_path, SMALL, ssdb.AssociationConfig(radius_arcsec=0.2))
    by_error = run_demo(tmp_path, SMALL, ssdb.AssociationConfig(mode="uncertainty"))
    assert narrow.score.completeness < result.score.completeness < by_error.score.completeness


def test_a_night_without_objects_ends_in_no_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", str(tmp_path), "--json", *_options(objects=0)])
    assert result.exit_code == 0, result.output
    score = json.loads(result.stdout, parse_constant=pytest.fail)["score"]
    assert (score["n_truth"], score["completeness"], score["purity"]) == (0, None, None)
    assert CliRunner().invoke(main, ["demo", str(tmp_path), *_options(objects=0)]).exit_code == 0


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory of any name."""
    name = "a directory?with %20=1&uri=true"
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["demo", name, "--json", *_options()])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert set(told) == {"visits", "sources", "predictions", "score", "seconds", "database"}
    assert told["score"]["purity"] > 0.9
    assert Path(told["database"]) == Path(name, "demo.db")
    assert Path(told["database"]).is_file()
    text = CliRunner().invoke(main, ["demo", name, *_options()]).stdout
    assert f"{told['score']['completeness']:.4f}" in text


def test_without_a_name_it_goes_to_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["demo", *_options()]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def _options(objects: int = 30) -> list[str]:
    return ["--visits", "4", "--sources", "50", "--objects", str(objects), "--detectors", "1"]
