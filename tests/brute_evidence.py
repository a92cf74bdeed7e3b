"""What brightness, trails, flags and neighbours must say of candidates: by plain loops, without ssdb's own code."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

Row = dict[str, Any]
Pair = tuple[str, int]

COLOURS = {"u": -1.85, "g": -0.35, "r": 0.22, "i": 0.38, "z": 0.4, "y": 0.4, "w": 0.12, "o": 0.3, "c": -0.07, "v": 0.0}
"""V - band."""
FLAGS = [
    *("isNegative", "isDipole", "glint_trail", "centroid_flag", "pixelFlags_bad", "pixelFlags_cr", "pixelFlags_edge"),
    *("pixelFlags_nodata", "pixelFlags_offimage", "pixelFlags_saturated", "pixelFlags_streak"),
]
LIMIT_WIDTH, NOISE = 0.1, 0.2
DEPTH_WIDTH = math.hypot(LIMIT_WIDTH, NOISE)
PARTS = ("oddsPosition", "oddsDetection", "oddsMagnitude", "oddsTrail", "oddsArtefact")


def normal_cdf(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def normal_pdf(x: float, sigma: float) -> float:
    return math.exp(-((x / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))


def magnitude(flux: float | None) -> float | None:
    """AB, of nJy."""
    return 31.4 - 2.5 * math.log10(flux) if flux is not None and flux > 0 else None


# ---- detectors -------------------------------------------------------------------------------------------------------


def counts(sources: list[Row]) -> list[int]:
    """The 50 numbers of VisitDetector.sourceCounts."""
    numbers = [0] * 50
    for source in sources:
        flux, error = source.get("psfFlux"), source.get("psfFluxErr")
        if (mag := magnitude(flux)) is not None:
            numbers[min(max(math.floor((mag - 14) / 0.5), 0), 27)] += 1
        if flux is not None and error is not None and abs(flux) < 10 * error:
            numbers[28] += 1
            numbers[29] += round(1000 * magnitude(5 * error))  # type: ignore[operator]
        if flux is not None and error is not None and flux > 0 and error > 0:
            numbers[34 + min(max(math.floor(20 * math.log10(flux / error / 2)), 0), 15)] += 1
        numbers[30] += any(source.get(flag) for flag in FLAGS)
        numbers[31] += (source.get("trailLength") or 0) >= 2
        if source.get("reliability") is not None:
            numbers[32] += 1
            numbers[33] += round(1000 * source["reliability"])
    return numbers


def measured_depth(sources: list[Row]) -> float | None:
    """AB magnitude of 5 sigma: the mean over the faint sources."""
    numbers = counts(sources)
    return numbers[29] / numbers[28] / 1000 if numbers[28] else None


def found_limit(sources: list[Row]) -> float | None:
    """AB magnitude at the threshold: as far below the quantile of 2.5 % of the ratios as that of 5 % is above."""
    depth, ratios = measured_depth(sources), counts(sources)[34:]
    if depth is None or sum(ratios) < 20:
        return depth
    low, high = (quantile(ratios, share * sum(ratios)) for share in (0.025, 0.05))
    return depth - 2.5 * math.log10(2 * 10 ** (0.05 * (2 * low - high)) / 5)


def quantile(counted: list[int], wanted: float) -> float:
    """Where in bins so many are below."""
    below = 0
    for place, n in enumerate(counted):
        if below + n >= wanted:
            return place + (wanted - below) / n
        below += n
    raise AssertionError


# ---- brightness ------------------------------------------------------------------------------------------------------


def expected_magnitude(prediction: Row, band: str | None) -> tuple[float | None, float]:
    """AB magnitude in a band and its scatter."""
    letter = (band or "").strip().lower()[-1:]
    v = prediction.get("ephVmag")
    return (None if v is None else v - COLOURS.get(letter, 0.2)), 0.27 if letter in COLOURS else 0.4


def trail_length(prediction: Row, exposure_time: float | None) -> float:
    rates = prediction.get("ephRateRa"), prediction.get("ephRateDec")
    return 0.0 if None in (*rates, exposure_time) else math.hypot(*rates) / 24 * exposure_time  # type: ignore


def loss(trail: float) -> float:
    return 1.25 * math.log10(1 + 0.42 * trail**2)


def share_above(expected: float, scatter: float, trail: float, depth: float) -> float:
    """Of objects that are expected to be so bright those that are found."""
    above = depth - expected - loss(trail)
    return sum(w * normal_cdf(above / math.hypot(s, DEPTH_WIDTH)) for w, s in ((0.95, scatter), (0.05, 1.2)))


def detection(
    expected: float | None,
    scatter: float,
    trail: float,
    depth: float | None,
    config: Any,
    complete: float | None = None,
    unknown: float | None = None,
) -> float:
    """The probability that an object is among the sources."""
    if expected is None or depth is None:
        return config.prior_detected if unknown is None else unknown
    complete = config.completeness if complete is None else complete
    return min(max(complete * share_above(expected, scatter, trail, depth), 1e-6), 1 - 1e-6)


def magnitude_odds(
    expected: float | None, scatter: float, trail: float, depth: float | None, source: Row, counted: list[float]
) -> float:
    """counted: unrelated sources of the detector by magnitude."""
    mag = magnitude(source.get("psfFlux"))
    if mag is None or expected is None or not any(counted):
        return 0.0
    error = source.get("psfFluxErr")
    noise = 0.0 if error is None else min(2.5 / math.log(10) * error / source["psfFlux"], 1.0)
    sigmas = [(w, math.sqrt(s**2 + noise**2 + (loss(trail) / 2) ** 2)) for w, s in ((0.95, scatter), (0.05, 1.2))]
    density = sum(w * normal_pdf(mag - expected, sigma) for w, sigma in sigmas)
    if depth is not None:
        density *= max(normal_cdf((depth - mag) / LIMIT_WIDTH), 0.02)
        density /= max(share_above(expected, scatter, trail, depth), 1e-6)
    return math.log(max(density, 1e-6)) - math.log(share_of_others(mag, depth, counted))


def unrelated_by_magnitude(
    others: list[Row], known: list[tuple[float | None, float, float | None, float]]
) -> list[float]:
    """Sources of a detector without the objects on it, of which ephMag, scatter, depth and pDetected are known."""
    expected = [0.0] * 28
    for mag, scatter, depth, p in known:
        if mag is not None:
            middles = [14.25 + 0.5 * index for index in range(28)]
            shares = [
                math.exp(-(((mag - m) / math.hypot(scatter, NOISE)) ** 2) / 2)
                * (1 if depth is None else normal_cdf((depth - m) / DEPTH_WIDTH))
                for m in middles
            ]
            for index, share in enumerate(shares):
                expected[index] += p * share / max(sum(shares), 1e-12)
    return [max(n - e, n / 10) for n, e in zip(counts(others)[:28], expected, strict=True)]


def share_of_others(mag: float, depth: float | None, counted: list[float]) -> float:
    """Of the sources of a detector the share per magnitude: counted in bins that lend to each other, and a slope."""
    middles = [14.25 + 0.5 * index for index in range(28)]
    limit = 28.0 if depth is None else depth
    guess = [10 ** (0.3 * (middle - limit)) * normal_cdf((limit - middle) / (2 * DEPTH_WIDTH)) for middle in middles]
    smooth = [(counted[max(i - 1, 0)] + 2 * counted[i] + counted[min(i + 1, 27)]) / 4 for i in range(28)]
    here = min(max(math.floor((mag - 14) / 0.5), 0), 27)
    weight = sum(smooth) + 5
    return max((smooth[here] + 5 * guess[here] / sum(guess)) / weight / 0.5, 0.2 / weight)


# ---- trails, flags ---------------------------------------------------------------------------------------------------


def along_variance(trail: float, measured: float | None) -> float:
    """Of a source's position along the motion, arcsec^2."""
    anywhere = max(trail**2 - 4, 0) / 12
    if measured is not None and measured >= trail / 2:
        return min(anywhere, (measured / 10) ** 2)
    return anywhere


