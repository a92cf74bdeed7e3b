"""ssdb tells every detection of a sky survey which known asteroid or comet it is, in a database.

The names here are loaded when they are first used, so that importing ssdb costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssdb.ask.check import CheckResult, check
    from ssdb.ask.export import export
    from ssdb.ask.queries import NamedQuery, named_queries, named_query
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
        DuplicateSourceError,
        EphemerisError,
        InputError,
        MissingPackageError,
        NotFoundError,
        NoWorkFound,
        QueryError,
        SchemaError,
        ServiceError,
        SsdbError,
        UsageError,
    )
    from ssdb.identity.relink import RelinkReport, relink
    from ssdb.identity.resolve import ResolvedName, resolve
    from ssdb.ingest.detectors import ingest_detectors
    from ssdb.ingest.identifications import ingest_identifications
    from ssdb.ingest.orbits import ingest_orbits
    from ssdb.ingest.predictions import ingest_predictions
    from ssdb.ingest.sources import ingest_sources
    from ssdb.ingest.table.column_map import ColumnMap
    from ssdb.ingest.table.report import IngestReport
    from ssdb.ingest.visits import ingest_visits
    from ssdb.io.image.detector_image import Exposure, read_exposures
    from ssdb.io.image.keywords import HeaderKeywords
    from ssdb.io.limits import max_memory
    from ssdb.predict.make_segments import NightReport, make_segments
    from ssdb.predict.one_object import predict_objects
    from ssdb.predict.precover import PrecoveryReport, precover
    from ssdb.predict.table import ephemeris_table
    from ssdb.predict.visits import PredictionReport, predict_visits
    from ssdb.rubin.task.single_frame import SsSingleFrameAssociation
    from ssdb.services.predictions import FetchReport, fetch_predictions
    from ssdb.store.backup import backup
    from ssdb.store.database import Database
    from ssdb.store.ddl.migrate import connect, initialize
    from ssdb.store.notify import listen

__version__ = "0.1.0"  # as pyproject.toml says, too: what is worked out cannot be installed without building

_HOMES = {
    "ssdb.ask.check": ["CheckResult", "check"],
    "ssdb.ask.export": ["export"],
    "ssdb.ask.queries": ["NamedQuery", "named_queries", "named_query"],
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
        "DuplicateSourceError",
        "EphemerisError",
        "InputError",
        "MissingPackageError",
        "NoWorkFound",
        "NotFoundError",
        "QueryError",
        "SchemaError",
        "ServiceError",
        "SsdbError",
        "UsageError",
    ],
    "ssdb.services.predictions": ["FetchReport", "fetch_predictions"],
    "ssdb.io.image.detector_image": ["Exposure", "read_exposures"],
    "ssdb.io.image.keywords": ["HeaderKeywords"],
    "ssdb.ingest.table.column_map": ["ColumnMap"],
    "ssdb.ingest.detectors": ["ingest_detectors"],
    "ssdb.ingest.table.report": ["IngestReport"],
    "ssdb.ingest.identifications": ["ingest_identifications"],
    "ssdb.ingest.orbits": ["ingest_orbits"],
    "ssdb.ingest.predictions": ["ingest_predictions"],
    "ssdb.ingest.sources": ["ingest_sources"],
    "ssdb.ingest.visits": ["ingest_visits"],
    "ssdb.io.limits": ["max_memory"],
    "ssdb.identity.relink": ["RelinkReport", "relink"],
    "ssdb.identity.resolve": ["ResolvedName", "resolve"],
    "ssdb.predict.precover": ["PrecoveryReport", "precover"],
    "ssdb.predict.make_segments": ["NightReport", "make_segments"],
    "ssdb.predict.one_object": ["predict_objects"],
    "ssdb.predict.table": ["ephemeris_table"],
    "ssdb.predict.visits": ["PredictionReport", "predict_visits"],
    "ssdb.store.backup": ["backup"],
    "ssdb.store.database": ["Database"],
    "ssdb.store.ddl.migrate": ["connect", "initialize"],
    "ssdb.store.notify": ["listen"],
    "ssdb.rubin.task.single_frame": ["SsSingleFrameAssociation"],
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
    "DuplicateSourceError",
    "EphemerisError",
    "Exposure",
    "FetchReport",
    "HeaderKeywords",
    "IngestReport",
    "InputError",
    "MissingPackageError",
    "NamedQuery",
    "NightReport",
    "NoWorkFound",
    "NotFoundError",
    "PrecoveryReport",
    "PredictionReport",
    "QueryError",
    "QueryResult",
    "RelinkReport",
    "ResolvedName",
    "SchemaError",
    "ServiceError",
    "SsSingleFrameAssociation",
    "SsdbError",
    "UsageError",
    "VisitOutcome",
    "associate",
    "backup",
    "check",
    "connect",
    "ephemeris_table",
    "export",
    "fetch_predictions",
    "ingest_detectors",
    "ingest_identifications",
    "ingest_orbits",
    "ingest_predictions",
    "ingest_sources",
    "ingest_visits",
    "initialize",
    "listen",
    "load_result",
    "make_segments",
    "max_memory",
    "named_queries",
    "named_query",
    "precover",
    "predict_objects",
    "predict_visits",
    "query",
    "read_exposures",
    "relink",
    "resolve",
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
