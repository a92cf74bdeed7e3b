"""Loads what the Minor Planet Center answered: what it calls the observations that were submitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.errors import InputError, option, shown
from ssdb.ingest.formats.reports import Reports, read_reports
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.report import IngestReport
from ssdb.io.ades.write import ENDINGS
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import stored_rows
from ssdb.schema.reported import ss_reported_source
from ssdb.store.database import Database
from ssdb.store.locks import lock
from ssdb.store.tables.reported import files_of, note_reported
from ssdb.store.tables.sources import read_listed
from ssdb.store.transfer.write import Progress

_ANSWERED = ("obsID", "trkID", "submissionId")
_LARGEST = 2**63


def ingest_submissions(
    database: Database,
    source: Input,
    *,
    submission_id: str | None = None,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores what the Minor Planet Center calls observations; sources that were submitted by other means count as
    reported from then on.

    InputError if the input is not usable, or has sources that are not in the database. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        Observations by their obsSubID (or diaSourceId), with obsID, trkID or submissionId, as far as they are known: a
        table (CSV, ...), ADES as the Minor Planet Center gives it out, or the file that was submitted.
    submission_id : str, optional
        The submissionId of all.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Not called: there are few.
    """
    reports = read_reports(source, table, type)
    answers: dict[int, Mapping[str, str]] = {}
    for number, row in zip(reports.numbers, reports.rows, strict=True):
        name = row.get("diaSourceId") or row.get("obsSubID", "")
        if not name.isascii() or not name.isdigit() or int(name[:20]) >= _LARGEST:
            raise InputError(
                f"{reports.name}: row {number:,} has no obsSubID that is a diaSourceId: which source is it?"
            )
        given = {**row, **({"submissionId": submission_id} if submission_id else {})}
        answers[int(name)] = {key: given[key] for key in _ANSWERED if key in given}
    if not any(answers.values()):
        say = option("--submission-id ID", "submission_id=...")
        raise InputError(f"{reports.name}: has none of {', '.join(_ANSWERED)}: nothing was answered; or say {say}")
    told = []
    with database.writing() as connection:
        lock(connection, "reported")
        if elsewhere := _written_since(connection, reports, answers):
            answers = {number: answer for number, answer in answers.items() if number not in elsewhere}
            n, where = f"{len(elsewhere):,} sources", shown(sorted(set(elsewhere.values())))
            if not answers:
                raise InputError(f"{reports.name}: its {n} were written to another file since ({where}): name that one")
            told.append(f"{n} left out that were written to another file since ({where})")
        counts = note_answers(connection, reports, answers)
    return IngestReport(reports.name, "submissions", len(answers), 0, doubts=tuple(told), **counts)


def _written_since(connection: sa.Connection, reports: Reports, sources: Iterable[int]) -> dict[int, str]:
    """The names of the files that sources were written to after they were written to this one.

    Only the file that was submitted is known by its name: no table, nor what the Minor Planet Center gives out.
    """
    if not reports.name.lower().endswith(ENDINGS) or any("obsID" in row for row in reports.rows):
        return {}
    files = {number: Path(file).name for number, file in files_of(connection, np.array(sorted(sources))).items()}
    return {number: file for number, file in files.items() if file != Path(reports.name).name}


def note_answers(
    connection: sa.Connection, reports: Reports, answers: Mapping[int, Mapping[str, str]]
) -> dict[str, Any]:
    """Stores obsID, trkID and submissionId of sources, given by diaSourceId; how many rows are new, changed, unchanged.

    InputError if a source is not in the database.
    """
    numbers = sorted(answers)
    keys = [dia_source.c.diaSourceId, dia_source.c.visit]
    found = read_listed(connection, keys[0], np.array(numbers, np.int64), keys)
    visits = dict(zip(found["diaSourceId"].tolist(), found["visit"].tolist(), strict=True))
    if missing := [number for number in numbers if number not in visits]:
        raise InputError(
            f"{reports.name}: {len(missing):,} sources are not in the database (diaSourceId {shown(missing)})"
        )
    columns: dict[str, Any] = {"diaSourceId": numbers, "visit": [visits[number] for number in numbers]}
    for name in _ANSWERED:
        length = ss_reported_source.c[name].type.length  # type: ignore[attr-defined]
        columns[name] = [(answers[number].get(name) or "")[:length] or None for number in numbers]
    return note_reported(connection, stored_rows(ss_reported_source, columns))
