"""The benchmarks run on both databases, print what they promise, and refuse to time a wrong result."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from conftest import DIALECTS

from ssdb.store.ddl.migrate import initialize

ROOT = Path(__file__).resolve().parents[1]
STAGES = {"claim", "read", "footprints", "join", "refine", "assign", "derive", "write", "commit"}
pytestmark = pytest.mark.usefixtures("_importable")


@pytest.fixture
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    # The benchmarks are beside the package, not in it.
    monkeypatch.syspath_prepend(str(ROOT))


def printed(module: str, *arguments: object) -> list[str]:
    """The lines that a benchmark prints, run in this process: most of a small one would be to import what it needs."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.syspath_prepend(str(ROOT))
        assert importlib.import_module(f"benchmarks.{module}").main([str(one) for one in arguments]) == 0
    return out.getvalue().splitlines()


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
    assert set(seconds["stages"]) >= STAGES
    assert all(value > 0 for group in ("ingest", "raw", "stages") for value in seconds[group].values())
    assert all(seconds[what] > 0 for what in ("join", "trees", "associate"))
    # The stages are parts of the whole; PostgreSQL has two batches at a time.
    assert sum(seconds["stages"].values()) < seconds["associate"] * (2 if dialect == "postgresql" else 1)
    share, alone = (one["visit_seconds"][what] for what in ("share of a batch", "alone"))
    assert 0 < share["median"] <= share["99 %"]
    assert 0 < alone["the process at work"] < 2 * alone["all"]
    assert one["database"]["version"]
    # 47 columns, most of them of 4 bytes, beside what an empty database has.
    assert one["disk_bytes"] > 150 * one["rows"]["sources"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_memory_is_that_of_the_processes_that_ingest_and_associate(
    quick: tuple[dict[str, Any], object], dialect: str
) -> None:
    peaks = quick[0]["databases"][dialect]["peak_mb"]["4"]
    # An interpreter with numpy, pyarrow and astropy has more than the least, and a tiny night adds next to nothing.
    assert all(50 < peak < 600 for peak in peaks.values())


def test_goals_are_at_the_end(quick: tuple[dict[str, Any], subprocess.CompletedProcess[str]]) -> None:
    figures, finished = quick
    goals = {goal["what"]: goal for goal in figures["goals"]}
    assert len(goals) == 7
    # A visit of the quick night is none of those that the goal is about.
    assert figures["goals"][0]["reached"] is None
    last = finished.stdout.splitlines()[-len(goals) :]
    assert all(line.startswith(what) for what, line in zip(goals, last, strict=True))
    one = figures["databases"]["postgresql"]
    raw = sum(one["seconds"]["raw"].values())
    whole = sum(one["seconds"]["ingest"].values()) + one["seconds"]["associate"]
    assert goals["ingest + associate to raw COPY"]["figure"] == f"{whole / raw:.2f}"


@pytest.mark.parametrize(("seconds", "reached"), [(0.065, True), (0.067, False)])
def test_a_goal_is_reached_or_not(quick: tuple[dict[str, Any], object], seconds: float, reached: bool) -> None:
    from benchmarks.goals import goals

    figures = json.loads(json.dumps(quick[0]))
    one = figures["databases"]["postgresql"]
    one["rows"] |= {"sources": 60_000, "visits": 6}
    one["of_goal"] |= {"sources": 9900.0, "predictions": 2990.0, "seconds": 0.1315 - seconds}
    one["goal_predictions"] = 3000.0
    one["visit_seconds"]["alone"]["all"] = seconds
    one["seconds"] |= {"join": 20 * seconds, "trees": 1.0}
    one["peak_mb"] = {"100": {"ingest": 400.0, "associate": 300.0}, "1000": {"ingest": 430.0, "associate": 333.0}}
    found = {goal["what"]: goal for goal in goals(figures)}
    assert found["one alone in a call, of 10,000 sources, 3,000 predictions"]["reached"] is reached
    of_night = found["associate, in a night of visits of 9,900 sources, 2,990 predictions"]
    assert of_night["reached"] is not reached
    assert found["join to cKDTree"]["reached"] is reached
    assert found["memory of the client, postgresql"]["reached"] is True
    assert found["the same, 1000 visits to 100, postgresql"]["reached"] is False


def test_output_names_versions_machine_and_settings(
    quick: tuple[dict[str, Any], subprocess.CompletedProcess[str]],
) -> None:
    figures, finished = quick
    machine = figures["machine"]
    for text in (f"{machine['cores']} cores", machine["cpu"], f"python {machine['python']}", "shared_buffers", "fsync"):
        assert text in finished.stdout
    for dialect in DIALECTS:
        assert f"{dialect} {figures['databases'][dialect]['database']['version']}" in finished.stdout


def test_benchmark_leaves_no_database_behind(quick: tuple[dict[str, Any], object], postgresql_server: sa.URL) -> None:
    engine = sa.create_engine(postgresql_server)
    with engine.connect() as connection:
        left = connection.scalars(sa.text("SELECT datname FROM pg_database WHERE datname LIKE 'ssdb_bench%'")).all()
    engine.dispose()
    assert left == []


def test_simulated_night_has_the_size_asked_for(tmp_path: Path) -> None:
    from benchmarks.simulated import Size, make_night, stored_rows

    night = make_night(Size(24, 2000, 1000, 80, 30, 4), tmp_path)
    sources = pa.parquet.ParquetFile(night.files["sources"])
    assert (sources.metadata.num_columns, sources.num_row_groups) == (30, 3)
    # One visit has no sources, another no predictions.
    assert night.rows["sources"] / 23 == pytest.approx(2000, rel=0.1)
    predicted = np.sort(night.predicted())
    assert predicted[0] == 0
    assert predicted[1] == pytest.approx(80, rel=0.1)
    assert predicted[-1] == pytest.approx(1000, rel=0.1)
    parts = list(stored_rows(night, "predictions"))
    assert (
        sum(part.num_rows for part in parts)
        == night.rows["predictions"]
        == pa.parquet.read_metadata(night.files["predictions"]).num_rows
    )
    first = parts[0].filter(pc.equal(parts[0]["visit"], night.visits[0]))
    assert first["ssObjectId"].to_pylist() == night.identifiers[0][0].tolist()


def test_predictions_are_fewer_far_from_the_ecliptic(tmp_path: Path) -> None:
    from astropy.coordinates import SkyCoord

    from benchmarks.simulated import Size, make_night

    night = make_night(Size(24, 100, 500, 40, 14, 0), tmp_path)
    centres = pa.parquet.read_table(night.files["visits"])
    place = SkyCoord(centres["ra"].to_numpy(), centres["dec"].to_numpy(), unit="deg")
    latitude = np.abs(place.barycentrictrueecliptic.lat.deg)
    of_visit = dict(zip(centres["visit"].to_pylist(), latitude, strict=True))
    with_objects = [i for i, n in enumerate(night.predicted()) if n]
    by_latitude = sorted(with_objects, key=lambda i: round(of_visit[night.visits[i]]))
    counts = night.predicted()[by_latitude]
    assert counts[0] == pytest.approx(500, rel=0.1)
    assert counts[-1] == pytest.approx(40, rel=0.2)
    # Some of them leave the field, others come in.
    assert (np.diff(counts) < 0.1 * counts[:-1] + 5).all()


def test_match_in_memory_finds_the_pairs_of_brute_force() -> None:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    from benchmarks.baselines import pairs_by_trees

    rng = np.random.default_rng(5)
    fields = []
    for ra0, dec0 in ((0.0, 10.0), (120.0, -89.9995), (200.0, 45.0)):
        ra = (ra0 + rng.uniform(-0.002, 0.002, (2, 60)) / np.cos(np.radians(min(abs(dec0), 89.0)))) % 360.0
        dec = np.clip(dec0 + rng.uniform(-0.002, 0.002, (2, 60)), -90.0, 90.0)
        fields.append(((ra[0], dec[0]), (ra[1], dec[1])))
    for (predictions, sources), (i, j) in zip(fields, pairs_by_trees(fields, 1.5), strict=True):
        a, b = (SkyCoord(*points, unit="deg") for points in (predictions, sources))
        close = np.argwhere(a[:, None].separation(b[None, :]) <= 1.5 * u.arcsec)
        assert len(close) > 5
        assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(map(tuple, close.tolist()))


@pytest.mark.parametrize("what", ["join", "associate"])
def test_a_lost_pair_ends_the_benchmark(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of a join that finds too few pairs, or of an association that does, are not to be printed."""
    from benchmarks import measure
    from benchmarks.simulated import Size, make_night
    from ssdb.association import associate

    @contextmanager
    def here(files: object) -> Iterator[Callable[..., Any]]:
        yield lambda function, *arguments: function(*arguments)

    # In this process, where a function can be replaced.
    monkeypatch.setattr(measure, "child_process", here)
    module = measure if what == "join" else associate
    whole = module.read_candidate_pairs

    def half(*arguments: Any) -> dict[str, Any]:
        pairs = whole(*arguments)
        return {name: values[::2] for name, values in pairs.items()}

    night = make_night(Size(4, 100, 60, 60, 20, 0), tmp_path)

    def run(name: str) -> None:
        with closing(initialize(f"sqlite:///{tmp_path / name}.db")) as database:
            measure.measure(database, tmp_path, night, night.files)

    run("whole")
    monkeypatch.setattr(module, "read_candidate_pairs", half)
    with pytest.raises(measure.WrongResult, match=what):
        run("half")


def test_a_process_of_its_own_does_not_count_what_this_one_has() -> None:
    from benchmarks.children import child_process, peak_memory_mb

    ballast = np.ones(40_000_000)
    with child_process({}) as child:
        assert child(peak_memory_mb) < peak_memory_mb() - 0.5 * ballast.nbytes / 1e6
        before = child(peak_memory_mb)
        child(np.ones, 15_000_000)
        assert child(peak_memory_mb) > before + 100


def test_an_unknown_database_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.night import main

    with pytest.raises(SystemExit) as ended:
        main(["--databases", "oracle"])
    assert ended.value.code == 2
    assert "oracle" in capsys.readouterr().err


@pytest.fixture(scope="module")
def of_objects(postgresql_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """What benchmarks.dia writes and prints of tiny visits; with lsst-dax-apdb where it is installed."""
    path = tmp_path_factory.mktemp("bench_dia") / "figures.json"
    arguments = ["--history", 12, "--sources", 60, "--visits", 2, "--json", path]
    if importlib.util.find_spec("lsst.dax") and importlib.util.find_spec("psycopg2"):
        arguments += ["--dax-python", sys.executable]
    url = postgresql_server.render_as_string(hide_password=False)
    lines = printed("dia", *arguments, "--postgresql-url", url)
    return json.loads(path.read_text(encoding="utf-8")), lines


def test_figures_of_dia_objects_are_there(of_objects: tuple[dict[str, Any], object]) -> None:
    figures = of_objects[0]
    assert len(figures["visits"]) == 2
    for turn in figures["visits"]:
        assert set(turn["ssdb"]) == {"10", "12"}
        for one in turn["ssdb"].values():
            assert all(one[step]["seconds"] > 0 < one[step]["peak_mb"] for step in ("ingest", "associate"))
            rows, tables = one["associate"]["rows"], one["associate"]["tables"]
            assert rows["updated"] + rows["new"] == 60
            # Of the history nothing is read; what is there of the visit's own is.
            assert tables["earlier DiaSource"]["rows"] == tables["earlier DiaMatch"]["rows"] == 0
            assert tables["DiaSource"]["rows"] >= 60
            assert tables["DiaObjectMoment"]["updated"] == tables["DiaObjectMoment"]["hot"] > 0
        if figures["dax"]:
            assert turn["dax"]["rows"]["history"] >= 12 * 60


def test_goals_of_dia_objects_are_at_the_end(of_objects: tuple[dict[str, Any], list[str]]) -> None:
    figures, lines = of_objects
    last = lines[-len(figures["goals"]) :]
    assert all(line.startswith(goal["what"]) for goal, line in zip(figures["goals"], last, strict=True))
    reached = {goal["what"]: goal["reached"] for goal in figures["goals"]}
    assert reached["rows of history that associate reads"] is True
    # Of so few sources the times say nothing.
    assert reached["associate with 12 visits of history to 10"] is None


@pytest.fixture(scope="module")
def of_summaries(
    postgresql_server: sa.URL, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[str]]:
    """What ``benchmarks.ssobject --quick`` writes and prints."""
    path = tmp_path_factory.mktemp("bench_ssobject") / "figures.json"
    url = postgresql_server.render_as_string(hide_password=False)
    lines = printed("ssobject", "--quick", "--databases", *DIALECTS, "--json", path, "--postgresql-url", url)
    return json.loads(path.read_text(encoding="utf-8")), lines


def test_figures_of_summaries_are_there(of_summaries: tuple[dict[str, Any], object]) -> None:
    figures = of_summaries[0]
    assert figures["fit"]["groups"] == 3000
    assert all(figures["fit"][name] > 0 for name in ("ssdb", "scipy least_squares", "sbpy"))
    assert all(figures["moid"][name] > 0 for name in ("ssdb", "distlink-python"))
    assert figures["moid"]["difference"] < 1e-9
    for dialect in DIALECTS:
        one = figures["databases"][dialect]
        assert 20_000 < one["observations"] < 30_000
        assert one["truth"]["objects"] == 500
        assert 0.9 * one["observations"] < one["truth"]["used"] <= one["observations"]
        assert 0.8 < one["truth"]["pull"] < 1.25
        assert {"read", "fit", "moid", "write"} <= set(one["summarize"]["stages"])
    assert figures["databases"]["sqlite"]["truth"] == figures["databases"]["postgresql"]["truth"]


def test_goals_of_summaries_are_at_the_end(of_summaries: tuple[dict[str, Any], list[str]]) -> None:
    figures, lines = of_summaries
    goals = {goal["what"]: goal for goal in figures["goals"]}
    assert len(goals) == 8
    small = [name for name, goal in goals.items() if goal["reached"] is None]
    assert len(small) == 6  # so few objects say nothing of times and pulls
    assert lines[-1].startswith("pull of H, ")


def test_what_is_here_now_is_timed_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    lines = printed("sky", "--objects", 1000, "--json", path)
    one = json.loads(path.read_text(encoding="utf-8"))["sqlite"]
    assert len(lines) == len(one)
    assert one["compared"] > 100
    assert one["objects in a circle"] > 0


def test_two_versions_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import fresh

    monkeypatch.setattr(fresh, "_WARM_UP", 1)
    monkeypatch.setattr(fresh, "_NIGHTS", 1)
    small = ["--visits", 2, "--night", 4, "--sources", 100, "--predictions", 30, "--databases", "sqlite"]
    lines = printed("fresh", "--before", ROOT, *small)
    titles = [line.partition(":")[0] for line in lines if not line.startswith(" ")]
    assert titles == ["sqlite, a fresh visit", "sqlite, a night of 4 visits"]
    for command in ("visits", "detectors", "sources", "predictions", "associate", "all"):
        assert sum(line.startswith(f"  {command} ") for line in lines) == 2
