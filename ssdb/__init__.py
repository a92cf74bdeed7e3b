"""ssdb tells every detection of a sky survey which known asteroid or comet it is, in a database.

The names here are loaded when they are first used, so that importing ssdb costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssdb.ask.check import CheckResult, check
    from ssdb.ask.export import export
    from ssdb.ask.query import QueryResult, query
    from ssdb.ask.result import AssociationResult, load_result
    from ssdb.ask.status import run_status, status, visit_status
    from ssdb.association.associate import AssociationReport, VisitOutcome, associate
    from ssdb.config import AssociationConfig
    from ssdb.errors import (
        AssociationError,
        ConfigError,
        DatabaseError,
        DesignationError,
        InputError,
        NotFoundError,
        QueryError,
        SchemaError,
        SsdbError,
    )
    from ssdb.ingest.column_map import ColumnMap
    from ssdb.ingest.detectors import ingest_detectors
    from ssdb.ingest.door import IngestReport
    from ssdb.ingest.predictions import ingest_predictions
    from ssdb.ingest.sources import ingest_sources
    from ssdb.ingest.visits import ingest_visits
    from ssdb.store.database import Database
    from ssdb.store.migrate import connect, initialize

_HOMES = {
    "ssdb.ask.check": ["CheckResult", "check"],
    "ssdb.ask.export": ["export"],
    "ssdb.ask.query": ["QueryResult", "query"],
    "ssdb.ask.result": ["AssociationResult", "load_result"],
    "ssdb.ask.status": ["run_status", "status", "visit_status"],
    "ssdb.association.associate": ["AssociationReport", "VisitOutcome", "associate"],
    "ssdb.config": ["AssociationConfig"],
    "ssdb.errors": [
        "AssociationError",
        "ConfigError",
        "DatabaseError",
        "DesignationError",
        "InputError",
        "NotFoundError",
        "QueryError",
        "SchemaError",
        "SsdbError",
    ],
    "ssdb.ingest.column_map": ["ColumnMap"],
    "ssdb.ingest.detectors": ["ingest_detectors"],
    "ssdb.ingest.door": ["IngestReport"],
    "ssdb.ingest.predictions": ["ingest_predictions"],
    "ssdb.ingest.sources": ["ingest_sources"],
    "ssdb.ingest.visits": ["ingest_visits"],
    "ssdb.store.database": ["Database"],
    "ssdb.store.migrate": ["connect", "initialize"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AssociationConfig",
    "AssociationError",
    "AssociationReport",
    "AssociationResult",
    "CheckResult",
    "ColumnMap",
    "ConfigError",
    "Database",
    "DatabaseError",
    "DesignationError",
    "IngestReport",
    "InputError",
    "NotFoundError",
    "QueryError",
    "QueryResult",
    "SchemaError",
    "SsdbError",
    "VisitOutcome",
    "associate",
    "check",
    "connect",
    "export",
    "ingest_detectors",
    "ingest_predictions",
    "ingest_sources",
    "ingest_visits",
    "initialize",
    "load_result",
    "query",
    "run_status",
    "status",
    "visit_status",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ssdb' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
