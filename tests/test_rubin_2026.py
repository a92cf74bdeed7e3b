"""Rubin's tables as they are in 2026 (ap_association of June, sdm_schemas 10.0.0), and their placeholders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from ingesting import predictions, refused, rows, visits
from mpsky_answers import NAMES, OBJECTS, OBSERVER, TIME, TMAX, TMIN, chebyshev, seen
from small_surveys import MJD
from task_inputs import exposure, tangent_wcs
from task_inputs import predictions as predicted
from task_inputs import sources as on_detector

import ssdb
from ssdb import SsSingleFrameAssociation, ingest_predictions, ingest_visits
from ssdb.ingest.formats.sorcha import read_sorcha
from ssdb.store.database import Database

Columns = dict[str, Any]


def preloaded(magnitudes: Any) -> Table:
    """What MPSkyEphemerisQueryTask makes of an answer: no Vmag but trailedSourceMagTrue, filled from it."""
    objects, observer = chebyshev(OBJECTS), chebyshev(OBSERVER)
    table = Table({"ObjID": list(NAMES)})
    for name, unit in (("ra", u.deg), ("dec", u.deg)):
        table[name] = MaskedColumn(np.zeros(3), unit=unit)
    table["tmin"], table["tmax"] = MaskedColumn(np.full(3, TMIN), unit=u.d), MaskedColumn(np.full(3, TMAX), unit=u.d)
    table["trailedSourceMagTrue"] = MaskedColumn(np.array(magnitudes), unit=u.mag)
    for index, axis in enumerate("xyz"):
        table[f"obj_{axis}_poly"] = list(objects[:, index].T)
        table[f"obs_{axis}_poly"] = [observer[:, index] for _ in range(3)]
    table["Err(arcsec)"] = MaskedColumn(np.full(3, 2.0), unit=u.arcsec)
    table["ssObjectId"] = [1, 2, 3]
    for name in ("MPCORB_h", "MPCORB_epoch_mjd"):
        table[name] = np.full(3, 20.0)
    table["MPCORB_created_at"] = MaskedColumn(np.full(3, "", str), mask=np.ones(3, bool))
    return table


@pytest.mark.parametrize("magnitude", [21.5, np.nan])
def test_the_magnitude_of_mpsky_under_its_name_in_the_task(magnitude: float) -> None:
    """trailedSourceMagTrue becomes ephVmag, as in the task's own output."""
    place = seen(OBJECTS, OBSERVER, TIME - TMIN)[0]
    image = exposure(tangent_wcs(place.ra.deg, place.dec.deg), midpoint_mjd_tai=TIME)
    near = {"id": [1], "ra": [place.ra.deg], "dec": [place.dec.deg]}
    result = SsSingleFrameAssociation().run(image, near, "r", preloaded([magnitude, 20.0, 20.0]))
    (found,) = result.ssSourceData["ephVmag"]
    assert found is np.ma.masked if np.isnan(magnitude) else found == pytest.approx(21.5)


def test_the_tasks_own_output_as_input() -> None:
    """unassociatedSsObjects has ephRa and ephDec beside trailedSourceMagTrue; a magnitude of 0 is none."""
    at = predicted([10.0, 50.0], [10.0, 50.0]) | {"trailedSourceMagTrue": [22.0, 0.0]}
    result = SsSingleFrameAssociation().run(exposure(), {}, "r", at)
    assert result.unassociatedSsObjects["ephVmag"].tolist() == [22.0, None]


def test_a_magnitude_in_v_comes_before_the_tasks_name() -> None:
    at = predicted([10.0], [10.0]) | {"trailedSourceMagTrue": [22.0], "Vmag": [21.0]}
    assert SsSingleFrameAssociation().run(exposure(), {}, "r", at).unassociatedSsObjects["ephVmag"].tolist() == [21.0]


def test_sorchas_magnitude_is_in_the_band_of_the_visit() -> None:
    """And so it is no ephVmag, though the task takes it for one."""
    table = Table({"ObjID": ["2020 AA"], "FieldID": [1], "fieldMJD_TAI": [MJD], "trailedSourceMagTrue": [22.0]})
    at = predicted([10.0], [10.0])
    table["RATrue_deg"], table["DecTrue_deg"] = at["ephRa"], at["ephDec"]
    result = SsSingleFrameAssociation().run(exposure(), {}, "r", table)
    assert result.unassociatedSsObjects["ephVmag"].mask.all()


