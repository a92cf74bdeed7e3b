"""Texts of a survey's own, such as the names of its filters, need not be ASCII."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from predicting import load_survey
from small_surveys import change
from test_precover import HN13, TIMES, beside, found, load, seen

import ssdb
from ssdb.cli import main
from ssdb.predict.precover import precover
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database

BANDS = ["r′", "Hα", "滤光片滤光片滤光", "r", "", None]


def test_an_object_is_found_whatever_the_bands_of_sources_are_called(database: Database, database_url: str) -> None:
    load(database)
    ra, dec = beside(*seen(), 0.1, 0.1)
    columns = {"diaSourceId": np.arange(900, 906), "visit": np.arange(1, 7), "detector": 3, "ra": ra, "dec": dec}
    ssdb.ingest_sources(database, {**columns, "band": BANDS, "midpointMjdTai": TIMES, "detector": np.full(6, 3)})
    report = precover(database, HN13)
    assert {row["diaSourceId"]: row["band"] for row in report.found if row["diaSourceId"] >= 900} == {
        900 + row: band or None for row, band in enumerate(BANDS)
    }
    assert len(found(report)) == 12
    done = CliRunner().invoke(main, ["--db", database_url, "precover", HN13, "--json"])
    assert done.exit_code == 0
    assert {row["band"] for row in json.loads(done.stdout)["found"]} >= {"Hα", "滤光片滤光片滤光"}
    assert precover(database, HN13, commit=True).n_stored > 0


@pytest.mark.parametrize("code", ["Ä05", "  "])
def test_an_observatory_that_nobody_knows_costs_only_its_exposures(database: Database, code: str) -> None:
    load_survey(database)
    change(database, 'UPDATE "Visit" SET "observatoryCode" = :code WHERE visit = 2', code=code)
    report = predict_visits(database)
    assert sorted(report.failed) == [2]
    assert sorted(report.predictions) == [1, 3, 4, 5]
