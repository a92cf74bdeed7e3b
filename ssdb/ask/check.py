"""Verifies the relations between the tables, since there are no foreign keys."""

from __future__ import annotations

from dataclasses import dataclass

from ssdb.store.database import Database
from ssdb.store.sql_files import sql_texts

_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one relation holds."""

    name: str
    """Of the file in ``sql/checks``."""
    rule: str
    """What must hold."""
    n_violations: int
    """Rows for which it does not."""
    examples: list[dict[str, object]]
    """The first of these rows."""


def check(database: Database) -> list[CheckResult]:
    """Verifies every relation of ``sql/checks``, in one snapshot; the results are in the order of their names."""
    results = []
    with database.reading() as connection:
        for name, text in sql_texts("checks").items():
            rule = text.partition("\n")[0].removeprefix("-- ")
            total = connection.exec_driver_sql(f"SELECT count(*) FROM ({text}) AS violations").scalar_one()
            rows = connection.exec_driver_sql(f"SELECT * FROM ({text}) AS violations ORDER BY 1, 2 LIMIT {_MOST_SHOWN}")
            results.append(CheckResult(name, rule, total, [dict(row._mapping) for row in rows]))
    return results
