"""The simulated night: what it promises, checked against astropy, scipy and plain spherical geometry."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import mpc_designation
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from astropy.coordinates import (
    CartesianDifferential,
    CartesianRepresentation,
    SkyCoord,
    SphericalCosLatDifferential,
    SphericalRepresentation,
)
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from small_surveys import load_night, rows

from ssdb.association.associate import associate
from ssdb.errors import ConfigError, InputError
from ssdb.io.output_folder import WRITTEN
from ssdb.schema import apdb_dia as dia
from ssdb.schema import survey
from ssdb.schema.arrow import arrow_schema
from ssdb.simulate import (
    Night,
    Score,
    SimulatedField,
    SimulationConfig,
    score,
    simulate_night,
    simulate_visits,
    write_night,
)
from ssdb.simulate.focal_plane import rubin_like
from ssdb.sky.edges import edge_distances
from ssdb.sky.footprint import Outlines, bounding_caps, outline_problems
from ssdb.store.ddl.migrate import initialize

TABLES = ("visits", "detectors", "sources", "predictions", "truth")


@pytest.fixture(scope="module")
def night() -> Night:
    """A night without detectors, with enough objects for statistics."""
    return simulate_night(SimulationConfig(n_objects=1000, n_sources=500))


@pytest.fixture(scope="module")
def mosaic_night() -> Night:
    """A night with nine detectors a visit."""
    return simulate_night(SimulationConfig(n_detectors=9, n_objects=200, n_sources=500))


def columns(table: pa.Table) -> dict[str, np.ndarray]:
    """The columns of a table as arrays."""
    return {name: table[name].to_numpy() for name in table.column_names}


def seen_predictions(night: Night) -> dict[str, np.ndarray]:
    """Every source that is an object and was predicted, with its prediction."""
    seen = night.truth.join(night.sources.drop(["visit", "midpointMjdTai"]), "diaSourceId", join_type="inner")
    times = night.sources.select(["diaSourceId", "midpointMjdTai"]).rename_columns(["diaSourceId", "sourceMjdTai"])
    seen = seen.join(times, "diaSourceId", join_type="inner")
    joined = seen.join(night.predictions, ["visit", "designation"], join_type="inner")
    return columns(joined.sort_by([("visit", "ascending"), ("designation", "ascending")]))


def offsets(rows: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """East and north offsets (arcsec) of sources from predictions by astropy's separation and position angle."""
    predicted = SkyCoord(rows["ephRa"], rows["ephDec"], unit="deg")
    observed = SkyCoord(rows["ra"], rows["dec"], unit="deg")
    separation = predicted.separation(observed).arcsec
    angle = predicted.position_angle(observed).rad
    return separation * np.sin(angle), separation * np.cos(angle)


def vectors(rows: dict[str, np.ndarray], prefix: str) -> np.ndarray:
    """Three columns as vectors, shape (n, 3)."""
    return np.column_stack([rows[prefix + axis] for axis in "xyz"])


def corners_in_order(night: Night) -> dict[str, np.ndarray]:
    """The corners of all detectors, those of one next to each other, in order."""
    assert night.detectors is not None
    return columns(night.detectors.sort_by([(name, "ascending") for name in ("visit", "detector", "corner")]))


