"""Weighs candidates by all that is known of object and source: the parts of the log odds of uncertainty mode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssdb.association.artefacts import artefact_odds, found_by_reliability, probabilities_real, reliabilities
from ssdb.association.crowding import Neighbours
from ssdb.association.photometry import (
    Brightness,
    detection_probabilities,
    expected_magnitudes,
    known_by_magnitude,
    magnitude_odds,
    real_shares,
    scattered,
    source_magnitudes,
    trailing_loss,
    unrelated,
)
from ssdb.association.placement import NO_DETECTOR, Placement
from ssdb.association.posterior import probabilities
from ssdb.association.refine import Candidates
from ssdb.association.trails import FRAGMENTS, fragment_densities, trail_odds
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.schema.source_counts import RESOLVED_ARCSEC
from ssdb.units import Array, Columns, Index, Integers

PARTS = ("oddsPosition", "oddsDetection", "oddsMagnitude", "oddsTrail", "oddsArtefact")
"""Their sum is logOdds."""

_BRIGHT = 0.9
"""Of the completeness: objects with a probability above are bright."""
_BRIGHT_OBJECTS = 20.0
"""So many have to be expected in a visit to say as much about its completeness as the configuration does."""


class Visibility(NamedTuple):
    """How bright the predicted objects of a batch should be in their visits' bands, shape (p,)."""

    seen: Brightness
    p_detected: Array
    """Probability that the object is among the sources."""

    def columns(self) -> Columns:
        """Those of SsExpected."""
        return {"ephMag": self.seen.magnitude, "pDetected": self.p_detected}


def visibility(batch: VisitBatch, placement: Placement, config: AssociationConfig) -> Visibility:
    """How bright objects should be, and how likely they are detected if the configuration knows the completeness."""
    visit = batch.visit_index(batch.predictions["visit"])
    # One on no outline may be on any detector: the first of the visit, if there is one, stands for all.
    of_visits = np.append(batch.detectors["visit"], -1)
    first = np.searchsorted(of_visits[:-1], batch.predictions["visit"])
    first[of_visits[first] != batch.predictions["visit"]] = NO_DETECTOR
    detector = np.where(placement.row == NO_DETECTOR, first, placement.row)
    seen = _brightness(batch, batch.predictions, visit, detector, batch.exposures["band"][visit])
    return Visibility(seen, detection_probabilities(seen, config.completeness, config.prior_detected))


def unrelated_shares(batch: VisitBatch, placement: Placement, p_detected: Array) -> Array:
    """Of the sources of each detector the share that is no known object, shape (d,); 1 without an outline.

    At least a tenth: objects may be fainter than they are predicted.
    """
    inside = np.flatnonzero((placement.edge_distance >= 0) & placement.considered)
    known = np.bincount(placement.row[inside], p_detected[inside], minlength=len(batch.outlines))
    return 1.0 - np.minimum(known / np.maximum(batch.detectors["nSources"], 1), 0.9)


