"""The benchmarks run on both databases, print what they promise, and refuse to time a wrong result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from conftest import DIALECTS

ROOT = Path(__file__).resolve().parents[1]
STAGES = {"claim", "read", "footprints", "join", "refine", "assign", "derive", "write", "commit"}
pytestmark = pytest.mark.usefixtures("_importable")


@pytest.fixture
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    # The benchmarks are beside the package, not in it.
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture(scope="module")
def quick(
    postgresql_server: sa.URL, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """What ``python -m benchmarks.night --quick`` writes and prints."""
    path = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "benchmarks.night", "--quick", "--json", str(path)]
    url = postgresql_server.render_as_string(hide_password=False)
    finished = subprocess.run(
        [*command, "--postgresql-url", url], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(path.read_text(encoding="utf-8")), finished


@pytest.mark.parametrize("dialect", DIALECTS)
def test_figures_of_each_database_are_there(quick: tuple[dict[str, Any], object], dialect: str) -> None:
    one = quick[0]["databases"][dialect]
    seconds = one["seconds"]
    assert set(seconds["ingest"]) == set(seconds["raw"]) == {"visits", "detectors", "sources", "predictions"}
    assert set(seconds["join"]) == set(seconds["memory"]) == set(seconds["associate"]) == {"one", "all"}
    assert set(seconds["stages"]) >= STAGES
    assert all(value > 0 for group in seconds.values() for value in group.values())
    # The stages are parts of the whole.
    assert sum(seconds["stages"].values()) < seconds["associate"]["all"]
    assert one["version"]


def test_ratios_are_those_of_the_seconds(quick: tuple[dict[str, Any], object]) -> None:
    from benchmarks.night import ratios

    seconds = {
        "ingest": {"visits": 1.0, "sources": 6.0, "predictions": 3.0},
        "raw": {"visits": 0.5, "sources": 2.0, "predictions": 1.5},
        "memory": {"one": 0.01, "all": 2.0},
        "join": {"one": 0.02, "all": 3.0},
        "associate": {"one": 0.05, "all": 10.0},
    }
    expected = {
        "ingest_visits_to_raw": 2.0,
        "ingest_sources_to_raw": 3.0,
        "ingest_predictions_to_raw": 2.0,
        "ingest_to_raw": 2.5,
        "ingest_and_associate_to_raw": 5.0,
        "join_one_to_memory": 2.0,
        "join_all_to_memory": 1.5,
        "associate_one_to_memory": 5.0,
        "associate_all_to_memory": 5.0,
    }
    assert ratios(seconds) == pytest.approx(expected)
    assert set(quick[0]["databases"]["sqlite"]["ratios"]) == {*expected, "ingest_detectors_to_raw"}


def test_output_names_versions_machine_and_settings(
    quick: tuple[dict[str, Any], subprocess.CompletedProcess[str]],
) -> None:
    figures, finished = quick
    machine = figures["machine"]
    for text in (f"{machine['cores']} cores", machine["cpu"], f"python {machine['python']}", "shared_buffers", "fsync"):
        assert text in finished.stdout
    for dialect in DIALECTS:
        assert f"{dialect} {figures['databases'][dialect]['version']}" in finished.stdout


def test_benchmark_leaves_no_database_behind(quick: tuple[dict[str, Any], object], postgresql_server: sa.URL) -> None:
    engine = sa.create_engine(postgresql_server)
    with engine.connect() as connection:
        left = connection.scalars(sa.text("SELECT datname FROM pg_database WHERE datname LIKE 'ssdb_bench%'")).all()
    engine.dispose()
    assert left == []


def test_simulated_night_has_the_size_asked_for(tmp_path: Path) -> None:
    from benchmarks.measure import make_night

    night = make_night(6, 2000, 500, 30, tmp_path)
    sources, predictions = night.stored["sources"], night.stored["predictions"]
    assert sources.num_columns == 30
    # One visit of the six has no sources, another no predictions.
    assert sources.num_rows / 5 == pytest.approx(2000, rel=0.1)
    assert predictions.num_rows / 5 == pytest.approx(500, rel=0.1)


def test_match_in_memory_finds_the_pairs_of_brute_force() -> None:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    from benchmarks.baselines import pairs_in_memory

    rng = np.random.default_rng(5)
    fields = []
    for ra0, dec0 in ((0.0, 10.0), (120.0, -89.9995), (200.0, 45.0)):
        ra = (ra0 + rng.uniform(-0.002, 0.002, (2, 60)) / np.cos(np.radians(min(abs(dec0), 89.0)))) % 360.0
        dec = np.clip(dec0 + rng.uniform(-0.002, 0.002, (2, 60)), -90.0, 90.0)
        fields.append(((ra[0], dec[0]), (ra[1], dec[1])))
    for (predictions, sources), (i, j) in zip(fields, pairs_in_memory(fields, 1.5), strict=True):
        a, b = (SkyCoord(*points, unit="deg") for points in (predictions, sources))
        close = np.argwhere(a[:, None].separation(b[None, :]) <= 1.5 * u.arcsec)
        assert len(close) > 5
        assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(map(tuple, close.tolist()))


@pytest.mark.parametrize("what", ["join", "associate"])
def test_a_lost_pair_ends_the_benchmark(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of a join that finds too few pairs, or of an association that does, are not to be printed."""
    from benchmarks import measure
    from ssdb.association import associate

    module = measure if what == "join" else associate
    whole = module.read_candidate_pairs

    def half(*arguments: Any) -> dict[str, Any]:
        pairs = whole(*arguments)
        return {name: values[::2] for name, values in pairs.items()}

    night = measure.make_night(4, 100, 60, 20, tmp_path)
    measure.measure(tmp_path, night)
    monkeypatch.setattr(module, "read_candidate_pairs", half)
    with pytest.raises(measure.WrongResult, match=what):
        measure.measure(tmp_path, night)


def test_footprints_are_measured_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.footprints import main

    path = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(path)]) == 0
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert (figures["detectors"], figures["objects"]) == (189, 50)
    assert 15 < figures["onDetectors"] < 50
    assert all(value > 0 for value in figures["seconds"].values())
    assert f"{1000 * figures['seconds']['place']:.2f} ms" in capsys.readouterr().out


def test_an_object_on_another_detector_ends_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times mean nothing where objects are not put where astropy says that they are."""
    from benchmarks import footprints

    # Without their last points the outlines lose a corner.
    whole = footprints.trace_outline
    monkeypatch.setattr(footprints, "trace_outline", lambda *arguments: whole(*arguments)[:-6])
    assert footprints.main(["--quick"]) == 1
    assert "other detectors than astropy says" in capsys.readouterr().err


def test_workers_are_measured(postgresql_server: sa.URL, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    url = postgresql_server.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "benchmarks.workers", "--quick", "--json", str(path), "--postgresql-url", url]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    seconds = json.loads(path.read_text(encoding="utf-8"))["seconds"]
    assert list(seconds) == ["1", "2"]
    assert all(value > 0 for value in seconds.values())
    assert f"{seconds['1'] / seconds['2']:.2f}" in finished.stdout


def test_an_unknown_database_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.night import main

    with pytest.raises(SystemExit) as ended:
        main(["--databases", "oracle"])
    assert ended.value.code == 2
    assert "oracle" in capsys.readouterr().err