def neighbours(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the nearest other point and the distance to it (arcsec), by astropy."""
    points = SkyCoord(ra, dec, unit="deg")
    index, separation, _ = points.match_to_catalog_sky(points, nthneighbor=2)
    return index, separation.arcsec


def test_same_seed_gives_identical_tables_and_another_seed_others() -> None:
    """The seed decides everything."""
    config = SimulationConfig(n_visits=6, n_sources=50, n_objects=20, n_detectors=4)
    one, again = simulate_night(config), simulate_night(config)
    other = simulate_night(SimulationConfig(seed=2, n_visits=6, n_sources=50, n_objects=20, n_detectors=4))
    for name in TABLES:
        assert getattr(one, name).equals(getattr(again, name), check_metadata=True)
    assert not one.sources["ra"].equals(other.sources["ra"])
    assert set(one.predictions["designation"].to_pylist()).isdisjoint(other.predictions["designation"].to_pylist())


@settings(max_examples=40)
@given(
    config=st.builds(
        SimulationConfig,
        seed=st.integers(0, 2**63 - 1),
        n_visits=st.integers(4, 12),
        n_sources=st.integers(0, 30),
        n_objects=st.integers(0, 30),
        field_radius_deg=st.floats(0.05, 5.0),
        n_detectors=st.sampled_from([0, 1, 4, 9, 189, 1024]),
        astrometric_error_arcsec=st.floats(0.0, 10.0),
        detection_efficiency=st.floats(0.0, 1.0),
        depth_mag=st.floats(10.0, 30.0),
        shutter_seconds=st.floats(0.0, 60.0),
        first_visit=st.sampled_from([0, 1, 2031092300001, 2**63 // 100_000 - 2001]),
    )
)
def test_every_night_keeps_what_is_promised(config: SimulationConfig) -> None:
    """Ids are unique and positive, positions in range, every visit has its unrelated sources, the truth is a subset."""
    night = simulate_night(config)
    sources, truth, predictions = columns(night.sources), columns(night.truth), columns(night.predictions)
    visits = config.first_visit + np.arange(config.n_visits)
    assert night.visits["visit"].to_pylist() == visits.tolist()
    ids = sources["diaSourceId"]
    assert len(np.unique(ids)) == len(ids)
    assert (ids >= 0).all()
    assert [int(i) // 100_000 for i in ids] == sources["visit"].tolist()

    tables = [night.visits, night.sources, night.predictions, night.truth, night.detectors]
    for table in (table for table in tables if table is not None):
        for name, values in columns(table).items():
            assert table[name].null_count == 0
            assert values.dtype.kind != "f" or np.isfinite(values).all(), name
            if name in ("ra", "ephRa"):
                assert ((values >= 0.0) & (values < 360.0)).all()
            if name in ("dec", "ephDec"):
                assert (np.abs(values) <= 90.0).all()

    is_object = np.isin(ids, truth["diaSourceId"])
    assert is_object.sum() == len(truth["diaSourceId"])
    empty = visits[-2]
    unrelated_visits, counts = np.unique(sources["visit"][~is_object], return_counts=True)
    assert (counts == config.n_sources).all()
    assert unrelated_visits.tolist() == ([v for v in visits.tolist() if v != empty] if config.n_sources else [])
    assert empty not in sources["visit"]
    assert visits[-1] not in predictions["visit"]
    assert visits[-1] not in truth["visit"]
    rows = list(zip(predictions["visit"], predictions["designation"], strict=True))
    assert len(set(rows)) == len(rows)
    assert (night.detectors is None) == (config.n_detectors == 0)
    if night.detectors is None:
        assert (sources["detector"] == 0).all()
    else:
        detectors = night.detectors.group_by(["visit", "detector"]).aggregate([("corner", "max"), ("corner", "count")])
        assert detectors.num_rows == config.n_detectors * config.n_visits
        corners = detectors["corner_count"].to_numpy()
        assert (detectors["corner_max"].to_numpy() == corners - 1).all()
        assert corners.min() >= 4
        assert (config.n_detectors == 189) == (corners.max() > 4)


def test_the_fields_are_hard_ones(night: Night) -> None:
    """A visit lies across 0h, one within a degree of a pole, others elsewhere; all are visited again 40 s apart."""
    visits = columns(night.visits)
    across_0h = (visits["ra"] > 350.0) & (np.abs(visits["dec"]) < 1.0)
    polar = np.abs(visits["dec"]) > 89.0
    assert across_0h.sum() >= 2
    assert polar.sum() >= 2
    assert len(set(zip(visits["ra"], visits["dec"], strict=True))) == 6
    assert np.diff(visits["midpointMjdTai"]) * 86400.0 == pytest.approx(40.0, abs=1e-4)

    for table, ra in ((columns(night.sources), "ra"), (columns(night.predictions), "ephRa")):
        of_0h = np.isin(table["visit"], visits["visit"][across_0h])
        assert (table[ra][of_0h] < 5.0).any()
        assert (table[ra][of_0h] > 355.0).any()
        assert ((table[ra][of_0h] < 5.0) | (table[ra][of_0h] > 355.0)).all()
        of_pole = np.isin(table["visit"], visits["visit"][polar])
        quadrants = np.unique(table[ra][of_pole] // 90.0)
        assert quadrants.tolist() == [0.0, 1.0, 2.0, 3.0]

    ecliptic = SkyCoord(visits["ra"], visits["dec"], unit="deg").barycentricmeanecliptic
    on_ecliptic = np.abs(ecliptic.lat.deg) < 1.0
    assert len(np.unique(visits["ra"][on_ecliptic])) == 4


def test_sources_lie_in_the_field(night: Night) -> None:
    """Without detectors, sources fill the circle of the visit and do not leave it."""
    joined = columns(
        night.sources.select(["visit", "ra", "dec"]).join(
            night.visits.select(["visit", "ra", "dec", "radius"]), "visit", right_suffix="_visit"
        )
    )
    boresight = SkyCoord(joined["ra_visit"], joined["dec_visit"], unit="deg")
    distance = boresight.separation(SkyCoord(joined["ra"], joined["dec"], unit="deg")).deg
    assert distance.max() <= night.config.field_radius_deg + 1e-9
    # Evenly spread over a small circle: half of them within radius / sqrt 2.
    assert np.mean(distance < night.config.field_radius_deg / np.sqrt(2.0)) == pytest.approx(0.5, abs=0.02)


def test_sources_lie_within_the_corners_of_their_detector(mosaic_night: Night) -> None:
    """Every source is on the inner side of the four great circles through its detector's corners, at the pole too."""
    corners = corners_in_order(mosaic_night)
    points = SkyCoord(corners["ra"], corners["dec"], unit="deg").cartesian.xyz.value.T.reshape(-1, 4, 3)
    keys = corners["visit"][::4] * 100 + corners["detector"][::4]
    sources = columns(mosaic_night.sources)
    row = np.searchsorted(keys, sources["visit"] * 100 + sources["detector"])
    assert (keys[row] == sources["visit"] * 100 + sources["detector"]).all()
    edge_normals = np.cross(points, np.roll(points, -1, axis=1))[row]
    directions = SkyCoord(sources["ra"], sources["dec"], unit="deg").cartesian.xyz.value.T
    sides = np.sign(np.einsum("nej,nj->ne", edge_normals, directions))
    assert (np.abs(sides.sum(axis=1)) == 4).all()
    assert set(sources["detector"].tolist()) == set(range(9))


def test_detectors_have_the_size_they_say_and_do_not_overlap(mosaic_night: Night) -> None:
    """Sides are width or height times the pixel scale; corners of other detectors are outside; all are in the field."""
    corners = corners_in_order(mosaic_night)
    sky = SkyCoord(corners["ra"], corners["dec"], unit="deg")
    index = np.arange(len(corners["ra"])).reshape(-1, 4)
    sides = sky[index].separation(sky[np.roll(index, -1, axis=1)]).arcsec
    nominal = (corners["width"] * corners["pixelScale"])[index]
    # The gnomonic scale falls off by cos^2 of the distance from the boresight.
    assert (sides <= nominal * (1 + 1e-9)).all()
    assert (sides >= nominal * np.cos(np.radians(1.75)) ** 2).all()
    assert (corners["width"] == corners["height"]).all()

    one_visit = sky[:36].cartesian.xyz.value.T
    for detector in range(9):
        own = one_visit[4 * detector : 4 * detector + 4]
        others = np.delete(one_visit, slice(4 * detector, 4 * detector + 4), axis=0)
        sides = np.sign(np.cross(own, np.roll(own, -1, axis=0)) @ others.T)
        assert (np.abs(sides.sum(axis=0)) < 4).all()
    boresight = mosaic_night.visits.slice(0, 1).to_pylist()[0]
    distance = SkyCoord(boresight["ra"], boresight["dec"], unit="deg").separation(sky[:36]).deg
    assert distance.max() <= boresight["radius"]


@pytest.fixture(scope="module")
def rubin_night() -> Night:
    """A night with a camera like Rubin's."""
    return simulate_night(SimulationConfig(n_visits=5, n_detectors=189, n_objects=2000, n_sources=3000))


def test_the_camera_is_like_rubins() -> None:
    """Every CCD is within half a per cent of where the real one is, in the same order, and as large."""
    file = shared_data("sorcha") / "src__sorcha__modules__data__LSST_detector_corners_100123.csv"
    rows = np.genfromtxt(file, delimiter=",", names=True)
    assert (rows["detector"].reshape(-1, 4) == np.arange(189)[:, None]).all()
    real = np.stack([rows["x"], rows["y"]], axis=-1).reshape(-1, 4, 2) * 180 * 3600 / np.pi
    plane = rubin_like()
    ours = plane.centers
    # Without the distortion, which the real corners have not.
    difference = ours - real.mean(axis=1)
    assert np.abs(difference).max() < 0.005 * np.abs(ours).max()
    sides = np.ptp(real, axis=1)
    assert np.array([plane.width, plane.height]) * 0.2 == pytest.approx(sides.mean(axis=0), rel=2e-3)


def test_the_mapping_of_a_detector_is_the_one_that_sources_fall_by() -> None:
    """Pixels to the plane and back, of every detector: inside its own, and 0.01 pixel beyond an edge on none."""
    plane = rubin_like()
    rng = np.random.default_rng(1)
    for beyond, found in ((-0.01, True), (0.01, False)):
        detector = np.repeat(np.arange(189), 20)
        half = np.array([[0.5 * plane.width], [0.5 * plane.height]])
        offsets = rng.uniform(-1, 1, (2, len(detector))) * half
        edge = rng.integers(2, size=len(detector))
        each = np.arange(len(detector))
        offsets[edge, each] = np.sign(offsets[edge, each]) * (half[edge, 0] + beyond)
        points = plane.plane_positions(detector, 0.2 * offsets)
        np.testing.assert_array_equal(plane.detectors_at(points), detector if found else np.full(len(detector), -1))


def test_curved_outlines_hold_the_sources_of_their_detector(rubin_night: Night) -> None:
    """By ssdb's footprints, to 0.05 pixel; at the edges the four corners alone would not."""
    assert rubin_night.detectors is not None
    for visit in rubin_night.visits["visit"].to_pylist()[:3]:
        corners = columns(rubin_night.detectors.filter(pa.compute.equal(rubin_night.detectors["visit"], visit)))
        sources = columns(rubin_night.sources.filter(pa.compute.equal(rubin_night.sources["visit"], visit)))
        starts = np.append(np.flatnonzero(corners["corner"] == 0), len(corners["ra"]))
        outlines = Outlines(np.column_stack([corners["ra"], corners["dec"]]), starts)
        assert outline_problems(outlines) == {}
        assert np.array_equal(corners["detector"][starts[:-1]], np.arange(189))
        depth = edge_distances(outlines, bounding_caps(outlines), sources["detector"], sources["ra"], sources["dec"])
        assert depth.min() > -0.05 * 0.21
        assert np.count_nonzero(depth < 5) > 30
    assert set(sources["detector"].tolist()) == set(range(189))


def test_the_distortion_bends_edges_by_more_than_the_tolerance() -> None:
    """From the chord of its corners the edge of an outer detector is up to half a pixel or more away."""
    plane = rubin_like()
    to_sky = plane.pixel_to_sky(0)
    x, y = np.array([-0.5, 1999.5, 3999.5]), np.full(3, -0.5)
    start, middle, end = SkyCoord(*to_sky(x, y), unit="deg").cartesian.xyz.value.T
    across = np.cross(start, end) @ middle / np.linalg.norm(np.cross(start, end))
    assert np.abs(across) * 180 * 3600 / np.pi > 0.4 * 0.2


def test_curved_outlines_lose_no_match(rubin_night: Night, tmp_path: Path) -> None:
    """The whole road: as many objects get their own source with the 189 outlines as without any."""
    correct = []
    for name, night in (("with", rubin_night), ("without", replace(rubin_night, detectors=None))):
        with closing(initialize(f"sqlite:///{tmp_path / name}.db")) as database:
            load_night(database, night)
            assert not associate(database).failed
            matched = rows(database, 'SELECT "diaSourceId", designation FROM "SSSource"')
        correct.append(score([row[0] for row in matched], [row[1] for row in matched], night.truth).n_correct)
    assert correct[0] >= correct[1] > 2500


def test_predictions_lie_where_their_vectors_point(night: Night) -> None:
    """The topocentric vector points to (ephRa, ephDec), and its velocity gives the rates."""
    rows = columns(night.predictions)
    position = CartesianRepresentation(vectors(rows, "topo_").T * u.au)
    moving = position.with_differentials(CartesianDifferential(vectors(rows, "topo_v").T * u.km / u.s))
    sphere = moving.represent_as(SphericalRepresentation, SphericalCosLatDifferential)
    pointed = SkyCoord(sphere.lon, sphere.lat)
    assert pointed.separation(SkyCoord(rows["ephRa"], rows["ephDec"], unit="deg")).arcsec.max() < 1e-6
    rates = sphere.differentials["s"]
    angular = u.dimensionless_angles()
    assert rates.d_lon_coslat.to_value(u.deg / u.day, angular) == pytest.approx(rows["ephRateRa"], rel=1e-6, abs=1e-9)
    assert rates.d_lat.to_value(u.deg / u.day, angular) == pytest.approx(rows["ephRateDec"], rel=1e-6, abs=1e-9)


def test_observer_is_the_same_for_all_objects_of_a_visit(night: Night) -> None:
    """Heliocentric minus topocentric is the observer: one place and velocity a visit, about 1 au from the Sun."""
    rows = columns(night.predictions)
    _, first, of_visit = np.unique(rows["visit"], return_index=True, return_inverse=True)
    place = vectors(rows, "helio_") - vectors(rows, "topo_")
    speed = vectors(rows, "helio_v") - vectors(rows, "topo_v")
    np.testing.assert_allclose(place, place[first][of_visit], rtol=0, atol=1e-14)
    np.testing.assert_allclose(speed, speed[first][of_visit], rtol=0, atol=1e-12)
    assert np.linalg.norm(place, axis=1) == pytest.approx(1.0, abs=1e-3)
    assert np.linalg.norm(speed, axis=1) == pytest.approx(29.8, abs=0.1)
    # From the first visit to the last it moves by its own velocity.
    days = np.ptp(rows["midpointMjdTai"])
    moved = (place[first[-1]] - place[first[0]]) * u.au - speed[first[0]] * days * u.km / u.s * u.day
    assert np.abs(moved.to_value(u.km)).max() < 1.0


def test_objects_are_main_belt_ones_and_a_few_fast_ones(night: Night) -> None:
    """Where first seen: 0.1 to 0.3 deg/d at 1.8 to 3.5 au from the Sun, and some of several deg/d near the Earth."""
    first_visits = night.visits["visit"].to_pylist()[:5]
    rows = columns(night.predictions.filter(pa.compute.is_in(night.predictions["visit"], pa.array(first_visits))))
    rate = np.hypot(rows["ephRateRa"], rows["ephRateDec"])
    helio_range = np.linalg.norm(vectors(rows, "helio_"), axis=1)
    fast = rate > 1.0
    assert 0.01 < fast.mean() < 0.05
    assert ((rate[~fast] > 0.0999) & (rate[~fast] < 0.3001)).all()
    assert ((helio_range[~fast] > 1.7999) & (helio_range[~fast] < 3.5001)).all()
    assert np.linalg.norm(vectors(rows, "topo_"), axis=1)[fast].max() < 0.11
    # The farther the fainter, on the whole.
    distances = helio_range * np.linalg.norm(vectors(rows, "topo_"), axis=1)
    assert stats.spearmanr(rows["ephVmag"][~fast], distances[~fast]).statistic > 0.2


def test_objects_seen_again_have_moved_by_their_velocity(night: Night) -> None:
    """From one visit of a field to the next, the same objects are predicted, where their vectors bring them."""
    rows = columns(night.predictions.sort_by([("designation", "ascending"), ("visit", "ascending")]))
    again = np.flatnonzero(rows["designation"][1:] == rows["designation"][:-1])
    assert len(again) > 0.7 * len(rows["visit"])
    days = (rows["midpointMjdTai"][again + 1] - rows["midpointMjdTai"][again])[:, None]
    for origin in ("helio", "topo"):
        start = vectors(rows, f"{origin}_")[again] * u.au
        end = start + vectors(rows, f"{origin}_v")[again] * u.km / u.s * days * u.day
        difference = end.to_value(u.au) - vectors(rows, f"{origin}_")[again + 1]
        assert np.abs(difference).max() < 1e-11


def test_designations_pack_and_are_distinct(night: Night) -> None:
    """Every designation has a packed form that leads back to it; numbers and provisional designations are there."""
    designations = sorted(set(night.predictions["designation"].to_pylist()))
    packed = [mpc_designation.pack(designation) for designation in designations]
    assert len(set(packed)) == len(designations)
    assert [mpc_designation.unpack(text) for text in packed] == designations
    numbered = sum(designation.isdigit() for designation in designations)
    assert 0.1 < numbered / len(designations) < 0.3


def test_sources_scatter_round_predictions_as_the_errors_say(night: Night) -> None:
    """Offsets over the covariance of ellipse and source are chi-square with two degrees of freedom."""
    rows = seen_predictions(night)
    # One source an object: the error of its prediction is the same all night.
    _, first = np.unique(rows["designation"], return_index=True)
    rows = {
        name: values[first].astype(float) if values.dtype.kind == "f" else values[first]
        for name, values in rows.items()
    }
    east, north = offsets(rows)
    angle = np.radians(rows["ephErrPa"])
    axes = np.stack(
        [np.column_stack([np.sin(angle), np.cos(angle)]), np.column_stack([np.cos(angle), -np.sin(angle)])], 1
    )
    squares = np.stack([rows["ephErrMajor"] ** 2, rows["ephErrMinor"] ** 2], axis=1)
    covariance = np.einsum("nk,nki,nkj->nij", squares, axes, axes)
    covariance[:, 0, 0] += (rows["raErr"] * 3600.0) ** 2
    covariance[:, 1, 1] += (rows["decErr"] * 3600.0) ** 2
    covariance[:, [0, 1], [1, 0]] += (rows["ra_dec_Cov"] * 3600.0**2)[:, None]
    offset = np.column_stack([east, north])
    chi2 = np.einsum("ni,ni->n", offset, np.linalg.solve(covariance, offset[:, :, None])[:, :, 0])
    assert len(chi2) > 3000
    assert stats.kstest(chi2, stats.chi2(2).cdf).pvalue > 0.01
    large = rows["ephErrMajor"] > 1.0
    assert large.sum() > 100
    assert stats.kstest(chi2[large], stats.chi2(2).cdf).pvalue > 0.01


def test_ellipses_are_small_but_for_a_few(night: Night) -> None:
    """Most are 0.05 to 0.3 arcsec, a few per cent up to 10; some sources are out of reach of a fixed radius."""
    rows = columns(night.predictions)
    major, minor, angle = rows["ephErrMajor"], rows["ephErrMinor"], rows["ephErrPa"]
    assert ((minor > 0.0) & (minor <= major)).all()
    assert ((angle >= 0.0) & (angle <= 180.0)).all()
    assert ((major >= 0.05) & (major <= 10.0)).all()
    assert 0.02 < np.mean(major > 0.3) < 0.08
    east, north = offsets(seen_predictions(night))
    assert 0.01 < np.mean(np.hypot(east, north) > 1.0) < 0.05


def test_errors_of_sources_are_as_given(night: Night) -> None:
    """From one visit to the next an object's offset changes by the sources' errors alone, correlation included."""
    rows = seen_predictions(night)
    # The offset of a large ellipse turns a little with the object's motion.
    steady = rows["ephErrMajor"] < 0.3
    rows = {name: values[steady] for name, values in rows.items()}
    order = np.lexsort((rows["visit"], rows["designation"]))
    east, north = (offset[order] for offset in offsets(rows))
    covariance = rows["ra_dec_Cov"].astype(float)[order] * 3600.0**2
    pair = np.flatnonzero(rows["designation"][order][1:] == rows["designation"][order][:-1])
    east_change, north_change = east[pair + 1] - east[pair], north[pair + 1] - north[pair]
    assert len(pair) > 5000
    assert east_change.std() == pytest.approx(0.1 * np.sqrt(2.0), rel=0.05)
    assert north_change.std() == pytest.approx(0.1 * np.sqrt(2.0), rel=0.05)
    given = covariance[pair] + covariance[pair + 1]
    for sign in (given > 0.0, given < 0.0):
        assert np.mean((east_change * north_change)[sign]) == pytest.approx(np.mean(given[sign]), rel=0.4)


def test_bright_objects_are_detected_with_the_efficiency_and_faint_ones_less(night: Night) -> None:
    """Nine in ten well above the depth, half of that at the depth, next to none a magnitude below."""
    visits = columns(night.visits)
    rows = columns(night.predictions)
    row = np.searchsorted(visits["visit"], rows["visit"])
    boresight = SkyCoord(visits["ra"][row], visits["dec"][row], unit="deg")
    distance = boresight.separation(SkyCoord(rows["ephRa"], rows["ephDec"], unit="deg")).deg
    expected = (distance < 1.74) & (rows["visit"] != visits["visit"][-2])
    found = set(zip(night.truth["visit"].to_pylist(), night.truth["designation"].to_pylist(), strict=True))
    detected = np.array([key in found for key in zip(rows["visit"], rows["designation"], strict=True)])[expected]
    magnitude = rows["ephVmag"][expected]
    bright, middle, faint = magnitude < 23.0, np.abs(magnitude - 24.0) < 0.2, magnitude > 25.0
    assert stats.binomtest(int(detected[bright].sum()), int(bright.sum()), 0.9).pvalue > 0.01
    assert stats.binomtest(int(detected[middle].sum()), int(middle.sum()), 0.45).pvalue > 0.001
    assert faint.sum() > 100
    assert detected[faint].mean() < 0.02


def test_fluxes_fit_the_magnitudes_and_the_signal_to_noise_the_depth(night: Night) -> None:
    """psfFlux is nJy: AB magnitudes of objects are near ephVmag, and 5 sigma is at the depth."""
    rows = seen_predictions(night)
    magnitude = (rows["psfFlux"].astype(float) * u.nJy).to_value(u.ABmag)
    assert np.median(magnitude - rows["ephVmag"]) == pytest.approx(0.0, abs=0.02)
    sources = columns(night.sources)
    assert sources["snr"] == pytest.approx(sources["psfFlux"] / sources["psfFluxErr"], rel=1e-5)
    at_depth = np.abs((np.maximum(sources["psfFlux"], 1.0) * u.nJy).to_value(u.ABmag) - 24.0) < 0.05
    assert np.median(sources["snr"][at_depth]) == pytest.approx(5.0, rel=0.05)


@pytest.mark.parametrize("fixture", ["night", "mosaic_night"])
def test_objects_contend_for_sources(fixture: str, request: pytest.FixtureRequest) -> None:
    """Pairs of predictions are 0.2 to 0.8 arcsec apart: in some both are seen, in some only one."""
    night: Night = request.getfixturevalue(fixture)
    predictions, truth = columns(night.predictions), columns(night.truth)
    n_seen = []
    for visit in night.visits["visit"].to_pylist()[:5]:
        here = predictions["visit"] == visit
        index, separation = neighbours(predictions["ephRa"][here], predictions["ephDec"][here])
        pairs = np.flatnonzero((separation > 0.2) & (separation < 0.8) & (index > np.arange(len(index))))
        assert len(pairs) >= 1
        names = predictions["designation"][here]
        seen = np.isin(names, truth["designation"][truth["visit"] == visit])
        n_seen += (seen[pairs].astype(int) + seen[index[pairs]]).tolist()
    assert {1, 2} <= set(n_seen)


def test_unrelated_sources_lie_beside_predictions(night: Night) -> None:
    """In every visit with both, some unrelated sources are within an arcsecond of a prediction."""
    sources, predictions = columns(night.sources), columns(night.predictions)
    unrelated = ~np.isin(sources["diaSourceId"], night.truth["diaSourceId"].to_numpy())
    for visit in night.visits["visit"].to_pylist()[:-2]:
        here, expected = unrelated & (sources["visit"] == visit), predictions["visit"] == visit
        points = SkyCoord(sources["ra"][here], sources["dec"][here], unit="deg")
        objects = SkyCoord(predictions["ephRa"][expected], predictions["ephDec"][expected], unit="deg")
        _, separation, _ = points.match_to_catalog_sky(objects)
        assert (separation.arcsec < 1.0).sum() >= 10


def test_ids_do_not_give_the_truth_away(night: Night) -> None:
    """Objects are spread over the running numbers of a visit like the unrelated sources."""
    sources = columns(night.sources)
    is_object = np.isin(sources["diaSourceId"], night.truth["diaSourceId"].to_numpy())
    running = sources["diaSourceId"] % 100_000
    here = sources["visit"] == sources["visit"][0]
    assert stats.ks_2samp(running[here & is_object], running[here & ~is_object]).pvalue > 0.01


def test_sources_are_where_the_object_is_when_the_shutter_passes() -> None:
    """With a slow shutter sources have their own times, and keep their distance from the object moved to that time."""
    options: dict[str, Any] = {"n_objects": 500, "n_sources": 100, "astrometric_error_arcsec": 0.0}
    at_once = seen_predictions(simulate_night(SimulationConfig(**options)))
    slow = seen_predictions(simulate_night(SimulationConfig(shutter_seconds=30.0, **options)))
    seconds = (slow["sourceMjdTai"] - slow["midpointMjdTai"]) * 86400.0
    assert np.abs(seconds).max() <= 15.01
    assert np.ptp(seconds) > 25.0
    assert (at_once["sourceMjdTai"] == at_once["midpointMjdTai"]).all()

    raw = np.hypot(*offsets(slow))
    days = (slow["sourceMjdTai"] - slow["midpointMjdTai"])[:, None]
    topo = vectors(slow, "topo_") * u.au + vectors(slow, "topo_v") * u.km / u.s * days * u.day
    there = SkyCoord(CartesianRepresentation(topo.T)).spherical
    slow["ephRa"], slow["ephDec"] = there.lon.deg, there.lat.deg
    moved = dict(zip(zip(slow["visit"], slow["designation"], strict=True), np.hypot(*offsets(slow)), strict=True))
    still = dict(
        zip(zip(at_once["visit"], at_once["designation"], strict=True), np.hypot(*offsets(at_once)), strict=True)
    )
    both = moved.keys() & still.keys()
    assert len(both) > 0.95 * len(still)
    assert max(abs(moved[key] - still[key]) for key in both) < 1e-5
    assert np.abs(raw - np.hypot(*offsets(slow))).max() > 1.0


def test_tables_have_the_types_and_units_of_the_data_model(mosaic_night: Night) -> None:
    """Columns that the database has are given in its types and units, and the answer (ssObjectId) is not given."""
    detectors = mosaic_night.detectors
    assert detectors is not None
    for table, model in (
        (mosaic_night.visits, survey.visit),
        (detectors.drop(["corner", "ra", "dec"]), survey.visit_detector),
        (mosaic_night.sources, dia.dia_source),
        (mosaic_night.predictions, survey.ss_prediction),
    ):
        schema = arrow_schema(model)
        for item in table.schema:
            assert item.type == schema.field(item.name).type, item.name
            unit = (item.metadata or {}).get(b"unit")
            assert unit == schema.field(item.name).metadata.get(b"unit"), item.name
            assert u.Unit((unit or b"").decode()) is not None
        assert "ssObjectId" not in table.column_names


def test_files_read_back_as_they_were(mosaic_night: Night, tmp_path: Path) -> None:
    """Parquet keeps types and units, the truth is CSV, and the configuration can be read again."""
    paths = write_night(mosaic_night, tmp_path / "new" / "night")
    present = {path.name for path in (tmp_path / "new" / "night").iterdir()}
    assert {WRITTEN, *(path.name for path in paths.values())} == present
    for name in ("visits", "detectors", "sources", "predictions"):
        table = pa.parquet.read_table(paths[name])
        assert table.equals(getattr(mosaic_night, name))
    read = pa.parquet.read_schema(paths["sources"])
    assert read.field("ra").metadata[b"unit"] == b"deg"
    assert read.field("psfFlux").metadata[b"unit"] == b"nJy"
    assert pa.csv.read_csv(paths["truth"]).to_pylist() == mosaic_night.truth.to_pylist()
    assert SimulationConfig(**json.loads(paths["simulation"].read_text())) == mosaic_night.config


def test_writing_a_night_without_detectors_leaves_none_of_an_earlier_night(tmp_path: Path) -> None:
    """No detectors.parquet stays that belongs to other visits."""
    options = {"n_visits": 4, "n_sources": 5, "n_objects": 5}
    assert "detectors" in write_night(simulate_night(SimulationConfig(n_detectors=1, **options)), tmp_path)
    assert "detectors" not in write_night(simulate_night(SimulationConfig(**options)), tmp_path)
    assert not (tmp_path / "detectors.parquet").exists()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n_visits": 3}, "n_visits"),
        ({"n_visits": 20.0}, "n_visits"),
        ({"n_sources": -1}, "n_sources"),
        ({"n_sources": True}, "n_sources"),
        ({"n_sources": 90_000, "n_objects": 10_001}, "n_sources"),
        ({"n_visits": 100, "n_objects": 40_001}, "n_objects"),
        ({"n_detectors": 190}, "n_detectors"),
        ({"detection_efficiency": 1.1}, "detection_efficiency"),
        ({"depth_mag": float("nan")}, "depth_mag"),
        ({"field_radius_deg": "1.75"}, "field_radius_deg"),
        ({"first_visit": 2**62}, "first_visit"),
        ({"night_mjd_tai": 2463132.6}, "night_mjd_tai"),
    ],
)
def test_configuration_that_makes_no_sense_is_refused(options: dict[str, Any], name: str) -> None:
    """The message names the option."""
    with pytest.raises(ConfigError, match=name):
        SimulationConfig(**options)


