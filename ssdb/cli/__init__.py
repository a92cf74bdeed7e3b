"""The command line: parse, call, print. No SQL and no mathematics here.

What takes long to import is imported by the command that needs it, so that ``ssdb --help`` answers at once.
"""

# ruff: noqa: F401  each of these modules adds its commands to main
from ssdb.cli import (
    ades,
    ask,
    associate,
    database,
    demo,
    dia,
    ephemeris,
    fetch,
    forced,
    ingest,
    names,
    partition,
    precover,
    predict,
    report,
    sky,
    summarize,
    watch,
)
from ssdb.cli.common import main

__all__ = ["main"]
