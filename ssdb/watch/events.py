"""What comes of following folders, and what is asked for."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ssdb.association.associate import AssociationReport
from ssdb.config import AssociationConfig, DiaConfig
from ssdb.errors import DatabaseError
from ssdb.ingest.alert_batch import AlertReport
from ssdb.ingest.table.report import IngestReport
from ssdb.io.inbox import NewFile
from ssdb.store.database import RUN_AGAIN


@dataclass(frozen=True, slots=True)
class Note:
    """A line for people; a failure if something was not stored that should be."""

    line: str
    failure: bool = False


Event = Note | IngestReport | AlertReport | AssociationReport


@dataclass(frozen=True)
class Following:
    """What :func:`watch` does with what comes.

    Attributes
    ----------
    ingest : mapping
        Options of the functions of :data:`INGEST`, by kind.
    association : AssociationConfig
    dia : DiaConfig, optional
        Without it no DiaObjects are made.
    predict : bool
        Visits without predictions are predicted from the stored orbits.
    after_seconds : float
        A visit is associated when no sources have come for it for so long.
    patience_seconds : float
        What still waits after so long is told.
    interval_seconds : float
        So often the folders are looked at.
    once : bool
        Ends when there is nothing left to do.
    """

    ingest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    dia: DiaConfig | None = field(default_factory=DiaConfig)
    predict: bool = False
    after_seconds: float = 0.0
    patience_seconds: float = 60.0
    interval_seconds: float = 0.05
    once: bool = False


@dataclass(slots=True)
class Waiting:
    """A file whose visits are not there yet, or a visit that cannot be predicted yet."""

    reason: str
    since: float
    told: bool = False
    file: NewFile | None = None
    visits: Collection[int] = ()

    def tell(self) -> Iterator[Note]:
        """Says it, once."""
        if not self.told:
            self.told = True
            yield Note(f"{self.reason} (waiting for {time.monotonic() - self.since:.0f} s)", failure=True)


class Told:
    """What is said once, however often it is so."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def once(self, line: str, *, failure: bool = False, of: str = "") -> Iterator[Note]:
        """A line, unless it has been said, or another one of the same."""
        if (of or line) not in self._said:
            self._said.add(of or line)
            yield Note(line, failure)


def of_trouble(error: DatabaseError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error).removesuffix(RUN_AGAIN)
