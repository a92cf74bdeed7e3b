"""Matches the sources and predictions of a batch of visits: from the detector of each object to the rows of results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from ssdb.association.assign import assign
from ssdb.association.derive import derive
from ssdb.association.evidence import unrelated_shares, visibility, weigh
from ssdb.association.placement import NO_DETECTOR, Placement, place, settled
from ssdb.association.refine import ranks, refine
from ssdb.association.stages import Stage
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.equal_rows import begins
from ssdb.sky.frames import ecliptic_rotation
from ssdb.units import Array, Columns, Index, Integers, Mask


@dataclass(frozen=True, slots=True)
class Matches:
    """The results of a batch, as columns of the tables; NaN and NO_DETECTOR are unknown."""

    expected: Columns
    """SsExpected; ``diaSourceId`` is to be used where ``seen`` is true only, ``detector`` where ``placed`` is."""
    candidates: Columns
    """SsCandidate."""
    ss_source: Columns
    """SSSource, with ``designation`` as ASCII bytes."""


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
    density, visible, unrelated = None, None, None
    if config.mode == "uncertainty":
        with timed("densities") as stage:
            visible = visibility(batch, placement, config)
            unrelated = unrelated_shares(batch, placement, visible.p_detected)
            density = rows.densities(batch, config) * unrelated
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
    weight, evidence = found.weight, {"logOdds": found.log_odds}
    if near is not None and visible is not None and unrelated is not None:
        with timed("weigh") as stage:
            stage.rows += len(prediction)
            of_candidates = (prediction, source, source_key, found, near[found.pair])
            evidence, visible = weigh(batch, placement, visible, unrelated, *of_candidates, config)
            weight = evidence["logOdds"]
    with timed("assign") as stage:
        stage.rows += len(prediction)
        rank = ranks(prediction, found.separation)
        chosen = assign(prediction, source_key, found.separation, weight, config.method)
        if config.min_probability:
            chosen &= evidence["probability"] >= config.min_probability
    placement = settled(batch, placement, prediction[chosen], detector[chosen])
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
        "rank": rank,
        "chosen": chosen,
        **evidence,
    }
    expected = _expected(batch, placement, prediction, chosen, source["diaSourceId"])
    expected |= visible.columns() if visible is not None else {}
    of_detectors = placement.considered & wanted[placement.row]
    return Matches(
        {name: values[of_detectors] for name, values in expected.items()},
        {name: values[stored] for name, values in candidates.items()},
        ss_source,
    )


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