TRUTH = pa.table(
    {"diaSourceId": [1, 2, 3, 2**63 - 1], "visit": [7, 7, 7, 8], "designation": ["433", "1", "2 x", "433"]}
)


@pytest.mark.parametrize(
    ("ids", "designations", "expected"),
    [
        ([1, 2, 3, 2**63 - 1], ["433", "1", "2 x", "433"], Score(4, 4, 4, 1.0, 1.0)),
        ([2**63 - 1, 3], ["433", "2 x"], Score(4, 2, 2, 0.5, 1.0)),
        ([1, 2], ["1", "433"], Score(4, 2, 0, 0.0, 0.0)),
        ([1, 2, 99, 0], ["433", "433", "1", "1"], Score(4, 4, 1, 0.25, 0.25)),
    ],
)
def test_score_counts_right_wrong_and_unrelated(ids: list[int], designations: list[str], expected: Score) -> None:
    """A match counts where source and object are both right; one to a source that is no object is wrong."""
    assert score(ids, designations, TRUTH) == expected


def test_score_of_nothing_is_not_a_number(tmp_path: Path) -> None:
    """Without matches there is no purity, without a truth no completeness, also where the truth was an empty CSV."""
    nothing = score([], [], TRUTH)
    assert (nothing.completeness, nothing.n_matched) == (0.0, 0)
    assert np.isnan(nothing.purity)
    (tmp_path / "truth.csv").write_text('"diaSourceId","visit","designation"\n')
    empty = score([1], ["433"], pa.csv.read_csv(tmp_path / "truth.csv"))
    assert (empty.n_truth, empty.purity) == (0, 0.0)
    assert np.isnan(empty.completeness)


