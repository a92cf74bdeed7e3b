"""How often ssdb is right where the sky is crowded, beside a Bayes decision that knows all.

    python -m benchmarks.crowded [--visits 12] [--seed 1] [--without-outlines] [--mode fixed|uncertainty]
                                 [--database URL] [--picture FILE]

The night is :mod:`benchmarks.crowded_sky`'s, the decisions :mod:`benchmarks.crowded_bayes`'s. A wrong match is one with
a source of something else, also where the object has no source. What the figures mean is in docs/matching.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.special import expit

import ssdb
from benchmarks import crowded_sky as sky
from benchmarks.crowded_bayes import DECISIONS, Pairs
from benchmarks.crowded_picture import calibration_svg
from benchmarks.crowded_sky import CrowdedVisit, crowded_night
from ssdb.simulate.visit import detector_rows, visit_rows
from ssdb.units import Array, Mask

EDGE_ARCSEC = 30.0
CLASSES = ("all", "0.5 to 10 deg/d", "ellipse 3 to 20 arcsec", "within 30 arcsec of an edge")
BINS = np.array([-np.inf, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 8.0, np.inf])
"""Of log odds, ten."""


@dataclass(frozen=True)
class Score:
    """Of the objects of a class: seen, matched rightly, wrongly (also: unseen ones that were matched), not matched."""

    seen: int
    right: int
    wrong: int
    unseen_matched: int
    missed: int


@dataclass(frozen=True)
class Judged:
    """The pairs of a night: odds, whether they were chosen, whether they are right, and the scores by class."""

    log_odds: Array
    chosen: Mask
    right: Mask
    scores: dict[str, Score]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, draws the picture if that is asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    night = list(crowded_night(options.visits, options.seed))
    judged = {}
    with _database(options.database) as database:
        config = ssdb.AssociationConfig(mode=options.mode)
        judged[f"ssdb, {options.mode}"] = judge(
            night, associated(database, night, config, not options.without_outlines)
        )
    for name, decision in DECISIONS.items():
        judged[name] = judge(night, [(pairs := decision(visit), pairs.chosen()) for visit in night])
    print(text_of(judged))
    if options.picture:
        first = next(iter(judged.values()))
        rows = calibration(first.log_odds[first.chosen], first.right[first.chosen])
        options.picture.write_text(calibration_svg(rows), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowded", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--visits", type=int, default=12, help="visits of the night (12)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    parser.add_argument("--mode", choices=("fixed", "uncertainty"), default="uncertainty", help="of ssdb (uncertainty)")
    parser.add_argument("--without-outlines", action="store_true", help="the database knows no outlines of detectors")
    parser.add_argument("--database", metavar="URL", help="an empty database; default: an SQLite file that is removed")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the calibration there, as SVG")
    return parser


@contextmanager
def _database(url: str | None) -> Iterator[ssdb.Database]:
    with tempfile.TemporaryDirectory(prefix="ssdb-crowded-") as name:
        with closing(ssdb.initialize(url or f"sqlite:///{name}/crowded.db")) as database:
            yield database


def associated(
    database: ssdb.Database, night: list[CrowdedVisit], config: ssdb.AssociationConfig, outlines: bool = True
) -> list[tuple[Pairs, Mask]]:
    """Stores a night and associates it: of each visit the rows of SsCandidate, and which were chosen."""
    ssdb.ingest_visits(database, pa.concat_tables([visit_rows(visit.simulated) for visit in night]))
    if outlines:
        plane = night[0].simulated.camera.focal_plane
        ssdb.ingest_detectors(database, pa.concat_tables([detector_rows(visit.simulated, plane) for visit in night]))
    ssdb.ingest_sources(database, pa.concat_tables([_sources(visit) for visit in night]))
    ssdb.ingest_predictions(database, pa.concat_tables([_predictions(visit) for visit in night]), complete=True)
    ssdb.associate(database, config=config)
    rows = ssdb.query(
        database,
        'SELECT c.visit, p.designation, c."diaSourceId", c."logOdds", c.chosen FROM "SsCandidate" c '
        'JOIN "SsPrediction" p ON p.visit = c.visit AND p."ssObjectId" = c."ssObjectId"',
    ).rows
    return [_pairs(visit, [row for row in rows if row[0] == visit.simulated.visit]) for visit in night]


def _pairs(visit: CrowdedVisit, rows: list[tuple]) -> tuple[Pairs, Mask]:
    place = {name: number for number, name in enumerate(visit.predictions["designation"].tolist())}
    first = int(visit.sources["diaSourceId"][0])
    prediction = np.array([place[row[1]] for row in rows], int)
    source = np.array([row[2] - first for row in rows], int)
    log_odds = np.array([np.nan if row[3] is None else row[3] for row in rows], float)
    return Pairs(prediction, source, log_odds), np.array([bool(row[4]) for row in rows], bool)


def _sources(visit: CrowdedVisit) -> pa.Table:
    """Rows of DiaSource."""
    sources, simulated = visit.sources, visit.simulated
    n = len(sources["ra"])
    names = ("diaSourceId", "detector", "ra", "dec", "raErr", "decErr", "snr", "reliability")
    nullable = ("psfFlux", "psfFluxErr", "trailLength", "trailAngle")
    columns = {name: pa.array(sources[name]) for name in names}
    columns |= {name: pa.array(sources[name], from_pandas=True) for name in nullable}
    columns |= {name: pa.array(sources["flag"] == place) for place, name in enumerate(sky.FLAGS) if name}
    same = {
        "visit": simulated.visit,
        "midpointMjdTai": simulated.mjd_tai,
        "exposureTime": sky.EXPOSURE_SECONDS,
        "band": simulated.band,
    }
    return pa.table(columns | {name: pa.array([value] * n) for name, value in same.items()})


def _predictions(visit: CrowdedVisit) -> pa.Table:
    """Rows of SsPrediction."""
    names = ("ephRa", "ephDec", "ephRateRa", "ephRateDec", "ephVmag", "ephErrMajor", "ephErrMinor", "ephErrPa")
    columns = {name: pa.array(visit.predictions[name], from_pandas=True) for name in names}
    columns["designation"] = pa.array(visit.predictions["designation"].tolist())
    n = len(columns["designation"])
    same = {"visit": visit.simulated.visit, "midpointMjdTai": visit.simulated.mjd_tai}
    return pa.table(columns | {name: pa.array([value] * n) for name, value in same.items()})


def judge(night: list[CrowdedVisit], decided: list[tuple[Pairs, Mask]]) -> Judged:
    """Compares the pairs of each visit, and which of them were chosen, with the truth."""
    log_odds, chosen, right, outcomes = [], [], [], []
    for visit, (pairs, taken) in zip(night, decided, strict=True):
        is_right = visit.truth[pairs.source] == pairs.prediction
        log_odds.append(pairs.log_odds)
        chosen.append(taken)
        right.append(is_right)
        outcomes.append(_outcomes(visit, pairs, taken, is_right))
    scores = {name: _score(np.concatenate([each[name] for each in outcomes])) for name in CLASSES}
    return Judged(np.concatenate(log_odds), np.concatenate(chosen), np.concatenate(right), scores)


def _outcomes(visit: CrowdedVisit, pairs: Pairs, chosen: Mask, right: Mask) -> dict[str, Mask]:
    """Of the objects of each class: seen, matched, matched rightly; each of shape (n, 3)."""
    of, simulated = visit.predictions, visit.simulated
    outcome = np.zeros((len(of["ephRa"]), 3), bool)
    outcome[visit.truth[visit.truth >= 0], 0] = True
    outcome[pairs.prediction[chosen], 1] = True
    outcome[pairs.prediction[chosen & right], 2] = True
    rate = np.hypot(of["ephRateRa"], of["ephRateDec"])
    plane = simulated.camera.focal_plane
    points = np.stack(simulated.camera.to_plane(of["ephRa"], of["ephDec"]))
    # Of the detector whose edge is farthest inside: none overlap.
    inside = (plane.half_sizes[:, None, None] - np.abs(points[:, None, :] - plane.centers.T[:, :, None])).min(axis=0)
    classes = (
        np.ones(len(rate), bool),
        (rate >= sky.FAST[0]) & (rate <= sky.FAST[1]),
        of["ephErrMajor"] >= 3.0,
        np.abs(inside.max(axis=0)) <= EDGE_ARCSEC,
    )
    return {name: outcome[which] for name, which in zip(CLASSES, classes, strict=True)}


def _score(outcome: Mask) -> Score:
    seen, matched, right = outcome.T
    wrong = matched & ~right
    return Score(
        int(seen.sum()), int(right.sum()), int(wrong.sum()), int((wrong & ~seen).sum()), int((seen & ~matched).sum())
    )


def calibration(log_odds: Array, right: Mask) -> list[tuple[float, float, float, float, int]]:
    """Of each bin of log odds that has pairs: its limits, mean probability claimed, share that is right, pairs."""
    rows = []
    probability = expit(log_odds)
    for low, high in zip(BINS[:-1].tolist(), BINS[1:].tolist(), strict=True):
        inside = (log_odds >= low) & (log_odds < high)
        if inside.any():
            rows.append((low, high, float(probability[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return rows


def text_of(judged: dict[str, Judged]) -> str:
    """The figures as they are printed."""
    lines = []
    for name in CLASSES:
        lines.append(f"{name:30}     seen    right           wrong  (unseen)  missed")
        for who, one in judged.items():
            score = one.scores[name]
            share = score.right / max(score.seen, 1)
            lines.append(
                f"  {who:28} {score.seen:8,} {score.right:8,} {share:7.2%} {score.wrong:7,} {score.unseen_matched:9,} "
                f"{score.missed:7,}"
            )
    for which in ("chosen", "all candidates"):
        for who, one in judged.items():
            if np.isnan(one.log_odds).all():
                continue
            lines.append(f"{who}, {which}: log odds, claimed, right, pairs")
            taken = one.chosen if which == "chosen" else np.ones(len(one.chosen), bool)
            for low, high, claimed, share, n in calibration(one.log_odds[taken], one.right[taken]):
                lines.append(f"  {low:5.0f} to {high:3.0f} {claimed:8.3f} {share:7.3f} {n:7,}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
