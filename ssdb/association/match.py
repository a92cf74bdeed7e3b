"""From candidate pairs to results: footprints, refine, assign, derive for a batch of exposures."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdb.association.assign import assign
from ssdb.association.derive import derive
from ssdb.association.exposures import Columns, Exposures
from ssdb.association.refine import ranks, refine, search_radii
from ssdb.association.stages import Stage
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError, shown
from ssdb.sky.footprint import locate

NO_DETECTOR = -1
"""Index of the detector of an object that is on no footprint."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each prediction of a batch falls, shape (p,).

    Attributes
    ----------
    row : ndarray of int
        Index of the detector; NO_DETECTOR: none that has a footprint.
    edge_distance : ndarray
        Distance to its edge (arcsec), positive inside; NaN without footprint.
    considered : ndarray of bool
        Whether the object is matched at all.
    """

    row: NDArray[np.intp]
    edge_distance: NDArray[np.float64]
    considered: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Matches:
    """The results of a batch, as columns of the tables; NaN and NO_DETECTOR are unknown.

    Attributes
    ----------
    expected : dict of columns
        SsExpected; ``diaSourceId`` is to be used where ``seen`` is true only, ``detector`` where ``placed`` is.
    candidates : dict of columns
        SsCandidate.
    ss_source : dict of columns
        SSSource, with ``designation`` as ASCII bytes.
    """

    expected: Columns
    candidates: Columns
    ss_source: Columns


def place(exposures: Exposures, config: AssociationConfig, detectors: Collection[int] | None = None) -> Placement:
    """Which detector each object falls on.

    Parameters
    ----------
    exposures : Exposures
    config : AssociationConfig
    detectors : collection of int, optional
        Only objects on these detectors are considered.

    Returns
    -------
    Placement
        Without footprints an object is on no detector and is considered all the same. With them it is considered if
        it is on one, its padding included, or if some detector with sources has none, on which it may be.
    """
    n = len(exposures.predictions["visit"])
    row, edge_distance = np.full(n, NO_DETECTOR, np.intp), np.full(n, np.nan)
    considered = np.ones(n, bool)
    radii = _padding_radii(exposures, config)
    has_footprint = exposures.has_footprint
    for visit in np.unique(exposures.detectors["visit"][has_footprint]):
        of_visit = exposures.detectors["visit"] == visit
        footprints = np.flatnonzero(of_visit & has_footprint)
        first, last = (np.searchsorted(exposures.predictions["visit"], visit, side) for side in ("left", "right"))
        padding = _padding(radii[first:last], exposures.detectors["pixelScale"][footprints], config)
        caps = np.stack([exposures.detectors[name][footprints] for name in ("capRa", "capDec", "capRadius")], axis=-1)
        ra, dec = (exposures.predictions[name][first:last] for name in ("ephRa", "ephDec"))
        outlines = [exposures.outlines[index] for index in footprints]
        index, edge_distance[first:last] = locate([o for o in outlines if o is not None], caps, ra, dec, padding)
        row[first:last] = np.where(index >= 0, footprints[index], NO_DETECTOR)
        elsewhere = of_visit & ~has_footprint & (exposures.detectors["nSources"] > 0)
        considered[first:last] = (index >= 0) | elsewhere.any()
    if detectors is not None:
        wanted = np.isin(exposures.detectors["detector"], list(detectors))
        _check_footprints(exposures, wanted)
        considered &= (row != NO_DETECTOR) & wanted[row]
    return Placement(row, edge_distance, considered)


def _check_footprints(exposures: Exposures, wanted: NDArray[np.bool_]) -> None:
    """Raises AssociationError where detectors that were asked for are not there or have no footprint."""
    for visit in exposures.visits:
        rows = (exposures.detectors["visit"] == visit) & wanted
        if not rows.any():
            raise AssociationError(f"visit {visit} has no such detector")
        missing = rows & ~exposures.has_footprint
        if missing.any():
            which = shown(exposures.detectors["detector"][missing])
            raise AssociationError(
                f"visit {visit}: detector {which} has no footprint, so that it cannot be associated alone: ingest its "
                "corners, or associate the whole visit"
            )


def _padding_radii(exposures: Exposures, config: AssociationConfig) -> NDArray[np.float64]:
    """Search radius of each prediction, arcsec."""
    predictions = exposures.predictions
    index = exposures.visit_index(predictions["visit"])
    time = predictions["midpointMjdTai"]
    days = np.fmax(np.abs(exposures.earliest[index] - time), np.abs(exposures.latest[index] - time))
    return search_radii(predictions, config, exposures.largest_variances[index], np.nan_to_num(days))


def _padding(radii: NDArray[Any], pixel_scale: NDArray[Any], config: AssociationConfig) -> NDArray[np.float64]:
    """How far outside each detector (d) each object (m) still belongs to it, arcsec, shape (d, m).

    Whole pixels, at most ``max_pixel_margin``; where the size of a pixel is not known, the search radius itself.
    """
    scale = pixel_scale[:, None]
    pixels = np.minimum(config.max_pixel_margin, np.ceil(radii / scale)) * scale
    return np.where(np.isnan(scale), radii, pixels)


def match(
    exposures: Exposures,
    placement: Placement,
    pairs: Columns,
    density: NDArray[np.float64] | None,
    config: AssociationConfig,
    timed: Callable[[str], AbstractContextManager[Stage]],
) -> Matches:
    """Refines, assigns and derives.

    Parameters
    ----------
    exposures : Exposures
    placement : Placement
        Where its predictions fall.
    pairs : dict of columns
        Of :func:`ssdb.association.exposures.read_candidate_pairs`.
    density : ndarray, shape (d,), optional
        Sources per square arcsecond around each detector; for uncertainty mode.
    config : AssociationConfig
    timed : callable
        Times a stage by its name.

    Returns
    -------
    Matches
    """
    predictions = exposures.predictions
    with timed("refine") as stage:
        stage.rows += len(pairs["prediction"])
        detector = exposures.detector_index(pairs["visit"], pairs["detector"])
        # An object is matched on its own detector; one that is on no footprint, where there are none.
        on = placement.row[pairs["prediction"]]
        possible = np.where(on == NO_DETECTOR, ~exposures.has_footprint[detector], on == detector)
        possible &= placement.considered[pairs["prediction"]]
        kept = np.flatnonzero(possible)
        pairs = {name: values[kept] for name, values in pairs.items()}
        found = refine(predictions, pairs, config, None if density is None else density[detector[kept]])
        prediction = pairs["prediction"][found.pair]
        source = {name: values[found.pair] for name, values in pairs.items()}
    with timed("assign") as stage:
        stage.rows += len(prediction)
        rank = ranks(prediction, found.separation)
        source_key = _codes(source["visit"], source["diaSourceId"])
        chosen = assign(prediction, source_key, found.separation, found.weight, config.method)
    with timed("derive") as stage:
        stage.rows += int(chosen.sum())
        best = {name: values[chosen] for name, values in source.items()} | {"diaDistanceRank": rank[chosen]}
        ss_source = derive(predictions, prediction[chosen], best, config)
        ss_source["designation"] = predictions["designation"][prediction[chosen]]
    candidates = {
        "visit": source["visit"],
        "ssObjectId": source["ssObjectId"],
        "diaSourceId": source["diaSourceId"],
        "separation": found.separation,
        "chi2": found.chi2,
        "logOdds": found.log_odds,
        "rank": rank,
        "chosen": chosen,
    }
    expected = _expected(exposures, placement, prediction, chosen, source["diaSourceId"])
    return Matches(expected, candidates, ss_source)


def _expected(
    exposures: Exposures,
    placement: Placement,
    prediction: NDArray[np.intp],
    chosen: NDArray[np.bool_],
    source_id: NDArray[np.int64],
) -> Columns:
    n = len(placement.row)
    dia_source_id, seen = np.zeros(n, np.int64), np.zeros(n, bool)
    dia_source_id[prediction[chosen]] = source_id[chosen]
    seen[prediction[chosen]] = True
    detector_numbers = np.append(exposures.detectors["detector"], 0)  # index NO_DETECTOR: not to be used
    columns = {
        "visit": exposures.predictions["visit"],
        "ssObjectId": exposures.predictions["ssObjectId"],
        "detector": detector_numbers[placement.row],
        "placed": placement.row != NO_DETECTOR,
        "detectorRow": placement.row,
        "edgeDistance": placement.edge_distance,
        "diaSourceId": dia_source_id,
        "seen": seen,
        "nCandidates": np.bincount(prediction, minlength=n),
    }
    return {name: values[placement.considered] for name, values in columns.items()}


def _codes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each pair of numbers, in the order of the pairs."""
    order = np.lexsort((second, first))
    new = np.ones(len(order), bool)
    new[1:] = (first[order][1:] != first[order][:-1]) | (second[order][1:] != second[order][:-1])
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(new) - 1
    return codes
