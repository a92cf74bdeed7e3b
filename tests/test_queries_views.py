"""The views for services: what is in them, and that what services rely on stays as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
import sqlalchemy as sa
from astropy.table import Table
from queried_survey import IDS, ORBITS, QueriedSurvey, add_orbits, queried_survey
from test_views import insert

import ssdb
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.views import known_columns, view_definitions

CONTRACT = {
    "SsObservation": """ssObjectId designation visit detector diaSourceId midpointMjdTai exposureTime band ra raErr dec
        decErr ra_dec_Cov mag magErr reducedMag psfFlux psfFluxErr apFlux apFluxErr trailFlux trailFluxErr scienceFlux
        scienceFluxErr snr isNegative extendedness reliability trailLength trailAngle psfFlux_flag centroid_flag
        trail_flag pixelFlags_edge pixelFlags_saturated pixelFlags_cr pixelFlags_streak ephRa ephDec ephRate ephRateRa
        ephRateDec ephVmag ephOffset ephOffsetRa ephOffsetDec ephOffsetAlongTrack ephOffsetCrossTrack diaDistanceRank
        eclLambda eclBeta galLon galLat phaseAngle elongation topoRange topoRangeRate helioRange helioRangeRate helio_x
        helio_y helio_z helio_vx helio_vy helio_vz helio_vtot topo_x topo_y topo_z topo_vx topo_vy topo_vz topo_vtot
        epoch_mjd q e i node argperi peri_time a h g earth_moid midpointUtc
        emittedMjdTai chi2 logOdds probability""",
    "SsObjectSummary": "ssObjectId designation nObs nNights arc firstObservationMjdTai lastObservationMjdTai",
    "SsOrbit": """designation packed_primary_provisional_designation epoch_mjd q e i node argperi peri_time a aphelion h
        g earth_moid u_param nopp arc_length_total tisserand_J orbitClass isNearEarth isHazardous""",
    "UnassociatedSsObject": """visit ssObjectId detector edgeDistance nCandidates designation midpointMjdTai ephRa
        ephDec ephRateRa ephRateDec ephVmag ephErrMajor ephErrMinor ephErrPa midpointUtc ephMag pDetected""",
    "ObjectName": "alias ssObjectId designation kind",
    "epn_core": """granule_uid granule_gid obs_id dataproduct_type measurement_type processing_level target_name
        target_class time_min time_max time_sampling_step_min time_sampling_step_max time_exp_min time_exp_max
        spectral_range_min spectral_range_max spectral_sampling_step_min spectral_sampling_step_max
        spectral_resolution_min spectral_resolution_max c1min c1max c2min c2max c3min c3max s_region c1_resol_min
        c1_resol_max c2_resol_min c2_resol_max c3_resol_min c3_resol_max spatial_frame_type incidence_min
        incidence_max emergence_min emergence_max phase_min phase_max instrument_host_name instrument_name
        service_title creation_date modification_date release_date ra dec alt_target_name filter flux
        earth_distance_min earth_distance_max sun_distance_min sun_distance_max""",
}
"""Columns that services may rely on: they are never renamed, moved or removed; new ones go to the end."""


@pytest.fixture(scope="module")
def survey() -> QueriedSurvey:
    made = queried_survey()
    add_orbits(made)
    return made


@pytest.fixture(scope="module")
def database(module_database_url: str, survey: QueriedSurvey) -> Iterator[Database]:
    opened = ssdb.connect(module_database_url)
    survey.load(opened)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", CONTRACT)
def test_the_columns_are_those_of_the_contract(database: Database, name: str) -> None:
    columns = ssdb.query(database, f"SELECT * FROM {name}").columns
    assert columns[: len(CONTRACT[name].split())] == CONTRACT[name].split()
    quoted = ", ".join(f'"{column}"' for column in columns)
    assert ssdb.query(database, f'SELECT {quoted} FROM "{name}"').columns == columns


def test_every_view_is_in_the_contract() -> None:
    assert view_definitions().keys() == CONTRACT.keys()


def test_a_column_of_a_view_has_one_spelling_and_one_meaning() -> None:
    """Those of the views alone are in no table, and no two differ in their capitals only."""
    names = [name.lower() for name in known_columns()]
    assert len(names) == len(set(names))
    of_tables = {column.name for table in metadata.sorted_tables for column in table.columns}
    of_views = {name for columns in CONTRACT.values() for name in columns.split()}
    assert of_views <= known_columns().keys()
    assert known_columns().keys() - of_tables <= of_views


def test_an_observation_has_its_source_and_its_orbit(database: Database, survey: QueriedSurvey) -> None:
    """And it is there without an orbit: of the objects from 18 on nobody knows one."""
    answer = ssdb.query(database, "SELECT * FROM SsObservation")
    found = {row["diaSourceId"]: row for row in (dict(zip(answer.columns, r, strict=True)) for r in answer.rows)}
    assert found.keys() == {match["diaSourceId"] for match in survey.matches}
    orbits = {orbit[0]: orbit for orbit in ORBITS}
    candidates = {row["diaSourceId"]: row for row in survey.rows["SsCandidate"] if row["chosen"]}
    for match in survey.matches:
        row = found[match["diaSourceId"]]
        for name in match.keys() & row.keys():
            value = match[name]
            assert row[name] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), name
        decided = ("chi2", "logOdds", "probability")
        assert [row[name] for name in decided] == [candidates[match["diaSourceId"]][name] for name in decided]
        q, e, i, h = orbits[row["designation"]][2:6] if row["designation"] in orbits else [None] * 4
        assert (row["q"], row["e"], row["i"], row["h"]) == (q, e, i, h)
        assert row["a"] == (None if q is None or e is None or e >= 1 else pytest.approx(q / (1 - e)))
    assert {row["q"] is None for row in found.values()} == {True, False}


def test_an_object_is_one_row_with_its_counts_and_times(database: Database, survey: QueriedSurvey) -> None:
    times = defaultdict(list)
    for match in survey.matches:
        times[match["ssObjectId"]].append(match["midpointMjdTai"])
    answer = ssdb.query(database, "SELECT * FROM SsObjectSummary")
    assert {row[0]: row[1:] for row in answer.rows} == {
        number: (
            str(next(n for n, i in IDS.items() if i == number)),
            len(of_object),
            len({int(mjd) for mjd in of_object}),
            pytest.approx(max(of_object) - min(of_object), rel=1e-6),
            min(of_object),
            max(of_object),
        )
        for number, of_object in times.items()
    }
    one = ssdb.query(database, "SELECT nObs FROM SsObjectSummary WHERE ssObjectId = :id", {"id": IDS[9]})
    assert one.rows == [(len(times[IDS[9]]),)]


@pytest.mark.parametrize("name", CONTRACT)
def test_a_view_is_exported_with_units(database: Database, name: str, tmp_path: Path) -> None:
    """The same rows in the same order from both databases, columns of the views' own too."""
    n = ssdb.export(database, name, tmp_path / "rows.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names[: len(CONTRACT[name].split())] == CONTRACT[name].split()
    assert table.num_rows == n > 0
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    assert units == {column: known_columns()[column].info["unit"] for column in units}
    ssdb.export(database, name, tmp_path / "rows.ecsv")
    assert len(Table.read(tmp_path / "rows.ecsv")) == n
    rows = table.to_pylist()
    keys = [
        c
        for c in ("visit", "ssObjectId", "diaSourceId", "alias", "designation", "granule_uid")
        if c in table.column_names
    ]
    assert rows == sorted(rows, key=lambda row: [str(row[c]).zfill(20) if c != "designation" else row[c] for c in keys])


def test_an_export_of_a_view_takes_exposures(database: Database, survey: QueriedSurvey, tmp_path: Path) -> None:
    n = ssdb.export(database, "SsObservation", tmp_path / "rows.csv", visits=[2, 3])
    assert n == len([match for match in survey.matches if match["visit"] in (2, 3)]) > 0
    with pytest.raises(ssdb.ConfigError, match="SsObjectSummary has no visits"):
        ssdb.export(database, "SsObjectSummary", tmp_path / "rows.csv", visits=[2])


def test_a_service_asks_for_one_object_by_index(sqlite_url: str, postgresql_url: str) -> None:
    """However many there are: neither view reads all sources for one object."""
    for url, explain in ((sqlite_url, "EXPLAIN QUERY PLAN"), (postgresql_url, "EXPLAIN")):
        database = ssdb.connect(url)
        insert(database, metadata.tables["SSSource"], *({"diaSourceId": n, "ssObjectId": n} for n in range(2000)))
        insert(
            database, metadata.tables["DiaSource"], {"diaSourceId": 1}
        )  # a partition without rows is no part of a plan
        for view in ("SsObservation", "SsObjectSummary"):
            with database.writing() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql('ANALYZE "SSSource"')
                plan = connection.execute(sa.text(f'{explain} SELECT * FROM "{view}" WHERE "ssObjectId" = 5')).all()
            of_partition = "SSSource_0_ssObjectId_idx"
            assert "ix_SSSource_ssObjectId" in str(plan) or of_partition in str(plan), (view, plan)
        database.close()
