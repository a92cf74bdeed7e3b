"""Asks a service for the predictions of stored visits, and stores them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ssdb.errors import ConfigError, InputError, SsdbError, option, quoted
from ssdb.ingest.formats.mpsky import read_mpsky
from ssdb.ingest.predictions import store_predictions
from ssdb.schema.survey import PENDING, visit
from ssdb.services.http import Unreachable
from ssdb.services.mpsky import MpskyService
from ssdb.sky.sphere import separations
from ssdb.store.database import Database
from ssdb.store.tables.visit_fields import Field, padding, visit_fields
from ssdb.store.tables.visits import among, require_visits
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG

SERVICES = {"mpsky": MpskyService}

_FAST_DEG_PER_DAY = 10.0
"""Objects up to this rate are asked for beyond the field's edge: those that come in while it is exposed."""

_LOST_VISITS = 3
"""After so many visits in a row without an answer the service is not asked any more."""

_log = logging.getLogger(__name__)


@dataclass
class FetchReport:
    """What was fetched."""

    url: str
    """What was asked."""
    predictions: dict[int, int] = field(default_factory=dict)
    """Predictions stored, by visit; 0 where the service knows no object."""
    failed: dict[int, str] = field(default_factory=dict)
    """Why the predictions of a visit are not there. It stays as it was."""
    doubts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """What looks wrong and may be right, by visit."""
    seconds: float = 0.0
    """From beginning to end."""


def fetch_predictions(
    database: Database,
    url: str,
    *,
    service: str = "mpsky",
    visits: Sequence[int] | None = None,
    radius: float | None = None,
    replace: bool = False,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> FetchReport:
    """Asks a service which known objects are in visits, and stores them as their predictions.

    Each visit is asked for and stored by itself; one that fails is reported and costs only itself. The field is
    the visit's circle or, where that is not known, one round its detectors; a little more is asked for, and of that
    only what may come into the field is kept.

    ConfigError if an option makes no sense; NotFoundError if visits are not in the database.

    Parameters
    ----------
    database : Database
        Where to; no transaction is open while the service is asked.
    url : str
        Where the service is.
    service : {"mpsky"}
        What it is.
    visits : sequence of int, optional
        The visits; without it all that are pending and were never asked for.
    radius : float, optional
        Radius of the fields, degrees, instead of what is known of them.
    replace : bool
        First remove the predictions that are there, and what was derived from them. Without it, an object that is
        predicted already is a failure.
    timeout : float
        Seconds that one try of a request may take; there are four.
    progress : callable, optional
        Called with the numbers of visits done now, and of all.
    """
    if service not in SERVICES:
        raise ConfigError(f"service must be one of {', '.join(SERVICES)}, not {quoted(service)}")
    if radius is not None and not 0 < radius <= 90:
        raise ConfigError(f"{option('--radius', 'radius')} must be above 0 and at most 90 deg, not {radius}")
    started = time.perf_counter()
    asked = SERVICES[service](url, timeout)
    report = FetchReport(asked.url)
    fields = _fields(database, visits, radius)
    n_lost = 0
    for number, where in fields.items():
        try:
            if isinstance(where, str):
                raise InputError(where)
            if n_lost >= _LOST_VISITS:
                raise Unreachable(f"{asked.url}: not asked, as it did not answer for {n_lost} visits in a row")
            content = asked.ask(where.mjd_tai, where.ra, where.dec, where.radius + float(padding(_FAST_DEG_PER_DAY)))
            n_lost = 0
            table, doubts = read_mpsky(content, number, where.mjd_tai, asked.url)
            kept = _in_field(table, where)
            report.predictions[number] = store_predictions(
                database, asked.url, kept, visit=number, replace=replace, doubts=doubts
            ).rows
            if doubts:
                report.doubts[number] = doubts
            _log.info("visit %d: %d predictions", number, kept.num_rows)
        except SsdbError as error:
            n_lost += isinstance(error, Unreachable) and n_lost < _LOST_VISITS
            report.failed[number] = str(error)
        if progress is not None:
            progress(1, len(fields))
    report.seconds = time.perf_counter() - started
    return report


def _in_field(table: pa.Table, where: Field) -> pa.Table:
    """The predictions that may come into the field: without footprints every one stored counts as expected there."""
    ra, dec, rate_ra, rate_dec = (table[name].to_numpy() for name in ("ephRa", "ephDec", "ephRateRa", "ephRateDec"))
    outside = separations(where.ra, where.dec, ra, dec) / ARCSEC_PER_DEG - where.radius
    # What is not a number is kept, to be refused at the door.
    return table.filter(pa.array(~(outside > padding(np.hypot(rate_ra, rate_dec)))))


def _fields(database: Database, visits: Sequence[int] | None, radius: float | None) -> dict[int, Field | str]:
    """Time and place of visits by visit, ascending; where the place is not known, the reason."""
    waiting = (visit.c.status == PENDING) & visit.c.predictionsAt.is_(None)
    chosen = waiting if visits is None else among(visit.c.visit, visits)
    with database.reading() as connection:
        require_visits(connection, visits or ())
        return visit_fields(connection, chosen, radius, or_else=f", or say {option('--radius', 'radius=...')}")
