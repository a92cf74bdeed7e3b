"""What brightness, trails, flags and neighbours must say of candidates: by plain loops, without ssdb's own code."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, NamedTuple

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
    """The 86 numbers of VisitDetector.sourceCounts."""
    numbers = [0] * 86
    for source in sources:
        flux, error = source.get("psfFlux"), source.get("psfFluxErr")
        reliability = source.get("reliability")
        if (mag := magnitude(flux)) is not None:
            numbers[magnitude_bin(mag)] += 1
            numbers[58 + magnitude_bin(mag)] += round(1000 * (0.5 if reliability is None else reliability))
        if flux is not None and error is not None and abs(flux) < 10 * error:
            numbers[28] += 1
            numbers[29] += round(1000 * magnitude(5 * error))  # type: ignore[operator]
        if flux is not None and error is not None and flux > 0 and error > 0:
            numbers[32 + min(max(math.floor(20 * math.log10(flux / error / 2)), 0), 15)] += 1
        numbers[30] += any(source.get(flag) for flag in FLAGS)
        numbers[31] += (source.get("trailLength") or 0) >= 2
        if reliability is not None:
            numbers[48 + min(int(reliability * 10), 9)] += 1
    return numbers


def magnitude_bin(mag: float) -> int:
    return min(max(math.floor((mag - 14) / 0.5), 0), 27)


def measured_depth(sources: list[Row]) -> float | None:
    """AB magnitude of 5 sigma: the mean over the faint sources."""
    numbers = counts(sources)
    return numbers[29] / numbers[28] / 1000 if numbers[28] else None


def found_limit(sources: list[Row]) -> float | None:
    """AB magnitude at the threshold: as far below the quantile of 2.5 % of the ratios as that of 5 % is above."""
    depth, ratios = measured_depth(sources), counts(sources)[32:48]
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
    expected: float | None,
    scatter: float,
    trail: float,
    depth: float | None,
    source: Row,
    counted: list[float],
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
        density /= max(share_above(expected, scatter, trail, depth), 1e-6)
    return math.log(max(density, 1e-6)) - math.log(share_of_others(mag, depth, counted))


def known_by_magnitude(known: list[tuple[float | None, float, float | None, float]]) -> list[float]:
    """Sources of the objects on a detector, of which ephMag, scatter, depth and pDetected are known."""
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
    return expected


def unrelated_by_magnitude(others: list[Row], expected: list[float]) -> list[float]:
    return [max(n - e, n / 10) for n, e in zip(counts(others)[:28], expected, strict=True)]


def smoothed(counted: list[float]) -> list[float]:
    """Neighbouring bins lend to each other."""
    return [(counted[max(i - 1, 0)] + 2 * counted[i] + counted[min(i + 1, 27)]) / 4 for i in range(28)]


def scattered(rows: list[tuple[Row, float, float | None, float]]) -> float:
    """By how much magnitudes scatter more than is supposed; of candidates: row, scatter, depth, magnitude's error."""
    near = square = 0.0
    for row, scatter, depth, error in rows:
        mag, expected = row["magnitude"], row["ephMag"]
        if None in (mag, expected, depth) or depth - expected <= 1 or loss(row["trail"]) > 0.1:  # type: ignore[operator]
            continue
        noise = min(error, 1.0)
        one = 0.95 * normal_pdf(mag - expected, math.hypot(scatter, noise))
        other = 0.05 * normal_pdf(mag - expected, math.hypot(1.2, noise))
        is_near = row["probability"] * one / (one + other)
        near += is_near
        square += is_near * ((mag - expected) ** 2 - noise**2) / scatter**2
    return math.sqrt(max((square + 20) / (near + 20), 0.1))


def share_of_others(mag: float, depth: float | None, counted: list[float]) -> float:
    """Of the sources of a detector the share per magnitude: counted in bins that lend to each other, and a slope."""
    middles = [14.25 + 0.5 * index for index in range(28)]
    limit = 28.0 if depth is None else depth
    guess = [10 ** (0.3 * (middle - limit)) * normal_cdf((limit - middle) / (2 * DEPTH_WIDTH)) for middle in middles]
    smooth, here = smoothed(counted), magnitude_bin(mag)
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


