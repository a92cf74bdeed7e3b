"""Matches the sources and predictions of a batch of visits: from the detector of each object to the rows of results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.association.assign import assign
from ssdb.association.derive import derive
from ssdb.association.evidence import PARTS, brightness, weigh
from ssdb.association.photometry import detection_probabilities
from ssdb.association.posterior import probabilities
from ssdb.association.refine import largest_days, ranks, refine, search_radii
from ssdb.association.stages import Stage
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.equal_rows import begins
from ssdb.errors import AssociationError, shown
from ssdb.sky.edges import deepest, edge_distances, points_in_caps
from ssdb.sky.frames import ecliptic_rotation
from ssdb.units import Array, Columns, Index, Integers, Mask

NO_DETECTOR = -1
"""Index of the detector of an object that is on no footprint."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each prediction of a batch falls, shape (p,)."""

    row: Index
    """Index of the detector; NO_DETECTOR: none that has a footprint."""
    edge_distance: Array
    """Distance to its edge (arcsec), positive inside; NaN without footprint."""
    considered: Mask
    """Whether the object is matched at all."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The results of a batch, as columns of the tables; NaN and NO_DETECTOR are unknown."""

    expected: Columns
    """SsExpected; ``diaSourceId`` is to be used where ``seen`` is true only, ``detector`` where ``placed`` is."""
    candidates: Columns
    """SsCandidate."""
    ss_source: Columns
    """SSSource, with ``designation`` as ASCII bytes."""


def place(batch: VisitBatch, config: AssociationConfig, detectors: Collection[int] | None = None) -> Placement:
    """Which detector each object falls on; with ``detectors`` only objects on these are considered.

    Without footprints an object is on no detector and is considered all the same. With them it is considered if it is
    on one, its padding included, or if some detector with sources has none, on which it may be.
    """
    predictions = batch.predictions
    detector, prediction, distance = _near(batch, config)
    # Chosen without regard to search radii, which depend on sources: what is loaded for one detector is not to take
    # an object from another one.
    possible = distance >= -_whole_pixels(np.inf, batch.detectors["pixelScale"][detector], config)
    detector, prediction, distance = detector[possible], prediction[possible], distance[possible]
    padding = _padding(batch, detector, prediction, config)
    row, edge_distance = deepest(detector, prediction, distance, padding, len(predictions["visit"]))
    # On a detector, or perhaps on one of which is not known where it is.
    considered = (row != NO_DETECTOR) | _has_bare_detectors(batch)[batch.visit_index(predictions["visit"])]
    if detectors is not None:
        wanted = np.isin(batch.detectors["detector"], list(detectors))
        _check_footprints(batch, wanted)
        considered &= (row != NO_DETECTOR) & wanted[row]
    return Placement(row, edge_distance, considered)


def _has_bare_detectors(batch: VisitBatch) -> Mask:
    """Whether a visit has detectors with sources but no footprint, or no footprint at all, shape (v,)."""
    of_visit = batch.visit_index(batch.detectors["visit"])
    has_footprint = batch.has_footprint
    bare = np.ones(len(batch.visits), bool)
    bare[of_visit[has_footprint]] = False
    bare[of_visit[~has_footprint & (batch.detectors["nSources"] > 0)]] = True
    return bare


def _check_footprints(batch: VisitBatch, wanted: Mask) -> None:
    """Raises AssociationError where detectors that were asked for are not there or have no footprint."""
    for visit in batch.visits:
        rows = (batch.detectors["visit"] == visit) & wanted
        if not rows.any():
            raise AssociationError(f"visit {visit} has no such detector")
        missing = rows & ~batch.has_footprint
        if missing.any():
            which = shown(batch.detectors["detector"][missing])
            raise AssociationError(
                f"visit {visit}: detector {which} has no footprint, so that it cannot be associated alone: ingest its "
                "corners, or associate the whole visit"
            )