def test_columns_of_the_source_tables_of_2026() -> None:
    """The names that the transformation of DIA sources reads, and the star-galaxy score by size."""
    columns = {
        "base_ClassificationSizeExtendedness_value": 0.25,
        "slot_PsfFlux_chi2": 12.0,
        "slot_PsfFlux_npixels": 441,
        "ext_trailedSources_Naive_ra": np.radians(150.0),
        "ext_trailedSources_Naive_dec": np.radians(2.0),
        "ext_trailedSources_Naive_algorithmKey": 1,
        "ip_diffim_DipoleFit_chi2dof": 1.5,
        "ip_diffim_DipoleFit_nData": 100,
        "ip_diffim_DipoleFit_classificationAttempted": True,
        "ip_diffim_DipoleFit_classification": False,
        "is_negative": True,
    }
    near = on_detector([10.0], [10.0]) | {name: [value] for name, value in columns.items()}
    result = SsSingleFrameAssociation().run(exposure(), near, "r", predicted([10.0], [10.0]))
    row = result.ssoAssocDiaSources[0]
    assert row["extendedness"] == pytest.approx(0.25)
    assert (row["psfChi2"], row["psfNdata"]) == (pytest.approx(12.0), 441)
    assert (row["trailRa"], row["trailDec"], row["trailAlgorithm"]) == (pytest.approx(150.0), pytest.approx(2.0), 1)
    assert (row["dipoleChi2"], row["dipoleNdata"]) == (pytest.approx(1.5), 100)
    assert (row["dipoleFitAttempted"], row["isDipole"], row["isNegative"]) == (True, False, True)


def test_what_the_source_tables_have_in_pixels() -> None:
    """By the matrix of the WCS at each source: a camera turned by 30 deg, east to the left, pixels of 0.2 arcsec."""
    scale, turn = np.radians(0.2 / 3600), np.radians(30.0)
    matrix = {"1_1": -np.cos(turn), "1_2": np.sin(turn), "2_1": np.sin(turn), "2_2": np.cos(turn)}
    columns = {f"base_LocalWcs_CDMatrix_{place}": scale * value for place, value in matrix.items()} | {
        "ext_trailedSources_Naive_length": 10.0,
        "ext_trailedSources_Naive_lengthErr": 1.0,
        "ext_trailedSources_Naive_angle": np.radians(90.0),
        "ext_trailedSources_Naive_angleErr": np.radians(3.0),
        "ext_trailedSources_Naive_flux": 50.0,
        "ext_trailedSources_Naive_fluxErr": 5.0,
        "ext_trailedSources_Naive_flag_edge": True,
        "ip_diffim_DipoleFit_separation": 4.0,
        "ip_diffim_DipoleFit_orientation": np.radians(180.0),
        "ip_diffim_forced_PsfFlux_instFlux": 7.0,
        "ip_diffim_forced_PsfFlux_flag": True,
        "ip_diffim_forced_template_PsfFlux_instFlux": 3.0,
        "slot_ApFlux_instFlux": 9.0,
        "slot_Shape_xx": 4.0,
        "slot_PsfShape_xy": 0.5,
        "slot_Shape_flag_no_pixels": True,
    }
    near = on_detector([10.0], [10.0]) | {name: [value] for name, value in columns.items()}
    image = exposure(photo_calib_mean=2.0)
    row = SsSingleFrameAssociation().run(image, near, "r", predicted([10.0], [10.0])).ssoAssocDiaSources[0]
    assert (row["trailLength"], row["trailLengthErr"]) == (pytest.approx(2.0), pytest.approx(0.2))
    # +y points 30 deg from north to east, -x 120 deg.
    assert (row["trailAngle"], row["dipoleAngle"]) == (pytest.approx(30.0), pytest.approx(120.0))
    assert (row["trailAngleErr"], row["dipoleLength"]) == (pytest.approx(3.0), pytest.approx(0.8))
    assert (row["ixx"], row["ixyPSF"]) == (pytest.approx(0.16), pytest.approx(0.02))
    fluxes = [row[name] for name in ("trailFlux", "trailFluxErr", "scienceFlux", "templateFlux", "apFlux")]
    assert fluxes == pytest.approx([100.0, 10.0, 14.0, 6.0, 18.0])
    assert all(row[name] for name in ("trail_flag_edge", "forced_PsfFlux_flag", "shape_flag_no_pixels"))
    given = {"trailLength": 3.0, "trailAngle": -45.0, "trailLengthErr": 0.1, "trailAngleErr": 0.5, "isNegative": True}
    near |= {name: [value] for name, value in given.items()}
    row = SsSingleFrameAssociation().run(image, near, "r", predicted([10.0], [10.0])).ssoAssocDiaSources[0]
    assert [row[name] for name in given] == pytest.approx([*given.values()])