def weigh(
    batch: VisitBatch,
    placement: Placement,
    visible: Visibility,
    prediction: Index,
    sources: Columns,
    source_key: Integers,
    found: Candidates,
    density: Array,
    config: AssociationConfig,
) -> tuple[Columns, Visibility]:
    """What speaks for and against each candidate, shape (n,): columns of SsCandidate. And what is visible in the end.

    How complete a visit is follows from how many of its bright objects are found with the configuration's completeness;
    then all is weighed once more.

    Parameters
    ----------
    batch, placement, visible : VisitBatch, Placement, Visibility
    prediction : ndarray of int, shape (n,)
        Index of each candidate's object in the batch.
    sources : mapping of str to ndarray, shape (n,)
        The columns that :func:`ssdb.association.pairs.source_columns` names, and visit.
    source_key : ndarray of int, shape (n,)
        Tells the sources apart, from 0.
    found : Candidates
        How far they are.
    density : ndarray, shape (n,)
        Unrelated sources per square arcsecond.

    Returns
    -------
    columns : dict
        :data:`PARTS`; logOdds, their sum: the log of the odds that the source is the object rather than an unrelated
        one (or part of another object's trail); probability; density, with what the neighbours say; pDetected, ephMag,
        magnitude (AB), trail (arcsec), NaN where unknown.
    visible : Visibility
    """
    row = batch.detector_index(sources["visit"], sources["detector"])
    of_object = {name: values[prediction] for name, values in batch.predictions.items()}
    visit = batch.visit_index(sources["visit"])
    seen = _brightness(batch, of_object, visit, row, sources["band"])
    p_detected = detection_probabilities(seen, config.completeness, config.prior_detected)
    magnitude, error = source_magnitudes(sources)
    trail = of_object["trail"]
    counts, n_sources = batch.counts, batch.detectors["nSources"]
    # One more of each kind: a few sources do not exclude what they have none of.
    share_flagged = (np.clip(counts.n_flagged, 0, n_sources) + 0.5) / (n_sources + 1.0)
    share_trailed = (np.clip(counts.n_trailed, 0, n_sources) + 0.5) / (n_sources + 1.0)
    share_trailed[~counts.known] = np.nan
    motion = np.degrees(np.arctan2(of_object["ephRateRa"], of_object["ephRateDec"]))
    measured, angle = (sources[name].astype(float) for name in ("trailLength", "trailAngle"))

    # The ellipse in which candidates are looked for; log_odds has its determinant.
    area = 0.5 * config.chi2_limit * np.exp(-found.log_odds - 0.5 * found.chi2) / density
    around = Neighbours(prediction, sources, area)
    fragments = np.zeros(len(row))
    if (long := trail >= RESOLVED_ARCSEC).any():
        own = np.where(long, FRAGMENTS * p_detected * density * np.exp(found.log_odds), 0.0)
        fragments = fragment_densities(source_key, own)
    inside = np.flatnonzero(placement.considered & (placement.edge_distance >= 0))
    of_known = visible.seen.at(inside), visible.p_detected[inside], placement.row[inside]
    known_here = known_by_magnitude(len(n_sources), *of_known)
    by_magnitude = unrelated(counts.by_magnitude, known_here)
    share_rated = np.minimum(counts.by_reliability.sum(axis=1) / np.maximum(n_sources, 1), 1.0)
    of_detectors = counts.by_magnitude, known_here, counts.scores_by_magnitude, share_rated
    reliability = sources["reliability"].astype(float)
    n_visits = len(batch.visits)
    on_visit = batch.visit_index(batch.detectors["visit"])
    rated = np.zeros((n_visits, counts.by_reliability.shape[1]), np.int64)
    np.add.at(rated, on_visit, counts.by_reliability)
    n_known = np.bincount(on_visit[placement.row[inside]], visible.p_detected[inside], n_visits)
    known = np.minimum(n_known / np.maximum(np.bincount(on_visit, n_sources, n_visits), 1), 0.9)
    columns = {
        "ephMag": seen.magnitude,
        "magnitude": magnitude,
        "trail": trail,
        "oddsTrail": trail_odds(trail, motion, measured, angle, share_trailed[row]),
    }

    def decided(seen: Brightness, complete: float | Array, unknown: float | Array, found_rated: Array) -> Columns:
        p_detected = detection_probabilities(seen, complete, unknown)
        of_visits = reliabilities(rated, found_rated, known)
        share, score, of_artefacts = (
            values[on_visit] for values in (of_visits.share, of_visits.score, of_visits.score_of_artefacts)
        )
        share_real = real_shares(*of_detectors, share, score, of_artefacts, magnitude, row)
        real, mean = probabilities_real(reliability, of_visits, visit), of_visits.share[visit]
        crowd = around.crowding(1.0 - real, (1.0 - mean) * density)
        around_here = density * (share_real + (1.0 - share_real) * crowd) + fragments
        decided = columns | {
            "density": around_here,
            "pDetected": p_detected,
            "oddsMagnitude": magnitude_odds(seen, magnitude, error, by_magnitude, row),
            "oddsPosition": found.log_odds - np.log(around_here / density),
            "oddsDetection": np.log(p_detected / (1.0 - p_detected)),
            "oddsArtefact": artefact_odds(sources["flagged"], real, mean, share_real, crowd, share_flagged[row]),
        }
        decided["logOdds"] = np.sum([decided[part] for part in PARTS], axis=0)
        return decided | {"probability": probabilities(prediction, source_key, decided["logOdds"])}

    as_configured = config.completeness, config.prior_detected
    probability = decided(seen, *as_configured, np.zeros(rated.shape))["probability"]
    factor = scattered(seen, magnitude, error, probability, visit, n_visits)
    complete = _completeness(batch, placement, visible, prediction, probability, config)
    of_predictions = batch.visit_index(batch.predictions["visit"])
    seen = seen._replace(scatter=seen.scatter * factor[visit])
    all_seen = visible.seen._replace(scatter=visible.seen.scatter * factor[of_predictions])
    p_known = detection_probabilities(all_seen, complete[of_predictions], np.nan)
    unknown = _detected_unknown(batch, placement, p_known, config)
    found_rated = found_by_reliability(reliability, visit, probability, n_visits)
    columns = decided(seen, complete[visit], unknown[visit], found_rated)
    return columns, visible._replace(p_detected=np.where(np.isnan(p_known), unknown[of_predictions], p_known))


