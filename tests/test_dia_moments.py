"""Sums of sources: fluxes and places of DiaObjects are what plain formulas over all of their sources give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from dia_cases import NAN, Columns, beside, covariance, frame, offset, row_of, rows, turned

from ssdb.config import DiaConfig
from ssdb.moments import (
    FLUXES,
    MOMENTS,
    PLACES,
    add_fluxes,
    add_places,
    flux_columns,
    folded,
    no_moments,
    no_places,
    positions,
)
from ssdb.schema.apdb_dia import dia_object, dia_object_last
from ssdb.schema.dia import dia_object_moment

CONFIG = DiaConfig()


def history(rng: np.random.Generator, n: int, n_objects: int, bands: bytes = b"gr") -> Columns:
    """Sources of objects with fluxes of all kinds, in any order: unknown ones, errors of 0, equal times."""
    made = rows("diaSourceId", *rng.normal(0, 0.2, (n, 2)), at=(359.9999, 45.0), sigma=0.1)
    flux = rng.normal(1e5, 30.0, n), rng.uniform(5.0, 50.0, n), rng.normal(3e6, 900.0, n), rng.uniform(50.0, 500.0, n)
    for name, values in zip(FLUXES, flux, strict=True):
        values[rng.random(n) < 0.1] = NAN
        # Single precision, as they are stored.
        made[name] = values.astype(np.float32).astype(float)
    for name in ("psfFluxErr", "scienceFluxErr"):
        made[name][rng.random(n) < 0.05] = 0.0
    made["raErr"] = rng.choice([NAN, 0.0, 0.02, 0.2], n) / 3600.0
    made["ra_dec_Cov"] = rng.uniform(-1.2, 1.2, n) * made["raErr"] * made["decErr"]
    made["midpointMjdTai"] = 60000.0 + rng.integers(0, max(2, n // 2), n) / 7.0
    made["diaObjectId"] = rng.integers(0, n_objects, n) * 2**55 - 7
    made["band"] = np.array([bands[i : i + 1] for i in rng.integers(0, len(bands), n)])
    return {name: values[order] for order in [rng.permutation(n)] for name, values in made.items()}


def fold(sources: Columns, config: DiaConfig = CONFIG) -> tuple[Columns, Columns]:
    result = folded(sources["diaObjectId"], sources, config)
    return result.objects, result.moments


def upstream(rows: pd.DataFrame) -> dict[str, float]:
    """The columns of a band by the formulas of Rubin's DiaObjectCalculationTask, but for the slopes of equal times."""
    rows = rows.sort_values(["midpointMjdTai", "diaSourceId"])
    f, e, t = rows["psfFlux"], rows["psfFluxErr"], rows["midpointMjdTai"]
    used = f.notna() & (e > 0)
    weight = 1.0 / e[used] ** 2
    science = rows["scienceFlux"].notna() & (rows["scienceFluxErr"] > 0)
    science_weight = 1.0 / rows["scienceFluxErr"][science] ** 2
    known = f.notna()
    slopes = np.diff(f[known]) / np.where(np.diff(t[known]) > 0, np.diff(t[known]), NAN)
    return {
        "psfFluxMean": (f[used] * weight).sum() / weight.sum() if used.any() else NAN,
        "psfFluxMeanErr": weight.sum() ** -0.5 if used.any() else NAN,
        "psfFluxSigma": f.std(),
        "psfFluxNdata": used.sum(),
        "fpFluxMean": NAN,
        "fpFluxMeanErr": NAN,
        "scienceFluxMean": (rows["scienceFlux"][science] * science_weight).sum() / science_weight.sum()
        if science.any()
        else NAN,
        "scienceFluxMeanErr": science_weight.sum() ** -0.5 if science.any() else NAN,
        "psfFluxMin": f.min(),
        "psfFluxMax": f.max(),
        "psfFluxMaxSlope": np.nanmax(slopes) if np.isfinite(slopes).any() else NAN,
        "psfFluxErrMean": e.mean(),
    }


