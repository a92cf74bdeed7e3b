"""The cases in which ssdb answers otherwise than Rubin's single-frame association task: each line of docs/rubin.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

import ssdb

MJD = 60800.0
SCALE = 0.2 / 3600.0
SIZE = 1000
DAY_KM_S = 149597870.7 / 86400.0


def header(ra: float = 50.0, dec: float = 0.0, **cards: Any) -> fits.Header:
    """A detector of 1000 x 1000 pixels of 0.2 arcsec round a position, north up, east to the left."""
    made = {
        "VISIT": 7,
        "DETECTOR": 42,
        "NAXIS1": SIZE,
        "NAXIS2": SIZE,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": ra,
        "CRVAL2": dec,
        "CRPIX1": (SIZE + 1) / 2,
        "CRPIX2": (SIZE + 1) / 2,
        "CDELT1": -SCALE,
        "CDELT2": SCALE,
        "MJD-AVG": MJD,
        "TIMESYS": "TAI",
    }
    return fits.Header(made | cards)


def sources(*offsets: tuple[float, float], ra: float = 50.0, dec: float = 0.0, **columns: Any) -> dict[str, Any]:
    """Sources 1, 2, ... so many arcseconds east and north of a position near the equator."""
    east, north = np.array(offsets, dtype=float).reshape(-1, 2).T / 3600.0
    return {"diaSourceId": np.arange(1, len(east) + 1), "ra": (ra + east) % 360.0, "dec": dec + north, **columns}


def objects(*offsets: tuple[float, float], ra: float = 50.0, dec: float = 0.0, **columns: Any) -> dict[str, Any]:
    """Predictions of objects (1001), (1002), ... at such places."""
    placed = sources(*offsets, ra=ra, dec=dec)
    names = [str(1000 + number) for number in placed["diaSourceId"]]
    return {"designation": names, "ephRa": placed["ra"], "ephDec": placed["dec"], **columns}


def run(seen: Any, predicted: Any, at: fits.Header | None = None, **options: Any) -> ssdb.AssociationResult:
    task = ssdb.SsSingleFrameAssociation(ssdb.AssociationConfig(**options))
    return task.run(ssdb.Exposure.from_header(header() if at is None else at), seen, "r", predicted)


def matched(result: ssdb.AssociationResult) -> dict[str, int]:
    """The source of each object that has one."""
    rows = result.ssSourceData
    return dict(zip(rows["designation"].tolist(), rows["diaSourceId"].tolist(), strict=True))


def value(result: ssdb.AssociationResult, column: str) -> Any:
    """The only value of a column of SSSource; None where it is NULL."""
    [only] = result.ssSourceData[column]
    return None if np.ma.is_masked(only) else only


def test_an_object_whose_nearest_source_is_taken_gets_its_second_nearest() -> None:
    """Source 1 is nearest to both objects; both are found, and the rank says that one got its second."""
    result = run(sources((0.3, 0.0), (-0.45, 0.0)), objects((0.0, 0.0), (0.6, 0.0)))
    assert matched(result) == {"1001": 2, "1002": 1}
    assert dict(zip(result.ssSourceData["designation"], result.ssSourceData["diaDistanceRank"], strict=True)) == {
        "1001": 2,
        "1002": 1,
    }


def test_offsets_across_0h_are_small() -> None:
    """A source 0.072 arcsec east of a prediction on the other side of 0h."""
    seen = {"diaSourceId": [1], "ra": [0.00001], "dec": [0.0]}
    predicted = {"designation": ["433"], "ephRa": [359.99999], "ephDec": [0.0], "ephRateRa": [0.1], "ephRateDec": [0.0]}
    result = run(seen, predicted, header(ra=0.0))
    assert value(result, "ephOffsetRa") == pytest.approx(0.072, abs=1e-6)
    assert value(result, "ephOffset") == pytest.approx(0.072, abs=1e-6)
    assert value(result, "ephOffsetAlongTrack") == pytest.approx(0.072, abs=1e-6)


def test_the_radius_may_follow_the_uncertainty() -> None:
    """4 arcsec away, predicted to 3: not within a radius of 1 or 2 arcsec, and well within its error."""
    uncertain = objects((0.0, 0.0), ephErrMajor=[3.0], ephErrMinor=[3.0])
    assert matched(run(sources((4.0, 0.0)), uncertain, radius_arcsec=2.0)) == {}
    assert matched(run(sources((4.0, 0.0)), uncertain, mode="uncertainty")) == {"1001": 1}


def test_a_prediction_is_moved_to_the_time_of_the_source() -> None:
    """0.5 deg/d are 9 arcsec in 0.005 d."""
    seen = sources((0.0, 9.0), midpointMjdTai=[MJD + 0.005])
    result = run(seen, objects((0.0, 0.0), ephRateRa=[0.0], ephRateDec=[0.5]))
    assert matched(result) == {"1001": 1}
    assert value(result, "ephOffset") == pytest.approx(0.0, abs=1e-5)


def mp_sky(tmin: list[float]) -> Table:
    """Two objects as Rubin tabulates mpSky's answers, on straight lines in t - tmin; at MJD both are near (50, 0).

    The object is 2 au from the Sun's side of the observer, who is at (1, 0, 0) au; it moves by 0.001 au a day in y
    seen from an observer at rest.
    """
    direction = np.array([np.cos(np.radians(50.0)), np.sin(np.radians(50.0)), 0.0])
    observer = np.array([1.0, 0.0, 0.0])
    velocity = np.array([0.0, 0.001, 0.0])
    rows = []
    for number, start in enumerate(tmin):
        there = observer + 2.0 * direction + np.array([0.0, 0.0, number * 2e-4]) - velocity * (MJD - start)
        row = {"ObjID": str(1001 + number), "tmin": start, "tmax": start + 1.0, "Err(arcsec)": 2.0}
        row |= {f"obj_{axis}_poly": np.array([there[i], velocity[i]]) for i, axis in enumerate("xyz")}
        row |= {f"obs_{axis}_poly": np.array([observer[i], 0.0]) for i, axis in enumerate("xyz")}
        rows.append(row)
    return Table(rows)


def test_rates_come_from_the_polynomials() -> None:
    """0.001 au/d across 2 au: its part in right ascension, and the speed away from the observer."""
    table = mp_sky([MJD - 0.5])
    result = run(sources((0.1, 0.0)), table)
    across, away = 0.001 * np.cos(np.radians(50.0)), 0.001 * np.sin(np.radians(50.0))
    assert value(result, "ephRateRa") == pytest.approx(np.degrees(across / 2.0), rel=1e-6)
    assert value(result, "ephRateDec") == pytest.approx(0.0, abs=1e-12)
    assert value(result, "topoRangeRate") == pytest.approx(away * DAY_KM_S, rel=1e-6)
    assert value(result, "ephOffsetAlongTrack") == pytest.approx(0.1, abs=1e-6)


def test_every_row_of_mpsky_has_its_own_beginning() -> None:
    """And a time outside of its span is an error that names the object."""
    result = run(sources((0.0, 0.0), (0.0, 20.6)), mp_sky([MJD - 0.5, MJD - 0.25]))
    assert matched(result) == {"1001": 1, "1002": 2}
    with pytest.raises(ssdb.SsdbError, match="1002"):
        run(sources((0.0, 0.0)), mp_sky([MJD - 0.5, MJD + 1.0]))


def test_what_is_unknown_is_null() -> None:
    """Nothing is known of the object but where it is."""
    result = run(sources((0.1, 0.0)), objects((0.0, 0.0)))
    unknown = ["ephRateRa", "ephRateDec", "ephRate", "ephOffsetAlongTrack", "ephOffsetCrossTrack", "ephVmag"]
    unknown += ["topoRange", "topoRangeRate", "helioRange", "phaseAngle", "elongation", "topo_x", "helio_vtot"]
    assert {name: value(result, name) for name in unknown} == dict.fromkeys(unknown)


def test_the_ecliptic_is_the_mean_one_and_the_true_one_is_there() -> None:
    """Of the position for which 182.73184707660818, 9.214287183249514 is known to be astropy's true ecliptic."""
    ra, dec = 186.18906993899677, 7.364048187677204
    seen, predicted = sources((0.0, 0.0), ra=ra, dec=dec), objects((0.0, 0.0), ra=ra, dec=dec)
    true = run(seen, predicted, header(ra, dec), ecliptic="true")
    mean = run(seen, predicted, header(ra, dec))
    assert value(true, "eclLambda") == pytest.approx(182.73184707660818, abs=1e-9)
    assert value(true, "eclBeta") == pytest.approx(9.214287183249514, abs=1e-9)
    assert (value(mean, "eclLambda") - value(true, "eclLambda")) * 3600.0 == pytest.approx(13.9, abs=0.05)


