"""Every column of SSObject: what it is made of, and that it is NULL where nothing is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from summaries import BEGIN, fits, flux_of, id_of, load, objects, observation, orbit, rows_of

from ssdb.ask.check import check
from ssdb.config import SummaryConfig
from ssdb.errors import NotFoundError, UsageError
from ssdb.schema.apdb_solar_system import ss_object
from ssdb.store.database import Database
from ssdb.summary import summarize as road
from ssdb.summary.moid import earth_moid
from ssdb.summary.phase_curves import magnitudes
from ssdb.summary.summarize import summarize

COUNTS = {"nObs"} | {f"{band}_{name}" for band in "ugrizy" for name in ("nObs", "nObsUsed")}


def curve(numbers: range, designation: str, H: float, G12: float, **more: Any) -> list[dict[str, Any]]:
    """Observations without noise, at phase angles from 1 degree on."""
    angles = 1.0 + 1.5 * np.arange(len(numbers))
    light = H + magnitudes("HG12", angles, G12)
    return [
        observation(number, designation, magnitude, phaseAngle=angle, **more)
        for number, magnitude, angle in zip(numbers, light.tolist(), angles.tolist(), strict=True)
    ]


def test_everything_that_there_is_to_know_of_an_object(database: Database) -> None:
    red = curve(range(1, 13), "2015 MQ204", 18.0, 0.3, extendedness=0.5)
    green = curve(range(21, 33), "2015 MQ204", 18.6, 0.7, band="lsst_g", extendedness=0.25)
    others = [observation(41, "2015 MQ204", band="w", extendedness=1.0), observation(42, "2015 MQ204", band=None)]
    load(database, [*red, *green, *others], [orbit("2015 MQ204"), orbit("433")])
    report = summarize(database)
    assert (report.n_objects, report.n_observations, report.n_fits) == (1, 26, 2)
    row = objects(database)["2015 MQ204"]
    assert row["ssObjectId"] == id_of("2015 MQ204")
    assert (row["nObs"], row["r_nObs"], row["g_nObs"], row["u_nObs"]) == (26, 12, 12, 0)
    assert (row["arc"], row["firstObservationMjdTai"]) == (41.0, BEGIN + 1)
    spread = (row["extendednessMin"], row["extendednessMedian"], row["extendednessMax"])
    assert spread == (0.25, 0.5, 1.0)  # of 12 times 0.25, 12 times 0.5, and 1
    for band, H, G12 in (("r", 18.0, 0.3), ("g", 18.6, 0.7)):
        assert row[f"{band}_H"] == pytest.approx(H, abs=1e-5)
        assert row[f"{band}_G12"] == pytest.approx(G12, abs=1e-4)
        assert 0 < row[f"{band}_HErr"] < 0.1
        assert 0 < row[f"{band}_G12Err"] < 0.2
        assert row[f"{band}_H_{band}_G12_Cov"] != 0
        assert row[f"{band}_nObsUsed"] == 12
        assert row[f"{band}_Chi2"] == pytest.approx(0.0, abs=1e-6)
        assert (row[f"{band}_phaseAngleMin"], row[f"{band}_phaseAngleMax"]) == (1.0, 17.5)
        assert not row[f"{band}_slope_fit_failed"]
    elements = orbit("2015 MQ204")
    moid = earth_moid(*(elements[name] for name in ("q", "e", "i", "node", "argperi", "epoch_mjd")))
    for name, values in moid.items():
        assert row[name] == pytest.approx(float(np.ravel(values)[0]), rel=1e-6), name
    a = elements["q"] / (1 - elements["e"])
    tisserand = 5.2044 / a + 2 * math.cos(math.radians(elements["i"])) * math.sqrt(
        a / 5.2044 * (1 - elements["e"] ** 2)
    )
    assert row["tisserand_J"] == pytest.approx(tisserand, rel=1e-6)
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {c.name for c in ss_object.c if c.name[:2] in ("u_", "i_", "z_", "y_")} - COUNTS


def test_what_is_not_known_is_null_and_never_0(database: Database) -> None:
    """No orbit, no flux: only counts and times are known."""
    load(database, [observation(1, "2010 AB", None, phaseAngle=None)])
    summarize(database)
    row = objects(database)["2010 AB"]
    known = {name: value for name, value in row.items() if value is not None}
    counts = dict.fromkeys(COUNTS, 0) | {"nObs": 1, "r_nObs": 1}
    assert known == counts | {
        "ssObjectId": id_of("2010 AB"),
        "designation": "2010 AB",
        "arc": 0.0,
        "firstObservationMjdTai": BEGIN + 1,
    }
    (fit,) = fits(database).values()
    assert {name for name, value in fit.items() if value is not None} == {
        *("ssObjectId", "band", "model", "nObs", "nNights", "nObsUsed")
    }


@pytest.mark.parametrize(
    "bad",
    [
        {"psfFlux": -100.0},
        {"psfFlux": 0.0},
        {"psfFlux": math.nan},
        {"psfFluxErr": math.nan},
        {"psfFluxErr": None},
        {"psfFluxErr": 0.0},
        {"psfFluxErr": -1.0},
        {"phaseAngle": None},
        {"helioRange": None},
        {"topoRange": 0.0},
        {"psfFlux_flag": True},
        {"isDipole": True},
        {"pixelFlags_saturatedCenter": True},
        {"pixelFlags_interpolatedCenter": True},
        {"timeWithdrawnMjdTai": 60_100.0},
    ],
    ids=str,
)
def test_bad_photometry_is_counted_and_not_fitted(bad: dict[str, Any], database: Database) -> None:
    good = [observation(number, "433", 15.0, psfFlux_flag=False) for number in (1, 2)]
    load(database, [*good, observation(3, "433", 10.0) | bad])
    summarize(database)
    row = objects(database)["433"]
    assert (row["nObs"], row["r_nObs"], row["r_nObsUsed"]) == (3, 3, 2)
    expected = 15.0 - float(magnitudes("HG12", 10.0, 0.5))
    assert row["r_H"] == pytest.approx(expected, abs=1e-5)
    assert (row["r_G12"], row["r_G12Err"], row["r_H_r_G12_Cov"], bool(row["r_slope_fit_failed"])) == (
        0.5,
        None,
        None,
        True,
    )


def test_one_observation_gives_an_absolute_magnitude(database: Database) -> None:
    load(database, [observation(1, "433", 20.0, helioRange=2.0, topoRange=1.5)])
    summarize(database, config=SummaryConfig(fiducial=0.3))
    row = objects(database)["433"]
    expected = 20.0 - 5 * math.log10(3.0) - float(magnitudes("HG12", 10.0, 0.3))
    assert row["r_H"] == pytest.approx(expected, abs=1e-5)
    assert row["r_G12"] == pytest.approx(0.3)
    assert row["r_slope_fit_failed"]
    assert row["r_HErr"] > 0.1  # rotation is in it
    assert row["MOIDEarth"] is None


@pytest.mark.parametrize(
    ("trail", "magnitude"),
    [
        ({}, 19.0),
        ({"trailLength": 0.9}, 20.0),  # shorter than the PSF is wide: 1 arcsec where that is not known
        ({"trailLength": 1.1, "ixxPSF": 0.36, "iyyPSF": 0.36}, 20.0),  # FWHM 1.41 arcsec
        ({"trailLength": 0.8, "ixxPSF": 0.09, "iyyPSF": 0.09}, 19.0),  # FWHM 0.71 arcsec
        ({"trail_flag": True}, 20.0),
        ({"trail_flag_edge": True}, 20.0),
        ({"trailFlux": None}, 20.0),
        ({"trailFlux": -3.0}, 20.0),
        ({"psfFlux_flag": True}, 19.0),  # of a flux that is not used
        # What is not a number, as others may have stored it, is not known: PostgreSQL takes it for larger than all.
        ({"trailFlux": math.nan}, 20.0),
        ({"trailFluxErr": math.nan}, 20.0),
        ({"trailFlux": math.inf}, 20.0),
        ({"trailLength": math.nan}, 20.0),
        ({"trailLength": 0.9, "ixxPSF": math.nan, "iyyPSF": 0.09}, 20.0),
        ({"trailLength": 1.1, "ixxPSF": math.nan, "iyyPSF": 0.36}, 19.0),
    ],
    ids=str,
)
def test_of_a_trail_the_flux_of_the_trail_is_used(trail: dict[str, Any], magnitude: float, database: Database) -> None:
    flux = flux_of(19.0)
    row = observation(1, "433", 20.0, trailLength=3.0, trailFlux=flux, trailFluxErr=0.02 * flux, trail_flag=False)
    load(database, [row | trail])
    summarize(database)
    expected = magnitude - float(magnitudes("HG12", 10.0, 0.5))
    assert objects(database)["433"]["r_H"] == pytest.approx(expected, abs=1e-5)
    summarize(database, all=True, config=SummaryConfig(trail_psf_widths=0.0))
    point = None if trail.get("psfFlux_flag") else pytest.approx(20.0 - float(magnitudes("HG12", 10.0, 0.5)), abs=1e-5)
    assert objects(database)["433"]["r_H"] == point


@pytest.mark.parametrize(
    ("elements", "tisserand"),
    [
        ({"q": 1.0, "e": 1.0, "i": 0.0}, 2 * math.sqrt(2.0 / 5.2044)),
        ({"q": 0.255, "e": 1.2, "i": 122.7}, -4.4367),  # 'Oumuamua
        ({"q": 0.586, "e": 0.968, "i": 162.2}, -0.605),  # Halley
    ],
    ids=str,
)  # fmt: skip
def test_orbits_of_any_eccentricity_have_all(elements: dict[str, float], tisserand: float, database: Database) -> None:
    load(database, [observation(1, "433")], [orbit("433", **elements)])
    summarize(database)
    row = objects(database)["433"]
    assert row["tisserand_J"] == pytest.approx(tisserand, abs=0.01)
    assert 0 <= row["MOIDEarth"] < elements["q"] + 1.02
    assert 0 <= row["MOIDEarthEclipticLongitude"] < 360


@pytest.mark.parametrize("missing", ["q", "e", "i", "node", "argperi", "epoch_mjd"])
def test_an_incomplete_orbit_gives_no_moid(missing: str, database: Database) -> None:
    load(database, [observation(1, "433")], [orbit("433", **{missing: None})])
    summarize(database)
    row = objects(database)["433"]
    assert all(row[c.name] is None for c in ss_object.c if c.name.startswith("MOID"))
    assert (row["tisserand_J"] is None) == (missing in ("q", "e", "i"))


IMPOSSIBLE: tuple[dict[str, float], ...] = (
    *({"q": value} for value in (-1.0, 0.0, 1e-310, 1e-300, 1e300, math.nan)),
    *({"e": value} for value in (-0.1, 1e300, math.inf)),
    *({"i": value} for value in (-1e300, 1e300, math.inf)),
    *({"node": 1e300}, {"epoch_mjd": 1e300}, {"epoch_mjd": 2_461_000.5}, {"q": 1e308, "e": 1e308}),
)


@pytest.mark.filterwarnings("error")
def test_impossible_orbits_are_in_no_other_objects_way(database: Database) -> None:
    """mpc_orbits may have been filled by others."""
    names = [f"2020 A{letter}" for letter in "ABCDEFGHJKLMNOPQ"]
    wrong = [orbit(name, **elements) for name, elements in zip(names, IMPOSSIBLE, strict=True)]
    load(database, [observation(k, name) for k, name in enumerate([*names, "433"], 1)], [*wrong, orbit("433")])
    summarize(database)
    found = objects(database)
    for name, elements in zip(names, IMPOSSIBLE, strict=True):
        assert all(found[name][c.name] is None for c in ss_object.c if c.name.startswith("MOID")), elements
        assert (found[name]["tisserand_J"] is None) == (not {"node", "epoch_mjd"} & set(elements)), elements
    assert found["433"]["MOIDEarth"] == pytest.approx(0.149, abs=0.001)
    assert found["433"]["tisserand_J"] == pytest.approx(4.58, abs=0.01)


@pytest.mark.parametrize("at_once", [1, 1000])
def test_a_designation_under_two_identifiers_is_in_nobodys_way(
    at_once: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have other identifiers, and SSObject has each designation once."""
    monkeypatch.setattr(road, "_OBSERVATIONS_PER_CHUNK", at_once)
    first, last = -5, 2**62
    load(database, [observation(1, "433")])
    row = {"ssObjectId": last, "designation": "433", "nObs": 7, "arc": 1.0} | dict.fromkeys(COUNTS - {"nObs"}, 0)
    with database.writing() as connection:
        connection.execute(sa.insert(ss_object).values(row))
    summarize(database)
    assert {row["ssObjectId"]: row["designation"] for row in rows_of(database, ss_object)} == {
        id_of("433"): "433",
        last: None,
    }
    load(database, [observation(2, "433", ssObjectId=first), observation(3, "433", ssObjectId=last)])
    for everything in (False, True):
        summarize(database, all=everything)
        found = rows_of(database, ss_object)
        assert [row["ssObjectId"] for row in found] == [first, id_of("433"), last]
        assert [row["nObs"] for row in found] == [1, 1, 1]
        assert [row["designation"] for row in found if row["designation"]] == ["433"]


