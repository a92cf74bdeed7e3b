"""Options, and parameters of Python, that would be without effect are told; messages call them what the user does."""

from __future__ import annotations

import ast
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from test_cli import failed, misused, run

import ssdb
from ssdb.errors import ConfigError, InputError, UsageError, option, speaking_of_options
from ssdb.io.input_file import input_of
from ssdb.io.tables import read_columns
from ssdb.simulate import SimulationConfig

PACKAGE = Path(ssdb.__file__).parent
SKYBOT = "# Flag: 1\n# Num | Name | RA(h) | DE(deg) | visit\n 1 | Ceres | 10 19 21.6 | -06 28 22.4 | 10\n"
VISIT = "visit,midpointMjdTai\n10,60000.1\n"
SOURCE = "diaSourceId,visit,ra,dec,midpointMjdTai,band\n1,77,150.0,2.0,60000.1,r\n"
SORCHA = "ObjID,FieldID,fieldMJD_TAI,fieldJD_TDB,RA_deg,RARateCosDec_deg_day,Dec_deg,DecRate_deg_day\n"
MPCORB = "MPCORB\n" + "-" * 160 + "\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    texts = {"skybot.txt": SKYBOT, "visits.csv": VISIT, "sources.csv": SOURCE, "sorcha.csv": SORCHA, "map.yaml": ""}
    texts |= {
        "corners.csv": "visit,detector,corner,ra,dec\n",
        "orbits.csv": "unpacked_primary_provisional_designation,q",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("two.csv").write_text(SORCHA)
    with sqlite3.connect("opsim.db") as opsim:
        opsim.execute("CREATE TABLE observations (observationId)")
    opsim.close()
    return tmp_path


@pytest.mark.parametrize("command", [["associate"], ["precover", "Ceres"]])
@pytest.mark.parametrize(
    ("mode", "given", "needed"),
    [
        ("uncertainty", ["--radius", "1.0"], "fixed"),  # the value that it has by itself, but said
        ("fixed", ["--n-sigma", "5"], "uncertainty"),
        (None, ["--max-radius", "60"], "uncertainty"),
        (None, ["--floor", "0.05"], "uncertainty"),
        (None, ["--default-sigma", "1"], "uncertainty"),
        (None, ["--prior-detected", "0.9"], "uncertainty"),
        ("fixed", ["--completeness", "0.9"], "uncertainty"),
        (None, ["--min-probability", "0.5"], "uncertainty"),
    ],
)
def test_options_of_the_other_mode(command: list[str], mode: str | None, given: list[str], needed: str) -> None:
    said = misused("sqlite://", *command, *(["--mode", mode] if mode else []), *given)
    assert f"{given[0]} belongs to the {needed} mode, and --mode is {mode or 'fixed'}" in said
    assert f"or say --mode {needed}" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("precover Ceres --format sorcha", ("--format", "--orbit")),
        ("precover Ceres --method greedy", ("--method", "--commit")),
        ("precover Ceres --max-pixel-margin 5", ("--max-pixel-margin", "--commit")),
        ("query --list --table 3", ("--list", "--name")),
        ("query --list --type csv", ("--list", "--name")),
        ("ingest visits opsim.db --table SummaryAllProps", ("OpSim", "--table")),
        ("ingest visits opsim.db --type fits", ("OpSim", "--type fits")),
        ("ingest visits visits.csv --hdu 2", ("CSV", "--table", "FITS")),
        ("ingest sources sources.csv --table 1", ("CSV", "--table")),
        ("ingest identifications visits.csv --table 1", ("CSV", "--table")),
        ("ingest detectors corners.csv --create-visits", ("corners", "--create-visits")),
        ("ingest detectors corners.csv --keep-wcs", ("corners", "--keep-wcs")),
        ("ingest detectors corners.csv --size 10 20", ("corners", "--size")),
        ("ingest detectors a.fits --visit 3 --visit-keyword V", ("--visit and --visit-keyword",)),
        ("ingest detectors a.fits --detector 3 --detector-keyword D", ("--detector and --detector-keyword",)),
        ("ingest detectors corners.csv --visit 3 --detector 4", ("corners", "--visit, --detector")),
        ("ingest detectors corners.csv --visit-keyword EXPID2", ("corners", "--visit-keyword")),
        (
            "ingest detectors corners.csv --middle-keyword MID --zero-point-keyword Z",
            ("--middle-keyword, --zero-point",),
        ),
        ("ingest predictions sorcha.csv --columns map.yaml", ("Sorcha", "--columns")),
        ("ingest predictions sorcha.csv --visit 3", ("sorcha", "--visit")),
        ("ingest predictions sorcha.csv --table 1", ("Sorcha", "--table")),
        ("ingest predictions sorcha.csv --type fits", ("Sorcha", "--type fits")),
        ("ingest predictions skybot.txt --table 1", ("SkyBoT", "--table")),
        ("ingest predictions skybot.txt --type parquet", ("SkyBoT", "--type parquet")),
        ("ingest predictions skybot.txt --visit 10", ("column visit", "--visit 10")),
        ("ingest predictions skybot.txt --visit 10 --complete", ("--visit", "--complete")),
        ("ingest predictions sorcha.csv two.csv --visit 10", ("--visit", "one file")),
        ("ingest predictions sorcha.csv two.csv --replace --complete", ("--replace", "--complete", "one file")),
        ("ingest orbits orbits.csv --format mpc_orbits --simulated-names", ("mpc_orbits", "--simulated-names")),
        ("ingest orbits orbits.csv --table 1", ("text", "--table")),
        ("query --name class-counts --upload visits.csv", ("class-counts", "--upload")),
        ("query --name class-counts --param night=1", ("class-counts", "night")),
        ("export SsAlias -o a.csv --visit 1", ("SsAlias", "--visit")),
        ("export SsAlias -o a.csv --since 60000", ("SsAlias", "leave out --since")),
        ("export Visit -o a.csv --since 60001 --until 60000", ("--since", "--until")),
        ("query --name class-counts --since 60001 --until 60001", ("--since", "--until")),
        ("precover Ceres --replace-orbit", ("--replace-orbit", "--orbit", "--commit")),
        ("precover Ceres --commit --replace-orbit", ("--replace-orbit", "--orbit")),
        ("precover --orbit orbits.csv --replace-orbit", ("--replace-orbit", "--commit")),
    ],
)
def test_options_without_effect_are_wrong_usage(
    sqlite_url: str, files: Path, words: str, named: tuple[str, ...]
) -> None:
    said = misused(sqlite_url, *words.split())
    usage, *_, error = said.strip().splitlines()
    assert usage.startswith("Usage: ")
    assert words.split()[0] in usage
    assert error.startswith("Error: ")
    for name in named:
        assert name in error


