"""Damaged files: each is stored as a whole or refused in one line, whatever is in it. No reader ends in a traceback.

``SSDB_FUZZ_CASES`` sets how many cases of each kind of file are tried; they are the same in every run. What came of
them is printed at the end. More of them, and a single one: see ``python -m fuzz --help``, in this folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fuzz.cases import Figures, night_again, try_cases, try_on
from fuzz.corpus import Kind, kinds
from ingesting import load_night

from ssdb.store.ddl.migrate import connect

CASES = int(os.environ.get("SSDB_FUZZ_CASES", "12"))
"""Of each kind of file; a quarter of a minute in all for a processor that has nothing else to do."""

CASES_ON_POSTGRESQL = 2

KINDS = list(kinds())


@pytest.mark.parametrize("kind", KINDS, ids=[kind.file for kind in KINDS])
def test_damaged_files_are_stored_or_refused(
    kind: Kind, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    figures = try_cases(kind, range(CASES), tmp_path)
    for name, n in figures.counts.items():
        record_property(f"figures: damaged files: {name}", n)
    assert figures.tried == CASES
    assert not figures.faults, "\n".join(figures.faults)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.file for kind in KINDS])
def test_sound_files_are_stored(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / kind.file).write_bytes(kind.damaged(None))
    kind.read(night_again(), tmp_path / kind.file)


def test_on_postgresql_as_well(postgresql_url: str, tmp_path: Path) -> None:
    """Some of each kind, one after the other: what is stored stays."""
    figures = Figures()
    with closing(connect(postgresql_url)) as database:
        load_night(database)
        for kind in KINDS:
            try_on(database, kind, range(CASES_ON_POSTGRESQL), tmp_path, figures)
    assert figures.tried == CASES_ON_POSTGRESQL * len(KINDS)
    assert not figures.faults, "\n".join(figures.faults)
