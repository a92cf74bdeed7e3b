"""The columns of SSSource."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord, get_body_barycentric
from astropy.time import Time
from conftest import shared_data

from ssdb.association.derive import derive
from ssdb.config import AssociationConfig
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.units import AU_KM

NAN = np.nan

MEAN, TRUE = AssociationConfig(), AssociationConfig(ecliptic="true")

# 2003 YF26 as Rubin saw it on 2025-05-02: the prediction, the source.
PREDICTION = {
    "ssObjectId": 7,
    "midpointMjdTai": 60797.161442,
    "ephRa": 186.18909260549128,
    "ephDec": 7.364065668224215,
    "ephRateRa": -0.1242177608944433,
    "ephRateDec": -0.0439180553471223,
    "ephVmag": 21.5,
    "helio_x": -2.03972984386492,
    "helio_y": -0.754159365265218,
    "helio_z": -0.09916618480505775,
    "helio_vx": 6.451686836410149,
    "helio_vy": -17.36829941588102,
    "helio_vz": -9.013339853647382,
    "topo_x": -1.2867480491014316,
    "topo_y": -0.1395377271885233,
    "topo_z": 0.16727378829681566,
    "topo_vx": -13.061265792221151,
    "topo_vy": 3.5105145303033005,
    "topo_vz": -0.11752881599981002,
} | dict.fromkeys(("topoRange", "topoRangeRate", "helioRange", "helioRangeRate", "phaseAngle", "elongation"), NAN)
SOURCE = {
    "diaSourceId": 9007199254740993,  # no double holds this number
    "visit": 2025050200123,
    "detector": 94,
    "midpointMjdTai": 60797.161442,
    "ra": 186.18906993899677,
    "dec": 7.364048187677204,
    "diaDistanceRank": 1,
}
# The values that page 3 of the design has from upstream, which verified them against JPL Horizons.
EXPECTED = {
    "helioRange": 2.1769446746252505,
    "topoRange": 1.3050562591039694,
    "phaseAngle": 17.248719450313473,
    "elongation": 140.17164534286258,
    "ephRate": 0.13175297987940152,
    "helio_vtot": 20.603940956820594,
    "topo_vtot": 13.525316609422026,
    "helioRangeRate": 0.3824562080346701,
    "topoRangeRate": 12.487622241678675,
    "galLon": 283.959546691413,
    "galLat": 69.24711603487795,
    "eclLambda": 182.73184707660818,
    "eclBeta": 9.214287183249514,
}
EXPECTED_OFFSETS = {
    "ephOffsetRa": -0.0809263,
    "ephOffsetDec": -0.0629300,
    "ephOffsetAlongTrack": 0.0972749,
    "ephOffsetCrossTrack": 0.0323552,
}


def columns(*rows: dict) -> dict[str, np.ndarray]:
    """Rows as columns."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def derived(prediction: dict | None = None, source: dict | None = None, config=MEAN) -> dict:
    """The SSSource row of 2003 YF26, with some values changed."""
    rows = columns(PREDICTION | (prediction or {})), np.array([0]), columns(SOURCE | (source or {}))
    return {name: values[0] for name, values in derive(*rows, config).items()}


@pytest.mark.parametrize("name", EXPECTED)
def test_2003_yf26_has_the_published_values(name):
    """To all printed digits but the last."""
    assert derived(config=TRUE)[name] == pytest.approx(EXPECTED[name], rel=3e-15)


@pytest.mark.parametrize("name", EXPECTED_OFFSETS)
def test_2003_yf26_has_the_published_offsets(name):
    """To one in the last printed digit, 1e-7 arcsec."""
    assert derived()[name] == pytest.approx(EXPECTED_OFFSETS[name], abs=1e-7)


def test_every_column_of_sssource_is_there():
    """All columns of the table but the designation; identifiers to the last digit."""
    row = derived()
    assert row.keys() == {column.name for column in ss_source.columns} - {"designation"}
    assert [row[name] for name in ("diaSourceId", "ssObjectId", "visit")] == [9007199254740993, 7, 2025050200123]
    assert [row[name] for name in ("ephVmag", "diaDistanceRank", "detector")] == [21.5, 1, 94]


def test_the_ecliptic_frame_is_the_configured_one():
    """The mean ecliptic is 13.9 arcsec from the true one, and the default."""
    mean, true = derived(), derived(config=TRUE)
    apart = SkyCoord(mean["eclLambda"], mean["eclBeta"], unit="deg").separation(
        SkyCoord(true["eclLambda"], true["eclBeta"], unit="deg")
    )
    assert 13 < apart.arcsec < 15


def test_the_offset_is_the_separation_and_its_parts_add_up():
    """Both pairs of components have the length of the great-circle separation, by astropy."""
    row = derived()
    eph = SkyCoord(PREDICTION["ephRa"], PREDICTION["ephDec"], unit="deg")
    expected = eph.separation(SkyCoord(SOURCE["ra"], SOURCE["dec"], unit="deg")).arcsec
    assert row["ephOffset"] == pytest.approx(expected, abs=1e-9)
    assert np.hypot(row["ephOffsetRa"], row["ephOffsetDec"]) == pytest.approx(expected, abs=1e-9)
    assert np.hypot(row["ephOffsetAlongTrack"], row["ephOffsetCrossTrack"]) == pytest.approx(expected, abs=1e-9)


