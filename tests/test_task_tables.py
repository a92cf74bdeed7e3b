"""The tables that the task takes: any kind of table, and the names and units that Rubin's tables have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.table import MaskedColumn, QTable, Table
from mpsky_answers import NAMES, OBJECTS, OBSERVER, TIME, TMAX, TMIN, chebyshev, seen
from small_surveys import MJD, designation
from task_inputs import Columns, exposure, predictions, random_inputs, same_table, sources, tangent_wcs

import ssdb
from ssdb.rubin.task import SsSingleFrameAssociation


def run(near: Any, expected: Any, **of_exposure: Any) -> ssdb.AssociationResult:
    return SsSingleFrameAssociation().run(exposure(**of_exposure), near, None, expected)


KINDS: dict[str, Any] = {
    "mapping": dict,
    "astropy": Table,
    "QTable": QTable,
    "pandas": pd.DataFrame,
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_gives_the_same_and_is_not_changed(kind: str) -> None:
    near, expected = random_inputs(tangent_wcs(), 7)
    given, before = ([KINDS[kind](table) for table in (near, expected)] for _ in range(2))
    result, wanted = run(*given), run(near, expected)
    for name in ("ssoAssocDiaSources", "unAssocDiaSources", "ssSourceData", "unassociatedSsObjects"):
        assert same_table(getattr(result, name), getattr(wanted, name)), name
    for after, original in zip(given, before, strict=True):
        names = list(original.colnames if isinstance(original, Table) else original)
        if kind == "pyarrow":
            assert after.equals(original)
            continue
        assert names == list(after.colnames if isinstance(after, Table) else after)
        assert all(np.array_equal(after[name], original[name]) for name in names)


def test_a_path_is_read(tmp_path: Path) -> None:
    near, expected = sources([10.0], [10.0]), predictions([10.0], [10.0])
    pa.parquet.write_table(pa.table(near), tmp_path / "near.parquet")
    pa.parquet.write_table(pa.table(expected), tmp_path / "expected.parquet")
    assert run(tmp_path / "near.parquet", tmp_path / "expected.parquet").nAssociatedSsObjects == 1


def test_what_is_no_table_is_said() -> None:
    with pytest.raises(ssdb.InputError, match=r"^sourceTable: must be .* not int"):
        run(3, predictions([1.0], [1.0]))
    with pytest.raises(ssdb.InputError, match=r"^solarSystemObjectTable: must be .* not list"):
        run(sources([1.0], [1.0]), [1, 2])


# Sources


def catalog(**more: Any) -> Table:
    """A source table with the names of afw, positions in radians and saying so."""
    near = sources([10.0, 50.0], [10.0, 50.0])
    table = Table({"id": near["diaSourceId"]})
    table["coord_ra"], table["coord_dec"] = np.radians(near["ra"]) * u.rad, np.radians(near["dec"]) * u.rad
    for name, values in more.items():
        table[name] = values
    return table


def one_source(table: Any, **of_exposure: Any) -> Any:
    """The row of source 100 in the result."""
    result = run(table, predictions([10.0], [10.0]), **of_exposure)
    assert result.ssoAssocDiaSources["diaSourceId"].tolist() == [100]
    return result.ssoAssocDiaSources[0]


@pytest.mark.parametrize("unit", [u.rad, u.deg, u.hourangle, None])
def test_coord_ra_is_in_its_own_unit_or_in_radians(unit: u.Unit | None) -> None:
    table = catalog()
    for name in ("coord_ra", "coord_dec"):
        angle = table[name].quantity
        table[name] = angle.to_value(u.rad) if unit is None else angle.to(unit)
    row, near = one_source(table), sources([10.0], [10.0])
    assert row["ra"] == pytest.approx(near["ra"][0], abs=1e-12)
    assert row["dec"] == pytest.approx(near["dec"][0], abs=1e-12)


def test_a_catalog_of_afw_is_taken_by_its_own_table() -> None:
    class SourceCatalog:
        """What of ``lsst.afw.table.SourceCatalog`` is used."""

        def asAstropy(self) -> Table:
            return catalog(base_SdssCentroid_x=np.array([10.0, 50.0]))

    assert one_source(SourceCatalog())["x"] == 10.0


def test_errors_of_positions_are_degrees() -> None:
    """coord_raErr is in radians, as coord_ra is."""
    row = one_source(catalog(coord_raErr=np.full(2, 1e-6), coord_decErr=np.full(2, 2e-6)))
    assert row["raErr"] == pytest.approx(np.degrees(1e-6), rel=1e-6)
    assert row["decErr"] == pytest.approx(np.degrees(2e-6), rel=1e-6)


def test_the_first_name_that_is_there_wins() -> None:
    """The data model's own, then Rubin's in their order."""
    numbers = np.array([1, 2])
    table = catalog(slot_Centroid_x=[3.0, 3.0], base_SdssCentroid_x=[4.0, 4.0], sourceId=[100, 101])
    table["id"] = numbers
    assert one_source(table)["x"] == 3.0
    table["x"] = [5.0, 5.0]
    assert one_source(table)["x"] == 5.0


def test_names_of_the_data_model_count_in_any_case() -> None:
    near = sources([10.0], [10.0])
    assert one_source({"DIASOURCEID": near["diaSourceId"], "RA": near["ra"], "DEC": near["dec"]})["diaSourceId"] == 100


def test_flags_of_pixels() -> None:
    row = one_source(catalog(base_PixelFlags_flag_saturated=[True, False], base_PsfFlux_flag=[False, True]))
    assert bool(row["pixelFlags_saturated"])
    assert not bool(row["psfFlux_flag"])
    assert row["pixelFlags_cr"] is np.ma.masked


def test_a_missing_column_is_said_with_what_is_there() -> None:
    table = catalog()
    table.remove_column("coord_dec")
    with pytest.raises(
        ssdb.InputError, match=r"^sourceTable: there is no column dec \(coord_dec\); it has: id, coord_ra"
    ):
        run(table, predictions([1.0], [1.0]))


def test_counts_are_calibrated_with_their_errors() -> None:
    """100 +- 3 counts at 2 +- 0.1 nJy: 200 nJy, errors 6 and 10 in quadrature."""
    for prefix in ("base", "slot"):
        counts = {f"{prefix}_PsfFlux_instFlux": [100.0, -50.0], f"{prefix}_PsfFlux_instFluxErr": [3.0, 3.0]}
        row = one_source(catalog(**counts), photo_calib_mean=2.0, photo_calib_err=0.1)
        assert row["psfFlux"] == pytest.approx(200.0)
        assert row["psfFluxErr"] == pytest.approx(np.sqrt(6.0**2 + 10.0**2))


def test_the_error_of_the_calibration_may_be_unknown() -> None:
    counts = {"base_PsfFlux_instFlux": [100.0, 1.0], "base_PsfFlux_instFluxErr": [3.0, 3.0]}
    assert one_source(catalog(**counts), photo_calib_mean=2.0)["psfFluxErr"] == pytest.approx(6.0)


def test_counts_without_calibration_are_no_flux() -> None:
    row = one_source(catalog(base_PsfFlux_instFlux=[100.0, 1.0], base_PsfFlux_instFluxErr=[3.0, 3.0]))
    assert row["psfFlux"] is np.ma.masked
    assert row["psfFluxErr"] is np.ma.masked


@pytest.mark.parametrize("name", ["psfFlux", "base_PsfFlux_flux"])
def test_calibrated_fluxes_are_taken_as_they_are(name: str) -> None:
    """In their own unit, and before counts."""
    counts = {"base_PsfFlux_instFlux": [100.0, 1.0], "base_PsfFlux_instFluxErr": [3.0, 3.0]}
    table = catalog(**counts, **{name: np.array([7.0, 8.0]) * u.uJy})
    row = one_source(table, photo_calib_mean=2.0, photo_calib_err=0.1)
    assert row["psfFlux"] == pytest.approx(7000.0)
    assert row["psfFluxErr"] is np.ma.masked


def test_an_unknown_count_is_an_unknown_flux() -> None:
    row = one_source(catalog(base_PsfFlux_instFlux=[np.nan, 1.0]), photo_calib_mean=2.0)
    assert row["psfFlux"] is np.ma.masked


def test_visit_detector_band_and_exposure_time_are_the_exposures() -> None:
    row = one_source(catalog(), band="z", exposure_time=30.0)
    assert (row["visit"], row["detector"], row["band"], row["exposureTime"]) == (42, 7, "z", 30.0)
    assert row["midpointMjdTai"] == MJD


def test_band_of_the_call_and_of_the_rows() -> None:
    """The call's where the rows do not say; the exposure's where neither does."""
    near = sources([10.0, 20.0], [10.0, 20.0]) | {"band": pa.array(["g", None])}
    result = SsSingleFrameAssociation().run(exposure(band="z"), near, "r", predictions([10.0, 20.0], [10.0, 20.0]))
    assert result.ssoAssocDiaSources["band"].tolist() == ["g", "r"]


def test_columns_of_the_table_alone_are_left_out_and_can_be_joined() -> None:
    from astropy.table import join

    table = catalog(mine=[1.5, 2.5], poly=np.zeros((2, 3)))
    result = run(table, predictions([10.0], [10.0]))
    assert "mine" not in result.ssoAssocDiaSources.colnames
    table["diaSourceId"] = table["id"]
    joined = join(result.ssSourceData["diaSourceId", "designation"], table["diaSourceId", "mine"], "diaSourceId")
    assert joined["mine"].tolist() == [1.5]


# Predictions


@pytest.mark.parametrize("name", ["2015 MQ204", "K15MK4Q", "2015_MQ204"])
@pytest.mark.parametrize("column", ["designation", "ObjID", "MPCORB_unpacked_primary_provisional_designation"])
def test_objects_are_known_by_any_of_their_names(column: str, name: str) -> None:
    expected = predictions([10.0], [10.0])
    expected[column] = expected.pop("designation")
    result = run(sources([10.0], [10.0]), expected | {column: [name]})
    assert result.ssSourceData["designation"].tolist() == ["2015 MQ204"]
    assert result.ssSourceData["ssObjectId"].tolist() == [21164728253101137]


def test_an_identifier_serves_where_there_is_no_name() -> None:
    expected = predictions([10.0, 20.0], [10.0, 20.0]) | {"ssObjectId": [21164728253101137, 21164728253101137]}
    del expected["designation"]
    alone = {name: column[:1] for name, column in expected.items()}
    assert run(sources([10.0], [10.0]), alone).ssSourceData["designation"].tolist() == ["2015 MQ204"]
    both = expected | {"ObjID": pa.array([None, "2020 AA"])}
    result = run(sources([10.0, 20.0], [10.0, 20.0]), both)
    assert result.ssSourceData["designation"].tolist() == ["2015 MQ204", "2020 AA"]


def test_other_identifiers_beside_names_do_not_matter() -> None:
    """Rubin hashed SkyBoT's names, and read mpSky's little-endian."""
    expected = predictions([10.0], [10.0]) | {"designation": ["2015 MQ204"], "ssObjectId": [5851384610838104864]}
    assert run(sources([10.0], [10.0]), expected).ssSourceData["ssObjectId"].tolist() == [21164728253101137]


def test_objects_without_any_name_are_refused() -> None:
    expected = predictions([10.0], [10.0])
    del expected["designation"]
    with pytest.raises(
        ssdb.InputError, match=r"^solarSystemObjectTable: there is no column designation \(ObjID, ssObj"
    ):
        run(sources([10.0], [10.0]), expected)


def mpsky_table(**more: Any) -> Columns:
    """Three objects as Rubin keeps mpSky's answer, positions in it for another time."""
    objects, observer = chebyshev(OBJECTS), chebyshev(OBSERVER)
    columns: Columns = {"ObjID": list(NAMES), "ra": np.full(3, 10.0), "dec": np.full(3, -5.0)}
    for index, axis in enumerate("xyz"):
        columns[f"obj_{axis}_poly"] = np.array(objects[:, index].T)
        columns[f"obs_{axis}_poly"] = np.tile(observer[:, index], (3, 1))
    return columns | {"tmin": np.full(3, TMIN), "tmax": np.full(3, TMAX), "Err(arcsec)": np.full(3, 2)} | more


