"""Forced photometry that somebody else measured, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from dia_surveys import BEGIN, load_visits, rows_of, sources
from dia_surveys import load as load_sources

from ssdb import connect, ingest_forced
from ssdb.cli import main
from ssdb.config import DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.dia.merge import merge_objects
from ssdb.errors import InputError, SsdbError
from ssdb.identity.designation import pack, ss_object_id
from ssdb.identity.relink import relink
from ssdb.ingest.identifications import ingest_identifications
from ssdb.schema.apdb_dia import dia_forced_source, dia_object
from ssdb.schema.dia import ss_forced_source
from ssdb.schema.survey import visit
from ssdb.store.database import Database


def survey(database: Database) -> None:
    """Visits 1 to 3, and the DiaObjects 1000 and 1001."""
    load_visits(database, [1, 2, 3])
    load_sources(database, [sources(1, [10.0, 10.1], [-30.0, -30.1])])
    assert not associate_dia(database, solar_system=False).failed


def table(**columns: Any) -> dict[str, Any]:
    """Two fluxes in visit 2, one in visit 3."""
    made: dict[str, Any] = {
        "diaObjectId": [1000, 1001, 1000],
        "visit": [2, 2, 3],
        "detector": [4, 5, 4],
        "ra": [10.0, 10.1, 10.0],
        "dec": [-30.0, -30.1, -30.0],
        "psfFlux": [120.0, -5.0, 80.0],
        "psfFluxErr": [10.0, 11.0, 20.0],
        "band": ["g", "r", "g"],
    } | columns
    return {name: values for name, values in made.items() if values is not None}


def test_fluxes_of_dia_objects(database: Database, tmp_path: Path) -> None:
    survey(database)
    path = tmp_path / "forced.parquet"
    pa.parquet.write_table(pa.table(table()), path)
    report = ingest_forced(database, path)
    assert (report.rows, report.visits, report.new, report.changed, report.unchanged) == (3, 2, 3, 0, 0)
    rows = rows_of(database, dia_forced_source)
    keys = [(row["diaObjectId"], row["visit"], row["detector"]) for row in rows]
    assert keys == [(1000, 2, 4), (1000, 3, 4), (1001, 2, 5)]
    assert [row["midpointMjdTai"] for row in rows] == [BEGIN + 2, BEGIN + 3, BEGIN + 2]
    assert all(row["diaForcedSourceId"] > 0 and row["timeProcessedMjdTai"] > 60000 for row in rows)
    current = {row["diaObjectId"]: row for row in rows_of(database, dia_object)}
    mean = (120.0 / 100 + 80.0 / 400) / (1 / 100 + 1 / 400)
    assert current[1000]["g_fpFluxMean"] == pytest.approx(mean, rel=1e-6)
    assert current[1000]["g_fpFluxMeanErr"] == pytest.approx((1 / 100 + 1 / 400) ** -0.5, rel=1e-6)
    assert current[1001]["r_fpFluxMean"] == pytest.approx(-5.0)
    # The same again changes nothing; another value does.
    report = ingest_forced(database, path)
    assert (report.new, report.changed, report.unchanged) == (0, 0, 3)
    assert rows_of(database, dia_forced_source) == rows
    report = ingest_forced(database, table(psfFlux=[120.0, -5.0, 100.0]))
    assert (report.new, report.changed, report.unchanged) == (0, 1, 2)
    (changed,) = [row for row in rows_of(database, dia_object) if row["diaObjectId"] == 1000]
    assert changed["g_fpFluxMean"] == pytest.approx((1.2 + 0.25) / (1 / 100 + 1 / 400), rel=1e-6)


@pytest.mark.parametrize("band", [None, [None, None, None], ["g", None, None]])
def test_without_a_band_it_is_that_of_the_visit(band: Any, database: Database) -> None:
    """Or the flux would count in no mean."""
    survey(database)
    (of_visit,) = {row["band"] for row in rows_of(database, visit) if row["visit"] > 1}
    assert of_visit is not None
    ingest_forced(database, table(band=band, diaObjectId=[1001, 1000, 1000]))
    rows = {(row["diaObjectId"], row["visit"]): row["band"] for row in rows_of(database, dia_forced_source)}
    assert rows == {(1001, 2): "g" if band and band[0] else of_visit, (1000, 2): of_visit, (1000, 3): of_visit}
    current = {row["diaObjectId"]: row for row in rows_of(database, dia_object)}
    mean = (-5.0 / 121 + 80.0 / 400) / (1 / 121 + 1 / 400)
    assert current[1000][f"{of_visit}_fpFluxMean"] == pytest.approx(mean, rel=1e-6)


def test_withdrawn_fluxes_and_those_without_error_do_not_count(database: Database) -> None:
    survey(database)
    ingest_forced(database, table(timeWithdrawnMjdTai=[None, None, 60500.0], psfFluxErr=[10.0, np.nan, 20.0]))
    current = {row["diaObjectId"]: row for row in rows_of(database, dia_object)}
    assert current[1000]["g_fpFluxMean"] == pytest.approx(120.0)
    assert current[1001]["r_fpFluxMean"] is None


def test_fluxes_of_known_objects(database: Database) -> None:
    """By any designation, under the primary one where that is known; relink moves those stored under others."""
    survey(database)
    names = ["2010 AB", "K15M00Q", "2010 AB"]
    report = ingest_forced(database, table(diaObjectId=None, designation=names))
    assert report.new == 3
    first, second = (ss_object_id(pack(name)[0]) for name in ("2010 AB", "2015 MQ"))
    rows = rows_of(database, ss_forced_source)
    assert {row["ssObjectId"] for row in rows} == {first, second}
    assert rows_of(database, dia_forced_source) == []
    link = {
        "packed_primary_provisional_designation": ["K15M00Q", "K15M00Q"],
        "packed_secondary_provisional_designation": ["K15M00Q", "K10A00B"],
        "unpacked_primary_provisional_designation": ["2015 MQ", "2015 MQ"],
        "unpacked_secondary_provisional_designation": ["2015 MQ", "2010 AB"],
        "published": [1, 1],
    }
    ingest_identifications(database, pa.table(link))
    assert relink(database).moved["SsForcedSource"] == 2
    assert {row["ssObjectId"] for row in rows_of(database, ss_forced_source)} == {second}
    report = ingest_forced(database, table(diaObjectId=None, designation=names))
    assert report.unchanged == 3


def test_fluxes_of_merged_objects_move(database: Database) -> None:
    """Where both were measured, that of the one that stays does."""
    load_visits(database, [1, 2, 3])
    load_sources(database, [sources(1, [10.0, 10.0, 10.1], [-30.0, -30.0 + 0.8 / 3600, -30.1])])
    assert not associate_dia(database, solar_system=False, config=DiaConfig(radius_arcsec=0.5)).failed
    ingest_forced(database, table(diaObjectId=[1000, 1001, 1001], detector=[4, 4, 4], band=["g", "g", "g"]))
    assert merge_objects(database).merged == {1001: 1000}
    rows = rows_of(database, dia_forced_source)
    assert [(row["diaObjectId"], row["visit"], row["psfFlux"]) for row in rows] == [(1000, 2, 120.0), (1000, 3, 80.0)]
    (kept,) = [
        row for row in rows_of(database, dia_object) if row["diaObjectId"] == 1000 and not row["validityEndMjdTai"]
    ]
    assert kept["g_fpFluxMean"] == pytest.approx((120.0 / 100 + 80.0 / 400) / (1 / 100 + 1 / 400), rel=1e-6)


def test_objects_that_are_not_stored_are_told(database: Database) -> None:
    survey(database)
    report = ingest_forced(database, table(diaObjectId=[1000, 77, 78]))
    assert "2 of its DiaObjects are not stored (diaObjectId 77, 78)" in report.doubts


BAD = {
    "twice": (table(diaObjectId=[1000, 1001, 1001], visit=[2, 2, 2], detector=[1, 5, 5]), "the object is there twice"),
    "no object": (table(diaObjectId=None), "neither diaObjectId nor ssObjectId or designation"),
    "both": (table(designation=["433", "433", "434"]), "both diaObjectId, designation"),
    "no flux": (table(psfFlux=None, psfFluxErr=None), "has no fluxes"),
    "unknown visit": (table(visit=[2, 2, 99]), "1 visits are not in the database (99)"),
    "NULL object": (table(diaObjectId=[1000, None, 1000]), "diaObjectId"),
    "no position": (table(dec=None), "dec"),
    "position off the sky": (table(dec=[-30.0, 95.0, -30.0]), "dec"),
    "another time": (table(midpointMjdTai=[BEGIN + 2, BEGIN + 2, BEGIN + 9]), "midpointMjdTai is more than"),
    "no designation": (table(diaObjectId=None, designation=["2010 AB", "nonsense", "2010 AB"]), "nonsense"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_stores_nothing(what: str, database: Database) -> None:
    survey(database)
    given, message = BAD[what]
    with pytest.raises(SsdbError) as refusal:
        ingest_forced(database, pa.table(given))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert rows_of(database, dia_forced_source) == rows_of(database, ss_forced_source) == []


def test_usable_rows_of_a_bad_file(database: Database) -> None:
    survey(database)
    given = table(dec=[-30.0, 95.0, -30.0])
    with pytest.raises(InputError):
        ingest_forced(database, given)
    report = ingest_forced(database, given, skip_invalid=True)
    assert (report.rows, report.invalid) == (2, 1)


def test_the_command_takes_csv_with_other_names(database_url: str, tmp_path: Path) -> None:
    database = connect(database_url)
    survey(database)
    path = tmp_path / "forced.csv"
    path.write_text("object,visit,ra,dec,flux,err\n1000,2,10,-30,120,10\n1001,2,10.1,-30.1,-5,11\n")
    columns = tmp_path / "map.yaml"
    columns.write_text(
        "columns:\n  diaObjectId: {column: object}\n  psfFlux: {column: flux, unit: uJy}\n"
        "  psfFluxErr: {column: err, unit: uJy}\n"
    )
    arguments = ["--db", database_url, "ingest", "forced", str(path), "--columns", str(columns)]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    assert "2 forced fluxes of 1 visits: 2 new" in run.stdout
    assert [row["psfFlux"] for row in rows_of(database, dia_forced_source)] == [120_000.0, -5000.0]
    assert {row["detector"] for row in rows_of(database, dia_forced_source)} == {0}
    database.close()
