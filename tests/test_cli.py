"""The command line: what every command does, prints and refuses, on both databases."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from astropy.table import Table
from click.testing import CliRunner, Result

import ssdb
from ssdb.cli import main
from ssdb.ingest.table.report import IngestReport
from ssdb.simulate import Night, SimulationConfig, simulate_night, write_night
from ssdb.store.database import open_database
from ssdb.store.ddl import migrate

FILES = ("visits", "detectors", "sources", "predictions")


def run(url: str | None, *arguments: object, env: dict[str, str | None] | None = None) -> Result:
    """A command in this process. Only an exit, never another exception, may leave it."""
    place = [] if url is None else ["--db", url]
    result = CliRunner().invoke(main, [*place, *map(str, arguments)], env={"SSDB_URL": None} | (env or {}))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def done(url: str | None, *arguments: object, **options: Any) -> str:
    """What a command that must do its work prints on stdout."""
    result = run(url, *arguments, **options)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(url: str | None, *arguments: object, **options: Any) -> Any:
    """The JSON that a command prints, strictly read: no NaN, nothing else on stdout."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(done(url, *arguments, "--json", **options), parse_constant=refuse)


def failed(url: str | None, *arguments: object, **options: Any) -> str:
    """The one line on stderr with which a command must end; it prints nothing else."""
    result = run(url, *arguments, **options)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("ssdb: ")
    return line