def _lists(columns: Columns) -> Columns:
    return {name: list(values) if np.ndim(values) == 2 else values for name, values in columns.items()}


POLYNOMIAL_TABLES: dict[str, Any] = {
    "astropy": Table,
    "astropy objects": lambda c: Table(
        {n: np.array([*v, None], object)[:-1] for n, v in _lists(c).items() if "poly" in n}
        | {n: v for n, v in c.items() if "poly" not in n}
    ),
    "pandas": lambda columns: pd.DataFrame(_lists(columns)),
    "pyarrow": lambda columns: pa.table(
        {n: [list(r) for r in v] if np.ndim(v) == 2 else v for n, v in columns.items()}
    ),
    "mapping": dict,
}


@pytest.mark.parametrize("kind", POLYNOMIAL_TABLES)
@pytest.mark.parametrize("number", range(3))
def test_polynomials_of_mpsky_are_evaluated_at_mid_exposure(kind: str, number: int) -> None:
    """Where astropy has the object minus the observer, each for a detector that is there."""
    place = seen(OBJECTS, OBSERVER, TIME - TMIN)[number]
    wcs = tangent_wcs(place.ra.deg, place.dec.deg)
    image = exposure(wcs, midpoint_mjd_tai=TIME)
    near = {"id": [1], "ra": [place.ra.deg], "dec": [place.dec.deg]}
    result = SsSingleFrameAssociation().run(image, near, "r", POLYNOMIAL_TABLES[kind](mpsky_table()))
    row = result.ssSourceData[0]
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (1, 1)
    assert row["designation"] == NAMES[number]
    assert row["ephOffset"] < 1e-5
    later = seen(OBJECTS, OBSERVER, TIME - TMIN + 1e-3)[number]
    east, north = place.spherical_offsets_to(later)
    assert row["ephRateRa"] == pytest.approx(east.deg / 1e-3, abs=1e-4)
    assert row["ephRateDec"] == pytest.approx(north.deg / 1e-3, abs=1e-4)
    expected = sum(c * (TIME - TMIN) ** p for p, c in enumerate(OBJECTS[:, 0, number]))
    assert row["helio_x"] == pytest.approx(expected)


