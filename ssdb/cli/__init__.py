"""The command line: parse, call, print. No SQL and no mathematics here.

Whatever takes long to import is imported by the command that needs it, so that ``ssdb --help`` answers at once.
"""

from ssdb.cli import (
    ask,
    associate,
    backup,
    demo,
    ephemeris,
    fetch,
    ingest,
    listen,
    names,
    partition,
    precover,
    predict,
    report,
    schema,
)
from ssdb.cli.common import main

__all__ = [
    "ask",
    "associate",
    "backup",
    "demo",
    "ephemeris",
    "fetch",
    "ingest",
    "listen",
    "main",
    "names",
    "partition",
    "precover",
    "predict",
    "report",
    "schema",
]