def misused(url: str | None, *arguments: object) -> str:
    """What a command says that was not used rightly."""
    result = run(url, *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


def process(arguments: list[object], **options: Any) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [sys.executable, "-c", "from ssdb.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Night, dict[str, Path]]:
    """A night of four visits, in memory and as files; the third has no sources, the fourth no predictions."""
    made = simulate_night(SimulationConfig(n_visits=4, n_sources=30, n_objects=12, n_detectors=4))
    return made, write_night(made, tmp_path_factory.mktemp("night"))


def load(url: str, files: dict[str, Path], *more: str) -> None:
    for kind in FILES:
        done(url, "ingest", kind, files[kind], *(more if kind == "predictions" else ()))


@pytest.fixture(scope="module")
def loaded(module_database_url: str, night: tuple[Night, dict[str, Path]]) -> str:
    """The URL of a database with the night, loaded and associated by the commands."""
    load(module_database_url, night[1], "--complete")
    done(module_database_url, "associate")
    return module_database_url


# ---- the group -------------------------------------------------------------------------------------------------------


def _commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


ALL = dict(_commands(main))
OPENING = {
    ("ingest", "visits"): ["FILE.csv"],
    ("ingest", "detectors"): ["FILE.csv"],
    ("ingest", "sources"): ["FILE.csv"],
    ("ingest", "predictions"): ["FILE.csv"],
    ("ingest", "forced"): ["FILE.csv"],
    ("ingest", "objects"): ["FILE.csv"],
    ("ingest", "orbits"): ["FILE.dat"],
    ("ingest", "identifications"): ["FILE.csv"],
    ("fetch", "predictions"): ["--url", "http://localhost:1"],
    ("associate",): [],
    ("status",): [],
    ("query",): ["SELECT 1"],
    ("export",): ["Visit", "-o", "FILE.csv"],
    ("check",): [],
    ("resolve",): ["433"],
    ("relink",): [],
    ("withdraw",): ["FILE.csv"],
    ("merge-objects",): [],
    ("precover",): ["433"],
    ("forced",): ["FILE.fits", "--fwhm", "0.8"],
    ("listen",): ["--timeout", "1"],
    ("predict",): [],
    ("ephemeris",): ["433", "--code", "X05", "--from", "61192", "--to", "61193"],
    ("report",): ["DIR"],
    ("summarize",): [],
    ("delete", "visit"): ["1"],
    ("partition", "list"): [],
    ("partition", "detach"): ["1"],
    ("partition", "attach"): ["1"],
    ("partition", "drop"): ["1"],
    ("partition", "width"): [],
    ("distribute",): ["8"],
}
"""Every command that opens a database that is there already, with arguments that do."""
OTHERS = {("backup",), ("init",), ("simulate",), ("demo",)}


def test_every_command_is_known_to_these_tests() -> None:
    assert set(ALL) == set(OPENING) | OTHERS


def test_help_says_what_every_command_and_option_does() -> None:
    for name, command in ALL.items():
        text = done(None, *name, "--help")
        assert text.startswith("Usage: ")
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[-1] in text
                assert option.help, (name, option.name)


def test_without_a_command_or_with_an_unknown_one_usage_is_shown() -> None:
    assert "Usage:" in misused(None)
    assert "No such command 'asociate'" in misused(None, "asociate")
    assert "No such command 'comets'" in misused(None, "ingest", "comets")
    assert "No such option" in misused(None, "status", "--visits", "3")


def test_the_version_is_that_of_the_package() -> None:
    assert done(None, "--version") == f"ssdb {ssdb.__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    """So that it answers at once. One process shows all of it, and tells after which command something is loaded."""
    code = (
        "import json, sys\nfrom ssdb.cli import main\n"
        "for arguments in json.load(sys.stdin):\n"
        "    main([*arguments, '--help'], standalone_mode=False)\n"
        "    loaded = sorted({name.partition('.')[0] for name in sys.modules})\n"
        "    print(json.dumps([arguments, loaded]), file=sys.stderr)"
    )
    asked = [[], *([*name] for name in ALL)]
    result = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    assert len(re.findall("^Usage:", result.stdout, re.MULTILINE)) == len(asked)
    told = [json.loads(line) for line in result.stderr.splitlines()]
    assert [arguments for arguments, _ in told] == asked
    heavy = {"numpy", "sqlalchemy", "astropy", "pyarrow", "scipy", "psycopg", "alembic", "yaml", "pandas", "matplotlib"}
    assert [(arguments, here) for arguments, loaded in told if (here := heavy & {*loaded})] == []


# ---- where the database is -------------------------------------------------------------------------------------------


def test_the_database_is_that_of_the_option_else_of_the_environment_else_ssdb_db(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done("sqlite:///option.db", "init", env={"SSDB_URL": "sqlite:///environment.db"})
    assert [path.name for path in tmp_path.glob("*.db")] == ["option.db"]
    done(None, "init", env={"SSDB_URL": "sqlite:///environment.db"})
    assert {path.name for path in tmp_path.glob("*.db")} == {"option.db", "environment.db"}
    done(None, "init", env={"SSDB_URL": ""})
    assert {path.name for path in tmp_path.glob("*.db")} == {"option.db", "environment.db", "ssdb.db"}
    assert told(None, "status")["visits"] == 0


def test_init_makes_the_tables_and_may_be_said_again(empty_database_url: str) -> None:
    first, second = done(empty_database_url, "init"), done(empty_database_url, "init")
    assert first == second
    assert migrate.REVISION in first
    assert told(empty_database_url, "status")["visits"] == 0


@pytest.mark.parametrize("command", list(OPENING), ids=" ".join)
def test_every_command_refuses_a_database_without_tables(command: tuple[str, ...], tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.db", tmp_path / "empty.db"
    empty.touch()
    for path in (missing, empty):
        assert failed(f"sqlite:///{path}", *command, *OPENING[command]).endswith("run `ssdb init`")
    assert not missing.exists()
    assert empty.read_bytes() == b""


def test_postgresql_without_tables_is_refused(empty_database_url: str) -> None:
    assert failed(empty_database_url, "status").endswith("run `ssdb init`")


@pytest.mark.parametrize(
    ("revision", "known", "advice"),
    [("19990101", ("19990101", migrate.REVISION), "older"), ("29990101", None, "this ssdb is too old")],
)
def test_every_command_refuses_an_older_and_a_newer_schema(
    database_url: str, revision: str, known: tuple[str, ...] | None, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    database.close()
    if known is not None:
        monkeypatch.setattr(migrate, "KNOWN_REVISIONS", known)
    for command, arguments in OPENING.items():
        message = failed(database_url, *command, *arguments)
        assert advice in message
        assert revision in message
        assert ("run `ssdb init`" in message) == (advice == "older")
    if advice != "older":
        assert advice in failed(database_url, "init")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ssdb.db", "examples: sqlite:///ssdb.db"),
        ("sqlite://night.db", "three slashes"),
        ("sqlite://dir/night.db", "three slashes"),
        ("mysql://me:secret@host/db", "PostgreSQL and SQLite, not on 'mysql'"),
        ("postgresql://me:secret@host:port/db", "cannot be read"),
        ("postgresql://me:secret@127.0.0.1:1/db", "refused"),
        ("postgresql+psycopg2://me:secret@127.0.0.1/db", "psycopg"),
        ("sqlite:///no/such/directory/night.db", "no directory no/such/directory"),
        ("sqlite:///.", ". is a directory"),
        ("sqlite:///pyproject.toml", "not a database"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_without_its_password(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text("this is no database, and must not become one")
    line = failed(url, "init")
    assert message in line
    assert "secret" not in line
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_traceback_is_shown_when_asked_for_and_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    plain, verbose = process(["--db", url, "status"]), process(["--db", url, "-v", "status"])
    assert plain.returncode == verbose.returncode == 1
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback (most recent call last)" in verbose.stderr
    assert verbose.stderr.splitlines()[-1] == plain.stderr.strip()
    assert plain.stdout == verbose.stdout == ""
    assert "secret" not in verbose.stderr


# ---- ingest ----------------------------------------------------------------------------------------------------------


def test_ingest_tells_what_it_stored(database_url: str, night: tuple[Night, dict[str, Path]]) -> None:
    made, files = night
    report = told(database_url, "ingest", "visits", files["visits"])
    assert [set(item) for item in report] == [{item.name for item in fields(IngestReport)}]
    assert (report[0]["kind"], report[0]["rows"], report[0]["source"]) == ("visits", 4, str(files["visits"]))
    assert done(database_url, "ingest", "detectors", files["detectors"]).endswith(
        "16 detectors of 4 visits: 16 new, 0 changed, 0 unchanged\n"
    )
    assert done(database_url, "ingest", "sources", files["sources"]).endswith(
        f"{made.sources.num_rows:,} sources of 3 visits: {made.sources.num_rows:,} new, 0 changed, 0 unchanged\n"
    )
    line = done(database_url, "ingest", "predictions", files["predictions"])
    n = made.predictions.num_rows
    assert line.endswith(f"predictions of 3 visits: {n:,} new, 0 changed, 0 unchanged\n")
    counts = told(database_url, "status")
    assert (counts["visits"], counts["detectors"], counts["sources"]) == (4, 16, made.sources.num_rows)
    assert counts["predictions"] == made.predictions.num_rows
    assert (counts["pending"], counts["without_predictions"]) == (4, 1)


def test_notes_go_to_stderr(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("visit,midpointMjdTai,ra,dec,seeing\n1,60000,10,20,0.7\n")
    result = run(database_url, "ingest", "visits", path)
    assert result.exit_code == 0
    assert result.stdout == f"{path}: 1 visits: 1 new, 0 changed, 0 unchanged\n"
    assert result.stderr.splitlines() == [
        f"{path}: columns left out: seeing",
        f"{path}: no units, taken to be the data model's: ra, dec",
    ]
    (report,) = told(database_url, "ingest", "visits", path)
    assert (report["left_out"], report["without_unit"]) == (["seeing"], ["ra", "dec"])


def test_of_several_files_those_before_the_bad_one_are_stored_and_told(database_url: str, tmp_path: Path) -> None:
    good, bad, late = (tmp_path / f"{name}.csv" for name in ("good", "bad", "late"))
    good.write_text("visit,midpointMjdTai\n1,60000\n2,60000.1\n")
    bad.write_text("visit,midpointMjdTai\n3,60000.2\n4,2460000.5\n")
    late.write_text("visit,midpointMjdTai\n5,60000.3\n")
    result = run(database_url, "ingest", "visits", good, bad, late)
    assert result.exit_code == 1
    assert result.stdout == f"{good}: 2 visits: 2 new, 0 changed, 0 unchanged\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ssdb: {bad}: ")
    assert "row 2" in line
    assert told(database_url, "status")["visits"] == 2
    result = run(database_url, "ingest", "visits", good, bad, "--json")
    assert [report["rows"] for report in json.loads(result.stdout)] == [2]


def test_the_options_of_ingest(database_url: str, tmp_path: Path) -> None:
    """Each does what it says, and the same file without it is refused."""
    visits, sources, predictions, columns = (tmp_path / n for n in ("v.csv", "s.csv", "p.csv", "map.yaml"))
    visits.write_text("expid,mjd\n1,60000\n2,\n")
    columns.write_text("columns:\n  visit: expid\n  midpointMjdTai: mjd\n")
    failed(database_url, "ingest", "visits", visits)
    failed(database_url, "ingest", "visits", visits, "--columns", columns)
    (report,) = told(database_url, "ingest", "visits", visits, "--columns", columns, "--skip-invalid")
    assert (report["rows"], report["invalid"]) == (1, 1)

    sources.write_text("diaSourceId,visit,ra,dec,midpointMjdTai\n10,1,5,5,60000\n11,2,6,6,60000.1\n12,2,6,99,60000.1\n")
    assert "--create-visits" in failed(database_url, "ingest", "sources", sources, "--skip-invalid")
    failed(database_url, "ingest", "sources", sources, "--create-visits")
    (report,) = told(database_url, "ingest", "sources", sources, "--create-visits", "--skip-invalid")
    assert (report["rows"], report["invalid"]) == (2, 1)
    (report,) = told(database_url, "ingest", "sources", sources, "--skip-invalid")
    assert (report["new"], report["unchanged"]) == (0, 2)
    sources.write_text(sources.read_text().replace("10,1,5,5,", "10,1,5,4,"))
    assert "--replace" in failed(database_url, "ingest", "sources", sources, "--create-visits", "--skip-invalid")
    done(database_url, "ingest", "sources", sources, "--skip-invalid", "--replace")
    assert told(database_url, "status")["sources"] == 2

    predictions.write_text("visit,designation,ephRa,ephDec\n1,S100cuQfa,5,5\n1,433,6,600\n")
    failed(database_url, "ingest", "predictions", predictions)
    (report,) = told(database_url, "ingest", "predictions", predictions, "--skip-invalid")
    assert (report["rows"], report["invalid"]) == (0, 2)
    failed(database_url, "ingest", "predictions", predictions, "--simulated-names")
    options = ("--simulated-names", "--skip-invalid", "--format", "ssdb")
    (report,) = told(database_url, "ingest", "predictions", predictions, *options)
    assert (report["rows"], report["invalid"]) == (1, 1)
    failed(database_url, "ingest", "predictions", predictions, "--simulated-names", "--format", "sorcha")
    assert told(database_url, "status")["without_predictions"] == 1
    (report,) = told(database_url, "ingest", "predictions", predictions, *options)
    assert (report["new"], report["unchanged"]) == (0, 1)
    predictions.write_text(predictions.read_text().replace("S100cuQfa,5,5", "S100cuQfa,5,4"))
    assert "--replace" in failed(database_url, "ingest", "predictions", predictions, *options)
    done(database_url, "ingest", "predictions", predictions, *options, "--replace", "--complete")
    counts = told(database_url, "status")
    assert (counts["predictions"], counts["without_predictions"]) == (1, 0)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothere.parquet", "no such file"),
        ("night", "not a file"),
        ("dir.csv", "not a file"),
        ("empty.csv", "empty"),
        ("notes", "ending"),
        ("text.parquet", "cannot be read as Parquet"),
        ("text.fits", "cannot be read as FITS"),
        ("cut.parquet", "cannot be read as Parquet, is it complete?"),
        ("other.csv", "is missing; the file has: a, b"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    sqlite_url: str, kind: str, name: str, message: str, night: tuple[Night, dict[str, Path]], tmp_path: Path
) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "dir.csv").mkdir()
    for empty in ("empty.csv",):
        (tmp_path / empty).touch()
    for text in ("notes", "text.parquet", "text.fits"):
        (tmp_path / text).write_text("nothing but words")
    (tmp_path / "cut.parquet").write_bytes(night[1][kind].read_bytes()[:-100])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    line = failed(sqlite_url, "ingest", kind, tmp_path / name)
    assert line.startswith(f"ssdb: {tmp_path / name}: ")
    assert message in line


@pytest.mark.parametrize("name", ["nothere.yaml", "dir", "bad.yaml"])
def test_a_column_map_that_cannot_be_used_is_named(sqlite_url: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "bad.yaml").write_text("columns: [")
    (tmp_path / "visits.csv").write_text("visit,midpointMjdTai\n1,60000\n")
    line = failed(sqlite_url, "ingest", "visits", tmp_path / "visits.csv", "--columns", tmp_path / name)
    assert str(tmp_path / name) in line


def test_wrong_usage_of_ingest() -> None:
    assert "Missing argument 'FILE...'" in misused(None, "ingest", "visits")
    assert "'--format'" in misused(None, "ingest", "predictions", "a.csv", "--format", "jpl")
    assert "--replace" in misused(None, "ingest", "visits", "a.csv", "--replace")


# ---- associate -------------------------------------------------------------------------------------------------------


def test_associate_tells_what_it_did(database_url: str, night: tuple[Night, dict[str, Path]]) -> None:
    made, files = night
    load(database_url, files)
    report = told(database_url, "associate")
    assert set(report) >= {
        "runId",
        "configuration",
        "nVisits",
        "nSources",
        "nTotalSsObjects",
        "nAssociatedSsObjects",
        "nWithoutPredictions",
        "seconds",
        "timings",
        "visits",
        "failed",
    }
    assert (report["nVisits"], report["nWithoutPredictions"], report["failed"]) == (3, 1, {})
    assert report["configuration"] == asdict(ssdb.AssociationConfig())
    first, *_ = report["visits"]
    assert set(first) == {"visit", "n_sources", "n_total_ss_objects", "n_associated_ss_objects", "seconds"}
    assert report["nSources"] == sum(item["n_sources"] for item in report["visits"])
    assert 0 < report["nAssociatedSsObjects"] <= made.truth.num_rows
    assert told(database_url, "status")["matches"] == report["nAssociatedSsObjects"]

    assert told(database_url, "associate", "--pending")["nVisits"] == 0
    assert told(database_url, "associate", "--all")["nVisits"] == 3
    again = told(database_url, "associate", "--visit", first["visit"], "--visit", first["visit"] + 1, "--detector", 2)
    assert [item["visit"] for item in again["visits"]] == [first["visit"], first["visit"] + 1]
    assert told(database_url, "status")["matches"] == report["nAssociatedSsObjects"]
    text = done(database_url, "associate", "--all", "--only", "solar-system")
    lines = dict(line.rsplit("  ", 1) for line in text.splitlines())
    assert {name.strip(): value.strip() for name, value in lines.items()}["visits associated"] == "3"


def test_every_option_of_the_configuration_arrives(sqlite_url: str) -> None:
    options = {
        "mode": ("--mode", "uncertainty"),
        "radius_arcsec": ("--radius", 2.5),
        "n_sigma": ("--n-sigma", 3.5),
        "max_radius_arcsec": ("--max-radius", 20.0),
        "default_sigma_arcsec": ("--default-sigma", 0.4),
        "floor_arcsec": ("--floor", 0.1),
        "prior_detected": ("--prior-detected", 0.7),
        "completeness": ("--completeness", 0.9),
        "min_probability": ("--min-probability", 0.2),
        "method": ("--method", "greedy"),
        "max_pixel_margin": ("--max-pixel-margin", 50),
        "ecliptic": ("--ecliptic", "true"),
    }
    assert set(options) == {item.name for item in fields(ssdb.AssociationConfig)}
    usual = asdict(ssdb.AssociationConfig())
    fixed = ("radius_arcsec", "max_pixel_margin")  # wrong usage in the other mode
    report = told(sqlite_url, "associate", *(part for name in options if name not in fixed for part in options[name]))
    assert report["configuration"] == {
        name: usual[name] if name in fixed else value for name, (_, value) in options.items()
    }
    report = told(sqlite_url, "associate", *(part for name in fixed for part in options[name]))
    assert report["configuration"] == usual | {name: options[name][1] for name in fixed}


def test_both_halves_are_told_and_each_alone(database_url: str, night: tuple[Night, dict[str, Path]]) -> None:
    load(database_url, night[1], "--complete")
    report = told(database_url, "associate")
    dia = report["dia"]
    assert dia["configuration"]["bad_flags"] == list(ssdb.DiaConfig().bad_flags)
    assert (dia["nVisits"], dia["failed"], dia["late"], dia["waiting"], dia["unready"]) == (4, {}, [], {}, [])
    assert dia["nNewDiaObjects"] + dia["nUpdatedDiaObjects"] == report["nSources"] - report["nAssociatedSsObjects"]
    status = told(database_url, "status")
    assert (status["diaDone"], status["diaPending"], status["diaWaiting"], status["diaLate"]) == (4, 0, 0, 0)
    assert status["diaObjects"] == status["nNewDiaObjects"] == dia["nNewDiaObjects"]
    run_of = told(database_url, "status", "--run", "last-dia")
    assert (run_of["half"], run_of["nVisits"]) == ("dia", 4)
    assert told(database_url, "status", "--run", "last")["half"] == "solar-system"
    assert told(database_url, "associate", "--only", "solar-system")["dia"] is None
    alone = told(database_url, "associate", "--only", "dia", "--dia-radius", "2", "--bad-flags", "", "--versions")
    assert set(alone) == {"dia"}
    assert alone["dia"]["configuration"] == asdict(ssdb.DiaConfig(radius_arcsec=2.0, bad_flags=(), versions=True)) | {
        name: list(getattr(ssdb.DiaConfig(bad_flags=()), name)) for name in ("bad_flags", "new_object_bad_flags")
    }
    first = night[0].config.first_visit
    result = run(database_url, "associate", "--only", "dia", "--visit", str(first))
    assert f"1 visits ({first}) were done again; later visits of their fields keep" in result.stderr
    assert "DiaObjects made" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "dia", "--all"),
        ("--only", "dia", "--radius", "2"),
        ("--only", "solar-system", "--late"),
        ("--only", "solar-system", "--dia-radius", "2"),
        ("--dia-mode", "nearest", "--prior", "0.5"),
        ("--dia-radius", "0"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(sqlite_url: str, arguments: tuple[str, ...]) -> None:
    assert "Error: " in misused(sqlite_url, "associate", *arguments)


def test_a_visit_that_cannot_be_associated_costs_only_itself_and_the_exit_code(
    database_url: str, night: tuple[Night, dict[str, Path]]
) -> None:
    load(database_url, night[1], "--complete")
    first = night[0].config.first_visit
    database = ssdb.connect(database_url)
    with database.writing() as connection:
        late = 'UPDATE "SsPrediction" SET "midpointMjdTai" = "midpointMjdTai" + 1 WHERE visit = :visit'
        connection.execute(sa.text(late), {"visit": first})
    database.close()
    result = run(database_url, "associate", "--only", "solar-system", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert list(report["failed"]) == [str(first)]
    assert report["nVisits"] == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ssdb: visit {first} is not associated: ")
    assert told(database_url, "status")["pending"] == 1
    result = run(database_url, "associate")
    assert result.exit_code == 1
    assert "visits failed" in result.stdout


def test_what_associate_cannot_do_is_told(database_url: str) -> None:
    assert failed(database_url, "associate", "--visit", 5).endswith("visit 5 is not in the database")
    database = ssdb.connect(database_url)
    ssdb.ingest_visits(database, {"visit": [5, 6], "midpointMjdTai": [60000.0, 60000.1]})
    ssdb.ingest_sources(database, {"diaSourceId": [1], "visit": [6], "ra": [1.0], "dec": [1.0]})
    ssdb.ingest_predictions(database, {"visit": [6], "designation": ["433"], "ephRa": [1.0], "ephDec": [1.0]})
    database.close()
    assert "predictions have not been loaded" in failed(database_url, "associate", "--visit", 5)
    for detector, message in ((0, "footprint"), (3, "no such detector")):
        result = run(database_url, "associate", "--visit", 6, "--detector", detector)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert message in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--visit", 1, "--all"],
        ["--all", "--pending"],
        ["--visit", 1, "--pending"],
        ["--detector", 1],
        ["--detector", 1, "--all"],
        ["--visit", "first"],
        ["--mode", "best"],
        ["--method", "fast"],
        ["--radius", "wide"],
        ["--radius", -1],
        ["--radius", "nan"],
        ["--radius", 0],
        ["--prior-detected", 1],
        ["--n-sigma", 100],
        ["--max-pixel-margin", 1.5],
        ["stray"],
    ],
)
def test_wrong_usage_of_associate(arguments: list[object]) -> None:
    assert "Error: " in misused(None, "associate", *arguments)


# ---- ask -------------------------------------------------------------------------------------------------------------


def test_status(loaded: str, night: tuple[Night, dict[str, Path]]) -> None:
    counts = told(loaded, "status")
    assert (counts["visits"], counts["done"], counts["pending"], counts["without_predictions"]) == (4, 4, 0, 0)
    assert counts["firstMjdTai"] == night[0].config.night_mjd_tai
    text = done(loaded, "status")
    assert f"{counts['sources']:,}" in text
    assert "None" not in text


def test_status_of_an_empty_database_says_no_none(database_url: str) -> None:
    assert "None" not in done(database_url, "status")


def test_status_of_visits(loaded: str, night: tuple[Night, dict[str, Path]]) -> None:
    first = night[0].config.first_visit
    rows = told(loaded, "status", "--visit", first + 2, "--visit", first)
    assert [row["visit"] for row in rows] == [first, first + 2]
    assert [len(row["detectors"]) for row in rows] == [4, 4]
    assert rows[1]["nSources"] == 0
    assert rows[0]["nSources"] == sum(detector["nSources"] for detector in rows[0]["detectors"])
    assert rows[0]["detectors"][0]["hasFootprint"] is True
    text = done(loaded, "status", "--visit", first, "--visit", first + 2)
    assert text.count("midpointMjdTai") == 2
    assert "footprint " not in text
    assert failed(loaded, "status", "--visit", 1, "--visit", first).endswith("visit 1 is not in the database")


def test_tables_have_as_many_digits_as_people_read(loaded: str) -> None:
    """Twelve where nothing is known of a column, those of its unit elsewhere; other formats have all."""
    double = "CAST({} AS double precision)".format
    sql = f"SELECT {double('60000.123456789012')} AS t, {double('2.0')} / 3 AS part, {double('2460000.12345678')} AS jd"
    assert done(loaded, "query", sql).splitlines()[-1].split() == [
        "60000.1234568",
        "0.666666666667",
        "2460000.12345678",
    ]
    assert "0.6666666666666666" in done(loaded, "query", sql, "--format", "csv")
    offsets = "SELECT ephOffset FROM SSSource ORDER BY ephOffset DESC LIMIT 5"
    whole = [float(text) for text in done(loaded, "query", offsets, "--format", "csv").split()[1:]]
    assert done(loaded, "query", offsets).split()[2:] == [f"{value:.3f}" for value in whole]


def test_query_prints_a_table(loaded: str, night: tuple[Night, dict[str, Path]]) -> None:
    first = night[0].config.first_visit
    text = done(loaded, "query", f"SELECT visit, band, ra, instrument FROM Visit WHERE visit = {first}")
    head, rule, row = text.splitlines()
    assert head.split() == ["visit", "band", "ra", "instrument"]
    assert set(rule) == {"-", " "}
    assert row.split()[0] == str(first)
    assert done(loaded, "query", "SELECT NULL AS a, 'x' AS b").splitlines()[2].split() == ["x"]
    assert done(loaded, "query", "SELECT visit FROM SSSource WHERE visit = 0").splitlines() == ["visit", "-----"]


def test_query_prints_csv_and_json_that_parse(loaded: str) -> None:
    sql = "SELECT visit, visit, band, 'a,\"b\"' AS t, NULL AS n, 0.1 + 0.2 AS x FROM Visit ORDER BY visit LIMIT 2"
    rows = json.loads(done(loaded, "query", sql, "--format", "json"))
    assert len(rows) == 2
    names, values = list(rows[0]), list(rows[0].values())
    assert names[0] == "visit"
    assert len(names) == 6
    assert values[0] == values[1]
    assert isinstance(values[0], int)
    assert values[3:5] == ['a,"b"', None]
    head, first, second = csv.reader(io.StringIO(done(loaded, "query", sql, "--format", "csv")))
    assert head == ["visit", "visit", "band", "t", "n", "x"]
    assert first == ["" if value is None else str(value) for value in values]
    assert len(second) == 6


def test_json_has_no_numbers_that_json_does_not_have(loaded: str) -> None:
    big = "9e999" if loaded.startswith("sqlite") else "CAST('Infinity' AS float8)"
    text = done(loaded, "query", f"SELECT {big} AS a, 1.5 AS b", "--format", "json")
    assert json.loads(text, parse_constant=pytest.fail) == [{"a": None, "b": 1.5}]


def test_bytes_are_hexadecimal_text(loaded: str) -> None:
    sql = "SELECT footprint FROM VisitDetector ORDER BY visit, detector LIMIT 1"
    (row,) = json.loads(done(loaded, "query", sql, "--format", "json"))
    assert len(bytes.fromhex(row["footprint"])) % 16 == 0
    assert done(loaded, "query", sql, "--format", "csv").splitlines()[1] == row["footprint"]
    assert done(loaded, "query", sql).splitlines()[2] == row["footprint"]


def test_query_writes_files_by_their_ending(loaded: str, tmp_path: Path) -> None:
    sql = "SELECT visit, ra, instrument, predictionsAt FROM Visit ORDER BY visit"
    expected = [row["visit"] for row in json.loads(done(loaded, "query", sql, "--format", "json"))]
    readers: dict[str, Callable[[Path], Any]] = {
        "parquet": lambda path: pa.parquet.read_table(path).to_pydict(),
        "ecsv": Table.read,
        "csv": Table.read,
        "fits": Table.read,
        "vot": Table.read,
    }
    for ending, read in readers.items():
        path = tmp_path / f"answer.{ending}"
        result = run(loaded, "query", sql, "-o", path)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"{path}: 4 rows\n"
        assert list(read(path)["visit"]) == expected
    done(loaded, "query", sql, "--format", "parquet", "-o", tmp_path / "again.parquet")
    assert pa.parquet.read_table(tmp_path / "again.parquet")["visit"].to_pylist() == expected


def test_the_values_of_parameters(loaded: str) -> None:
    def answer(sql: str, *parameters: str) -> Any:
        options = [part for item in parameters for part in ("--param", item)]
        (row,) = json.loads(done(loaded, "query", sql, *options, "--format", "json"))
        return row["a"]

    assert answer("SELECT :x AS a", "x=12") == 12
    assert answer("SELECT :x AS a", "x=-1.5e3") == -1500.0
    assert answer("SELECT :x AS a", "x=9223372036854775807") == 2**63 - 1
    for text in ("2015 MQ204", "00433", "nan", "inf", "1_000", "", " 1", "a=b", "0x10", "1e", "K15MK4Q", "."):
        assert answer("SELECT :x AS a", f"x={text}") == text
    assert answer("SELECT :x + :y AS a", "x=1", "y=2") == 3
    assert answer("SELECT count(*) AS a FROM Visit WHERE band LIKE :x", "x=%") == 4
    assert answer("SELECT count(*) AS a FROM Visit WHERE midpointMjdTai > :t", "t=1") == 4


def test_a_query_that_cannot_be_answered(loaded: str, tmp_path: Path) -> None:
    assert "only reads" in failed(loaded, "query", "DROP TABLE Visit")
    assert "nothere" in failed(loaded, "query", "SELECT nothere FROM Visit")
    assert "no value for :x" in failed(loaded, "query", "SELECT :x")
    assert "no :x" in misused(loaded, "query", "SELECT 1", "--param", "x=1")
    assert "only reads" in failed(loaded, "query", "")
    huge = run(loaded, "query", "SELECT visit FROM Visit WHERE visit = :x", "--param", "x=9223372036854775808")
    assert huge.exit_code in (0, 1)
    for name in ("answer.txt", "nothere/answer.csv"):
        assert str(tmp_path / name) in failed(loaded, "query", "SELECT 1 AS a", "-o", tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert told(loaded, "status")["visits"] == 4


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["SELECT 1", "SELECT 2"],
        ["SELECT 1", "--format", "xml"],
        ["SELECT 1", "--format", "parquet"],
        ["SELECT 1", "--format", "ecsv"],
        ["SELECT 1", "--format", "table", "-o", "answer.csv"],
        ["SELECT 1", "--format", "json", "-o", "answer.json"],
        ["SELECT 1", "--format", "csv", "-o", "answer.ecsv"],
        ["SELECT 1", "--param", "x"],
        ["SELECT 1", "--param", "=1"],
        ["SELECT 1", "-o", "."],
    ],
)
def test_wrong_usage_of_query(arguments: list[str]) -> None:
    assert "Error: " in misused(None, "query", *arguments)


def test_export(loaded: str, night: tuple[Night, dict[str, Path]], tmp_path: Path) -> None:
    path = tmp_path / "matches.ecsv"
    result = run(loaded, "export", "SSSource", "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    table = Table.read(path)
    assert result.stderr == f"{path}: {len(table):,} rows of SSSource\n"
    assert table["ephOffset"].unit == "arcsec"
    first = night[0].config.first_visit
    done(loaded, "export", "sssource", "--output", path, "--visit", first, "--visit", first + 2)
    of_visit = Table.read(path)
    assert 0 < len(of_visit) < len(table)
    assert set(of_visit["visit"]) == {first}


def test_an_export_that_cannot_be(loaded: str, tmp_path: Path) -> None:
    assert "no table 'Sources'" in failed(loaded, "export", "Sources", "-o", tmp_path / "a.csv")
    assert "ending" in failed(loaded, "export", "Visit", "-o", tmp_path / "a.txt")
    assert "no such directory" in failed(loaded, "export", "Visit", "-o", tmp_path / "no" / "a.csv")
    assert "no visits" in misused(loaded, "export", "SsAlias", "-o", tmp_path / "a.csv", "--visit", 1)
    assert "is a directory" in misused(loaded, "export", "Visit", "-o", tmp_path)
    assert "'-o'" in misused(loaded, "export", "Visit")
    assert "TABLE" in misused(loaded, "export")
    assert list(tmp_path.iterdir()) == []


def test_check(loaded: str) -> None:
    rules = told(loaded, "check")
    assert rules
    assert all(rule["n_violations"] == 0 for rule in rules)
    assert len(done(loaded, "check").splitlines()) == len(rules)


def test_check_ends_with_an_error_where_a_relation_does_not_hold(
    database_url: str, night: tuple[Night, dict[str, Path]]
) -> None:
    load(database_url, night[1], "--complete")
    done(database_url, "associate")
    database = ssdb.connect(database_url)
    with database.writing() as connection:
        connection.exec_driver_sql('DELETE FROM "DiaSource" WHERE "ssObjectId" IS NOT NULL')
    database.close()
    result = run(database_url, "check")
    assert result.exit_code == 1
    assert result.stdout
    assert all(line.startswith("ssdb: ") for line in result.stderr.splitlines())
    assert any(rule["n_violations"] for rule in json.loads(run(database_url, "check", "--json").stdout))


# ---- simulate --------------------------------------------------------------------------------------------------------


def test_simulate_writes_the_files_that_it_names(tmp_path: Path) -> None:
    options = ["--visits", 4, "--sources", 20, "--objects", 5, "--detectors", 0, "--seed", 7]
    files = told(None, "simulate", tmp_path / "night", *options)
    assert set(files) == {"visits", "sources", "predictions", "truth", "simulation"}
    assert all(Path(path).is_file() for path in files.values())
    config = json.loads(Path(files["simulation"]).read_text())
    wanted = replace(SimulationConfig(), n_visits=4, n_sources=20, n_objects=5, n_detectors=0, seed=7)
    assert config == asdict(wanted)
    assert "detectors" in done(None, "simulate", tmp_path / "night", "--visits", 4, "--sources", 5, "--objects", 5)


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_wrong_usage_of_simulate_and_demo(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for option in (["--visits", 3], ["--detectors", 5], ["--seed", -1], ["--objects", 10**9], ["--sources", "many"]):
        assert "Error: " in misused(None, command, tmp_path / "night", *option)
    assert "is a file" in misused(None, command, tmp_path / "file")
    assert "cannot be written" in failed(None, command, tmp_path / "file" / "night", "--visits", 4, "--objects", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ---- interruption, pipes, terminals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "last_step"),
    [
        (["ingest", "sources", "sources"], "ssdb.store.tables.sources.mark_pending"),
        (["ingest", "predictions", "predictions"], "ssdb.store.tables.predictions.note_predictions"),
        (["associate"], "ssdb.association.associate.write_state"),
    ],
)
def test_what_is_interrupted_leaves_nothing_half_stored(
    database_url: str,
    command: list[str],
    last_step: str,
    night: tuple[Night, dict[str, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = FILES if command == ["associate"] else ("visits", "detectors")
    for kind in kinds:
        done(database_url, "ingest", kind, night[1][kind])
    before = told(database_url, "status")

    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(last_step, interrupt)
        *words, kind = command if len(command) > 1 else [*command, ""]
        result = run(database_url, *words, *([night[1][kind]] if kind else []))
        assert result.exit_code == 1
        assert result.stderr.strip().endswith("Aborted!")
    assert told(database_url, "status") == before


def test_a_pipe_that_is_closed_early_ends_in_no_traceback(loaded: str) -> None:
    sql = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 50000) SELECT a FROM n"
    for format_ in ("csv", "table", "json"):
        command = [sys.executable, "-c", "from ssdb.cli import main; main()", "--db", loaded, "query", sql]
        with subprocess.Popen(
            [*command, "--format", format_], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            assert running.stdout.read(1)
            running.stdout.close()
            assert running.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_and_only_there(sqlite_url: str, night: tuple[Night, dict[str, Path]]) -> None:
    import pty

    arguments = ["--db", sqlite_url, "ingest", "visits", night[1]["visits"]]
    quiet = process(arguments)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    quiet = process(arguments)  # the visits are stored by now, as they are below
    terminal, stderr = pty.openpty()
    command = [sys.executable, "-c", "from ssdb.cli import main; main()", *map(str, arguments)]
    seen = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=120, check=True)
    os.close(stderr)
    assert "ingest" in os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert seen.stdout == quiet.stdout


def test_status_tells_of_a_run(database_url: str, night: tuple[Night, dict[str, Path]]) -> None:
    """Its configuration, version, counts and stages, as JSON and for people."""
    _, files = night
    load(database_url, files)
    report = told(database_url, "associate", "--radius", "2")
    metadata = told(database_url, "status", "--run", report["runId"])
    assert metadata["configuration"] == report["configuration"]
    assert metadata["nExpectedSsObjects"] == report["nTotalSsObjects"] > 0
    assert metadata["nAssociatedSsObjects"] == report["nAssociatedSsObjects"] > 0
    assert {name: metadata["timings"][name] for name in report["timings"]} == report["timings"]
    assert metadata["timings"]["derive"]["rows"] == report["nAssociatedSsObjects"]
    shown = done(database_url, "status", "--run", "last")
    assert report["runId"] in shown
    assert "radius_arcsec" in shown
    assert "derive" in shown
    assert "run x is not in the database" in failed(database_url, "status", "--run", "x")
    assert run(database_url, "status", "--run", "last", "--visit", 1).exit_code == 2
