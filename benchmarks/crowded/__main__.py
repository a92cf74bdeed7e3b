"""How often ssdb is right where the sky is crowded, beside a Bayes decision that knows all.

    python -m benchmarks.crowded [--visits 12] [--seed 1] [--mode fixed|uncertainty] [--without-outlines]
                                 [--database URL] [--picture FILE]

A match is wrong if its source is something else, also where the object has no source at all. The night is
:mod:`benchmarks.crowded.sky`'s, the decisions are :mod:`benchmarks.crowded.bayes`'s. What the figures mean is in
docs/matching.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

import ssdb
from benchmarks.crowded import densities as of
from benchmarks.crowded.bayes import DECISIONS
from benchmarks.crowded.judge import CLASSES, Bin, Decided, Judged, judge
from benchmarks.crowded.pairs import Pairs, best, probabilities
from benchmarks.crowded.picture import calibration_svg
from benchmarks.crowded.sky import CrowdedVisit, crowded_night
from ssdb.schema.survey import ss_candidate
from ssdb.simulate.visit import EXPOSURE_SECONDS, detector_rows, visit_rows

_SOURCE = ("diaSourceId", "detector", "ra", "dec", "raErr", "decErr", "snr", "reliability")
_SOURCE_NULLABLE = ("psfFlux", "psfFluxErr", "trailLength", "trailAngle")
_PREDICTION = ("ephRa", "ephDec", "ephRateRa", "ephRateDec", "ephVmag", "ephErrMajor", "ephErrMinor", "ephErrPa")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, draws the picture if that is asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    night = list(crowded_night(options.visits, options.seed))
    ours = f"ssdb, {options.mode}"
    with _database(options.database) as database:
        store(database, night, outlines=not options.without_outlines)
        judged = {ours: judge(night, associated(database, night, ssdb.AssociationConfig(mode=options.mode)))}
    judged |= {name: judge(night, decided(night, decision)) for name, decision in DECISIONS.items()}
    print(text_of(judged))
    if options.picture:
        pictured = {name: one.candidates for name, one in judged.items() if name in (ours, "Bayes, all known")}
        options.picture.write_text(calibration_svg(pictured), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowded", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--visits", type=int, default=12, help="visits of the night (12)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    parser.add_argument("--mode", choices=("fixed", "uncertainty"), default="uncertainty", help="of ssdb (uncertainty)")
    parser.add_argument("--without-outlines", action="store_true", help="the database knows no outlines of detectors")
    parser.add_argument("--database", metavar="URL", help="an empty database; default: an SQLite file that is removed")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the calibration there, as SVG")
    return parser


@contextmanager
def _database(url: str | None) -> Iterator[ssdb.Database]:
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-crowded-") as name,
        closing(ssdb.initialize(url or f"sqlite:///{name}/crowded.db")) as database,
    ):
        yield database


def store(database: ssdb.Database, night: Sequence[CrowdedVisit], *, outlines: bool = True) -> None:
    """Ingests a night."""
    ssdb.ingest_visits(database, pa.concat_tables(visit_rows(visit.simulated) for visit in night))
    if outlines:
        plane = night[0].simulated.camera.focal_plane
        ssdb.ingest_detectors(database, pa.concat_tables(detector_rows(visit.simulated, plane) for visit in night))
    ssdb.ingest_sources(database, pa.concat_tables(_source_rows(visit) for visit in night))
    ssdb.ingest_predictions(database, pa.concat_tables(_prediction_rows(visit) for visit in night), complete=True)


def _source_rows(visit: CrowdedVisit) -> pa.Table:
    sources = visit.sources
    columns = {name: pa.array(sources[name]) for name in _SOURCE}
    columns |= {name: pa.array(sources[name], from_pandas=True) for name in _SOURCE_NULLABLE}
    columns |= {name: pa.array(sources["flag"] == place) for place, name in enumerate(of.FLAGS) if name}
    return _with(columns, visit, exposureTime=EXPOSURE_SECONDS, band=visit.simulated.band)


def _prediction_rows(visit: CrowdedVisit) -> pa.Table:
    columns = {name: pa.array(visit.predictions[name], from_pandas=True) for name in _PREDICTION}
    return _with(columns | {"designation": pa.array(visit.predictions["designation"].tolist())}, visit)


def _with(columns: dict[str, pa.Array], visit: CrowdedVisit, **same: Any) -> pa.Table:
    """A table of columns, and of values that are the same in all rows."""
    n = len(next(iter(columns.values())))
    same |= {"visit": visit.simulated.visit, "midpointMjdTai": visit.simulated.mjd_tai}
    return pa.table(columns | {name: pa.array([value] * n) for name, value in same.items()})


def associated(database: ssdb.Database, night: Sequence[CrowdedVisit], config: ssdb.AssociationConfig) -> list[Decided]:
    """Associates a night that is stored: the rows of SsCandidate of each visit."""
    ssdb.associate(database, everything=True, config=config)
    # Before there was such a column the odds were all that was claimed.
    claimed = "probability" if "probability" in ss_candidate.c else "NULL"
    rows = ssdb.query(
        database,
        f'SELECT c.visit, p.designation, c."diaSourceId", c."logOdds", {claimed}, c.chosen FROM "SsCandidate" c '
        'JOIN "SsPrediction" p ON p.visit = c.visit AND p."ssObjectId" = c."ssObjectId"',
    ).rows
    return [_decided(visit, [row[1:] for row in rows if row[0] == visit.simulated.visit]) for visit in night]


def _decided(visit: CrowdedVisit, rows: Sequence[Sequence[Any]]) -> Decided:
    places = {name: place for place, name in enumerate(visit.predictions["designation"].tolist())}
    names, ids, log_odds, probability, chosen = zip(*rows, strict=True) if rows else ((),) * 5
    sources = np.array(ids, int) - visit.sources["diaSourceId"][0]
    pairs = Pairs(np.array([places[name] for name in names], int), sources, np.array(log_odds, float))
    claimed = np.array(probability, float)
    return Decided(pairs, np.array(chosen, bool), np.where(np.isnan(claimed), expit(pairs.log_odds), claimed))


def decided(night: Sequence[CrowdedVisit], decision: Callable[[CrowdedVisit], Pairs]) -> list[Decided]:
    """What another decision makes of a night."""
    return [Decided(pairs, best(pairs), probabilities(pairs)) for pairs in map(decision, night)]


def text_of(judged: dict[str, Judged]) -> str:
    """The figures as they are printed."""
    lines = []
    for name in CLASSES:
        lines.append(f"{name:30}     seen    right   share   wrong (unseen)  missed")
        for who, one in judged.items():
            score = one.scores[name]
            share = score.right / max(score.seen, 1)
            counts = f"{score.wrong:7,} {score.wrong_unseen:8,} {score.missed:7,}"
            lines.append(f"  {who:28} {score.seen:8,} {score.right:8,} {share:7.2%} {counts}")
    for what in ("matches", "candidates"):
        lines.append(f"\n{what}, log odds" + "".join(f"{who:>34}" for who in judged))
        lines.append(f"{'':20}" + f"{'claimed   right +-      pairs':>34}" * len(judged))
        bins = {who: {(each.low, each.high): each for each in getattr(one, what)} for who, one in judged.items()}
        for low, high in sorted({limits for of_one in bins.values() for limits in of_one}):
            lines.append(
                f"  {low:4.0f} to {high:3.0f}      " + "".join(_cell(one.get((low, high))) for one in bins.values())
            )
    return "\n".join(lines)


def _cell(one: Bin | None) -> str:
    return f"{one.claimed:12.3f} {one.right:7.3f} {one.error:5.3f} {one.pairs:7,}" if one else f"{'-':>34}"


if __name__ == "__main__":
    sys.exit(main())