@pytest.mark.parametrize(
    ("n", "n_objects", "bands"), [(400, 12, b"gr"), (300, 200, b"ugrizy"), (60, 1, b"i"), (1, 1, b"y")]
)
def test_fluxes_are_those_of_plain_formulas(n: int, n_objects: int, bands: bytes) -> None:
    sources = history(np.random.default_rng(n), n, n_objects, bands)
    objects, moments = fold(sources)
    found = flux_columns(moments)
    table = pd.DataFrame(sources)
    groups = table.groupby(["diaObjectId", "band"])
    assert list(groups.groups) == list(zip(moments["diaObjectId"], moments["band"], strict=True))
    expected = pd.DataFrame([upstream(rows) for _, rows in groups])
    assert list(found) == list(expected)
    for name, values in found.items():
        np.testing.assert_allclose(
            values, expected[name], rtol=1e-12, atol=0 if "Sigma" not in name else 1e-9, err_msg=name
        )
    of_object = table.groupby("diaObjectId")
    for name, values in (
        ("diaObjectId", np.array(list(of_object.groups))),
        ("nDiaSources", of_object.size()),
        ("firstDiaSourceMjdTai", of_object["midpointMjdTai"].min()),
        ("lastDiaSourceMjdTai", of_object["midpointMjdTai"].max()),
    ):
        np.testing.assert_array_equal(objects[name], values)


@pytest.mark.parametrize("position", ["weighted", "mean"])
def test_folding_a_history_gives_the_bits_of_adding_source_by_source(position: str) -> None:
    """However the sources come: one object at a time, or many objects in a visit."""
    config = DiaConfig(position=position)
    sources = history(np.random.default_rng(8), 500, 30, b"ugr")
    objects, moments = fold(sources, config)
    order = np.lexsort((sources["diaSourceId"], sources["midpointMjdTai"]))
    places: dict[int, Columns] = {}
    fluxes: dict[tuple[int, bytes], Columns] = {}
    for row in order:
        one = {name: values[row : row + 1] for name, values in sources.items()}
        key, band = int(one["diaObjectId"][0]), bytes(one["band"][0])
        places[key] = add_places(places.get(key, no_places(1)), one, config)
        fluxes[key, band] = add_fluxes(fluxes.get((key, band), no_moments(1)), one)
    assert list(moments) == ["diaObjectId", "band", *MOMENTS]
    for name in PLACES:
        one_by_one = np.concatenate([places[key][name] for key in objects["diaObjectId"].tolist()])
        assert objects[name].tobytes() == one_by_one.tobytes(), name
    keys = list(zip(moments["diaObjectId"].tolist(), moments["band"].tolist(), strict=True))
    for name in MOMENTS:
        one_by_one = np.concatenate([fluxes[key][name] for key in keys])
        assert moments[name].tobytes() == one_by_one.tobytes(), name


def test_adding_changes_nothing_in_place() -> None:
    moments, places = no_moments(3), no_places(3)
    sources = history(np.random.default_rng(1), 3, 3)
    add_fluxes(moments, sources), add_places(places, sources, CONFIG)
    for columns, nothing in ((moments, no_moments(3)), (places, no_places(3))):
        assert all(columns[name].tobytes() == nothing[name].tobytes() for name in columns)


def test_the_columns_are_those_of_the_tables() -> None:
    assert list(MOMENTS) == [column.name for column in dia_object_moment.columns][2:]
    assert set(PLACES) < {column.name for column in dia_object_last.columns}
    bands = {f"{band}_{name}" for band in "ugrizy" for name in flux_columns(no_moments(0))}
    assert bands == {column.name for column in dia_object.columns if column.name[1] == "_"}


def fluxes(*values: tuple[float, float]) -> Columns:
    """Moments of sources (time, flux) of one object and band."""
    time, flux = np.array(values).T
    sources = rows("diaSourceId", *np.zeros((len(time), 2)), sigma=0.1, midpointMjdTai=time, psfFlux=flux, band=b"r")
    sources |= {name: np.full(len(time), 1.0) for name in FLUXES if name != "psfFlux"}
    return folded(np.ones(len(time), np.int64), sources, CONFIG).moments


@pytest.mark.parametrize(
    ("values", "slope"),
    [
        ([(1.0, 5.0)], NAN),
        ([(1.0, 5.0), (3.0, 9.0)], 2.0),
        ([(1.0, 5.0), (3.0, 1.0)], -2.0),
        ([(1.0, 5.0), (1.0, 900.0)], NAN),
        ([(1.0, 5.0), (1.0, 900.0), (2.0, 901.0)], 1.0),
        ([(1.0, 5.0), (2.0, NAN), (3.0, 9.0)], 2.0),
        ([(1.0, NAN), (2.0, 5.0), (2.5, 6.0)], 2.0),
    ],
)
def test_the_slope_is_the_steepest_rise_and_equal_times_have_none(values: Any, slope: float) -> None:
    np.testing.assert_equal(flux_columns(fluxes(*values))["psfFluxMaxSlope"], [slope])


