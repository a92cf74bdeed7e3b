"""Weighs candidates by all that is known of object and source: the parts of the log odds of uncertainty mode."""

from __future__ import annotations

import numpy as np

from ssdb.association.crowding import crowding
from ssdb.association.photometry import (
    Brightness,
    detection_probabilities,
    expected_magnitudes,
    magnitude_odds,
    source_magnitudes,
    trailing_loss,
)
from ssdb.association.refine import Candidates
from ssdb.association.trails import FRAGMENTS, fragment_densities, trail_odds
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.schema.source_counts import RESOLVED_ARCSEC
from ssdb.units import Array, Columns, Index, Integers

PARTS = ("oddsPosition", "oddsDetection", "oddsMagnitude", "oddsTrail", "oddsArtefact")
"""Their sum is logOdds."""

_FLAGGED = 0.03
"""The share of real objects' sources that have a flag of artefacts, at most: they cross a bad column now and then."""
_LEAST_RELIABILITY = 0.01


def weigh(
    batch: VisitBatch,
    prediction: Index,
    sources: Columns,
    source_key: Integers,
    found: Candidates,
    density: Array,
    config: AssociationConfig,
) -> Columns:
    """What speaks for and against each candidate, shape (n,): columns of SsCandidate.

    ``prediction`` is the index of each candidate's object in the batch, ``sources`` the columns that
    :func:`ssdb.association.pairs.source_columns` names, ``source_key`` tells these apart, ``found`` is its distance,
    ``density`` the number of sources per square arcsecond round it. Gives :data:`PARTS`, whose sum is logOdds: the log
    of the odds that the source is the object rather than an unrelated one (or part of another object's trail);
    density, which has that part; pDetected, ephMag, magnitude (AB), trail (arcsec), NaN where unknown.
    """
    row = batch.detector_index(sources["visit"], sources["detector"])
    of_object = {name: values[prediction] for name, values in batch.predictions.items()}
    exposure = batch.visit_index(sources["visit"])
    seen = brightness(batch, of_object, exposure, row, sources["band"])
    p_detected = detection_probabilities(seen, config.completeness, config.prior_detected)
    magnitude, error = source_magnitudes(sources)
    trail = of_object["trail"]
    counts, n_sources = batch.counts, batch.detectors["nSources"]
    # One more of each kind: a few sources do not exclude what they have none of.
    share_flagged = (counts.n_flagged + 0.5) / (n_sources + 1.0)
    share_trailed = (counts.n_trailed + 0.5) / (n_sources + 1.0)
    motion = np.degrees(np.arctan2(of_object["ephRateRa"], of_object["ephRateDec"]))
    measured, angle = (sources[name].astype(float) for name in ("trailLength", "trailAngle"))

    # The ellipse in which candidates are looked for; log_odds has its determinant.
    area = 0.5 * config.chi2_limit * np.exp(-found.log_odds - 0.5 * found.chi2) / density
    unrelated = density * crowding(prediction, sources, density, area)
    if (long := trail >= RESOLVED_ARCSEC).any():
        own = np.where(long, FRAGMENTS * p_detected * density * np.exp(found.log_odds), 0.0)
        unrelated = unrelated + fragment_densities(source_key, own)
    return {
        "density": unrelated,
        "pDetected": p_detected,
        "ephMag": seen.magnitude,
        "magnitude": magnitude,
        "trail": trail,
        "oddsPosition": found.log_odds - np.log(unrelated / density),
        "oddsDetection": np.log(p_detected / (1.0 - p_detected)),
        "oddsMagnitude": magnitude_odds(seen, magnitude, error, counts.by_magnitude, row),
        "oddsTrail": trail_odds(trail, motion, measured, angle, share_trailed[row]),
        "oddsArtefact": _artefact_odds(sources, counts.reliability[row], share_flagged[row]),
    }


def brightness(batch: VisitBatch, of_object: Columns, exposure: Index, row: Index, band: np.ndarray) -> Brightness:
    """How bright objects should be: their columns, the visit and detector of each, and the band (bytes), shape (n,).

    The detector is NO_DETECTOR (-1) where the visit has none. Where a band is unknown it is the visit's; the depth is
    what the survey gave for the visit, or else the detector's.
    """
    of_visit = batch.exposures["band"][exposure]
    magnitude, scatter = expected_magnitudes(of_object["ephVmag"], np.where(band == b"", of_visit, band))
    given = batch.exposures["depth"][exposure]
    depth = np.where(np.isnan(given), np.append(batch.counts.depth, np.nan)[row], given)
    return Brightness(magnitude, scatter, depth, trailing_loss(of_object["trail"]))


def _artefact_odds(sources: Columns, mean_reliability: Array, share_flagged: Array) -> Array:
    """Log of how much likelier flags and reliability are for an object than for any source of the detector, (n,).

    Taken for the probability of being real, a reliability r is r / mean as frequent among real sources as among all.
    """
    flagged = np.minimum(_FLAGGED, share_flagged)
    flags = np.where(sources["flagged"], flagged / share_flagged, (1.0 - flagged) / (1.0 - share_flagged))
    reliability = np.maximum(sources["reliability"].astype(float), _LEAST_RELIABILITY)
    rated = np.log(reliability / np.maximum(mean_reliability, _LEAST_RELIABILITY))
    return np.log(flags) + np.where(np.isnan(rated), 0.0, rated)
