"""How often DiaObjects have the sources that are theirs, on a simulated sky whose truth is known.

    python -m benchmarks.dia_truth [--visits 30] [--detectors 100] [--seed 1]

Detectors from declination -75 to 80 are seen many times. There are variable stars, galaxies (half of their nuclei vary)
with transients 0.3 to 2 arcsec from the nucleus, unknown movers and artefacts. ssdb's rule stands beside two others:
the nearest object within an arcsecond, each once, and that of Rubin's AssociationTask. Each makes objects of its own,
visit by visit. What the figures mean is in docs/dia.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from ssdb.association.assign import assign
from ssdb.config import DiaConfig
from ssdb.dia.match import candidate_pairs, match_pairs
from ssdb.moments import add_places, no_places, positions
from ssdb.sky.sphere import moved, separations
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

SIDE_ARCSEC = 800.0
"""Of a detector."""
STARS, GALAXIES, TRANSIENTS, MOVERS, ARTEFACTS = 40, 30, 30, 5, 10
"""On a detector; the last two in each visit."""
ERRORS = 0.02, 0.2
"""Least and largest error of a source, arcsec."""
SYSTEMATIC = 0.03
"""Error of all sources that their errors do not tell, arcsec."""


class Truth(NamedTuple):
    """What there is on the sky, n of them; transients are seen from one visit to another."""

    ra: Array
    dec: Array
    detector: Integers
    share: Array
    """Of the visits in which it is detected, while it is there."""
    first: Integers
    last: Integers
    transient: Mask


class Visit(NamedTuple):
    """The sources of a visit."""

    sources: Columns
    detector: Integers
    truth: Integers
    """The index of what each is; numbers after these are movers and artefacts, each another."""


def sky(detectors: int, visits: int, rng: np.random.Generator) -> tuple[Truth, Array, Array]:
    """The truth, and the centres of the detectors (deg)."""
    dec = np.linspace(-75.0, 80.0, detectors)
    ra = np.append(0.0, rng.uniform(0.0, 360.0, detectors - 1))

    def spread(n: int) -> tuple[Integers, Array, Array]:
        on = np.repeat(np.arange(detectors), n)
        return on, *_beside(ra[on], dec[on], *rng.uniform(-SIDE_ARCSEC / 2, SIDE_ARCSEC / 2, (2, len(on))))

    star, galaxy = spread(STARS), spread(GALAXIES)
    varies = np.arange(len(galaxy[0])) % 2 == 0
    host = np.concatenate([rng.choice(np.flatnonzero(galaxy[0] == one), TRANSIENTS) for one in range(detectors)])
    distance, angle = rng.uniform(0.3, 2.0, len(host)), rng.uniform(0.0, 2.0 * np.pi, len(host))
    transient = _beside(galaxy[1][host], galaxy[2][host], distance * np.sin(angle), distance * np.cos(angle))
    first = rng.integers(0, max(1, visits - 3), len(host))
    steady = len(star[0]) + varies.sum()
    n = steady + len(host)
    return (
        Truth(
            np.concatenate([star[1], galaxy[1][varies], transient[0]]),
            np.concatenate([star[2], galaxy[2][varies], transient[1]]),
            np.concatenate([star[0], galaxy[0][varies], galaxy[0][host]]),
            np.append(rng.uniform(0.2, 1.0, steady), rng.uniform(0.7, 1.0, len(host))),
            np.append(np.zeros(steady, int), first),
            np.append(np.full(steady, visits), first + rng.integers(3, 20, len(host))),
            np.arange(n) >= steady,
        ),
        ra,
        dec,
    )


def simulated(detectors: int, visits: int, seed: int) -> tuple[Truth, list[Visit]]:
    """The truth and the sources of the visits."""
    rng = np.random.default_rng(seed)
    truth, ra0, dec0 = sky(detectors, visits, rng)
    n_truth, n_sources, made = len(truth.ra), 0, []
    for visit in range(visits):
        there = (truth.first <= visit) & (visit <= truth.last) & (rng.random(n_truth) < truth.share)
        seen = np.flatnonzero(there)
        on = np.repeat(np.arange(detectors), MOVERS + ARTEFACTS)
        others = _beside(ra0[on], dec0[on], *rng.uniform(-SIDE_ARCSEC / 2, SIDE_ARCSEC / 2, (2, len(on))))
        ra, dec = np.append(truth.ra[seen], others[0]), np.append(truth.dec[seen], others[1])
        east, north = np.exp(rng.uniform(*np.log(ERRORS), (2, len(ra))))
        north = np.clip(east * rng.uniform(0.8, 1.25, len(ra)), *ERRORS)
        rho = rng.uniform(-0.3, 0.3, len(ra))
        a, b = rng.standard_normal((2, len(ra)))
        d_east = east * a + rng.normal(0, SYSTEMATIC, len(ra))
        d_north = north * (rho * a + np.sqrt(1 - rho**2) * b) + rng.normal(0, SYSTEMATIC, len(ra))
        ra, dec = _beside(ra, dec, d_east, d_north)
        sources = {
            "diaSourceId": n_sources + 1 + np.arange(len(ra)),
            "ra": ra,
            "dec": dec,
            "raErr": east / ARCSEC_PER_DEG,
            "decErr": north / ARCSEC_PER_DEG,
            "ra_dec_Cov": rho * east * north / ARCSEC_PER_DEG**2,
        }
        each = n_truth + n_sources + np.arange(len(on))
        made.append(Visit(sources, np.append(truth.detector[seen], on), np.append(seen, each)))
        n_sources += len(ra)
    return truth, made


Rule = Callable[[Visit, Columns], tuple[Index, Index]]
"""Gives the sources and the objects that belong together."""


def ours(config: DiaConfig) -> Rule:
    """ssdb's rule."""

    def rule(visit: Visit, objects: Columns) -> tuple[Index, Index]:
        pairs = candidate_pairs(visit.sources, objects, config.radius_arcsec)
        density = np.bincount(visit.detector)[visit.detector] / SIDE_ARCSEC**2
        found = match_pairs(visit.sources, objects, *pairs, density, config)
        return found.source, found.object

    return rule