def test_score_takes_a_truth_of_numbered_objects_from_csv(tmp_path: Path) -> None:
    """CSV reading makes integers of numbers; they still are the designations."""
    (tmp_path / "truth.csv").write_text('"diaSourceId","visit","designation"\n1,7,433\n')
    assert score([1], ["433"], pa.csv.read_csv(tmp_path / "truth.csv")).n_correct == 1


def test_score_refuses_what_is_no_one_to_one_match() -> None:
    """A source given twice, or without a designation, is an error that names it."""
    with pytest.raises(InputError, match="more than once: diaSourceId 2"):
        score([1, 2, 2], ["433", "1", "433"], TRUTH)
    with pytest.raises(InputError, match="3 matched sources have 1"):
        score([1, 2, 3], ["433"], TRUTH)


def test_other_fields_have_the_objects_and_sources_asked_for() -> None:
    """A night may have fields of its own, each with its own numbers."""
    fields = [
        SimulatedField(10.0, 4.0, 200, 50),
        SimulatedField(30.0, -20.0, 20, 400),
        SimulatedField(310.0, -60.0, 0, 100),
    ]
    config = SimulationConfig(n_visits=6, n_objects=7, n_sources=7, detection_efficiency=0.0)
    for number, (part, field) in enumerate(zip(simulate_visits(config, fields), [0, 1, 0, 1, 0, 2], strict=True)):
        wanted = fields[field]
        visit = part.visits.to_pylist()[0]
        assert (visit["ra"], visit["dec"]) == (wanted.ra, wanted.dec)
        assert part.sources.num_rows == (0 if number == 4 else wanted.n_sources)
        # Some leave the field as they move, and of those round it some come in.
        assert part.predictions.num_rows == pytest.approx(wanted.n_objects, rel=0.1)