def test_the_constant_error_in_tables_of_mpsky_says_nothing() -> None:
    place = seen(OBJECTS, OBSERVER, TIME - TMIN)[0]
    image = exposure(tangent_wcs(place.ra.deg, place.dec.deg), midpoint_mjd_tai=TIME)
    result = SsSingleFrameAssociation().run(image, {}, "r", Table(mpsky_table()))
    assert result.unassociatedSsObjects["designation"].tolist() == [NAMES[0]]
    assert result.unassociatedSsObjects["ephErrMajor"].mask.all()


def test_polynomials_that_do_not_hold_then_name_the_object() -> None:
    tmax = np.array([TMAX, TIME - 0.1, TMAX])
    with pytest.raises(ssdb.InputError, match=rf"^solarSystemObjectTable: .*{NAMES[1]}"):
        SsSingleFrameAssociation().run(exposure(midpoint_mjd_tai=TIME), {}, "r", mpsky_table(tmax=tmax))


def test_polynomials_that_are_unknown_name_the_object() -> None:
    polynomials = mpsky_table()["obj_y_poly"].copy()
    polynomials[2] = np.nan
    table = mpsky_table(obj_y_poly=polynomials)
    with pytest.raises(ssdb.InputError, match=rf"^solarSystemObjectTable: .*{NAMES[2]} in row 3"):
        SsSingleFrameAssociation().run(exposure(midpoint_mjd_tai=TIME), {}, "r", table)
    task = SsSingleFrameAssociation(skip_invalid=True)
    task.run(exposure(midpoint_mjd_tai=TIME), {}, "r", table)
    assert task.metadata["nInvalidSsObjects"] == 1