def nearest(visit: Visit, objects: Columns) -> tuple[Index, Index]:
    """The nearest object within an arcsecond; of several sources the nearest."""
    source, object_, separation = _near(visit, objects)
    keys = objects["diaObjectId"][object_], visit.sources["diaSourceId"][source]
    chosen = assign(*keys, separation, np.ones(len(separation)), "greedy")
    return source[chosen], object_[chosen]


def rubin(visit: Visit, objects: Columns) -> tuple[Index, Index]:
    """The rule of AssociationTask (ap_association, June 2026), detector by detector.

    Errors of right ascension are taken for such of the coordinate itself; no match costs 1 more than the worst pair.
    """
    source, object_, _ = _near(visit, objects)
    s = {name: values[source] for name, values in visit.sources.items()}
    o = {name: values[object_] for name, values in objects.items()}
    floor2 = 0.05**2
    var_ra = np.maximum((s["raErr"] ** 2 + o["firstRaErr"] ** 2) * ARCSEC_PER_DEG**2, floor2)
    var_dec = np.maximum((s["decErr"] ** 2 + o["firstDecErr"] ** 2) * ARCSEC_PER_DEG**2, floor2)
    d_ra = ((s["ra"] - o["ra"] + 180.0) % 360.0 - 180.0) * ARCSEC_PER_DEG
    d_dec = (s["dec"] - o["dec"]) * ARCSEC_PER_DEG
    score = 0.5 * (d_ra**2 / var_ra + d_dec**2 / var_dec) + 0.5 * np.log(var_ra * var_dec)
    kept = []
    for detector in np.unique(visit.detector[source]):
        pairs = np.flatnonzero(visit.detector[source] == detector)
        kept.append(pairs[cheapest(source[pairs], object_[pairs], score[pairs])])
    chosen = np.concatenate(kept) if kept else np.empty(0, int)
    return source[chosen], object_[chosen]


def cheapest(source: Index, object_: Index, score: Array) -> Index:
    """The pairs of the cheapest full matching in which no match costs 1 more than the worst pair of all."""
    rows, row = np.unique(source, return_inverse=True)
    columns, column = np.unique(object_, return_inverse=True)
    none = score.max() + 1.0
    spare = np.arange(len(rows))
    cost = np.append(score, np.full(len(rows), none))
    cost = cost - cost.min() + 1.0
    place = np.append(row, spare).astype(np.int32), np.append(column, len(columns) + spare).astype(np.int32)
    graph = coo_array((cost, place), shape=(len(rows), len(columns) + len(rows))).tocsr()
    solution = np.full(len(rows), -1)
    matched = min_weight_full_bipartite_matching(graph)
    solution[matched[0]] = matched[1]
    return np.flatnonzero(solution[row] == column)


def _near(visit: Visit, objects: Columns) -> tuple[Index, Index, Array]:
    source, object_ = candidate_pairs(visit.sources, objects, 1.0)
    there = (visit.sources[name][source] for name in ("ra", "dec"))
    separation = separations(objects["ra"][object_], objects["dec"][object_], *there)
    kept = separation <= 1.0
    return source[kept], object_[kept], separation[kept]


