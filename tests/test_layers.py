"""Imports point one way: what is below knows nothing of what is above it. Rows are written in one place only."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ssdb.schema import apdb_dia, apdb_solar_system, dia, reported, summary, survey

PACKAGE = Path(__file__).resolve().parents[1] / "ssdb"
FROM_BELOW = (
    *("errors", "units", "threads", "equal_rows", "made_ids", "config", "schema"),
    *("sky", "moments", "given_objects", "ephemeris", "io"),
    *("store", "identity", "ingest", "association", "summary"),
    *("dia", "photometry", "ask", "exchange", "report", "simulate", "predict"),
    *("rubin", "services", "lsst", "demo", "watch", "cli", "__main__"),
)
"""The rooms of the package. Each may import those before it."""
TABLES = {
    name: value.name
    for module in (apdb_dia, apdb_solar_system, dia, reported, summary, survey)
    for name, value in vars(module).items()
    if isinstance(value, sa.Table)
}
"""The tables of the schema, by their names in the code."""
WRITING = {"insert": 0, "update": 0, "delete": 0}
WRITING |= {"write_rows": 1, "write_tables": 1, "move_objects": 1, "remove_doubles": 1}
"""Functions that write rows, and which of their arguments is the table."""
WRITING_SQL = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|COPY|TRUNCATE) ")
WITHOUT_DATABASE = (
    *("errors", "units", "threads", "equal_rows", "made_ids", "config"),
    *("sky", "moments", "given_objects", "ephemeris", "io"),
)


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


def written(source: str) -> Iterator[tuple[int, str]]:
    """Lines in which the text of a module writes rows, and what the table is there: a name, or SQL."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WRITING_SQL.match(node.value):
            yield node.lineno, node.value.strip()
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            # sa.insert(visit), or visit.insert(): that of a list has arguments, np.delete() is not of a database.
            of_sql = called.value.id in ("sa", "sqlalchemy", "postgresql", "sqlite") or called.attr.startswith("write_")
            name = called.attr if of_sql or called.value.id in TABLES or not (node.args or node.keywords) else ""
        else:
            name = called.id if isinstance(called, ast.Name) else ""
        if name in WRITING:
            yield node.lineno, ast.unparse(node.args[WRITING[name]] if len(node.args) > WRITING[name] else called)


def test_rows_are_written_in_the_store_alone() -> None:
    outside = [
        f"{path.relative_to(PACKAGE)}:{line} writes {table}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "store"
        for line, table in written(path.read_text(encoding="utf-8"))
    ]
    assert outside == []


def test_a_table_is_written_by_one_module() -> None:
    """But for whole partitions, of which ``store/ddl`` has charge."""
    writers = defaultdict(set)
    for path in sorted((PACKAGE / "store" / "tables").glob("*.py")):
        for _, table in written(path.read_text(encoding="utf-8")):
            if (name := table.partition(".")[0]) in TABLES:
                writers[TABLES[name]].add(path.name)
    assert {table: names for table, names in writers.items() if len(names) != 1} == {}
    assert set(writers) >= {"Visit", "VisitDetector", "DiaSource", "SsPrediction", "SSSource", "mpc_orbits", "SsAlias"}


@pytest.mark.parametrize(
    ("code", "table"),
    [
        ("connection.execute(sa.insert(visit).values(row))", "visit"),
        ("connection.execute(sa.update(table).where(this))", "table"),
        ("connection.execute(sqlalchemy.delete(dia_source))", "dia_source"),
        ("insert(ss_alias).from_select(names, rows)", "ss_alias"),
        ("connection.execute(visit.insert(), rows)", "visit.insert"),
        ("connection.execute(table.delete().where(this))", "table.delete"),
        ("write_rows(connection, ss_prediction, rows)", "ss_prediction"),
        ("write.write_tables(connection, dia_source, parts, n)", "dia_source"),
        ("connection.exec_driver_sql('DELETE FROM Visit')", "DELETE FROM Visit"),
        ("connection.execute(sa.text(f' UPDATE {name} SET x = 1'))", "UPDATE"),
    ],
)
def test_what_writes_is_found(code: str, table: str) -> None:
    assert [found for _, found in written(code)] == [table]


def test_what_does_not_write_is_not_found() -> None:
    code = "np.delete(rows, 1); names.insert(0, name); seen.update(names); rows.drop(1); sa.select(visit)"
    assert list(written(code)) == []


def test_the_roads_of_the_page_for_developers_exist() -> None:
    """Every stop names a module, and functions or methods in it; a road has twelve stops at most."""
    text = (PACKAGE.parent / "docs" / "developing.md").read_text(encoding="utf-8")
    stops = re.findall(r"^ +(\d+)  (\S+\.py): ([\w.]+(?:, [\w.]+)*)", text, re.MULTILINE)
    assert len(stops) > 40
    assert max(int(number) for number, _, _ in stops) <= 12
    for _, module, names in stops:
        defined = set(
            re.findall(r"^ *(?:def|class) (\w+)", (PACKAGE / module).read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert set(re.findall(r"\w+", names)) <= defined, f"{module}: {names}"