def test_columns_that_are_no_polynomials_are_refused() -> None:
    with pytest.raises(ssdb.InputError, match=r"column obs_z_poly does not hold an array of numbers"):
        SsSingleFrameAssociation().run(exposure(midpoint_mjd_tai=TIME), {}, "r", mpsky_table(obs_z_poly=np.zeros(3)))


def test_tables_of_skybot() -> None:
    """As Rubin makes them of its text: decl, arcsec/h, a hash as identifier; a number where the name is just a name."""
    at = predictions([10.0, 200.0], [10.0, 100.0])
    frame = pd.DataFrame(
        {
            "# Num": [" - ", " 433 "],
            "Name": [" 2020 KU26 ", " Eros "],
            "ra": at["ephRa"],
            "decl": at["ephDec"],
            "Mv": [22.3, 11.0],
            "Err(arcsec)": [0.0, 0.35],
            "dRA(arcsec/h)": [-36.0, 0.0],
            "dDEC(arcsec/h)": [7.2, 0.0],
            "Dg(ua)": [2.2, 1.1],
            "Phase(deg)": [5.71, 20.0],
            "SunElong(deg)": [161.36, 100.0],
            "ssObjectId": [123, 456],
            "visitId": [42, 42],
        }
    )
    expected = run({}, frame).unassociatedSsObjects
    assert sorted(expected["designation"].tolist()) == ["2020 KU26", "433"]
    row = expected[expected["designation"] == "2020 KU26"][0]
    assert row["ephRateRa"] == pytest.approx(-0.24)  # 36 arcsec/h are 0.24 deg/d
    assert row["ephRateDec"] == pytest.approx(0.048)
    assert row["ephErrMajor"] is np.ma.masked  # 0.000 is unknown
    assert (row["topoRange"], row["phaseAngle"], row["elongation"]) == (2.2, 5.71, 161.36)
    assert row["ephVmag"] == pytest.approx(22.3)
    other = expected[expected["designation"] == "433"][0]
    assert (other["ephErrMajor"], other["ephErrMinor"]) == (pytest.approx(0.35), pytest.approx(0.35))