def trail_odds(prediction: Row, trail: float, source: Row, others: list[Row]) -> float:
    measured, angle = source.get("trailLength"), source.get("trailAngle")
    if measured is None or not any(counts(others)):
        return 0.0
    share = (counts(others)[31] + 0.5) / (len(others) + 1)
    as_trail = 0.03 + 0.77 * min(max((trail - 2) / 2, 0), 1)
    if measured < 2:
        return math.log((1 - as_trail) / (1 - share))
    sigma = math.hypot(0.2 * trail, 1)
    of_object = 0.8 * normal_pdf(measured - trail, sigma) + (0.2 / max(trail, 2) if measured < trail else 0)
    unrelated = 1 / (measured * math.log(250))
    odds = as_trail / share * max(of_object / unrelated, 0.05)
    if trail >= 2 and angle is not None:
        motion = math.degrees(math.atan2(prediction["ephRateRa"], prediction["ephRateDec"]))
        turn = abs(angle - motion) % 180
        width = math.hypot(3, math.degrees(math.atan(0.7 / min(measured, trail))))
        odds *= 0.95 * 180 * normal_pdf(min(turn, 180 - turn), width) + 0.05
    return math.log(odds)


def mean_reliability(others: list[Row], known: float) -> float:
    """Of the unrelated sources of a detector; known: the share of known objects."""
    numbers = counts(others)
    mean = (numbers[33] / numbers[32] / 1000 - known) / (1 - known) if numbers[32] else 0.5
    return min(max(mean, 0.01), 0.99)