def test_the_other_models(database: Database) -> None:
    """The columns are of the model with one slope; SsObjectFit says which, and has the one with two beside."""
    load(database, curve(range(1, 25), "433", 18.0, 0.3))
    number = id_of("433")
    summarize(database, config=SummaryConfig(model="HG12star"))
    assert set(fits(database)) == {(number, "r", "HG12star")}
    star = objects(database)["433"]["r_G12"]
    summarize(database, all=True, config=SummaryConfig(model="HG1G2"))
    assert set(fits(database)) == {(number, "r", "HG12"), (number, "r", "HG1G2")}
    row, fit = objects(database)["433"], fits(database)[number, "r", "HG1G2"]
    assert row["r_G12"] == pytest.approx(0.3, abs=1e-4) != star
    assert fit["G1"] == pytest.approx(0.9529 * 0.3 + 0.02162, abs=1e-3)
    assert fit["G2"] == pytest.approx(-0.6125 * 0.3 + 0.5572, abs=1e-3)
    assert fit["G12"] is None
    assert fit["G1_G2_Cov"] is not None


def test_outliers_are_left_out_and_told(database: Database) -> None:
    steady = curve(range(1, 16), "433", 18.0, 0.3)
    load(
        database, [*steady, observation(20, "433", 16.5, phaseAngle=8.0), observation(21, "433", 21.0, phaseAngle=9.0)]
    )
    summarize(database)
    row, (fit,) = objects(database)["433"], fits(database).values()
    assert (row["r_nObs"], row["r_nObsUsed"]) == (17, 15)
    assert row["r_H"] == pytest.approx(18.0, abs=1e-4)
    assert (fit["brightestDiaSourceId"], fit["faintestDiaSourceId"]) == (20, 21)
    assert fit["brightestMag"] == pytest.approx(16.5 - 18.0 - float(magnitudes("HG12", 8.0, 0.3)), abs=1e-3)
    assert fit["brightestSigma"] < -5
    assert fit["faintestSigma"] > 5
    assert fit["brightestMjdTai"] == BEGIN + 20
    summarize(database, all=True, config=SummaryConfig(clip=0.0))
    assert objects(database)["433"]["r_nObsUsed"] == 17