def associated(visits: Sequence[Visit], rule: Rule, config: DiaConfig) -> list[Integers]:
    """Goes through the visits: the object of each source of each, numbered from 0 as they are made."""
    places = no_places(0)
    first: Columns = {"firstRaErr": np.empty(0), "firstDecErr": np.empty(0)}
    given = []
    for visit in visits:
        n = len(places["refRa"])
        objects = positions(places, config) | first | {"diaObjectId": np.arange(n)}
        source, object_ = rule(visit, objects)
        of_source = np.full(len(visit.truth), -1)
        of_source[source] = object_
        new = np.flatnonzero(of_source < 0)
        of_source[new] = n + np.arange(len(new))
        places = {name: np.append(values, no_places(len(new))[name]) for name, values in places.items()}
        more = add_places({name: values[of_source] for name, values in places.items()}, visit.sources, config)
        for name, values in more.items():
            places[name][of_source] = values
        errors = (("firstRaErr", "raErr"), ("firstDecErr", "decErr"))
        first = {name: np.append(first[name], visit.sources[error][new]) for name, error in errors}
        given.append(of_source)
    return given


@dataclass(frozen=True)
class Score:
    """How right objects are; shares from 0 to 1."""

    completeness: float
    """Of the sources of what is seen twice or more: in the object that has most of them."""
    purity: float
    """Of the sources of objects with two sources or more: of what the object has most of."""
    right: float
    """Of the sources of what is seen twice or more: in its main object, which is mostly it."""
    doubled: int
    """Objects with two sources or more that are mostly something that has a larger object."""
    lost: int
    """Transients that no object is mostly."""
    transients: int


def judge(truth: Truth, visits: Sequence[Visit], given: Sequence[Integers]) -> Score:
    """Compares objects with the truth."""
    what, object_ = np.concatenate([visit.truth for visit in visits]), np.concatenate(given)
    pairs, count = np.unique(np.column_stack([what, object_]), axis=0, return_counts=True)
    n_what, n_object = np.bincount(what), np.bincount(object_)
    main_object, most_of_what = _largest(pairs[:, 0], pairs[:, 1], count)
    main_what, most_of_object = _largest(pairs[:, 1], pairs[:, 0], count)
    lasting = np.flatnonzero(n_what[: len(truth.ra)] > 1)
    objects = np.flatnonzero(n_object > 1)
    mutual = main_what[main_object[lasting]] == lasting
    larger = main_object[main_what[objects]] != objects
    seen = np.intersect1d(lasting, np.flatnonzero(truth.transient))
    total = n_what[lasting].sum()
    return Score(
        most_of_what[lasting].sum() / total,
        most_of_object[objects].sum() / n_object[objects].sum(),
        most_of_what[lasting][mutual].sum() / total,
        int(larger.sum()),
        int(np.sum(~np.isin(seen, main_what[objects]))),
        len(seen),
    )


def _largest(of: Integers, value: Integers, count: Integers) -> tuple[Integers, Integers]:
    """Of each number the value with the largest count, and this count; equals: the least value."""
    order = np.lexsort((-value, count, of))
    best, most = np.full(of.max() + 1, -1), np.zeros(of.max() + 1, int)
    best[of[order]], most[of[order]] = value[order], count[order]
    return best, most


def scores(visits: int, detectors: int, seed: int) -> dict[str, Score]:
    """How right ssdb and the others are."""
    truth, seen = simulated(detectors, visits, seed)
    config, plain = DiaConfig(), DiaConfig(position="mean")
    rules = {
        "ssdb": (ours(config), config),
        "nearest": (nearest, plain),
        "AssociationTask": (rubin, plain),
    }
    return {name: judge(truth, seen, associated(seen, rule, how)) for name, (rule, how) in rules.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dia_truth", description=(__doc__ or "").split("\n\n")[0]
    )
    for name, default in (("visits", 30), ("detectors", 100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    found = scores(**vars(parser.parse_args(arguments)))
    print(f"{'':18} completeness   purity    right   doubled   lost transients")
    for name, one in found.items():
        shares = f"{one.completeness:12.2%} {one.purity:8.2%} {one.right:8.2%}"
        print(f"{name:18} {shares} {one.doubled:9,} {one.lost:9,} of {one.transients:,}")
    return 0


def _beside(ra: Array, dec: Array, east: Array, north: Array) -> tuple[Array, Array]:
    """Points at offsets in arcseconds."""
    return moved(ra, dec, east / ARCSEC_PER_DEG, north / ARCSEC_PER_DEG, 1.0)


if __name__ == "__main__":
    sys.exit(main())
