"""The benchmarks run on both databases, print what they promise, and refuse to time a wrong result."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from conftest import DIALECTS

from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize

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
    assert set(seconds["stages"]) >= STAGES
    assert all(value > 0 for group in ("ingest", "raw", "stages") for value in seconds[group].values())
    assert all(seconds[what] > 0 for what in ("join", "trees", "associate"))
    # The stages are parts of the whole; PostgreSQL has two batches at a time.
    assert sum(seconds["stages"].values()) < seconds["associate"] * (2 if dialect == "postgresql" else 1)
    for spread in ("share of a batch", "alone"):
        assert 0 < one["visit_seconds"][spread]["median"] <= one["visit_seconds"][spread]["99 %"]
    assert all(value > 0 for size in one["growth"].values() for value in size.values())
    assert list(one["growth"]) == list(one["peak_mb"]) == ["4", "6"]
    assert ("workers" in one) == (dialect == "postgresql")
    assert one["database"]["version"]
    alone = one["visit_seconds"]["of the goal"]
    assert 0 < alone["the process at work"] < 2 * alone["all"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_memory_is_that_of_the_processes_that_ingest_and_associate(
    quick: tuple[dict[str, Any], object], dialect: str
) -> None:
    peaks = quick[0]["databases"][dialect]["peak_mb"]["6"]
    # An interpreter with numpy, pyarrow and astropy has more than the least, and a tiny night adds next to nothing.
    assert all(50 < peak < 600 for peak in peaks.values())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_disk_is_told_by_table_with_partitions(quick: tuple[dict[str, Any], object], dialect: str) -> None:
    disk, rows = (quick[0]["databases"][dialect][name] for name in ("disk", "rows"))
    tables = disk["tables"]
    # 47 columns, most of them of 4 bytes; SQLite writes them as doubles.
    assert 150 < tables["DiaSource"]["rows"] / rows["sources"] < 1000
    assert all(tables[name]["indexes"] > 0 for name in ("DiaSource", "SsPrediction", "SSSource", "SsCandidate"))
    assert not any("20310923" in name for name in tables)
    assert sum(sum(sizes.values()) for sizes in tables.values()) <= disk["all"]


def test_goals_are_at_the_end(quick: tuple[dict[str, Any], subprocess.CompletedProcess[str]]) -> None:
    figures, finished = quick
    goals = {goal["what"]: goal for goal in figures["goals"]}
    assert len(goals) == 14
    # A visit of the quick night is none of those that the goal is about.
    assert figures["goals"][0]["reached"] is None
    last = finished.stdout.splitlines()[-len(goals) :]
    assert all(line.startswith(what) for what, line in zip(goals, last, strict=True))
    one = figures["databases"]["postgresql"]
    both = one["workers"]["seconds"]
    lanes = f"{both['1, and one batch at a time'] / both['1']:.2f}"
    assert goals["two batches at a time to one"]["figure"] == lanes
    assert goals["two processes to one that has two batches at a time"]["figure"] == f"{both['1'] / both['2']:.2f}"
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
    one |= {"goal_predictions": 3000.0, "growth": {"10": {"associate": 60.0}, "1000": {"associate": 1000 * seconds}}}
    one["visit_seconds"]["of the goal"]["all"] = seconds
    one["compared"] = {"join": 1.0, "extensions": {"q3c": {"a": 60 * seconds, "b": 9.0, "c": "not at all"}}}
    one["peak_mb"] = {"100": {"ingest": 400.0, "associate": 300.0}, "1000": {"ingest": 430.0, "associate": 333.0}}
    found = {goal["what"]: goal for goal in goals(figures)}
    assert found["one alone in a call, of 10,000 sources, 3,000 predictions"]["reached"] is reached
    of_night = found["associate, in a night of visits of 9,900 sources, 2,990 predictions"]
    assert of_night["reached"] is not reached
    assert found["q3c, best plan, to join"]["reached"] is not reached
    assert found["associate a fresh visit, 1000 visits in the tables to 10"]["reached"] is True
    assert found["memory of the client, postgresql"]["reached"] is True
    assert found["the same, 1000 visits to 100, postgresql"]["reached"] is False


def test_medians_are_those_of_each_figure() -> None:
    from benchmarks.night import medians

    runs = [
        {"a": {"x": 1.0}, "n": 3, "b": "y"},
        {"a": {"x": 9.0}, "n": 3, "b": "y"},
        {"a": {"x": 2.0}, "n": 3, "b": "y"},
    ]
    assert medians(runs) == {"a": {"x": 2.0}, "n": 3, "b": "y"}


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


@pytest.mark.parametrize("ways", ["pairs_by_trees", "pairs_by_astropy"])
def test_match_in_memory_finds_the_pairs_of_brute_force(ways: str) -> None:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    from benchmarks import baselines

    rng = np.random.default_rng(5)
    fields = []
    for ra0, dec0 in ((0.0, 10.0), (120.0, -89.9995), (200.0, 45.0)):
        ra = (ra0 + rng.uniform(-0.002, 0.002, (2, 60)) / np.cos(np.radians(min(abs(dec0), 89.0)))) % 360.0
        dec = np.clip(dec0 + rng.uniform(-0.002, 0.002, (2, 60)), -90.0, 90.0)
        fields.append(((ra[0], dec[0]), (ra[1], dec[1])))
    for (predictions, sources), (i, j) in zip(fields, getattr(baselines, ways)(fields, 1.5), strict=True):
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


def test_the_fastest_plan_counts() -> None:
    from benchmarks.rivals import fastest

    assert fastest({"a": 3.0, "b": 2.0, "c": "no such index"}) == ("b", 2.0)
    assert fastest({"": "not installed"}) is None


def test_other_pairs_of_an_extension_end_the_benchmark() -> None:
    """But for those at the very radius, where rounding decides."""
    from benchmarks.rivals import _compare
    from benchmarks.servers import WrongResult

    fields = [((np.zeros(1), np.zeros(1)), (np.zeros(3), np.array([0.1, 0.9999, 0.9]) / 3600.0))]

    def indices(*sources: int) -> list[Any]:
        return [(np.zeros(len(sources), int), np.array(sources, int))]

    _compare("x", indices(0, 1, 2), fields, 1.0, indices(0, 2))
    with pytest.raises(WrongResult, match="x found 2"):
        _compare("x", indices(0, 1), fields, 1.0, indices(0, 1, 2))


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


def test_workers_are_measured_by_themselves_too(
    postgresql_server: sa.URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the night that was asked for; the quick night above measures them."""
    from benchmarks import workers

    def speeds(database: Database, numbers: list[int], repeat: int) -> dict[str, dict[str, float]]:
        with database.reading() as connection:
            assert connection.scalar(sa.text('SELECT count(*) FROM "Visit"')) > 0
        return {"seconds": {workers.ONE_BATCH: 3.0, **{str(number): 2.0 / number for number in numbers}}, "cores": {}}

    monkeypatch.setattr(workers, "speeds", speeds)
    url = postgresql_server.render_as_string(hide_password=False)
    assert workers.main(["--quick", "--postgresql-url", url]) == 0
    lines = {line[:34].strip(): line.split()[-3:] for line in capsys.readouterr().out.splitlines()}
    assert [lines[number][-1] for number in (workers.ONE_BATCH, "1", "2")] == ["1.00", "1.50", "3.00"]


def test_an_unknown_database_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.night import main

    with pytest.raises(SystemExit) as ended:
        main(["--databases", "oracle"])
    assert ended.value.code == 2
    assert "oracle" in capsys.readouterr().err