def _near(batch: VisitBatch, config: AssociationConfig) -> tuple[Index, Index, Array]:
    """Pairs of a detector with a footprint and a prediction of its visit near it, and the distance to its edge.

    Near is as far as the widest padding of the visit: where an object is in the padding of one detector, all that
    are nearer to it are to be compared.
    """
    predictions, footprints = batch.predictions, np.flatnonzero(batch.has_footprint)
    of_visit = batch.visit_index(predictions["visit"])
    largest = search_radii(
        predictions,
        config,
        batch.largest_variances[of_visit],
        largest_days(batch.earliest[of_visit], batch.latest[of_visit], predictions["midpointMjdTai"]),
    )
    caps = np.stack([batch.detectors[name] for name in ("capRa", "capDec", "capRadius")], axis=-1)
    detectors, found, distances = [np.empty(0, np.intp)], [np.empty(0, np.intp)], [np.empty(0)]
    visits, first, count = np.unique(batch.detectors["visit"][footprints], return_index=True, return_counts=True)
    for visit, start, n in zip(visits, first, count, strict=True):
        rows = footprints[start : start + n]
        begin, end = (np.searchsorted(predictions["visit"], visit, side) for side in ("left", "right"))
        widest = _whole_pixels(largest[begin:end].max(initial=0.0), batch.detectors["pixelScale"][rows], config)
        ra, dec = (predictions[name][begin:end] for name in ("ephRa", "ephDec"))
        cap, point = points_in_caps(caps[rows], ra, dec, widest.max())
        detectors.append(rows[cap])
        found.append(begin + point)
        distances.append(edge_distances(batch.outlines.take(rows), caps[rows], cap, ra[point], dec[point]))
    return np.concatenate(detectors), np.concatenate(found), np.concatenate(distances)


def _padding(batch: VisitBatch, detector: Index, prediction: Index, config: AssociationConfig) -> Array:
    """How far outside a detector an object still belongs to it, arcsec, for pairs of the two, shape (n,).

    The search radius for the detector's own sources: what is known of others changes nothing on this one.
    """
    of_detector = {name: batch.detectors[name][detector] for name in ("earliest", "latest", "variance")}
    predictions = {name: values[prediction] for name, values in batch.predictions.items()}
    days = largest_days(of_detector["earliest"], of_detector["latest"], predictions["midpointMjdTai"])
    radii = search_radii(predictions, config, np.nan_to_num(of_detector["variance"]), days)
    return _whole_pixels(radii, batch.detectors["pixelScale"][detector], config)


def _whole_pixels(radii: ArrayLike, pixel_scale: NDArray[Any], config: AssociationConfig) -> Array:
    """Search radii (arcsec) in whole pixels, at most ``max_pixel_margin``; as they are where the scale is unknown."""
    pixels = np.minimum(config.max_pixel_margin, np.ceil(radii / pixel_scale)) * pixel_scale
    return np.where(np.isnan(pixel_scale), radii, pixels)


@dataclass(frozen=True, slots=True)
class Rows:
    """What gives the rows of a batch of visits, wherever they are: in a database, or in arrays."""

    pairs: Callable[[VisitBatch, Mask, AssociationConfig], Columns]
    """Those that may belong together, of the predictions that are marked: :mod:`ssdb.association.pairs`."""
    densities: Callable[[VisitBatch, AssociationConfig], Array]
    """Sources per square arcsecond around each detector; for uncertainty mode."""
    ephemerides: Callable[[VisitBatch, Index], Columns]
    """What SSSource needs of some predictions, by their index, beside what the visits have of them."""