class Real(NamedTuple):
    """What reliabilities say in a visit."""

    share: float
    """Of the unrelated sources those that are real."""
    by_reliability: list[float]
    score: float
    score_of_artefacts: float


def reliabilities(everything: list[Row], found: list[float], known: float) -> Real:
    """Of all sources of a visit. found: objects among the candidates by reliability; known: their share of all."""
    rated, scores = counts(everything)[48:58], [0.05 + 0.1 * place for place in range(10)]
    guess = [(n + 0.1) * score for n, score in zip(rated, scores, strict=True)]
    of_objects = [f + 10 * g / sum(guess) for f, g in zip(found, guess, strict=True)]
    of_objects = [n / sum(of_objects) for n in of_objects]
    unrelated = [max(n - known * sum(rated) * o, n / 10) for n, o in zip(rated, of_objects, strict=True)]
    total, above, upper = sum(unrelated), 0.0, 0.0
    for place in reversed(range(10)):
        upper += unrelated[place] * min(max((0.5 - above) / of_objects[place], 0), 1)
        above += of_objects[place]
    share = min(max((2 * upper + 0.5 * 20) / (total + 20), 0.005), 0.995)
    real, largest = [], 0.0
    for n, o in zip(unrelated, of_objects, strict=True):
        largest = max(largest, share * o * (total + 5) / (n + 0.5))
        real.append(min(max(largest, 0.005), 0.995))
    score = sum(o * s for o, s in zip(of_objects, scores, strict=True))
    of_unrelated = (sum(n * s for n, s in zip(unrelated, scores, strict=True)) + 10 * score) / (total + 20)
    return Real(share, real, score, min(max((of_unrelated - share * score) / (1 - share), 0), score - 0.1))


def share_real(mag: float | None, others: list[Row], known: list[float], real: Real) -> float:
    """Of the unrelated sources of a detector with this magnitude; known: objects by magnitude."""
    if mag is None:
        return real.share
    counted = counts(others)
    rated = sum(counted[48:58]) / len(others)
    n = rated * smoothed(unrelated_by_magnitude(others, known))[magnitude_bin(mag)]
    scores = []
    for total, of_bin, e in zip(counted[58:], counted[:28], known, strict=True):
        of_rated = min(max(total / 1000 - 0.5 * (1 - rated) * of_bin, 0), rated * of_bin)
        scores.append(max(of_rated - rated * e * real.score, of_rated / 10))
    score = smoothed(scores)[magnitude_bin(mag)]
    n_real = (score - real.score_of_artefacts * n) / (real.score - real.score_of_artefacts)
    return (min(max(n_real, 0), n) + 5 * real.share) / (n + 5)


def probability_real(source: Row, real: Real) -> float:
    reliability = source.get("reliability")
    return real.share if reliability is None else real.by_reliability[min(int(reliability * 10), 9)]


def artefact_odds(source: Row, others: list[Row], real: float, mean: float, here: float, crowd: float) -> float:
    """here: the share of real ones of the source's magnitude."""
    share = (counts(others)[30] + 0.5) / (len(others) + 1)
    of_real = min(0.03, share)
    of_artefacts = min(max((share - mean * of_real) / (1 - mean), of_real), 0.9)
    of_real = min(max((share - (1 - mean) * of_artefacts) / mean, of_real), of_artefacts)
    if not any(source.get(flag) for flag in FLAGS):
        of_real, of_artefacts = 1 - of_real, 1 - of_artefacts
    as_real, as_artefact = real / mean * of_real, (1 - real) / (1 - mean) * of_artefacts
    unrelated = (here * as_real + (1 - here) * crowd * as_artefact) / (here + (1 - here) * crowd)
    return math.log(as_real / unrelated)


# ---- all together ----------------------------------------------------------------------------------------------------


