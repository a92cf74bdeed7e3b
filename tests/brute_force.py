"""What association must give, by plain loops over all pairs and all assignments: slow, and without ssdb's own code."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import brute_evidence
import numpy as np
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import norm

from ssdb.config import AssociationConfig

Row = dict[str, Any]
ARCSEC = math.radians(1 / 3600)


@dataclass
class Reference:
    """What must be stored, objects by designation.

    expected: (visit, object) to (detector, edgeDistance, source or None, nCandidates); candidates: (visit, object,
    source) to (separation, chi2, logOdds, rank, chosen); weights: (visit, object, source) to what is maximised;
    counts: visit to (nSources, nTotal, nAssociated); detector_counts: the same by (visit, detector). In uncertainty
    mode evidence: (visit, object, source) to further columns of SsCandidate; visibility: (visit, object) to (ephMag,
    pDetected).
    """

    expected: dict[tuple, tuple] = field(default_factory=dict)
    candidates: dict[tuple, tuple] = field(default_factory=dict)
    weights: dict[tuple, float] = field(default_factory=dict)
    counts: dict[int, tuple] = field(default_factory=dict)
    detector_counts: dict[tuple, tuple] = field(default_factory=dict)
    evidence: dict[tuple, Row] = field(default_factory=dict)
    visibility: dict[tuple, tuple] = field(default_factory=dict)


def unit(ra: float, dec: float) -> np.ndarray:
    """The unit vector of a position in degrees."""
    lon, lat = math.radians(ra), math.radians(dec)
    return np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])


def separation(a: np.ndarray, b: np.ndarray) -> float:
    """The angle between two unit vectors, arcsec."""
    return math.atan2(np.linalg.norm(np.cross(a, b)), a @ b) / ARCSEC


def moved(prediction: Row, mjd: float) -> np.ndarray:
    """Where an object is predicted at a time, as a unit vector: turned about the pole of its great circle."""
    start = unit(prediction["ephRa"], prediction["ephDec"])
    rate_ra, rate_dec = prediction.get("ephRateRa"), prediction.get("ephRateDec")
    if rate_ra is None or rate_dec is None or not (rate_ra or rate_dec):
        return start
    lon = math.radians(prediction["ephRa"])
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    velocity = np.radians(rate_ra * east + rate_dec * np.cross(start, east))
    angle = np.linalg.norm(velocity) * (mjd - prediction["midpointMjdTai"])
    return math.cos(angle) * start + math.sin(angle) * velocity / np.linalg.norm(velocity)


def offset(centre: np.ndarray, point: np.ndarray) -> np.ndarray:
    """East and north of a point in the plane that touches the sky at a centre, arcsec."""
    east = np.cross([0.0, 0.0, 1.0], centre)
    east /= np.linalg.norm(east)
    north = np.cross(centre, east)
    return np.array([point @ east, point @ north]) / (point @ centre) / ARCSEC


def covariance(prediction: Row, source: Row, config: AssociationConfig) -> np.ndarray:
    """C of prediction, source and floor in (east, north), arcsec^2."""
    major = prediction.get("ephErrMajor") or config.default_sigma_arcsec
    minor, angle = prediction.get("ephErrMinor"), prediction.get("ephErrPa")
    if not prediction.get("ephErrMajor") or not minor or angle is None:
        minor, angle = major, 0.0
    along = np.array([math.sin(math.radians(angle)), math.cos(math.radians(angle))])
    across = np.array([along[1], -along[0]])
    total = major**2 * np.outer(along, along) + minor**2 * np.outer(across, across)
    ra_err, dec_err, both = (source.get(name) or 0.0 for name in ("raErr", "decErr", "ra_dec_Cov"))
    total += 3600**2 * np.array([[ra_err**2, both], [both, dec_err**2]])
    trail = brute_evidence.trail_length(prediction, prediction.get("exposureTime"))
    if trail:
        motion = np.array([prediction["ephRateRa"], prediction["ephRateDec"]])
        motion /= np.linalg.norm(motion)
        total += brute_evidence.along_variance(trail, source.get("trailLength")) * np.outer(motion, motion)
    return total + config.floor_arcsec**2 * np.eye(2)


def edge_distance(outline: list[np.ndarray], point: np.ndarray) -> float:
    """Distance of a point to the edge of a small convex polygon of unit vectors, positive inside, arcsec."""
    nearest, sides = math.inf, []
    for start, end in pairwise([*outline, outline[0]]):
        pole = np.cross(start, end - start)
        pole /= np.linalg.norm(pole)
        sides.append(point @ pole)
        foot = point - (point @ pole) * pole
        between = (np.cross(start, foot) @ pole) > 0 and (np.cross(foot, end) @ pole) > 0
        ends = min(separation(point, start), separation(point, end))
        nearest = min(nearest, math.asin(abs(point @ pole)) / ARCSEC if between else ends)
    inside = all(side > 0 for side in sides) or all(side < 0 for side in sides)
    return nearest if inside else -nearest


def area(outline: list[np.ndarray]) -> float:
    """Area of a small polygon of unit vectors: the shoelace formula in the plane, arcsec^2."""
    centre = np.sum(outline, axis=0)
    points = [offset(centre / np.linalg.norm(centre), vertex) for vertex in outline]
    return abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in pairwise([*points, points[0]]))) / 2


def smallest_circle(points: list[np.ndarray]) -> float:
    """Radius of the smallest circle round points within arcminutes, arcsec: every pair and triple is tried."""
    flat = [offset(points[0], point) for point in points]
    circles = [(a + b) / 2 for a, b in combinations(flat, 2)] or [flat[0]]
    for a, b, c in combinations(flat, 3):
        rows = 2 * np.array([b - a, c - a])
        if abs(np.linalg.det(rows)) > 1e-12:
            circles.append(np.linalg.solve(rows, [b @ b - a @ a, c @ c - a @ a]))
    return min(max(math.dist(centre, point) for point in flat) for centre in circles)


def field_area(points: list[np.ndarray]) -> float | None:
    """Area of the convex field of points within arcminutes, arcsec^2: their hull, whose edges have all on one side.

    None where that is nothing, or where all are corners.
    """
    flat = [offset(points[0], point) for point in points]
    edges = []
    for a, b in combinations(flat, 2):
        sides = [(b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) for c in flat]
        if all(side > -1e-9 for side in sides):
            edges.append((a, b))
        elif all(side < 1e-9 for side in sides):
            edges.append((b, a))
    hull = sum(a[0] * b[1] - a[1] * b[0] for a, b in edges) / 2
    return hull / (1 - len(edges) / len(flat)) if hull > 1e-6 and len(edges) < len(flat) else None


def associate(survey: Any, config: AssociationConfig) -> Reference:
    """What must be stored for a survey (of :mod:`small_surveys`)."""
    reference = Reference()
    for visit in survey.ids:
        _associate_visit(survey, visit, config, reference)
    return reference


def _associate_visit(survey: Any, visit: int, config: AssociationConfig, reference: Reference) -> None:
    exposure = next(row for row in survey.visits if row["visit"] == visit)
    known = {"midpointMjdTai": exposure["midpointMjdTai"]}
    of_object = known | {"exposureTime": exposure.get("exposureTime")}
    predictions = {row["designation"]: of_object | row for row in survey.predictions if row["visit"] == visit}
    sources = {row["diaSourceId"]: known | row for row in survey.sources if row["visit"] == visit}
    outlines: dict[int, list[np.ndarray]] = defaultdict(list)
    scales: dict[int, float | None] = {}
    for row in sorted((row for row in survey.corners if row["visit"] == visit), key=lambda row: row["corner"]):
        outlines[row["detector"]].append(unit(row["ra"], row["dec"]))
        scales[row["detector"]] = row.get("pixelScale")
    bare = {row["detector"] for row in sources.values()} - set(outlines)

    on: dict[str, tuple[int | None, float | None]] = {}
    for name, prediction in predictions.items():
        where = unit(prediction["ephRa"], prediction["ephDec"])
        possible = []
        for detector, outline in outlines.items():
            reach = search_radius(prediction, [s for s in sources.values() if s["detector"] == detector], config)
            distance, scale = edge_distance(outline, where), scales[detector]
            bounded = scale is not None and config.mode == "fixed"
            widest = config.max_pixel_margin * scale if bounded else math.inf
            padding = reach if scale is None else min(widest, math.ceil(reach / scale) * scale)
            if distance >= -widest:
                possible.append((distance, detector, padding))
        distance, detector, padding = max(possible, default=(-math.inf, None, 0.0))
        if distance >= -padding:
            on[name] = (detector, distance)
        elif bare or not outlines:
            on[name] = (None, None)

    found: dict[tuple[str, int], tuple[float, float, float]] = {}
    for name, (detector, _) in on.items():
        for identifier, source in sources.items():
            here = source["detector"] in bare if detector is None else source["detector"] == detector
            if here or config.mode == "uncertainty":
                pair = _pair(predictions[name], source, config)
                if pair is not None:
                    found[name, identifier] = pair
    distances = {pair: values[0] for pair, values in found.items()}
    log_odds: dict[tuple[str, int], float] = {}
    weights = {pair: 1 - (distance / config.radius_arcsec) ** 2 for pair, distance in distances.items()}
    if config.mode == "uncertainty":
        evidence = _evidence(exposure, predictions, sources, outlines, on, found, config, reference)
        reference.evidence |= {(visit, *pair): row for pair, row in evidence.items()}
        weights = log_odds = {pair: row["logOdds"] for pair, row in evidence.items()}
    chosen = closest_first(distances, weights) if config.method == "greedy" else best(weights)
    if config.min_probability:
        chosen = {pair for pair in chosen if evidence[pair]["probability"] >= config.min_probability}

    for (name, identifier), (distance, chi2, _) in found.items():
        rank = 1 + sum(d < distance for (other, _), d in distances.items() if other == name)
        pair = name, identifier
        chi2_or_none = None if config.mode == "fixed" else chi2
        values = (distance, chi2_or_none, log_odds.get(pair), rank, pair in chosen)
        reference.candidates[visit, name, identifier] = values
        reference.weights[visit, name, identifier] = weights[pair]
    seen = dict(chosen)
    for name, identifier in chosen:
        detector = sources[identifier]["detector"]
        if detector in outlines and detector != on[name][0]:
            where = unit(predictions[name]["ephRa"], predictions[name]["ephDec"])
            on[name] = (detector, edge_distance(outlines[detector], where))
    for name, (detector, distance) in on.items():
        n = sum(other == name for other, _ in found)
        reference.expected[visit, name] = (detector, distance, seen.get(name), n)
    counted = [name for name, (_, distance) in on.items() if name in seen or distance is None or distance >= 0]
    reference.counts[visit] = (len(sources), len(counted), len(seen))
    for detector in bare | set(outlines):
        n = sum(row["detector"] == detector for row in sources.values())
        objects = (None, None)
        if detector in outlines:
            objects = (sum(on[name][0] == detector for name in counted), sum(on[name][0] == detector for name in seen))
        reference.detector_counts[visit, detector] = (n, *objects)


def search_radius(prediction: Row, sources: list[Row], config: AssociationConfig) -> float:
    """How far from a prediction one of these sources can be its object, arcsec."""
    days = max((abs(row["midpointMjdTai"] - prediction["midpointMjdTai"]) for row in sources), default=0.0)
    rates = prediction.get("ephRateRa"), prediction.get("ephRateDec")
    motion = 0.0 if None in rates else math.hypot(*rates) * days * 3600  # type: ignore[arg-type]
    if config.mode == "fixed":
        return config.radius_arcsec + motion + 1e-6
    major = prediction.get("ephErrMajor") or config.default_sigma_arcsec
    variance = max((((s.get("raErr") or 0) ** 2 + (s.get("decErr") or 0) ** 2) * 3600**2 for s in sources), default=0)
    trail = brute_evidence.trail_length(prediction, prediction.get("exposureTime"))
    variance += brute_evidence.along_variance(trail, None)
    reach = math.sqrt(limit(config) * (major**2 + config.floor_arcsec**2 + variance))
    return min(config.max_radius_arcsec, reach) + motion + 1e-6


def limit(config: AssociationConfig) -> float:
    """The chi-square that is passed as often as +-n sigma in one dimension."""
    return float(chi2_distribution.isf(2 * norm.sf(config.n_sigma), 2))


def _pair(prediction: Row, source: Row, config: AssociationConfig) -> tuple[float, float, float] | None:
    """Separation, chi2 and det C (nothing in fixed mode); None if the two cannot belong together."""
    where = unit(source["ra"], source["dec"])
    centre = moved(prediction, source["midpointMjdTai"])
    distance = separation(centre, where)
    if config.mode == "fixed":
        return (distance, 0.0, 0.0) if distance <= config.radius_arcsec else None
    total, delta = covariance(prediction, source, config), offset(centre, where)
    chi2 = float(delta @ np.linalg.inv(total) @ delta)
    if chi2 > limit(config) or distance > config.max_radius_arcsec:
        return None
    return distance, chi2, float(np.linalg.det(total))


def _evidence(
    exposure: Row,
    predictions: dict[str, Row],
    sources: dict[int, Row],
    outlines: dict[int, list[np.ndarray]],
    on: dict[str, tuple[int | None, float | None]],
    found: dict[tuple[str, int], tuple[float, float, float]],
    config: AssociationConfig,
    reference: Reference,
) -> dict[tuple[str, int], Row]:
    """Further columns of SsCandidate; notes those of SsExpected."""
    of_detector: dict[int, list[Row]] = {detector: [] for detector in outlines}
    for source in sources.values():
        of_detector.setdefault(source["detector"], []).append(source)
    known: dict[int, float] = defaultdict(float)
    places: dict[str, list[Row]] = {}
    bright: list[str] = []
    here: list[tuple[str, list[Row], int | None]] = []
    for name, (detector, distance) in on.items():
        # One that is on no outline may be on any detector: the first stands for all.
        where = detector if detector is not None else min(of_detector, default=None)
        beside = [] if where is None else of_detector[where]
        places[name] = beside
        _, p_detected, is_bright = brute_evidence.visibility(predictions[name], exposure, beside, config)
        if distance is None or distance >= 0:
            bright += [name] if is_bright else []
            here.append((name, beside, detector if distance is not None else None))
        if detector is not None and distance is not None and distance >= 0:
            known[detector] += p_detected
    densities = {}
    for pair in found:
        detector = sources[pair[1]]["detector"]
        if detector in outlines:
            n = len(of_detector[detector])
            # What is no known object, at least a tenth.
            densities[pair] = n * (1 - min(known[detector] / n, 0.9)) / area(outlines[detector])
        else:
            others = [unit(row["ra"], row["dec"]) for row in sources.values() if row["detector"] not in outlines]
            field = field_area(others) or math.pi * smallest_circle(others) ** 2
            densities[pair] = len(others) / max(field, math.pi * config.max_radius_arcsec**2)

    def apart(a: Row, b: Row) -> float:
        return separation(unit(a["ra"], a["dec"]), unit(b["ra"], b["dec"]))

    errors = {pair: values[1:] for pair, values in found.items()}
    more = (errors, densities, apart, config, limit(config), bright, here)
    rows, *visible = brute_evidence.evidence(exposure, predictions, sources, *more)
    for name, beside in places.items():
        seen = brute_evidence.visibility(predictions[name], exposure, beside, config, *visible)
        reference.visibility[exposure["visit"], name] = seen[:2]
    return rows


def best(weights: dict[tuple[str, int], float]) -> set[tuple[str, int]]:
    """The one-to-one pairs with the largest sum of weights: all assignments are tried."""
    objects = sorted({name for name, _ in weights})
    sources = sorted({identifier for _, identifier in weights})

    @cache
    def from_object(index: int, used: int) -> tuple[float, tuple[tuple[str, int], ...]]:
        if index == len(objects):
            return 0.0, ()
        answers = [from_object(index + 1, used)]
        for place, identifier in enumerate(sources):
            weight = weights.get((objects[index], identifier), 0.0)
            if weight > 0 and not used >> place & 1:
                total, pairs = from_object(index + 1, used | 1 << place)
                answers.append((total + weight, (*pairs, (objects[index], identifier))))
        return max(answers)

    return set(from_object(0, 0)[1])


def closest_first(
    distances: dict[tuple[str, int], float], weights: dict[tuple[str, int], float]
) -> set[tuple[str, int]]:
    """The one-to-one pairs, each the closest that is left."""
    chosen: set[tuple[str, int]] = set()
    for _, pair in sorted((distance, pair) for pair, distance in distances.items()):
        free = all(pair[0] != name and pair[1] != identifier for name, identifier in chosen)
        if weights[pair] > 0 and free:
            chosen.add(pair)
    return chosen
