"""Statistics of a DiaObject's light curve that need all of its points: for people, not kept in a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.ask.named_queries import named_query
from ssdb.dia.merge import resolve_dia_object
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.database import Database
from ssdb.units import Array

_ITERATIONS, _TOLERANCE = 20, 1e-6
"""Of the Stetson mean, as Rubin's plugin has them."""

_FEWEST_FOR_PERIOD = 5


def light_curve_statistics(database: Database, dia_object: int, *, period: bool = False) -> list[dict[str, Any]]:
    """Statistics of the psfFlux of a DiaObject, a dictionary for each band; what cannot be told is None.

    Besides the columns of the question ``object-lightcurve-stats``: ``stetsonJ`` (Stetson 1996, PASP 108, 851; of
    single points, about the Stetson mean) and, with ``period``, ``period`` (d) and ``power`` of the highest peak of the
    Lomb-Scargle periodogram of astropy, of five points or more. The identifier may be of an object that was merged.
    NotFoundError if there is no such object.
    """
    number, _ = resolve_dia_object(database, dia_object)
    answer = named_query(database, "object-lightcurve-stats", {"object": number})
    told = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    points = _points(database, number)
    for row in told:
        time, flux, error = points[row["band"]]
        row["stetsonJ"] = _known(stetson_j(flux, error))
        if period:
            row["period"], row["power"] = _period(time, flux, error)
    return told


def _points(database: Database, number: int) -> dict[str, tuple[Array, Array, Array]]:
    """Times (MJD TAI), fluxes and errors (nJy) of the sources with both, in time, by band."""
    source = dia_source.c
    columns = (source.midpointMjdTai, source.psfFlux, source.psfFluxErr)
    wanted = sa.select(source.band, *columns).where(source.diaObjectId == number, source.psfFlux.is_not(None))
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(source.midpointMjdTai, source.diaSourceId)).all()
    points = {}
    for band in {row.band for row in rows}:
        of_band = np.array([row[1:] for row in rows if row.band == band], float)
        good = of_band[:, 2] > 0
        points[band or ""] = (of_band[good, 0], of_band[good, 1], of_band[good, 2])
    return points


def stetson_j(flux: Array, error: Array) -> float:
    """Stetson's J of single points, shape (n,): the mean of sign(d^2 - 1) sqrt|d^2 - 1|; NaN below two points.

    d is the distance from the Stetson mean in units of the error, times sqrt(n / (n - 1)); in that mean the weight of a
    point of d sigma is 1 / error^2 / (1 + (|d| / 2)^2).
    """
    n = len(flux)
    if n < 2:
        return math.nan
    weight = 1.0 / error**2
    mean = float(np.average(flux, weights=weight))
    scale = math.sqrt(n / (n - 1.0))
    for _ in range(_ITERATIONS):
        apart = np.abs(scale * (flux - mean) / error)
        new = float(np.average(flux, weights=weight / (1.0 + (apart / 2.0) ** 2)))
        close = abs(new - mean) < _TOLERANCE * abs(new)
        mean = new
        if close:
            break
    excess = (scale * (flux - mean) / error) ** 2 - 1.0
    return float(np.mean(np.sign(excess) * np.sqrt(np.abs(excess))))


def _period(time: Array, flux: Array, error: Array) -> tuple[float | None, float | None]:
    from astropy.timeseries import LombScargle

    if len(np.unique(time)) < _FEWEST_FOR_PERIOD or not np.ptp(flux):
        return None, None
    frequency, power = LombScargle(time, flux, error).autopower()
    best = int(np.argmax(power))
    return _known(1.0 / float(frequency[best])), _known(float(power[best]))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
