"""What an ingest did, as it is returned and printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did. ``new``, ``changed`` and ``unchanged`` are ``rows`` together."""

    source: str
    """The input: a file, or what a table in memory is called."""
    kind: str
    """visits, detectors, sources, predictions, forced fluxes, orbits, identifications or names."""
    rows: int
    """Rows that are stored now."""
    visits: int
    """Visits that the rows belong to."""
    invalid: int = 0
    """Rows left out because they are not usable (only on request; otherwise they are an error)."""
    left_out: tuple[str, ...] = ()
    """Columns of the input that the data model does not have."""
    without_unit: tuple[str, ...] = ()
    """Columns without a unit in the input, taken to be in the data model's."""
    doubts: tuple[str, ...] = ()
    """What looks wrong and may be right."""
    new: int = 0
    """Rows whose key (visit, detector, source, object) was not stored."""
    changed: int = 0
    """Rows that were stored with other values."""
    unchanged: int = 0
    """Rows that were stored as they are."""
    older: int = 0
    """Of the rows left out, the orbits of objects of which a newer or better one is stored."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)