def test_without_the_matrix_pixels_stay_unknown() -> None:
    near = on_detector([10.0], [10.0]) | {"ext_trailedSources_Naive_length": [10.0], "slot_Shape_xx": [4.0]}
    row = SsSingleFrameAssociation().run(exposure(), near, "r", predicted([10.0], [10.0])).ssoAssocDiaSources[0]
    assert row["trailLength"] is np.ma.masked
    assert row["ixx"] is np.ma.masked


def test_times_in_single_precision_are_told_by_the_task(caplog: pytest.LogCaptureFixture) -> None:
    """As by every ingest; the answer stays what the table says."""
    task = SsSingleFrameAssociation()
    near = on_detector([10.0], [10.0]) | {"midpointMjdTai": np.full(1, MJD, np.float32)}
    at = predicted([10.0], [10.0])
    task.run(exposure(), near, "r", at | {"midpointMjdTai": np.full(1, MJD, np.float32)})
    assert [doubt.partition(" is ")[0] for doubt in task.metadata["doubts"]] == [
        "sourceTable: midpointMjdTai",
        "solarSystemObjectTable: midpointMjdTai",
    ]
    assert all("single precision" in record.message for record in caplog.records)
    assert len(caplog.records) == 2
    task.run(exposure(), on_detector([10.0], [10.0]), "r", at)
    assert task.metadata["doubts"] == []


# ---- rows of SSSource as predictions ---------------------------------------------------------------------------------

AU_PER_DAY = 1731.456836805556
"""km/s."""


def with_vectors(position: float = 1.0, velocity: float = 1.0) -> Columns:
    """Orbits at 2.5 au: 19 km/s."""
    n = len(predictions()["visit"])
    vectors: Columns = {}
    for origin in ("helio", "topo"):
        for axis, x, v in zip("xyz", (2.0, 1.5, 0.1), (-11.0, 15.0, 1.0), strict=True):
            vectors[f"{origin}_{axis}"] = np.full(n, x * position)
            vectors[f"{origin}_v{axis}"] = np.full(n, v * velocity)
    return predictions() | vectors


def without_position(columns: Columns) -> Columns:
    return {name: values for name, values in columns.items() if not name.endswith(("o_x", "o_y", "o_z"))}


def test_vectors_of_an_orbit_are_taken(database: Database) -> None:
    ingest_visits(database, visits())
    assert ingest_predictions(database, with_vectors()).doubts == ()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"helioRange": [2.3e-8] * 4}, "helioRange is not within 0.0046"),
        ({"topoRange": [1.1e-8] * 4}, "topoRange is not within"),
        (with_vectors(position=1 / 149597870.7), "inside the Sun"),
        (with_vectors(velocity=1 / AU_PER_DAY), "in km/s, not in au/d"),
        (with_vectors(velocity=1000.0), "faster than any orbit"),
        (without_position(with_vectors(velocity=1 / AU_PER_DAY)) | {"helioRange": [2.5] * 4}, "in km/s, not in au/d"),
    ],
)
def test_rows_in_other_units_are_refused_with_the_reason(database: Database, columns: Columns, words: str) -> None:
    ingest_visits(database, visits())
    refused(database, ingest_predictions, predictions() | columns, words, "rows 1, 2, 3, 4")


def test_rows_in_other_units_are_left_out_on_request(database: Database) -> None:
    ingest_visits(database, visits())
    table = with_vectors()
    table["helio_vx"], table["helio_vy"], table["helio_vz"] = (
        np.append(table[name][:3], table[name][3] / AU_PER_DAY) for name in ("helio_vx", "helio_vy", "helio_vz")
    )
    report = ingest_predictions(database, table, skip_invalid=True)
    assert (report.rows, report.invalid) == (3, 1)