def probability_real(source: Row, mean: float, corrections: list[float]) -> float:
    reliability = source.get("reliability")
    if reliability is None:
        return mean
    return min(max(reliability * corrections[min(int(reliability * 10), 9)], 0.01), 0.99)


def reliability_corrections(rated: list[tuple[float, float]]) -> list[float]:
    """Of candidates' reliabilities and probabilities: how many objects a bin has, to how many it should have."""
    found, expected = [0.0] * 10, [0.05 + 0.1 * place for place in range(10)]
    for reliability, p in rated:
        place = min(int(reliability * 10), 9)
        found[place] += p
        expected[place] += (1 - p) * (0.05 + 0.1 * place)
    total = sum(found) / sum(expected)
    return [(n + 1) / (m * total + 1) for n, m in zip(found, expected, strict=True)]


def artefact_odds(source: Row, others: list[Row], real: float, mean: float, crowd: float) -> float:
    share = (counts(others)[30] + 0.5) / (len(others) + 1)
    of_real = min(0.03, share)
    of_artefacts = min((share - mean * of_real) / (1 - mean), 0.9)
    if not any(source.get(flag) for flag in FLAGS):
        of_real, of_artefacts = 1 - of_real, 1 - of_artefacts
    unrelated = (real * of_real + (1 - real) * crowd * of_artefacts) / (mean + (1 - mean) * crowd)
    return math.log(real / mean * of_real / unrelated)


# ---- all together ----------------------------------------------------------------------------------------------------


def visibility(
    prediction: Row,
    visit: Row,
    first_or_own: list[Row],
    config: Any,
    complete: float | None = None,
    unknown: float | None = None,
) -> tuple[float | None, float, bool]:
    """ephMag and pDetected of an object in the visit's band, by the sources of its detector; whether it is bright."""
    expected, scatter = expected_magnitude(prediction, visit.get("band"))
    depth = visit.get("depth")
    depth = found_limit(first_or_own) if depth is None else depth
    trail = trail_length(prediction, visit.get("exposureTime"))
    p = detection(expected, scatter, trail, depth, config, complete, unknown)
    return expected, p, expected is not None and depth is not None and p > 0.9 * config.completeness


def completeness(bright: list[str], rows: dict[Pair, Row], config: Any) -> float:
    """By what is found of the bright objects that are expected; 20 of them say as much as the configuration."""
    found = sum(min(sum(row["probability"] for (who, _), row in rows.items() if who == name), 1) for name in bright)
    return (found + 20 * config.completeness) / (len(bright) + 20)


def detected_unknown(known: list[float], config: Any) -> float:
    """pDetected of objects without magnitude: as those of the others; 20 say as much as the configuration."""
    return (sum(known) + 20 * config.prior_detected) / (len(known) + 20)


