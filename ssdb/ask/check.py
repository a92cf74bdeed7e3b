"""Verifies the relations between the tables, since there are no foreign keys."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ssdb.store.database import Database
from ssdb.store.sql_files import sql_texts
from ssdb.store.tables.detectors import miscounted

_MOST_SHOWN = 5

_COUNTS = "source_counts_agree"
_RULE_OF_COUNTS = "What is counted of each detector's sources, and its depth, agree with them."


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one relation holds."""

    name: str
    """Of the file in ``sql/checks``, or source_counts_agree, which is none of SQL."""
    rule: str
    """What must hold."""
    n_violations: int
    """Rows for which it does not."""
    examples: list[dict[str, object]]
    """The first of these rows."""


def check(database: Database) -> list[CheckResult]:
    """Verifies every relation of ``sql/checks`` and the counts of sources, in one snapshot, by name."""
    with database.reading() as connection:
        return check_as_seen(connection)


def check_as_seen(connection: sa.Connection) -> list[CheckResult]:
    """The same of what a transaction sees, its own changes too."""
    results = []
    for name, text in sql_texts("checks").items():
        rule = text.partition("\n")[0].removeprefix("-- ")
        total = connection.exec_driver_sql(f"SELECT count(*) FROM ({text}) AS violations").scalar_one()
        rows = connection.exec_driver_sql(f"SELECT * FROM ({text}) AS violations ORDER BY 1, 2 LIMIT {_MOST_SHOWN}")
        results.append(CheckResult(name, rule, total, [dict(row._mapping) for row in rows]))
    wrong = list(miscounted(connection))
    results.append(CheckResult(_COUNTS, _RULE_OF_COUNTS, len(wrong), wrong[:_MOST_SHOWN]))
    return sorted(results, key=lambda result: result.name)