def test_nothing_is_lost_in_the_scatter_of_bright_sources() -> None:
    """1 nJy in 10^9: sums of squares would lose all of it."""
    moments = fluxes(*[(float(time), 1e9 + time % 2) for time in range(1000)])
    assert flux_columns(moments)["psfFluxSigma"] == pytest.approx(np.std([0.0, 1.0] * 500, ddof=1), rel=1e-9)


def test_forced_fluxes_are_carried_along() -> None:
    moments = no_moments(2) | {"forcedWeight": np.array([0.25, 0.0]), "forcedMean": np.array([7.0, NAN])}
    more = add_fluxes(moments, history(np.random.default_rng(1), 2, 2))
    assert flux_columns(more)["fpFluxMean"].tolist()[0] == 7.0
    np.testing.assert_equal(flux_columns(more)["fpFluxMeanErr"], [2.0, NAN])


# Places


@pytest.mark.parametrize("position", ["weighted", "mean"])
@pytest.mark.parametrize(
    "at", [(10.0, 0.0), (0.0, 30.0), (359.99999, -75.0), (200.0, 89.99), (0.0, -89.999), (77.0, 90.0)]
)
def test_a_place_is_the_mean_on_the_sphere(at: tuple[float, float], position: str) -> None:
    """The point from which the weighted offsets of all sources cancel, found by Newton's method."""
    config, rng = DiaConfig(position=position), np.random.default_rng(4)
    n = 12
    sources = rows("diaSourceId", *rng.uniform(-0.5, 0.5, (n, 2)), at=at, midpointMjdTai=np.arange(n), band=b"r")
    sources |= {name: rng.uniform(0.02, 0.2, n) / 3600.0 for name in ("raErr", "decErr")}
    sources["ra_dec_Cov"] = rng.uniform(-0.9, 0.9, n) * sources["raErr"] * sources["decErr"]
    sources |= {name: np.ones(n) for name in FLUXES}
    place = row_of(positions(folded(np.ones(n, np.int64), sources, config).objects, config), 0)
    points, c = np.column_stack([sources["ra"], sources["dec"]]), [np.eye(2)] * n
    if position == "weighted":
        c = [covariance(row_of(sources, row), config) for row in range(n)]
    ra, dec = points[0]
    for _ in range(10):
        inverse = [np.linalg.inv(turned(c[row], points[row], (ra, dec))) for row in range(n)]
        step = np.linalg.solve(
            sum(inverse), sum(w @ offset(ra, dec, *at) for w, at in zip(inverse, points, strict=True))
        )
        ra, dec = (float(value) for value in beside(ra, dec, *step))
    if position == "mean":
        mean = frame(sources["ra"], sources["dec"])[0].mean(axis=0)
        np.testing.assert_allclose(mean / np.linalg.norm(mean), frame(ra, dec)[0], atol=1e-15)
    expected = np.linalg.inv(sum(inverse)) * (0.2**2 if position == "mean" else 1.0)
    np.testing.assert_allclose(offset(ra, dec, place["ra"], place["dec"]), 0.0, atol=2e-8)
    assert 0.0 <= place["ra"] < 360.0
    c = np.array([[place["raErr"] ** 2, place["ra_dec_Cov"]], [place["ra_dec_Cov"], place["decErr"] ** 2]]) * 3600.0**2
    np.testing.assert_allclose(c, expected, rtol=1e-6, atol=1e-12)


def test_the_place_of_one_source_is_its_own_to_the_bit() -> None:
    rng = np.random.default_rng(2)
    sources = rows("diaSourceId", *rng.uniform(-9, 9, (200, 2)), at=(0.0, 89.999), sigma=0.07)
    found = positions(add_places(no_places(200), sources, CONFIG), CONFIG)
    for name in ("ra", "dec"):
        assert found[name].tobytes() == sources[name].tobytes()
    for name in ("raErr", "decErr"):
        np.testing.assert_allclose(found[name], sources[name], rtol=1e-14)


def test_errors_become_smaller_with_every_source() -> None:
    sources = rows("diaSourceId", (0.1, 0), sigma=0.2)
    places = no_places(1)
    for n in range(1, 101):
        places = add_places(places, sources, CONFIG)
        assert positions(places, CONFIG)["raErr"] * 3600.0 == pytest.approx(0.2 / np.sqrt(n))


def test_no_history_has_no_rows() -> None:
    empty = {name: values[:0] for name, values in history(np.random.default_rng(1), 2, 1).items()}
    objects, moments = fold(empty)
    assert all(len(values) == 0 for values in (*objects.values(), *moments.values()))
    assert all(len(values) == 0 for values in positions(objects, CONFIG).values())