def visibility(
    prediction: Row,
    visit: Row,
    first_or_own: list[Row],
    config: Any,
    complete: float | None = None,
    unknown: float | None = None,
    factor: float = 1.0,
) -> tuple[float | None, float, bool]:
    """ephMag and pDetected of an object in the visit's band, by the sources of its detector; whether it is bright."""
    expected, scatter = expected_magnitude(prediction, visit.get("band"))
    depth = visit.get("depth")
    depth = found_limit(first_or_own) if depth is None else depth
    trail = trail_length(prediction, visit.get("exposureTime"))
    p = detection(expected, factor * scatter, trail, depth, config, complete, unknown)
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
) -> tuple[dict[Pair, Row], float, float, float]:
    """Columns of SsCandidate; how complete the visit is, pDetected without magnitude, how magnitudes scatter.

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
        by_magnitude = known_by_magnitude(known[source["detector"]])
        expected, scatter = expected_magnitude(prediction, source.get("band") or visit.get("band"))
        depth = visit.get("depth")
        depth = found_limit(others) if depth is None else depth
        trail = trail_length(prediction, visit.get("exposureTime"))
        again[name, identifier] = (expected, scatter, trail, depth)
        around[name, identifier] = (others, by_magnitude)
        rows[name, identifier] = {
            "pDetected": detection(expected, scatter, trail, depth, config),
            "ephMag": expected,
            "magnitude": magnitude(source.get("psfFlux")),
            "trail": trail,
            "oddsTrail": trail_odds(prediction, trail, source, others),
        }
    fragments = dict.fromkeys(found, 0.0)
    for name, identifier in found:
        for (who, other), (their_chi2, their_determinant) in found.items():
            if other == identifier and who != name and rows[who, other]["trail"] >= 2:
                there = math.exp(-their_chi2 / 2) / (2 * math.pi * math.sqrt(their_determinant))
                fragments[name, identifier] += 0.5 * rows[who, other]["pDetected"] * there

    everything = list(sources.values())
    n_known = sum(p for objects in known.values() for *_, p in objects)
    share_known = min(n_known / max(len(everything), 1), 0.9)

    def weigh(rated: list[float], factor: float) -> None:
        of_visit = reliabilities(everything, rated, share_known)
        mean = of_visit.share
        real = {pair: probability_real(sources[pair[1]], of_visit) for pair in found}
        for (name, identifier), (chi2, determinant) in found.items():
            row, (others, by_magnitude) = rows[name, identifier], around[name, identifier]
            here = share_real(row["magnitude"], others, by_magnitude, of_visit)
            expected, scatter, trail, depth = again[name, identifier]
            counted = unrelated_by_magnitude(others, by_magnitude)
            of_light = expected, factor * scatter, trail, depth, sources[identifier], counted
            row["oddsMagnitude"] = magnitude_odds(*of_light)
            near = [
                1 - real[who, other]
                for who, other in found
                if who == name and other != identifier and separation(sources[other], sources[identifier]) <= 20
            ]
            area = min(math.pi * limit * math.sqrt(determinant), math.pi * 20**2)
            on_average = density[name, identifier]
            crowd = (0.05 + sum(near)) / (0.05 + on_average * (1 - mean) * area)
            unrelated = on_average * (here + (1 - here) * crowd) + fragments[name, identifier]
            row["density"] = unrelated
            row["oddsPosition"] = -chi2 / 2 - math.log(2 * math.pi * math.sqrt(determinant) * unrelated)
            row["oddsDetection"] = math.log(row["pDetected"] / (1 - row["pDetected"]))
            row["oddsArtefact"] = artefact_odds(sources[identifier], others, real[name, identifier], mean, here, crowd)
            row["logOdds"] = sum(row[part] for part in PARTS)
        _set_probabilities(rows)

    weigh([0.0] * 10, 1.0)
    complete = completeness(bright, rows, config)
    rated, lit = [0.0] * 10, []
    for pair, row in rows.items():
        source = sources[pair[1]]
        if source.get("reliability") is not None:
            rated[min(int(source["reliability"] * 10), 9)] += row["probability"]
        _, scatter, _, depth = again[pair]
        flux, error = source.get("psfFlux"), source.get("psfFluxErr")
        if row["magnitude"] is not None and error is not None:
            lit.append((row, scatter, depth, 2.5 / math.log(10) * error / flux))
    factor = scattered(lit)
    visible = complete, math.nan, factor
    seen = [visibility(predictions[name], visit, beside, config, *visible)[1] for name, beside, _ in here]
    unknown = detected_unknown([p for p in seen if not math.isnan(p)], config)
    for pair, row in rows.items():
        expected, scatter, trail, depth = again[pair]
        row["pDetected"] = detection(expected, factor * scatter, trail, depth, config, complete, unknown)
    weigh(rated, factor)
    return rows, complete, unknown, factor


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