def test_a_source_on_the_track_ahead_has_no_cross_track_offset():
    """Ahead is positive along; a source north of an object that moves east is at positive cross-track."""
    moving_east = {"ephRa": 359.9999, "ephDec": 0.0, "ephRateRa": 1.0, "ephRateDec": 0.0}
    ahead = derived(moving_east, {"ra": 0.0001, "dec": 0.0})
    assert ahead["ephOffsetAlongTrack"] == pytest.approx(0.72, abs=1e-8)
    assert ahead["ephOffsetCrossTrack"] == pytest.approx(0.0, abs=1e-8)
    north = derived(moving_east, {"ra": 359.9999, "dec": 0.0001})
    assert north["ephOffsetAlongTrack"] == pytest.approx(0.0, abs=1e-8)
    assert north["ephOffsetCrossTrack"] == pytest.approx(0.36, abs=1e-8)


@pytest.mark.parametrize("rates", [{"ephRateRa": NAN}, {"ephRateDec": NAN}, {"ephRateRa": 0.0, "ephRateDec": 0.0}])
def test_without_motion_there_is_no_track(rates):
    """Rates unknown or zero: along and cross are unknown, the other offsets are not."""
    row = derived(rates)
    assert np.isnan([row["ephOffsetAlongTrack"], row["ephOffsetCrossTrack"]]).all()
    assert row["ephOffsetRa"] == pytest.approx(EXPECTED_OFFSETS["ephOffsetRa"], abs=1e-7)
    assert np.isnan(row["ephRate"]) == any(np.isnan(list(rates.values())))


def test_the_prediction_is_taken_to_the_time_of_the_source():
    """0.01 d later: along the rates on the sky; positions by v dt in space, so that the range grows by its rate."""
    row = derived(source={"midpointMjdTai": PREDICTION["midpointMjdTai"] + 0.01})
    start = SkyCoord(PREDICTION["ephRa"], PREDICTION["ephDec"], unit="deg")
    east, north = start.spherical_offsets_to(SkyCoord(row["ephRa"], row["ephDec"], unit="deg"))
    assert east.deg == pytest.approx(0.01 * PREDICTION["ephRateRa"], rel=1e-6)
    assert north.deg == pytest.approx(0.01 * PREDICTION["ephRateDec"], rel=1e-6)
    grown = (row["topoRange"] - EXPECTED["topoRange"]) * AU_KM
    assert grown == pytest.approx(864 * EXPECTED["topoRangeRate"], rel=1e-4)
    assert row["helio_x"] == pytest.approx(PREDICTION["helio_x"] + 6.451686836410149 * 864 / 149597870.7, rel=1e-14)
    assert row["topo_vx"] == PREDICTION["topo_vx"]


def test_at_its_own_time_the_prediction_stays_to_the_bit():
    """No rounding by a motion that is none."""
    row = derived()
    for name in ("ephRa", "ephDec", "helio_x", "topo_z"):
        assert row[name] == PREDICTION[name]


def test_without_vectors_the_values_of_the_provider_count():
    """Ranges, rates and angles are the provider's own; vectors, where they are there, win."""
    own = {
        "topoRange": 1.0,
        "topoRangeRate": 2.0,
        "helioRange": 3.0,
        "helioRangeRate": 4.0,
        "phaseAngle": 5.0,
        "elongation": 6.0,
    }
    unknown = {f"{origin}_{v}{axis}": NAN for origin in ("helio", "topo") for v in ("", "v") for axis in "xyz"}
    without = derived(own | unknown)
    assert {name: without[name] for name in own} == own
    assert np.isnan([without["helio_vtot"], without["topo_vtot"], without["helio_x"]]).all()
    with_vectors = derived(own)
    assert with_vectors["phaseAngle"] == pytest.approx(EXPECTED["phaseAngle"])
    assert with_vectors["topoRange"] == pytest.approx(EXPECTED["topoRange"])
    # With the topocentric vector alone, what needs the Sun is the provider's.
    topo_only = derived(own | {f"helio_{axis}": NAN for axis in "xyz"})
    assert topo_only["topoRange"] == pytest.approx(EXPECTED["topoRange"])
    assert [topo_only[name] for name in ("helioRange", "helioRangeRate", "phaseAngle", "elongation")] == [3, 4, 5, 6]


def test_what_nobody_knows_is_unknown():
    """No vectors, no provider's values: NaN, never zero."""
    unknown = {name: NAN for name in PREDICTION if name.startswith(("helio_", "topo_"))}
    row = derived(unknown)
    names = ["topoRange", "topoRangeRate", "helioRange", "helioRangeRate", "phaseAngle", "elongation", "topo_vtot"]
    assert np.isnan([row[name] for name in names]).all()


