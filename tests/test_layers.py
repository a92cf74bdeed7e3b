"""Imports point one way: what is below knows nothing of what is above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "ssdb"
FROM_BELOW = (
    *("errors", "units", "runs", "config", "schema", "sky", "ephemeris", "io", "store", "identity", "ingest"),
    *("association", "ask", "report", "simulate", "predict", "rubin", "services", "lsst", "demo", "cli", "__main__"),
)
"""The rooms of the package. Each may import those before it."""
WITHOUT_DATABASE = ("errors", "units", "runs", "config", "sky", "ephemeris", "io")


def imports(path: Path) -> Iterator[str]:
    """The modules of ssdb that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                [f"{node.module}.{alias.name}" for alias in node.names] if "." not in node.module else [node.module]
            )


def rooms() -> Iterator[tuple[Path, str, str]]:
    """Modules, the rooms that they are in, and rooms that they import."""
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if room == "__init__":
            continue
        for name in imports(path):
            package, _, rest = name.partition(".")
            imported = rest.partition(".")[0]
            if package == "ssdb" and imported not in (room, "__version__", ""):
                yield path, room, imported


def test_every_room_is_known() -> None:
    there = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert there - {"__init__", "__pycache__"} == set(FROM_BELOW)


def test_imports_point_down() -> None:
    up = [
        f"{path.relative_to(PACKAGE)} imports ssdb.{imported}"
        for path, room, imported in rooms()
        if FROM_BELOW.index(imported) >= FROM_BELOW.index(room)
    ]
    assert up == []


def test_what_is_below_the_store_knows_no_database() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).with_suffix("").parts[0] in WITHOUT_DATABASE:
            foreign = [name for name in imports(path) if name.partition(".")[0] in ("sqlalchemy", "psycopg", "alembic")]
            assert foreign == [], path
