"""The wheel: what is in it, and that what is installed from it works away from the project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ssdb

ROOT = Path(__file__).resolve().parents[1]
NAME = "ssdb-asteroids"
"""Of the distribution: another project has the name ssdb, and pip would fetch that one for ``ssdb[report]``."""


def _environment() -> dict[str, str]:
    """The environment without what could lead Python or ssdb back to the project."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SSDB_", "COV_"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the project's own build backend as it is here."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program of a fresh environment that has the wheel; its dependencies are those of this one."""
    base = tmp_path_factory.mktemp("installed")
    place, here = base / "venv", base / "here"
    here.mkdir()
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    scheme = {"base": str(place), "platbase": str(place)}
    site, scripts = (Path(sysconfig.get_path(kind, "venv", vars=scheme)) for kind in ("purelib", "scripts"))
    # Paths named by a .pth file are searched last, and the .pth files in them (an editable ssdb) are not followed.
    (site / "dependencies.pth").write_text("\n".join({sysconfig.get_path(kind) for kind in ("purelib", "platlib")}))
    pip = [sys.executable, "-m", "pip", "--python", str(place), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True, capture_output=True, timeout=120)

    def run(program: str, *arguments: str) -> str:
        command = [str(scripts / program), *arguments]
        result = subprocess.run(
            command, cwd=here, env=_environment(), capture_output=True, text=True, timeout=120, check=False
        )
        assert result.returncode == 0, (command, result.stderr)
        return result.stdout

    return run


def test_the_wheel_holds_the_package_its_sql_and_its_migrations_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{inside}{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in (("ssdb", "ssdb/"), ("sql", "ssdb/_sql/"), ("migrations", "ssdb/_migrations/"))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", ".pyi", ".sql", ".mako", ".typed", ".html", ".css", ".js")
    }
    assert {"ssdb/py.typed", "ssdb/_sql/candidates.sqlite.sql", "ssdb/_migrations/env.py"} <= expected
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    assert names - about == expected
    assert {Path(name).name for name in about} == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE"}


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(name).decode().splitlines()
    assert f"Name: {project['name']}" in lines
    assert f"Version: {ssdb.__version__}" in lines
    assert "Requires-Python: >=3.11" in lines
    needed = {line.removeprefix("Requires-Dist: ") for line in lines if "extra ==" not in line and "Requires-" in line}
    assert len(needed) == len(project["dependencies"]) + 1


def test_all_that_says_how_to_install_says_the_name_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], list(project["scripts"])) == (NAME, ["ssdb"])
    extras = "|".join(project["optional-dependencies"])
    files = [ROOT / "README.md", *(path for folder in ("ssdb", "docs") for path in (ROOT / folder).rglob("*.[pm][yd]"))]
    texts = {path: path.read_text(encoding="utf-8") for path in (*files, ROOT / "Makefile", ROOT / "pyproject.toml")}
    named = {
        (path.name, name) for path, text in texts.items() for name in re.findall(rf"([\w.-]+)\[(?:{extras})[\],]", text)
    }
    assert {name for _, name in named} == {NAME, "."}
    assert {"README.md", "demo.py", "__init__.py", "hdf5.py", "bodies.py", "rubin.md"} <= {file for file, _ in named}
    wanted = {name for text in texts.values() for name in re.findall(r"pip install ['\"]?([\w.-]+)", text)}
    assert wanted <= {NAME, ".", "--quiet", "uv", "pandas"}


def test_every_dependency_has_a_lowest_version_and_a_next_major_that_is_not_tried() -> None:
    """`make lowest` runs on the lower bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["build-system"]["requires"], project["project"]["dependencies"]]
    groups += project["project"]["optional-dependencies"].values()
    for needed in map(Requirement, chain.from_iterable(groups)):
        if needed.name != NAME:
            assert sorted(bound.operator for bound in needed.specifier) == ["<", ">="], needed


def test_the_installed_package_is_the_one_that_runs(installed: Callable[..., str]) -> None:
    code = "import ssdb, ssdb.store.sql_files as r; print(ssdb.__file__); print(r.resource_directory('sql'))"
    package, sql = installed("python", "-c", code).splitlines()
    assert not Path(package).is_relative_to(ROOT)
    assert Path(sql) == Path(package).parent / "_sql"


def test_the_installed_commands_do_the_whole_road(installed: Callable[..., str]) -> None:
    installed("ssdb", "simulate", "night", "--visits", "4", "--sources", "20", "--objects", "10", "--detectors", "4")
    database = ("--db", "sqlite:///x.db")
    commands = [[*database, "init"]]
    commands += [[*database, "ingest", kind, f"night/{kind}.parquet"] for kind in ("visits", "detectors", "sources")]
    commands += [[*database, "ingest", "predictions", "night/predictions.parquet", "--complete"]]
    # In one process: each would spend its time on imports.
    installed("python", "-c", f"from ssdb.cli import main\nfor c in {commands}: main(c, standalone_mode=False)")
    report = json.loads(installed("ssdb", *database, "associate", "--json"))
    assert report["nVisits"] == 4
    assert report["nAssociatedSsObjects"] > 0
    count = "SELECT (SELECT count(*) FROM SSSource) AS n, count(*) AS unseen FROM UnassociatedSsObject"
    (answer,) = json.loads(installed("ssdb", *database, "query", count, "--format", "json"))
    assert answer["n"] == report["nAssociatedSsObjects"]
    assert answer["n"] + answer["unseen"] == report["nTotalSsObjects"]