@pytest.mark.parametrize("unit", [u.km, u.au, None])
def test_tables_of_sorcha(unit: u.Unit | None) -> None:
    """Rubin's have units; whichever they are, positions of the objects come out in au."""
    at = predictions([10.0], [10.0])
    table = Table({"ObjID": ["2020 AA"], "FieldID": [99], "fieldMJD_TAI": [MJD], "fieldJD_TDB": [MJD + 2400000.5]})
    table["RATrue_deg"], table["DecTrue_deg"] = at["ephRa"], at["ephDec"]
    table["RARateCosDec_deg_day"], table["DecRate_deg_day"] = [0.1], [0.2]
    for index, axis in enumerate("xyz"):
        for column, value in ((f"Obj_Sun_{axis}_LTC_km", 2.0 + index), (f"Obs_Sun_{axis}_km", 0.5)):
            length = np.array([value]) * u.au
            table[column] = length.to_value(u.km) if unit is None else length.to(unit)
        table[f"Obj_Sun_v{axis}_LTC_km_s"], table[f"Obs_Sun_v{axis}_km_s"] = [10.0 + index], [1.0]
    row = run(sources([10.0], [10.0]), table).ssSourceData[0]
    assert [row[f"helio_{axis}"] for axis in "xyz"] == pytest.approx([2.0, 3.0, 4.0])
    assert [row[f"topo_{axis}"] for axis in "xyz"] == pytest.approx([1.5, 2.5, 3.5])
    assert [row[f"topo_v{axis}"] for axis in "xyz"] == pytest.approx([9.0, 10.0, 11.0])
    assert (row["ephRateRa"], row["ephRateDec"]) == pytest.approx((0.1, 0.2))
    assert row["visit"] == 42


def test_masked_names_and_positions_are_unknown() -> None:
    table = Table(predictions([10.0, 20.0], [10.0, 20.0]))
    table["ephDec"] = MaskedColumn(table["ephDec"], mask=[False, True])
    with pytest.raises(ssdb.InputError, match=rf"{designation(1)} in row 2"):
        run({}, table)
