"""What the stages of an association are said to take is their work, not the import of libraries."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from small_surveys import Survey

import ssdb
from ssdb.association.stages import Stage, Stages
from ssdb.config import AssociationConfig
from ssdb.sky.frames import _true_ecliptic_rotation
from ssdb.store.database import Database


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What ssdb imports while a stage is timed, as pairs of stage and module; loaded already or not."""
    found: list[tuple[str, str]] = []
    entered: list[str] = []
    real_import, real_timed = builtins.__import__, Stages.timed

    def watching(name: str, *args: Any, **kwargs: Any) -> Any:
        importer = (args[0] if args else None) or {}
        if entered and str(importer.get("__name__", "")).startswith("ssdb"):
            found.append((entered[-1], name))
        return real_import(name, *args, **kwargs)

    @contextmanager
    def timed(self: Stages, name: str) -> Iterator[Stage]:
        entered.append(name)
        try:
            with real_timed(self, name) as stage:
                yield stage
        finally:
            entered.pop()

    _true_ecliptic_rotation.cache_clear()
    monkeypatch.setattr(builtins, "__import__", watching)
    monkeypatch.setattr(Stages, "timed", timed)
    return found


@pytest.mark.parametrize("ecliptic", ["mean", "true"])
def test_no_stage_imports_anything(ecliptic: str, database: Database, imported: list[tuple[str, str]]) -> None:
    """With a source that two objects want, so that everything is needed that may be."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, 10.0, 0.0, 600.0)
    for number, east in enumerate((0.0, 0.6)):
        survey.add_prediction(number, 10.0 + east / 3600, 0.0)
        survey.add_source(number + 1, 10.0 + (east + 0.1) / 3600, 0.0)
    survey.load(database)
    made = ssdb.associate(database, config=AssociationConfig(ecliptic=ecliptic))
    assert made.totals["nAssociatedSsObjects"] == 2
    assert imported == []