def test_the_same_in_python(database: ssdb.Database, files: Path) -> None:
    clashes: list[tuple[Any, dict[str, Any], str]] = [
        (ssdb.associate, {"detectors": [1]}, "detectors= needs visits="),
        (ssdb.associate, {"visits": [1], "everything": True}, "everything=True"),
        (ssdb.precover, {"name": "1", "format": "sorcha"}, "format= needs orbit="),
        (ssdb.precover, {"name": "1", "replace_orbit": True}, "replace_orbit=True needs orbit=.* and commit=True"),
        (ssdb.named_query, {"name": "class-counts", "parameters": {"since": 2e4, "until": 19999}}, "from since on"),
        (ssdb.export, {"table": "Visit", "path": "v.csv", "since": 60001, "until": 60001}, "from since on"),
        (ssdb.named_query, {"name": "class-counts", "table": 1}, "table= and type= need upload="),
        (ssdb.named_query, {"name": "class-counts", "upload": "visits.csv"}, r"leave out upload="),
        (ssdb.named_query, {"name": "class-counts", "parameters": {"x": 1}}, "no parameter x"),
        (ssdb.query, {"sql": "SELECT 1", "parameters": {"x": 1}}, "no :x"),
        (ssdb.ingest_visits, {"source": {"visit": [1]}, "table": 2}, "table in memory"),
        (ssdb.ingest_visits, {"source": "visits.csv", "table": 2}, "CSV.*table="),
        (ssdb.ingest_detectors, {"source": "corners.csv", "create_visits": True}, "create_visits=True"),
        (ssdb.ingest_detectors, {"source": "corners.csv", "shape": (1, 2)}, "shape="),
        (ssdb.ingest_predictions, {"source": "sorcha.csv", "visit": 3}, "visit="),
        (ssdb.ingest_predictions, {"source": "skybot.txt", "visit": 10, "complete": True}, "complete=True"),
    ]
    for function, arguments, words in clashes:
        with pytest.raises(ValueError, match=words) as raised:
            function(database, **arguments)
        assert isinstance(raised.value, UsageError)
        assert " --" not in str(raised.value)