def evidence(
    visit: Row,
    predictions: dict[str, Row],
    sources: dict[int, Row],
    found: dict[Pair, tuple[float, float]],
    density: dict[Pair, float],
    separation: Any,
    config: Any,
    limit: float,
    bright: list[str],
    here: list[tuple[str, list[Row], int | None]],
) -> tuple[dict[Pair, Row], float, float]:
    """Columns of SsCandidate, how complete the visit is, and pDetected of what has no magnitude.

    found: chi2 and det C of candidates; density: of unrelated sources round each; separation: of two sources (arcsec);
    bright: the bright objects that are expected; here: all that are, with the sources of their detector, and its
    number where they are inside of its outline.
    """
    known: dict[int, list[tuple[float | None, float, float | None, float]]] = defaultdict(list)
    for name, beside, detector in here:
        if detector is not None:
            expected, p, _ = visibility(predictions[name], visit, beside, config)
            depth = visit.get("depth")
            _, scatter = expected_magnitude(predictions[name], visit.get("band"))
            known[detector].append((expected, scatter, found_limit(beside) if depth is None else depth, p))
    rows: dict[Pair, Row] = {}
    again, around = {}, {}
    for name, identifier in found:
        prediction, source = predictions[name], sources[identifier]
        others = [row for row in sources.values() if row["detector"] == source["detector"]]
        objects = known[source["detector"]]
        share_known = min(sum(p for *_, p in objects) / len(others), 0.9)
        expected, scatter = expected_magnitude(prediction, source.get("band") or visit.get("band"))
        depth = visit.get("depth")
        depth = found_limit(others) if depth is None else depth
        trail = trail_length(prediction, visit.get("exposureTime"))
        again[name, identifier] = (expected, scatter, trail, depth, config)
        around[name, identifier] = (others, mean_reliability(others, share_known))
        counted = unrelated_by_magnitude(others, objects)
        rows[name, identifier] = {
            "pDetected": detection(expected, scatter, trail, depth, config),
            "ephMag": expected,
            "magnitude": magnitude(source.get("psfFlux")),
            "trail": trail,
            "oddsMagnitude": magnitude_odds(expected, scatter, trail, depth, source, counted),
            "oddsTrail": trail_odds(prediction, trail, source, others),
        }
    fragments = dict.fromkeys(found, 0.0)
    for name, identifier in found:
        for (who, other), (their_chi2, their_determinant) in found.items():
            if other == identifier and who != name and rows[who, other]["trail"] >= 2:
                there = math.exp(-their_chi2 / 2) / (2 * math.pi * math.sqrt(their_determinant))
                fragments[name, identifier] += 0.5 * rows[who, other]["pDetected"] * there

    def weigh(corrections: list[float]) -> None:
        real = {pair: probability_real(sources[pair[1]], around[pair][1], corrections) for pair in found}
        for (name, identifier), (chi2, determinant) in found.items():
            row, (others, mean) = rows[name, identifier], around[name, identifier]
            near = [
                1 - real[who, other]
                for who, other in found
                if who == name and other != identifier and separation(sources[other], sources[identifier]) <= 20
            ]
            area = min(math.pi * limit * math.sqrt(determinant), math.pi * 20**2)
            on_average = density[name, identifier]
            crowd = (0.05 + sum(near)) / (0.05 + on_average * (1 - mean) * area)
            unrelated = on_average * (mean + (1 - mean) * crowd) + fragments[name, identifier]
            row["density"] = unrelated
            row["oddsPosition"] = -chi2 / 2 - math.log(2 * math.pi * math.sqrt(determinant) * unrelated)
            row["oddsDetection"] = math.log(row["pDetected"] / (1 - row["pDetected"]))
            row["oddsArtefact"] = artefact_odds(sources[identifier], others, real[name, identifier], mean, crowd)
            row["logOdds"] = sum(row[part] for part in PARTS)
        _set_probabilities(rows)

    weigh([1.0] * 10)
    rated = [(sources[pair[1]].get("reliability"), row["probability"]) for pair, row in rows.items()]
    complete = completeness(bright, rows, config)
    seen = [visibility(predictions[name], visit, beside, config, complete, math.nan)[1] for name, beside, _ in here]
    unknown = detected_unknown([p for p in seen if not math.isnan(p)], config)
    for pair, row in rows.items():
        row["pDetected"] = detection(*again[pair], complete, unknown)
    weigh(reliability_corrections([(r, p) for r, p in rated if r is not None]))
    return rows, complete, unknown


def _set_probabilities(rows: dict[Pair, Row]) -> None:
    for pair, p in probabilities({pair: row["logOdds"] for pair, row in rows.items()}).items():
        rows[pair]["probability"] = p


def probabilities(log_odds: dict[Pair, float]) -> dict[Pair, float]:
    """Messages between objects and sources, one after the other, until they stay."""
    odds = {pair: math.exp(value) for pair, value in log_odds.items()}
    of_object, of_source = defaultdict(list), defaultdict(list)
    for pair in odds:
        of_object[pair[0]].append(pair)
        of_source[pair[1]].append(pair)
    claim, free = dict(odds), dict.fromkeys(odds, 1.0)
    for _ in range(10_000):
        largest = 0.0
        for pair in odds:
            new = odds[pair] / (1 + sum(odds[p] * free[p] for p in of_object[pair[0]] if p != pair))
            largest = max(largest, abs(new - claim[pair]) / new)
            claim[pair] = new
        for pair in odds:
            free[pair] = 1 / (1 + sum(claim[p] for p in of_source[pair[1]] if p != pair))
        if largest < 1e-13:
            break
    return {pair: claim[pair] * free[pair] / (1 + claim[pair] * free[pair]) for pair in odds}
