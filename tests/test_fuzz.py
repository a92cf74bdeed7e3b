"""Damaged files: each is stored as a whole or refused in one line, whatever is in it. No reader ends in a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fuzz.cases import try_cases
from fuzz.corpus import Kind, kinds

CASES = int(os.environ.get("SSDB_FUZZ_CASES", "60"))
"""Of each kind of file."""

KINDS = list(kinds())


@pytest.mark.parametrize("kind", KINDS, ids=[kind.file for kind in KINDS])
def test_damaged_files_are_stored_or_refused(
    kind: Kind, tmp_path: Path, record_property: pytest.FixtureRequest
) -> None:
    figures = try_cases(kind, range(CASES), tmp_path)
    assert figures.tried == CASES
    assert not figures.faults, "\n".join(figures.faults)