def test_chi2_is_that_of_the_points_fitted(database: Database) -> None:
    """With the floor in their errors, and not that of the outlier."""
    some = curve(range(1, 16), "433", 18.0, 0.5)
    for sign, row in zip([1, -1] * 8, some, strict=False):
        row["phaseAngle"] = 10.0
        row["psfFlux"] = flux_of(18.0 + float(magnitudes("HG12", 10.0, 0.5)) + 0.05 * sign)
        row["psfFluxErr"] = 0.03 * row["psfFlux"] / 1.0857362047581296
    load(database, [*some, observation(20, "433", 14.0, error=0.03)])
    summarize(database)
    row, (fit,) = objects(database)["433"], fits(database).values()
    residuals = np.array([0.05, -0.05] * 7 + [0.05])
    chi2 = np.sum((residuals - residuals.mean()) ** 2) / (0.03**2 + 0.02**2)
    assert row["r_nObsUsed"] == 15
    assert row["r_Chi2"] == pytest.approx(chi2, rel=1e-4)
    assert fit["chi2Reduced"] == pytest.approx(chi2 / 14, rel=1e-4)


def test_offsets_and_nights(database: Database) -> None:
    offsets = [0.1, 0.2, 0.3, 0.6]
    at = [60_000.2 + k // 2 for k in range(1, 5)]
    some = [{"ephOffsetRa": x, "ephOffsetDec": -x, "midpointMjdTai": t} for x, t in zip(offsets, at, strict=True)]
    load(database, [observation(k, "433") | row for k, row in enumerate(some, 1)])
    summarize(database)
    (fit,) = fits(database).values()
    assert (fit["nObs"], fit["nNights"]) == (4, 3)
    assert fit["offsetRaMean"] == pytest.approx(0.3)
    assert fit["offsetDecMean"] == pytest.approx(-0.3)
    assert fit["offsetRaSigma"] == pytest.approx(np.std(offsets))
    assert fit["offsetRaSkewness"] == pytest.approx(-fit["offsetDecSkewness"]) != 0
    assert fit["medianMagErr"] == pytest.approx(0.02)


def test_names_that_are_none_and_options_that_exclude_each_other(database: Database) -> None:
    load(database, [observation(1, "433")])
    with pytest.raises(NotFoundError):
        summarize(database, ["Nobody"])
    with pytest.raises(UsageError, match="exclude each other"):
        summarize(database, ["433"], all=True)
    assert objects(database) == {}


def test_sources_of_detached_or_missing_rows_are_not_counted(database: Database) -> None:
    """A match whose source is not there counts in nothing."""
    load(database, [observation(1, "433"), observation(2, "433")])
    with database.writing() as connection:
        connection.execute(sa.text('DELETE FROM "DiaSource" WHERE visit = 2'))
    summarize(database)
    assert objects(database)["433"]["nObs"] == 1


def test_the_check_of_moids_knows_single_precision(database: Database) -> None:
    """20,000 au from the Sun it is 0.001 au."""
    names = [f"2020 A{letter}" for letter in "ABCDEFGH"]
    orbits = [orbit(name, q=20_000.1 + 0.37 * k, e=0.0, i=0.0) for k, name in enumerate(names)]
    load(database, [observation(k, name) for k, name in enumerate(names, 1)], orbits)
    summarize(database)
    assert [one.n_violations for one in check(database) if one.name == "moid_is_possible"] == [0]