def test_positions_without_velocities_stay_where_they_are():
    """An unknown velocity does not make a position unknown."""
    velocities = {f"{origin}_v{axis}": NAN for origin in ("helio", "topo") for axis in "xyz"}
    row = derived(velocities, {"midpointMjdTai": PREDICTION["midpointMjdTai"] + 0.01})
    assert row["topoRange"] == pytest.approx(EXPECTED["topoRange"], rel=1e-14)
    assert np.isnan(row["topoRangeRate"])


def test_rows_follow_the_index():
    """Row i is source i with prediction index[i], in any order, some unused; nothing at all gives empty columns."""
    predictions = columns(PREDICTION, PREDICTION | {"ssObjectId": 8, "ephVmag": 19.0}, PREDICTION)
    sources = columns(SOURCE, SOURCE | {"diaSourceId": 2})
    rows = derive(predictions, np.array([1, 0]), sources, MEAN)
    assert rows["ssObjectId"].tolist() == [8, 7]
    assert rows["ephVmag"].tolist() == [19.0, 21.5]
    assert rows["diaSourceId"].tolist() == [9007199254740993, 2]
    nothing = derive(predictions, np.empty(0, dtype=int), {k: v[:0] for k, v in sources.items()}, MEAN)
    assert all(values.shape == (0,) for values in nothing.values())
    assert nothing.keys() == rows.keys()


def _read(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV file of the shared data; numbers where they are numbers."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _derive_all(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """SSSource rows of predictions, each seen where and when it was predicted."""
    n = len(given["midpointMjdTai"])
    predictions = {name: np.full(n, value) for name, value in PREDICTION.items()} | given
    sources = {name: np.full(n, value) for name, value in SOURCE.items()}
    sources |= {"ra": predictions["ephRa"], "dec": predictions["ephDec"], "midpointMjdTai": given["midpointMjdTai"]}
    return derive(predictions, np.arange(n), sources, MEAN)


def _vectors(prefix: str, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """The components of (n, 3) vectors as columns."""
    return {f"{prefix}{axis}": vectors[:, i] for i, axis in enumerate("xyz")}


def test_geometry_is_that_of_horizons():
    """Phase angle and elongation of 14 objects, from positions, ranges and the Earth, are JPL's to 0.01 deg.

    The Earth's centre stands for the observer, at most 0.005 deg beside it for the nearest of the objects.
    """
    table = _read(shared_data("horizons/ephemeris_X05.csv"))
    ra, dec, delta, r, alpha, elong = (table[k].astype(float) for k in ("RA", "DEC", "delta", "r", "alpha", "elong"))
    time = Time(table["mjd_utc"].astype(float), format="mjd", scale="utc")
    sun_to_earth = (get_body_barycentric("earth", time) - get_body_barycentric("sun", time)).xyz.to_value("au").T
    topo = delta[:, None] * SkyCoord(ra, dec, unit="deg").cartesian.xyz.value.T
    given = {"midpointMjdTai": time.tai.mjd, "ephRa": ra, "ephDec": dec}
    rows = _derive_all(given | _vectors("topo_", topo) | _vectors("helio_", topo + sun_to_earth))
    np.testing.assert_allclose(rows["topoRange"], delta, rtol=1e-12)
    np.testing.assert_allclose(rows["helioRange"], r, atol=1e-4)
    np.testing.assert_allclose(rows["phaseAngle"], alpha, atol=0.01)
    np.testing.assert_allclose(rows["elongation"], elong, atol=0.01)


def test_phase_angle_and_range_rate_are_those_of_sorcha():
    """Sorcha's own phase angle, range and range rate follow from its vectors."""
    table = _read(shared_data("sorcha/demo__example_ephem_output.txt"))
    number = {name: values.astype(float) for name, values in table.items() if name != "ObjID"}

    def stacked(pattern: str) -> np.ndarray:
        return np.stack([number[pattern.format(axis)] for axis in "xyz"], axis=-1)

    helio, helio_v = stacked("Obj_Sun_{}_LTC_km"), stacked("Obj_Sun_v{}_LTC_km_s")
    given = {
        "midpointMjdTai": number["fieldMJD_TAI"],
        "ephRa": number["RA_deg"],
        "ephDec": number["Dec_deg"],
        **_vectors("helio_", helio / AU_KM),
        **_vectors("helio_v", helio_v),
        **_vectors("topo_", (helio - stacked("Obs_Sun_{}_km")) / AU_KM),
        **_vectors("topo_v", helio_v - stacked("Obs_Sun_v{}_km_s")),
    }
    rows = _derive_all(given)
    np.testing.assert_allclose(rows["phaseAngle"], number["phase_deg"], atol=1e-6)
    np.testing.assert_allclose(rows["topoRange"] * AU_KM, number["Range_LTC_km"], rtol=1e-9)
    np.testing.assert_allclose(rows["topoRangeRate"], number["RangeRate_LTC_km_s"], atol=1e-6)
