"""AssociationRun: one row for each call of `ssdb associate`, of each half."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ssdb import __version__
from ssdb.schema.survey import association_run

SOLAR_SYSTEM, DIA = "solar-system", "dia"
"""The halves of association: known objects, and DiaObjects."""


def begin_run(connection: sa.Connection, run_id: str, configuration: str, half: str = SOLAR_SYSTEM) -> None:
    """Notes that a run begins now, with its configuration as JSON, and which half it associates."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"runId": run_id, "configuration": configuration, "ssdbVersion": __version__, "startedAt": now}
    row["half"] = half
    _do_not_wait(connection)
    connection.execute(sa.insert(association_run), row)


def note_given(connection: sa.Connection, run_id: str, configuration: str) -> None:
    """Notes a run in which sources came with their DiaObjects, once; the configuration is the one that holds."""
    if connection.scalar(sa.select(association_run.c.runId).where(association_run.c.runId == run_id)) is None:
        begin_run(connection, run_id, configuration, DIA)
    finish_run(connection, run_id, {})


def finish_run(connection: sa.Connection, run_id: str, values: Mapping[str, Any]) -> None:
    """Notes that a run ends now, with what else is known of it by then: values of columns."""
    now = datetime.now(UTC).replace(tzinfo=None)
    _do_not_wait(connection)
    this = association_run.c.runId == run_id
    connection.execute(sa.update(association_run).where(this).values({"finishedAt": now, **values}))


def _do_not_wait(connection: sa.Connection) -> None:
    """Has PostgreSQL commit without waiting for the disk; the results of the run, whose commit waits, are in between.

    That it began is on the disk with them. That it has ended may be lost, if the server fails within the next second.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def last_configuration(connection: sa.Connection) -> str | None:
    """The configuration, as JSON, of the run that gave sources to DiaObjects the last time; None if none has."""
    run = association_run.c
    of_objects = sa.select(run.configuration).where(run.half == DIA)
    return connection.scalar(of_objects.order_by(run.startedAt.desc(), run.runId.desc()).limit(1))