def match(
    batch: VisitBatch,
    rows: Rows,
    config: AssociationConfig,
    detectors: Collection[int] | None,
    timed: Callable[[str], AbstractContextManager[Stage]],
) -> Matches:
    """Matches the sources and predictions of visits, or of some of their detectors; ``timed`` times a stage by name.

    AssociationError if the visits cannot be associated.
    """
    ecliptic_rotation(config.ecliptic)  # here, or its imports would be time of a stage
    predictions = batch.predictions
    with timed("footprints") as stage:
        placement = place(batch, config, detectors)
        stage.rows += len(placement.row)
    with timed("join") as stage:
        pairs = rows.pairs(batch, placement.considered, config)
        stage.rows += len(pairs["prediction"])
    density = None
    if config.mode == "uncertainty":
        with timed("densities") as stage:
            density = rows.densities(batch, config)
            stage.rows += len(density)
    with timed("refine") as stage:
        stage.rows += len(pairs["prediction"])
        detector = batch.detector_index(pairs["visit"], pairs["detector"])
        # An object is matched on its own detector; one that is on no footprint, where there are none.
        on = placement.row[pairs["prediction"]]
        possible = np.where(on == NO_DETECTOR, ~batch.has_footprint[detector], on == detector)
        possible &= placement.considered[pairs["prediction"]]
        kept = np.flatnonzero(possible)
        pairs = {name: values[kept] for name, values in pairs.items()}
        near = None if density is None else density[detector[kept]]
        if near is not None:
            pairs["trail"] = predictions["trail"][pairs["prediction"]]
        found = refine(predictions, pairs, config, near)
        prediction = pairs["prediction"][found.pair]
        source = {name: values[found.pair] for name, values in pairs.items()}
        source_key = pair_codes(source["visit"], source["diaSourceId"])
    weight, evidence = found.weight, {}
    if near is not None:
        with timed("weigh") as stage:
            stage.rows += len(prediction)
            evidence = weigh(batch, prediction, source, source_key, found, near[found.pair], config)
            weight = np.sum([evidence[part] for part in PARTS], axis=0)
            evidence["probability"] = probabilities(prediction, source_key, weight)
    with timed("assign") as stage:
        stage.rows += len(prediction)
        rank = ranks(prediction, found.separation)
        chosen = assign(prediction, source_key, found.separation, weight, config.method)
        if config.min_probability:
            chosen &= evidence["probability"] >= config.min_probability
    matched = prediction[chosen]
    with timed("read"):
        of_matched = {name: values[matched] for name, values in predictions.items()}
        of_matched |= rows.ephemerides(batch, matched)
    with timed("derive") as stage:
        stage.rows += len(matched)
        best = {name: values[chosen] for name, values in source.items()} | {"diaDistanceRank": rank[chosen]}
        ss_source = derive(of_matched, np.arange(len(matched)), best, config)
        ss_source["designation"] = of_matched["designation"]
    candidates = {
        "visit": source["visit"],
        "ssObjectId": source["ssObjectId"],
        "diaSourceId": source["diaSourceId"],
        "separation": found.separation,
        "chi2": found.chi2,
        "logOdds": weight if evidence else found.log_odds,
        "rank": rank,
        "chosen": chosen,
        **evidence,
    }
    expected = _expected(batch, placement, prediction, chosen, source["diaSourceId"])
    if evidence:
        expected |= _visibility(batch, placement, config)
    return Matches(expected, candidates, ss_source)


def _visibility(batch: VisitBatch, placement: Placement, config: AssociationConfig) -> Columns:
    """How bright the objects that are considered should be in the visit's band, and how likely they are detected."""
    rows = np.flatnonzero(placement.considered)
    of_object = {name: values[rows] for name, values in batch.predictions.items()}
    visit = batch.visit_index(of_object["visit"])
    # One on no outline is, by its place among them, on any detector of the visit: the first with sources.
    first = np.searchsorted(batch.detectors["visit"], of_object["visit"])
    detector = np.where(placement.row[rows] == NO_DETECTOR, first, placement.row[rows])
    seen = brightness(batch, of_object, visit, detector, batch.exposures["band"][visit])
    return {
        "ephMag": seen.magnitude,
        "pDetected": detection_probabilities(seen, config.completeness, config.prior_detected),
    }


def _expected(batch: VisitBatch, placement: Placement, prediction: Index, chosen: Mask, source_id: Integers) -> Columns:
    n = len(placement.row)
    dia_source_id, seen = np.zeros(n, np.int64), np.zeros(n, bool)
    dia_source_id[prediction[chosen]] = source_id[chosen]
    seen[prediction[chosen]] = True
    detector_numbers = np.append(batch.detectors["detector"], 0)  # index NO_DETECTOR: not to be used
    columns = {
        "visit": batch.predictions["visit"],
        "ssObjectId": batch.predictions["ssObjectId"],
        "detector": detector_numbers[placement.row],
        "placed": placement.row != NO_DETECTOR,
        "detectorRow": placement.row,
        "edgeDistance": placement.edge_distance,
        "diaSourceId": dia_source_id,
        "seen": seen,
        "nCandidates": np.bincount(prediction, minlength=n),
    }
    return {name: values[placement.considered] for name, values in columns.items()}


def pair_codes(first: Integers, second: Integers) -> Integers:
    """One number for each pair of numbers, in the order of the pairs."""
    order = np.lexsort((second, first))
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(begins(first[order], second[order])) - 1
    return codes
