"""Numbers, names and other designations from mpcorb_extended.json and NumberedMPs.txt, made here as those are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from identifications import EROS_PRIMARY, NUMBERED_MPS, numbered
from ingesting import dump, predictions, refused, rows, visits
from orbit_files import CERES, stored
from orbits_of_others import extended

from ssdb.errors import InputError, NotFoundError
from ssdb.identity.designation import ss_object_id
from ssdb.identity.resolve import resolve
from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_solar_system import numbered_identifications
from ssdb.store.database import Database

EROS = {"Number": "(433)", "Name": "Eros", "Principal_desig": "A898 PA", "Other_desigs": ["A893 UC", "1956 PC"]}
UNNUMBERED = {"Principal_desig": "2015 MQ204", "Other_desigs": ["2010 AB"]}
ALONE = {"Principal_desig": "2011 CD5"}


def as_json(path: Path, *objects: dict[str, Any]) -> Path:
    records = [extended(CERES) | one for one in objects]
    with gzip.open(path, "wt") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, indent=0) for one in records) + "\n]\n")
    return path


def test_other_designations_of_the_extended_file(database: Database, tmp_path: Path) -> None:
    path = as_json(tmp_path / "mpcorb_extended.json.gz", EROS, UNNUMBERED, ALONE)
    report = ingest_identifications(database, path)
    assert (report.kind, report.rows, report.new, report.invalid) == ("identifications", 5, 5, 0)
    for name in ("433", "Eros", "A898 PA", "A893 UC", "1956 PC", "J56P00C"):
        assert resolve(database, name).ssObjectId == EROS_PRIMARY
    assert resolve(database, "A893 UC").kind == "secondary"
    assert resolve(database, "2010 AB").designation == "2015 MQ204"
    before = dump(database)
    again = ingest_identifications(database, path)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 5)
    assert dump(database) == before
    # What comes under any of these is stored as one object.
    ingest_orbits(database, path)
    assert {"A898 PA", "2015 MQ204"} < stored(database).keys()
    ingest_visits(database, visits())
    given = predictions() | {"designation": ["1956 PC", "2010 AB", "2011 CD5", "434"]}
    ingest_predictions(database, given)
    assert {row["designation"] for row in rows(database, "SsPrediction")} == {
        "A898 PA",
        "2015 MQ204",
        "2011 CD5",
        "434",
    }


def test_numbered_minor_planets_as_text(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "NumberedMPs.txt"
    path.write_text(NUMBERED_MPS + "   (434) Hungaria\n")
    report = ingest_identifications(database, path)
    assert (report.rows, report.new, report.invalid) == (4, 4, 1)
    assert report.doubts == ("not in the columns of NumberedMPs.txt (line 4)",)
    assert resolve(database, "Eros").ssObjectId == EROS_PRIMARY
    assert resolve(database, "Ceres").designation == "1"  # its designation is not said there
    assert resolve(database, "360000").ssObjectId == ss_object_id("K12X21X")
    with pytest.raises(NotFoundError):
        resolve(database, "Hungaria")
    assert ingest_identifications(database, path).unchanged == 4


def test_what_the_tables_have_more_of_stays(database: Database, tmp_path: Path) -> None:
    more = numbered(("433", "A898 PA", None)) | {"naming_credit": ["A. Berberich"]}
    ingest_identifications(database, more)
    ingest_identifications(database, as_json(tmp_path / "a.json.gz", EROS))
    with database.reading() as connection:
        assert connection.scalars(sa.select(numbered_identifications.c.naming_credit)).all() == ["A. Berberich"]
    # Another designation for the number takes its place.
    ingest_identifications(
        database, as_json(tmp_path / "a.json.gz", {"Number": "(433)", "Principal_desig": "2011 CD5"})
    )
    assert resolve(database, "433").designation == "2011 CD5"


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ((ALONE, EROS, EROS | {"Principal_desig": "2010 AB"}), "permid is there twice (row 3)"),
        ((UNNUMBERED, UNNUMBERED | {"Principal_desig": "2011 CD5"}), "designation is there twice (row 2)"),
    ],
)
def test_contradictions_are_refused(
    database: Database, tmp_path: Path, objects: tuple[dict[str, Any], ...], why: str
) -> None:
    refused(database, ingest_identifications, as_json(tmp_path / "a.json.gz", *objects), why, error=InputError)


def test_what_has_no_packed_form_is_left_out(database: Database, tmp_path: Path) -> None:
    odd = {"Number": "(434)", "Name": "Hungaria", "Principal_desig": "nonsense", "Other_desigs": [None, 5, "1956 PC"]}
    report = ingest_identifications(database, as_json(tmp_path / "a.json.gz", odd, EROS | {"Other_desigs": ["x"]}))
    assert report.doubts == ("a designation has no packed form (records 1, 2)",)
    assert (report.rows, report.invalid) == (3, 2)
    assert resolve(database, "Hungaria").designation == "434"
