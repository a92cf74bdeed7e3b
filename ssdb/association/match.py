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
    """Which detector each object falls on; with ``detectors`` in fixed mode only objects on these are considered.

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
        if config.mode == "fixed":
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
    caps = _caps(batch)
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
    """Search radii (arcsec) in whole pixels; as they are where the scale is unknown.

    In fixed mode at most ``max_pixel_margin``. In uncertainty mode an object may be as far outside as its ellipse says.
    """
    most = config.max_pixel_margin if config.mode == "fixed" else np.inf
    pixels = np.minimum(most, np.ceil(radii / pixel_scale)) * pixel_scale
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
    density, visibility = None, {}
    if config.mode == "uncertainty":
        with timed("densities") as stage:
            visibility = _visibility(batch, placement, config)
            density = rows.densities(batch, config) * _unrelated_shares(batch, placement, visibility["pDetected"])
            stage.rows += len(density)
    with timed("refine") as stage:
        stage.rows += len(pairs["prediction"])
        detector = batch.detector_index(pairs["visit"], pairs["detector"])
        possible = placement.considered[pairs["prediction"]]
        if config.mode == "fixed":
            # An object is matched on its own detector; one that is on no footprint, where there are none. In
            # uncertainty mode its ellipse may cover several.
            on = placement.row[pairs["prediction"]]
            possible &= np.where(on == NO_DETECTOR, ~batch.has_footprint[detector], on == detector)
        kept = np.flatnonzero(possible)
        pairs = {name: values[kept] for name, values in pairs.items()}
        near = None if density is None else density[detector[kept]]
        if near is not None:
            pairs["trail"] = predictions["trail"][pairs["prediction"]]
        found = refine(predictions, pairs, config, near)
        prediction, detector = pairs["prediction"][found.pair], detector[kept[found.pair]]
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
    placement = _settled(batch, placement, prediction[chosen], detector[chosen])
    wanted = np.ones(len(batch.outlines) + 1, bool)  # index NO_DETECTOR is the last
    if detectors is not None:
        wanted = np.append(np.isin(batch.detectors["detector"], list(detectors)), False)
    # Of one that is matched on another detector, this one's candidates are stored all the same.
    stored = np.flatnonzero(wanted[placement.row[prediction]] | wanted[detector])
    chosen &= wanted[detector]
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
    expected = _expected(batch, placement, prediction, chosen, source["diaSourceId"]) | visibility
    of_detectors = placement.considered & wanted[placement.row]
    return Matches(
        {name: values[of_detectors] for name, values in expected.items()},
        {name: values[stored] for name, values in candidates.items()},
        ss_source,
    )


def _settled(batch: VisitBatch, placement: Placement, matched: Index, detector: Index) -> Placement:
    """The placement after objects were matched: those on the detectors, with a footprint, of their sources."""
    moved = np.flatnonzero((detector != placement.row[matched]) & batch.has_footprint[detector])
    if not len(moved):
        return placement
    objects, detector = matched[moved], detector[moved]
    ra, dec = (batch.predictions[name][objects] for name in ("ephRa", "ephDec"))
    caps = _caps(batch)[detector]
    distances = edge_distances(batch.outlines.take(detector), caps, np.arange(len(objects)), ra, dec)
    row, edge_distance = placement.row.copy(), placement.edge_distance.copy()
    row[objects], edge_distance[objects] = detector, distances
    return Placement(row, edge_distance, placement.considered)


def _caps(batch: VisitBatch) -> Array:
    """capRa, capDec, capRadius of the detectors, shape (d, 3)."""
    return np.stack([batch.detectors[name] for name in ("capRa", "capDec", "capRadius")], axis=-1)


def _visibility(batch: VisitBatch, placement: Placement, config: AssociationConfig) -> Columns:
    """How bright objects should be in the visit's band, and how likely they are detected, shape (p,)."""
    visit = batch.visit_index(batch.predictions["visit"])
    # One on no outline may be on any detector: the first of the visit stands for all.
    first = np.searchsorted(batch.detectors["visit"], batch.predictions["visit"])
    first[~np.isin(batch.predictions["visit"], batch.detectors["visit"])] = NO_DETECTOR
    detector = np.where(placement.row == NO_DETECTOR, first, placement.row)
    seen = brightness(batch, batch.predictions, visit, detector, batch.exposures["band"][visit])
    return {
        "ephMag": seen.magnitude,
        "pDetected": detection_probabilities(seen, config.completeness, config.prior_detected),
    }


def _unrelated_shares(batch: VisitBatch, placement: Placement, p_detected: Array) -> Array:
    """Of the sources of each detector the share that is no known object, shape (d,); 1 without an outline.

    At least a tenth: objects may be fainter than they are predicted.
    """
    inside = np.flatnonzero((placement.edge_distance >= 0) & placement.considered)
    known = np.bincount(placement.row[inside], p_detected[inside], minlength=len(batch.outlines))
    return 1.0 - np.minimum(known / np.maximum(batch.detectors["nSources"], 1), 0.9)


def _expected(batch: VisitBatch, placement: Placement, prediction: Index, chosen: Mask, source_id: Integers) -> Columns:
    n = len(placement.row)
    dia_source_id, seen = np.zeros(n, np.int64), np.zeros(n, bool)
    dia_source_id[prediction[chosen]] = source_id[chosen]
    seen[prediction[chosen]] = True
    detector_numbers = np.append(batch.detectors["detector"], 0)  # index NO_DETECTOR: not to be used
    return {
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


def pair_codes(first: Integers, second: Integers) -> Integers:
    """One number for each pair of numbers, in the order of the pairs."""
    order = np.lexsort((second, first))
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(begins(first[order], second[order])) - 1
    return codes