def test_a_message_calls_an_option_what_its_user_does(database_url: str, files: Path) -> None:
    assert "or say --create-visits" in failed(database_url, "ingest", "sources", "sources.csv")
    with ssdb.connect(database_url) as database, pytest.raises(InputError, match="or say create_visits=True") as raised:
        ssdb.ingest_sources(database, "sources.csv")
    assert "--" not in str(raised.value)


def test_settings_have_their_names(tmp_path: Path) -> None:
    assert "--radius must be above 0" in misused("sqlite://", "associate", "--radius", "0")
    assert "--visits must be a whole number" in misused(None, "simulate", tmp_path / "night", "--visits", "1")
    with pytest.raises(ConfigError, match=r"^radius_arcsec must"):
        ssdb.AssociationConfig(radius_arcsec=0)
    with pytest.raises(ConfigError, match=r"^n_visits must"):
        SimulationConfig(n_visits=1)


def test_a_process_that_reads_hdf5_speaks_as_its_parent(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "t.h5"
    Table({"ra": [1.0]}).write(path, path="one")
    Table({"dec": [1.0]}).write(path, path="two", append=True)
    with pytest.raises(InputError, match=r"which is meant with table=\.\.\."):
        read_columns(path)
    with speaking_of_options(), pytest.raises(InputError, match=r"which is meant with --table NAME\|NUMBER"):
        read_columns(path)


def test_it_is_python_again_after_a_command(sqlite_url: str) -> None:
    assert run(sqlite_url, "status").exit_code == 0
    assert option("--table", "table=") == "table="


def test_no_message_of_python_speaks_of_options() -> None:
    """In no text of a module but those of the command line is an option, except as the first name of :func:`option`."""
    others = {
        "store/backup.py",  # what to run instead: PostgreSQL's own programs
        "ask/named_queries.py: ssdb query --name ",  # examples, which are commands
    }
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if module.startswith("cli/") or module in others:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
        fine = {id(text) for call in calls if call.func.id == "option" for text in ast.walk(call.args[0])}
        documented = (node for node in ast.walk(tree) if isinstance(node, ast.Expr))
        fine |= {id(text) for node in documented for text in ast.walk(node) if isinstance(node.value, ast.Constant)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
        found += [
            f"{module}: {text.value}"
            for text in texts
            if id(text) not in fine and re.search(r"(^|[\s(`'])--[a-z]|[\s(`']--$", text.value)
        ]
    assert set(found) <= others, found


def test_a_query_that_is_not_there(sqlite_url: str) -> None:
    assert "there is no query 'zzz'. There are: " in failed(sqlite_url, "query", "--name", "zzz")


@pytest.mark.parametrize("words", [["SELECT '\udcff'"], ["SELECT :x AS x", "--param", "x=\udcff"]])
def test_an_argument_that_is_no_text(database_url: str, words: list[str]) -> None:
    assert "this is no text in UTF-8" in failed(database_url, "query", *words)


def test_columns_of_an_upload_that_are_left_out_are_named(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,ra,dec,midpointMjdTai,mag\nit,150.0,2.0,60000.0,20\n")
    with pytest.warns(UserWarning, match=f"{path}: columns left out: mag"):
        assert run(sqlite_url, "query", "--name", "match-sources", "--upload", path).exit_code == 0


def test_a_type_that_is_right_is_taken(files: Path) -> None:
    assert read_columns(input_of("visits.csv", None, "csv"))["visit"].to_pylist() == [10]