def _detected_unknown(batch: VisitBatch, placement: Placement, p_detected: Array, config: AssociationConfig) -> Array:
    """The probability that an object of unknown magnitude is detected, by visit, shape (v,): as that of the others."""
    expected = placement.considered & ~(placement.edge_distance < 0) & ~np.isnan(p_detected)
    visit = batch.visit_index(batch.predictions["visit"])[expected]
    n_visits = len(batch.visits)
    n, detected = np.bincount(visit, minlength=n_visits), np.bincount(visit, p_detected[expected], n_visits)
    return (detected + _BRIGHT_OBJECTS * config.prior_detected) / (n + _BRIGHT_OBJECTS)


def _completeness(
    batch: VisitBatch,
    placement: Placement,
    visible: Visibility,
    prediction: Index,
    probability: Array,
    config: AssociationConfig,
) -> Array:
    """The share of bright objects that is found in each visit, shape (v,), by what the candidates' probabilities say.

    A few objects change little of what the configuration says.
    """
    expected = placement.considered & ~(placement.edge_distance < 0)
    bright = expected & ~np.isnan(visible.seen.depth - visible.seen.magnitude)
    bright &= visible.p_detected > _BRIGHT * config.completeness
    found = np.bincount(prediction, probability, minlength=len(bright))
    visit = batch.visit_index(batch.predictions["visit"])[bright]
    n_visits = len(batch.visits)
    n_bright = np.bincount(visit, minlength=n_visits)
    n_found = np.bincount(visit, np.minimum(found[bright], 1.0), minlength=n_visits)
    return (n_found + _BRIGHT_OBJECTS * config.completeness) / (n_bright + _BRIGHT_OBJECTS)


def _brightness(batch: VisitBatch, of_object: Columns, visit: Index, row: Index, band: np.ndarray) -> Brightness:
    """How bright objects should be: their columns, the visit and detector of each, and the band (bytes), shape (n,).

    Where a band is unknown it is the visit's; the depth is what the survey gave for the visit, or else the detector's,
    unknown for NO_DETECTOR.
    """
    of_visit = batch.exposures["band"][visit]
    magnitude, scatter = expected_magnitudes(of_object["ephVmag"], np.where(band == b"", of_visit, band))
    given = batch.exposures["depth"][visit]
    depth = np.where(np.isnan(given), np.append(batch.counts.limit, np.nan)[row], given)
    return Brightness(magnitude, scatter, depth, trailing_loss(of_object["trail"]))
