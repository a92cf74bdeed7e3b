"""What association needs to know of a batch of exposures, read from the database into arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS, AssociationConfig
from ssdb.errors import AssociationError
from ssdb.schema.dia import dia_source
from ssdb.schema.survey import ss_prediction, visit_detector
from ssdb.sky.footprint import Outlines, outline_areas, unpack_outlines
from ssdb.sky.sphere import cap_area, smallest_cap
from ssdb.store.plans import index_loops
from ssdb.store.read import read_arrays
from ssdb.store.resources import sql_text

Columns = dict[str, NDArray[Any]]

ARCSEC_PER_DEG = 3600.0

_PAIR_COLUMNS = (
    dia_source.c.visit,
    ss_prediction.c.ssObjectId,
    *(dia_source.c[name] for name in ("diaSourceId", "detector", "midpointMjdTai", "ra", "dec")),
    *(dia_source.c[name] for name in ("raErr", "decErr", "ra_dec_Cov")),
)
"""What the candidate statements select, in their order and with the types of the tables."""


# Multiplied as doubles: in single precision the square of a tiny error is an underflow, which PostgreSQL refuses.
_ERRORS = [sa.func.coalesce(sa.cast(dia_source.c[name], sa.Double), 0.0) for name in ("raErr", "decErr")]
_LARGEST_VARIANCE = sa.func.max(_ERRORS[0] * _ERRORS[0] + _ERRORS[1] * _ERRORS[1])
"""An upper bound of the larger eigenvalue of the covariance of any source; only uncertainty mode needs it."""


@dataclass(frozen=True, slots=True)
class Exposures:
    """A batch of exposures. Every column is a numpy array; NaN is unknown.

    Attributes
    ----------
    visits : ndarray of int64, shape (v,)
        Ascending.
    predictions : dict of columns, shape (p,)
        SsPrediction, by (visit, ssObjectId) ascending.
    detectors : dict of columns, shape (d,)
        visit, detector (ascending), nSources, capRa, capDec, capRadius (deg), pixelScale (arcsec), variance: the
        largest variance of a source's position (arcsec^2); earliest, latest: times of the first and last source
        (MJD TAI), NaN without sources.
    outlines : Outlines
        Of the d detectors; without vertices where there is no footprint.
    """

    visits: NDArray[np.int64]
    predictions: Columns
    detectors: Columns
    outlines: Outlines

    def visit_index(self, visit: NDArray[np.int64]) -> NDArray[np.intp]:
        """Where visits stand in the batch."""
        return np.searchsorted(self.visits, visit)

    def prediction_index(self, visit: NDArray[np.int64], object_id: NDArray[np.int64]) -> NDArray[np.intp]:
        """Where the predictions of objects (of the batch) for visits stand."""
        objects, code = np.unique(self.predictions["ssObjectId"], return_inverse=True)
        # One ascending key for (visit, ssObjectId): both are replaced by their places, so that it fits in 64 bits.
        key = self.visit_index(self.predictions["visit"]) * len(objects) + code
        return np.searchsorted(key, self.visit_index(visit) * len(objects) + np.searchsorted(objects, object_id))

    def detector_index(self, visit: NDArray[np.int64], detector: NDArray[Any]) -> NDArray[np.intp]:
        """Where the rows of detectors (of the batch) stand."""
        # Detectors are 16-bit numbers, positive or not.
        key = self.visit_index(self.detectors["visit"]) * 65536 + self.detectors["detector"].astype(np.int64)
        return np.searchsorted(key, self.visit_index(visit) * 65536 + np.asarray(detector, np.int64))

    @property
    def largest_variances(self) -> NDArray[np.float64]:
        """The largest variance of a source's position in each exposure, arcsec^2, shape (v,); 0 without sources."""
        variances = np.zeros(len(self.visits))
        np.fmax.at(variances, self.visit_index(self.detectors["visit"]), self.detectors["variance"])
        return variances

    @property
    def earliest(self) -> NDArray[np.float64]:
        """Time of the first source of each exposure, MJD TAI, shape (v,); NaN without sources."""
        times = np.full(len(self.visits), np.nan)
        np.fmin.at(times, self.visit_index(self.detectors["visit"]), self.detectors["earliest"])
        return times

    @property
    def latest(self) -> NDArray[np.float64]:
        """Time of the last source of each exposure, MJD TAI, shape (v,); NaN without sources."""
        times = np.full(len(self.visits), np.nan)
        np.fmax.at(times, self.visit_index(self.detectors["visit"]), self.detectors["latest"])
        return times

    @property
    def has_footprint(self) -> NDArray[np.bool_]:
        """Which detectors have a footprint, shape (d,)."""
        return self.outlines.counts > 0


def read_exposures(connection: sa.Connection, visits: Sequence[int], config: AssociationConfig) -> Exposures:
    """Reads what is known of exposures.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection that has locked the visits.
    visits : sequence of int
        Ascending.
    config : AssociationConfig

    Raises
    ------
    AssociationError
        If the times of sources and predictions of a visit are too far apart.
    """
    names = [column for column in ss_prediction.columns if column.name != "provider"]
    predictions = read_arrays(
        connection,
        sa.select(*names)
        .where(ss_prediction.c.visit.in_(visits))
        .order_by(ss_prediction.c.visit, ss_prediction.c.ssObjectId),
    )
    batch = np.array(visits, np.int64)
    exposures = Exposures(batch, predictions, *_read_detectors(connection, visits, config))
    _check_times(exposures)
    return exposures