def test_angles_are_not_lost_in_rounding() -> None:
    """A phase angle of 1e-9 rad, whose cosine is 1."""
    vectors = {"helio_x": [2.0], "helio_y": [0.0], "helio_z": [0.0], "topo_x": [1.0], "topo_y": [1e-9], "topo_z": [0.0]}
    result = run(sources((0.1, 0.0)), objects((0.0, 0.0), **vectors))
    assert value(result, "phaseAngle") == pytest.approx(np.degrees(1e-9), rel=1e-6)


def test_an_object_just_outside_the_edge_counts_only_if_it_is_seen() -> None:
    """The edge is 100 arcsec from the middle; both objects are 0.4 arcsec outside, a source is beside one."""
    outside = objects((100.4, 0.0), (-100.4, 0.0), (103.0, 30.0))
    result = run(sources((99.9, 0.0)), outside)
    assert matched(result) == {"1001": 1}
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (1, 1)
    assert len(result.unassociatedSsObjects) == 0


def test_a_position_far_away_is_not_on_the_detector_whatever_the_inverse_says() -> None:
    """The header's inverse polynomials turn back: they map a place 3162 pixels away onto the middle."""
    folding = {"A_ORDER": 3, "A_3_0": 1e-12, "B_ORDER": 3, "B_0_3": 1e-12}
    folding |= {"AP_ORDER": 3, "AP_3_0": -1e-7, "BP_ORDER": 3, "BP_0_3": -1e-7}
    at = header(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", **folding)
    away = np.sqrt(1e7) * 0.2
    predicted = objects((0.0, away))
    linear = WCS(header()).wcs_world2pix(predicted["ephRa"], predicted["ephDec"], 1)
    from_middle = np.ravel(linear) - at["CRPIX1"]
    inverted = from_middle + at["AP_3_0"] * from_middle**3
    assert np.abs(inverted).max() < SIZE / 4
    result = run(sources((0.0, 0.0)), predicted, at)
    assert result.nTotalSsObjects == 0


def test_an_empty_result_has_the_columns_of_a_full_one() -> None:
    full = run(sources((0.1, 0.0), (50.0, 0.0)), objects((0.0, 0.0), (10.0, 0.0)))
    empty = run(sources((0.1, 0.0)), {name: values[:0] for name, values in objects((0.0, 0.0)).items()})
    assert (empty.nTotalSsObjects, empty.nAssociatedSsObjects) == (0, 0)
    for name in ("ssoAssocDiaSources", "unAssocDiaSources", "ssSourceData", "unassociatedSsObjects"):
        many, none = getattr(full, name), getattr(empty, name)
        assert none.colnames == many.colnames
        assert len(many) == 1
        for column in many.colnames:
            assert none[column].dtype.kind == many[column].dtype.kind, (name, column)
            assert none[column].unit == many[column].unit
    assert len(empty.unAssocDiaSources) == 1


def test_one_source_without_a_position_is_named_or_left_out() -> None:
    seen = sources((0.1, 0.0), (5.0, 0.0), (9.0, 0.0))
    seen["dec"][1] = np.nan
    predicted = objects((0.0, 0.0))
    with pytest.raises(ssdb.InputError, match=r"\b2\b"):
        run(seen, predicted)
    task = ssdb.SsSingleFrameAssociation(skip_invalid=True)
    result = task.run(ssdb.Exposure.from_header(header()), seen, "r", predicted)
    assert matched(result) == {"1001": 1}
    assert len(result.unAssocDiaSources) == 1
    assert task.metadata["nInvalidSources"] == 1


def test_the_tables_that_were_given_are_not_changed() -> None:
    seen, predicted = Table(sources((0.1, 0.0))), mp_sky([MJD - 0.5])
    before = seen.copy(), predicted.copy()
    run(seen, predicted)
    for given, copy in zip((seen, predicted), before, strict=True):
        assert given.colnames == copy.colnames
        assert given.values_equal(copy)


def test_duplicates_and_nothing_to_do_are_errors_of_their_own() -> None:
    twice = sources((0.1, 0.0), (5.0, 0.0))
    twice["diaSourceId"] = np.array([17, 17])
    with pytest.raises(ssdb.DuplicateSourceError, match="17") as raised:
        run(twice, objects((0.0, 0.0)))
    assert isinstance(raised.value, RuntimeError)
    with pytest.raises(ssdb.NoWorkFound):
        run(sources((0.1, 0.0)), None)