@pytest.mark.parametrize(
    ("position", "velocity"),
    [
        ((0.0055, 0.0, 0.0), (0.0, 568.0, 0.0)),  # a sungrazer at perihelion
        ((175.0, 0.0, 0.0), (0.0, 0.08, 0.0)),  # a long-period comet of q = 0.1 near its aphelion
        ((1.0, 0.0, 0.0), (0.0, 72.0, 0.0)),  # 3I/ATLAS, 58 km/s far away
        ((900.0, 0.0, 0.0), (0.0, 0.27, 0.1)),  # Sedna's aphelion
    ],
)
def test_real_extremes_are_taken(database: Database, position: Any, velocity: Any) -> None:
    ingest_visits(database, visits())
    table = predictions()
    for axis, x, v in zip("xyz", position, velocity, strict=True):
        table |= {f"helio_{axis}": [x] * 4, f"helio_v{axis}": [v] * 4}
    assert ingest_predictions(database, table).rows == 4


def test_a_detector_alone_refuses_them_too() -> None:
    table = predicted([10.0], [10.0]) | {"helioRange": [2.3e-8]}
    with pytest.raises(ssdb.InputError, match=r"helioRange is not within 0\.0046"):
        SsSingleFrameAssociation().run(exposure(), {}, "r", table)


# ---- Sorcha's time ---------------------------------------------------------------------------------------------------


def sorcha_row(jd_tdb: Any) -> Columns:
    times = {"fieldMJD_TAI": 60000.1, "fieldJD_TDB": jd_tdb}
    return {"ObjID": "2015 MQ204", "FieldID": 10, **times, "RA_deg": 50.0, "Dec_deg": -5.0}


def tdb(milliseconds: float) -> float:
    """fieldJD_TDB so much after MJD 60000.1 TAI."""
    from astropy.time import Time

    return float(Time(60000.1 + milliseconds / 86400e3, format="mjd", scale="tai").tdb.jd)


@pytest.mark.parametrize("kind", ["csv", "h5", "db", "parquet"])
@pytest.mark.parametrize("milliseconds", [43.0, -43.0, 0.0])
def test_positions_hold_for_the_time_in_tdb(tmp_path: Any, kind: str, milliseconds: float) -> None:
    """To the 40 microseconds that a Julian date in double precision has."""
    import sqlite3

    import pandas as pd

    frame = pd.DataFrame([sorcha_row(tdb(milliseconds))])
    path = tmp_path / f"night.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "h5":
        frame.assign(optFilter=pd.Categorical(["r"])).to_hdf(
            path, key="sorcha_results", format="table", data_columns=True
        )
    elif kind == "db":
        with sqlite3.connect(path) as connection:
            frame.to_sql("sorcha_results", connection, index=False)
    else:
        frame.to_parquet(path)
    doubts: list[str] = []
    (time,) = read_sorcha(path, doubts=doubts)["midpointMjdTai"].to_pylist()
    assert (time - 60000.1) * 86400e3 == pytest.approx(milliseconds, abs=0.05)
    assert doubts == []


def test_a_time_that_is_another_is_told_and_an_unknown_one_is_not_used(database: Database, tmp_path: Any) -> None:
    """TAI written as if it were TDB is 32 seconds off."""
    import pandas as pd

    ingest_visits(database, visits())
    rows_ = [sorcha_row(2460000.6), sorcha_row(None) | {"ObjID": "433"}]
    pd.DataFrame(rows_).to_csv(tmp_path / "night.csv", index=False)
    report = ingest_predictions(database, tmp_path / "night.csv")
    assert len(report.doubts) == 1
    assert "in 1 rows (in row 1, -32.18" in report.doubts[0]
    assert [row["midpointMjdTai"] for row in rows(database, "SsPrediction")] == [60000.1, 60000.1]


def test_a_detectors_table_of_sorchas_holds_for_the_time_in_tdb() -> None:
    table = Table([sorcha_row(tdb(43.0)) | {"ObjID": "2020 AA"}])
    at = predicted([10.0], [10.0])
    table["RA_deg"], table["Dec_deg"] = at["ephRa"], at["ephDec"]
    result = SsSingleFrameAssociation().run(exposure(midpoint_mjd_tai=60000.1), {}, "r", table)
    assert len(result.unassociatedSsObjects) == 1