def _read_detectors(
    connection: sa.Connection, visits: Sequence[int], config: AssociationConfig
) -> tuple[Columns, Outlines]:
    """Detectors of visits, and their outlines."""
    source = dia_source.c
    largest = _LARGEST_VARIANCE if config.mode == "uncertainty" else sa.literal(0.0)
    sources = (
        sa.select(
            source.visit,
            source.detector,
            sa.func.count().label("n"),
            sa.func.min(source.midpointMjdTai).label("earliest"),
            sa.func.max(source.midpointMjdTai).label("latest"),
            largest.label("variance"),
        )
        .where(source.visit.in_(visits))
        .group_by(source.visit, source.detector)
        .subquery()
    )
    detector = visit_detector.c
    same = (detector.visit == sources.c.visit) & (detector.detector == sources.c.detector)
    columns = read_arrays(
        connection,
        sa.select(
            detector.visit,
            detector.detector,
            detector.capRa,
            detector.capDec,
            detector.capRadius,
            detector.pixelScale,
            sa.cast(sa.func.coalesce(sources.c.n, 0), sa.BigInteger).label("nSources"),
            sa.type_coerce(sources.c.variance * ARCSEC_PER_DEG**2, sa.Double).label("variance"),
            sa.type_coerce(sources.c.earliest, sa.Double).label("earliest"),
            sa.type_coerce(sources.c.latest, sa.Double).label("latest"),
        )
        .outerjoin_from(visit_detector, sources, same)
        .where(detector.visit.in_(visits))
        .order_by(detector.visit, detector.detector),
    )
    packed = connection.scalars(
        sa.select(detector.footprint).where(detector.visit.in_(visits)).order_by(detector.visit, detector.detector)
    )
    return columns, unpack_outlines(packed.all())


def _check_times(exposures: Exposures) -> None:
    index = exposures.visit_index(exposures.predictions["visit"])
    late = exposures.latest[index] - exposures.predictions["midpointMjdTai"]
    early = exposures.predictions["midpointMjdTai"] - exposures.earliest[index]
    difference = np.fmax(np.abs(late), np.abs(early))
    wrong = np.flatnonzero(difference > MAX_TIME_DIFFERENCE_DAYS)
    if len(wrong):
        visit = exposures.predictions["visit"][wrong[0]]
        raise AssociationError(
            f"visit {visit}: times of sources and of predictions differ by up to {np.nanmax(difference):.4g} d; "
            f"at most {MAX_TIME_DIFFERENCE_DAYS} d are possible: are both MJD in TAI, and of this exposure?"
        )


def read_candidate_pairs(connection: sa.Connection, exposures: Exposures, config: AssociationConfig) -> Columns:
    """The box join: pairs of a prediction and a source that may belong together, never too few.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        The connection that read the exposures, in the same transaction.
    exposures : Exposures
    config : AssociationConfig

    Returns
    -------
    dict of columns, shape (n,)
        visit, ssObjectId, diaSourceId, detector, midpointMjdTai, ra, dec, raErr, decErr, ra_dec_Cov; and prediction:
        the index into the predictions. By (visit, ssObjectId, diaSourceId) ascending.
    """
    added = exposures.largest_variances + config.floor_arcsec**2
    search = (exposures.visits, exposures.earliest, exposures.latest, added)
    known = np.isfinite(search[1])
    visits, earliest, latest, variances = (values[known].tolist() for values in search)
    parameters: dict[str, Any] = {
        "search": json.dumps(list(zip(visits, earliest, latest, variances, strict=True))),
        "default_sigma": config.default_sigma_arcsec,
    }
    if config.mode == "fixed":
        parameters |= {"base": config.radius_arcsec**2, "factor": 0.0, "largest": config.radius_arcsec}
    else:
        parameters |= {"base": 0.0, "factor": config.chi2_limit, "largest": config.max_radius_arcsec}
    with index_loops(connection):
        pairs = read_arrays(connection, _candidates(connection.dialect.name), parameters)
    pairs["prediction"] = exposures.prediction_index(pairs["visit"], pairs["ssObjectId"])
    return pairs


@cache
def _candidates(dialect: str) -> sa.TextualSelect:
    statement = sa.text(sql_text(f"candidates.{dialect}.sql"))
    return statement.columns(*(sa.column(column.name, column.type) for column in _PAIR_COLUMNS))


def source_densities(connection: sa.Connection, exposures: Exposures, config: AssociationConfig) -> NDArray[np.float64]:
    """Sources per square arcsecond around each detector.

    On a detector with a footprint, those on it over its area. Without one, those of all such detectors of the visit
    over the smallest cap that holds them, which is taken to be no smaller than the largest search radius: a single
    source says little about how many there are.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    exposures : Exposures
    config : AssociationConfig

    Returns
    -------
    ndarray, shape (d,)
        NaN where there are no sources.
    """
    detectors, has_footprint = exposures.detectors, exposures.has_footprint
    density = np.full(len(has_footprint), np.nan)
    known = np.flatnonzero(has_footprint)
    density[known] = detectors["nSources"][known] / outline_areas(exposures.outlines.take(known))
    for visit in np.unique(detectors["visit"][~has_footprint & (detectors["nSources"] > 0)]):
        rows = np.flatnonzero((detectors["visit"] == visit) & ~has_footprint)
        source = dia_source.c
        inside = (source.visit == int(visit)) & source.detector.in_(detectors["detector"][rows].tolist())
        sources = read_arrays(connection, sa.select(source.ra, source.dec).where(inside).order_by(source.diaSourceId))
        radius = max(smallest_cap(sources["ra"], sources["dec"])[1], config.max_radius_arcsec / ARCSEC_PER_DEG)
        density[rows] = len(sources["ra"]) / cap_area(radius)
    return density
