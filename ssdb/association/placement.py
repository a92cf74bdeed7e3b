"""Tells on which detector each object of a batch of visits falls, and which objects are matched at all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.association.refine import largest_days, search_radii
from ssdb.association.visit_batch import VisitBatch
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError, shown
from ssdb.sky.edges import deepest, edge_distances, points_in_caps
from ssdb.units import Array, Index, Mask

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
    if detectors is not None and config.mode == "fixed":
        considered &= (row != NO_DETECTOR) & np.isin(batch.detectors["detector"], list(detectors))[row]
    return Placement(row, edge_distance, considered)


def _has_bare_detectors(batch: VisitBatch) -> Mask:
    """Whether a visit has detectors with sources but no footprint, or no footprint at all, shape (v,)."""
    of_visit = batch.visit_index(batch.detectors["visit"])
    has_footprint = batch.has_footprint
    bare = np.ones(len(batch.visits), bool)
    bare[of_visit[has_footprint]] = False
    bare[of_visit[~has_footprint & (batch.detectors["nSources"] > 0)]] = True
    return bare


def check_detectors(batch: VisitBatch, detectors: Collection[int]) -> None:
    """Raises AssociationError where detectors that were asked for are not there or have no footprint."""
    for visit in batch.visits:
        of_visit = batch.detectors["visit"] == visit
        if absent := sorted({*detectors} - {*batch.detectors["detector"][of_visit].tolist()}):
            raise AssociationError(f"visit {visit} has no such detector: {shown(absent)}")
        missing = of_visit & np.isin(batch.detectors["detector"], list(detectors)) & ~batch.has_footprint
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


def settled(batch: VisitBatch, placement: Placement, matched: Index, detector: Index) -> Placement:
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
