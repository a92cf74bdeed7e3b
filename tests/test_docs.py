"""The documentation: every example runs, and every command, option, table and setting is described."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ssdb.cli import main
from ssdb.config import AssociationConfig
from ssdb.schema import metadata
from ssdb.store.ddl.views import view_definitions

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCES = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _examples(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page as (language, text)."""
    return [(match[1], match[2]) for match in FENCES.finditer(page.read_text(encoding="utf-8"))]


def test_every_fenced_block_says_what_it_is() -> None:
    """Only then it is known whether it is to be run."""
    known = {"sh", "python", "text", "yaml", "sql"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(_examples(page)), page.name
        assert {language for language, _ in _examples(page)} <= known, page.name


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if {"sh", "python"} & {language for language, _ in _examples(page)}],
    ids=lambda page: page.name,
)
def test_the_examples_of_a_page_run_one_after_the_other(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("SSDB_URL", raising=False)
    monkeypatch.setenv("PATH", f"{_with_ssdb(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    extras = re.findall(r"ssdb-asteroids\[([\w,]+)\]|extra `(\w+)`", page.read_text(encoding="utf-8"))
    named = {name for found in extras for text in found for name in text.split(",") if name}
    monkeypatch.setenv("PYTHONPATH", _without_others(tmp_path / "site", named), prepend=os.pathsep)
    with _python() as run:
        for language, text in _examples(page):
            if language == "python":
                run(text)
            elif language == "sh":
                for line in text.replace("\\\n", " ").splitlines():
                    _shell(line)


RUNNING = """
import json, sys, traceback
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "<example>", "exec"), {"__name__": "__main__"})
    except BaseException:
        told = traceback.format_exc()
    else:
        told = ""
    print("\\n" + json.dumps(told), flush=True)
"""


@contextmanager
def _python() -> Iterator[Callable[[str], None]]:
    """Runs examples in one process, each with no other names than its own: to start is most of what one takes."""
    started: list[subprocess.Popen[str]] = []

    def run(text: str) -> None:
        if not started:
            command = [sys.executable, "-W", "error::DeprecationWarning", "-c", RUNNING]
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        (process,) = started
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(text), file=process.stdin, flush=True)
        told: Any = "the process has ended"
        for line in process.stdout:
            with suppress(ValueError):
                if isinstance(told := json.loads(line), str):
                    break
        assert told == "", f"{text}\n{told}"

    try:
        yield run
    finally:
        for process in started:
            with process:
                process.kill()


HIDING = """
import sys
from importlib.machinery import PathFinder
class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in {modules} else super().find_spec(name, path, target)
sys.meta_path[:] = [Finder if each is PathFinder else each for each in sys.meta_path]
"""


def _without_others(directory: Path, extras: Iterable[str]) -> str:
    """A directory for PYTHONPATH that hides what would not be installed: packages that only the tests need, say."""
    there = _required(extras)
    others = {
        module
        for module, distributions in packages_distributions().items()
        if not module.startswith("_") and there.isdisjoint(map(canonicalize_name, distributions))
    }
    assert {"pandas", "pytest"} <= others
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(HIDING.format(modules=sorted(others)))
    return str(directory)


def _required(extras: Iterable[str]) -> set[str]:
    """The distributions that are installed with ssdb and some of its extras."""
    found: set[tuple[str, str]] = set()
    wanted = {("ssdb-asteroids", extra) for extra in ("", *extras)}
    while wanted:
        name, extra = one = wanted.pop()
        found.add(one)
        try:
            requirements = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            if name == "ssdb-asteroids":
                raise
            continue  # of another system or Python
        for each in requirements:
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                wanted |= {(canonicalize_name(each.name), e) for e in ("", *each.extras)} - found
    return {name for name, _ in found}


def _with_ssdb(directory: Path) -> Path:
    command = directory / "ssdb"
    directory.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom ssdb.cli import main\nmain()\n")
    command.chmod(0o755)
    return directory


def _shell(line: str) -> None:
    """A line of shell. A plain call of ssdb runs in this process, which spares its start."""
    words = shlex.split(line, comments=True)
    plain = {"|", ">", "<", "&", ";", "$"}.isdisjoint(re.sub(r"'[^']*'|\"[^\"$]*\"", "", line))
    if words[:1] == ["ssdb"] and plain:
        result = CliRunner().invoke(main, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    else:
        _process(["bash", "-euo", "pipefail", "-c", line])


def _process(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, f"{command[-1]}\n{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def _options(command: click.Command, name: str = "ssdb") -> Iterator[tuple[str, list[str]]]:
    """Every command of the tree with its options."""
    yield name, [option for p in command.params if isinstance(p, click.Option) for option in p.opts]
    if isinstance(command, click.Group):
        for sub_name, sub_command in command.commands.items():
            yield from _options(sub_command, f"{name} {sub_name}")


def _named(option: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text) is not None


@pytest.mark.parametrize(
    ("name", "options"), list(_options(main)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_described(name: str, options: list[str]) -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"`{name}" in text or f"    {name} " in text
    assert [option for option in options if not _named(option, text)] == []


def test_no_option_is_described_that_does_not_exist() -> None:
    existing = {option for _, options in _options(main) for option in options} | {"-h", "--help"}
    for page in PAGES:
        text = " ".join(re.findall(r"`[^`\n]*`", page.read_text(encoding="utf-8")))
        commands = " ".join(text for language, text in _examples(page) if language == "sh" and "ssdb" in text)
        described = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", f"{text} {commands}"))
        assert described - existing <= {"--quick"}, page.name


def test_every_table_and_view_is_described() -> None:
    text = (ROOT / "docs" / "data-model.md").read_text(encoding="utf-8")
    names = [table.name for table in metadata.sorted_tables] + list(view_definitions())
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_every_setting_of_the_association_is_described_with_its_default() -> None:
    lines = (ROOT / "docs" / "matching.md").read_text(encoding="utf-8").splitlines()
    for item in fields(AssociationConfig):
        default = f"{item.default:g}" if isinstance(item.default, float) else str(item.default)
        described = [line for line in lines if re.search(rf"\b{item.name}\b", line)]
        assert any(re.search(rf"(?<![\w.]){re.escape(default)}(?!\w)", line) for line in described), item.name


def test_every_public_name_is_described() -> None:
    import ssdb

    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    called = [name for name in ssdb.__all__ if name[0].islower()]
    assert [name for name in called if not re.search(rf"\b{name}\b", text)] == []
