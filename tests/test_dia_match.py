"""Which sources belong to which DiaObjects: the best one-to-one choice, and the cases in which Rubin's task differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dia_cases import NAN, Columns, beside, best, of_rubin, offset, row_of, rows, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.config import DiaConfig
from ssdb.dia.match import DiaMatches, candidate_pairs, flag_columns, makes_object, match_pairs, takes_part
from ssdb.errors import ConfigError

CONFIG = DiaConfig()
DENSITY = 1e-4
PLACES = [(150.0, 2.0), (0.0, 0.0), (0.0001, -75.0), (33.0, 89.9999), (200.0, 90.0), (77.0, -89.99985)]


def match(sources: Columns, objects: Columns, config: DiaConfig = CONFIG, density: float = DENSITY) -> DiaMatches:
    pairs = candidate_pairs(sources, objects, config.radius_arcsec)
    return match_pairs(sources, objects, *pairs, np.full(len(sources["ra"]), density), config)


def found(sources: Columns, objects: Columns, config: DiaConfig = CONFIG, density: float = DENSITY) -> dict[int, int]:
    """Objects by sources, their identifiers."""
    one = match(sources, objects, config, density)
    ids = sources["diaSourceId"][one.source], objects["diaObjectId"][one.object]
    return dict(zip(*(values.tolist() for values in ids), strict=True))


def joined(*parts: Columns) -> Columns:
    """Rows of several tables, with identifiers of their own."""
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    key = next(name for name in together if name.startswith("dia"))
    return together | {key: np.arange(1, len(together[key]) + 1)}


def group(rng: np.random.Generator, n: int, key: str, at: tuple[float, float]) -> Columns:
    """Some rows within a second of arc, with errors of all kinds."""
    made = rows(key, *rng.uniform(-0.7, 0.7, (n, 2)), at=at)
    for name in ("raErr", "decErr"):
        made[name] = (
            rng.choice([NAN, 0.0, -1.0, 0.01, 0.05, 0.2, 0.5], n, p=[0.1, 0.05, 0.05, 0.2, 0.2, 0.2, 0.2]) / 3600
        )
    # Some are no covariances.
    made["ra_dec_Cov"] = np.where(rng.random(n) < 0.3, NAN, rng.uniform(-1.5, 1.5, n) * made["raErr"] * made["decErr"])
    return made


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("mode", ["uncertainty", "nearest"])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_the_choice_is_the_best_of_all(at: tuple[float, float], mode: str, seed: int, n: tuple[int, int]) -> None:
    """No other one-to-one choice has a larger sum; separations, chi-squares and odds are those of plain formulas."""
    rng = np.random.default_rng(seed)
    config = replace(CONFIG, mode=mode, n_sigma=rng.uniform(1.0, 8.0), prior=rng.uniform(0.01, 0.99))
    density = 10.0 ** rng.uniform(-6.0, 0.0)
    sources, objects = group(rng, n[0], "diaSourceId", at), group(rng, n[1], "diaObjectId", at)
    one = match(sources, objects, config, density)
    weight = weights(sources, objects, density, config)
    pairs = list(zip(one.source.tolist(), one.object.tolist(), strict=True))
    assert len({s for s, _ in pairs}) == len({o for _, o in pairs}) == len(pairs)
    assert sum(weight[pair] for pair in pairs) == pytest.approx(best(weight, *n)[0], abs=1e-6)
    for (s, o), separation, odds in zip(pairs, one.separation, one.log_odds, strict=True):
        source, object_ = row_of(sources, s), row_of(objects, o)
        d = offset(object_["ra"], object_["dec"], source["ra"], source["dec"])
        assert separation == pytest.approx(np.hypot(*d), abs=1e-9)
        assert weight[s, o] > 0
        assert odds == pytest.approx(weight[s, o], abs=1e-6) if mode == "uncertainty" else np.isnan(odds)
    assert np.isnan(one.chi2).all() if mode == "nearest" else (one.chi2 <= config.chi2_limit).all()


@pytest.mark.parametrize("at", PLACES)
def test_the_order_of_rows_and_what_is_far_away_change_nothing(at: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        sources, objects = group(rng, 4, "diaSourceId", at), group(rng, 4, "diaObjectId", at)
        alone = found(sources, objects)
        far = beside(*at, 3600.0, 1800.0)
        others = group(rng, 5, "diaSourceId", far), group(rng, 5, "diaObjectId", far)
        with_others = found(joined(sources, others[0]), joined(objects, others[1]))
        assert {s: o for s, o in with_others.items() if s <= 4} == alone
        mixed = [
            {name: values[order] for name, values in columns.items()}
            for columns in (sources, objects)
            for order in [rng.permutation(4)]
        ]
        assert found(*mixed) == alone


@pytest.mark.parametrize("at", PLACES)
def test_no_pair_within_the_radius_is_missed(at: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    sources = rows("diaSourceId", *rng.uniform(-6, 6, (40, 2)), at=at)
    objects = rows("diaObjectId", *rng.uniform(-6, 6, (50, 2)), at=at)
    pairs = list(zip(*(index.tolist() for index in candidate_pairs(sources, objects, 1.5)), strict=True))
    assert len(set(pairs)) == len(pairs)
    near = {
        (s, o)
        for s in range(40)
        for o in range(50)
        if np.hypot(*offset(*(objects[name][o] for name in ("ra", "dec")), sources["ra"][s], sources["dec"][s])) <= 1.5
    }
    assert len(near) > 40
    assert near <= set(pairs)


def test_without_objects_or_sources_nothing_is_found() -> None:
    some, none = rows("diaSourceId", (0, 0)), rows("diaObjectId")
    assert found(some, none) == found(rows("diaSourceId"), rows("diaObjectId", (0, 0))) == {}


def test_errors_that_are_unknown_or_make_no_sense_are_the_fallback() -> None:
    object_ = rows("diaObjectId", (0, 0), sigma=0.1)
    known = match(rows("diaSourceId", (0.3, 0.2), sigma=0.2), object_)
    for wrong in (NAN, 0.0, -0.1, np.inf):
        source = rows("diaSourceId", (0.3, 0.2), sigma=wrong, ra_dec_Cov=1e-9)
        assert match(source, object_).chi2 == pytest.approx(known.chi2, rel=1e-12)


def test_the_covariance_counts() -> None:
    """Of two sources at the same distance the one along the error's longer axis is the likelier."""
    object_ = rows("diaObjectId", (0, 0), sigma=0.01)
    along, across = (
        match(
            rows("diaSourceId", (0.2, north), sigma=0.2, ra_dec_Cov=0.9 * (0.2 / 3600) ** 2),
            object_,
            DiaConfig(n_sigma=8),
        )
        for north in (0.2, -0.2)
    )
    assert along.chi2[0] < 2.5
    assert across.chi2[0] > 10.0


def test_a_larger_density_of_sources_makes_matches_less_sure() -> None:
    pair = rows("diaSourceId", (0.4, 0), sigma=0.2), rows("diaObjectId", (0, 0), sigma=0.1)
    few, many = match(*pair, density=1e-5), match(*pair, density=1e-3)
    assert few.log_odds - many.log_odds == pytest.approx(np.log(100.0))
    assert found(*pair, density=10.0) == {}


# Rubin's faults. Beside each answer is that of its rule.


def test_errors_of_right_ascension_are_on_the_sky() -> None:
    """At declination -75 an offset of 0.4 arcsec to the east is not 1.5 arcsec."""
    sources = rows("diaSourceId", (0, 0), at=(150.0, -75.0), sigma=0.2)
    objects = rows("diaObjectId", (0.40, 0), (0, 0.55), at=(150.0, -75.0), sigma=0.2)
    assert found(sources, objects) == {1: 1}
    assert of_rubin(sources, objects) == {0: 1}


def test_what_is_many_sigma_away_is_something_else() -> None:
    """A supernova 0.9 arcsec from a variable nucleus is no part of it."""
    for distance in (0.9, 0.95):
        sources = rows("diaSourceId", (distance, 0), sigma=0.01)
        objects = rows("diaObjectId", (0, 0), sigma=0.01)
        assert found(sources, objects) == {}
        assert of_rubin(sources, objects) == {0: 0}


def test_what_is_chosen_depends_on_the_neighbourhood_alone() -> None:
    """An unrelated bad pair 0.1 deg away decides over nothing: s1 lies on o1, and s2, 0.3 arcsec from o1, is new."""
    sources = rows("diaSourceId", (0, 0), (-0.3, 0), sigma=0.05)
    objects = rows("diaObjectId", (0, 0), (0.98, 0), sigma=0.05)
    bad = rows("diaSourceId", (360, 0), sigma=0.01), rows("diaObjectId", (360, 0.95), sigma=0.01)
    assert found(sources, objects) == {1: 1}
    assert found(joined(sources, bad[0]), joined(objects, bad[1])) == {1: 1}
    assert of_rubin(sources, objects) == {0: 0}
    assert of_rubin(joined(sources, bad[0]), joined(objects, bad[1])) == {0: 1, 1: 0, 2: 2}


# Who takes part, and who makes an object


def flagged(n: int, **columns: Any) -> Columns:
    known = {"ra": 1.0, "dec": 2.0, "reliability": 0.9, "apFlux": 100.0, "apFluxErr": 10.0}
    made = known | dict.fromkeys(flag_columns(CONFIG), False) | columns
    return {name: np.broadcast_to(value, n).copy() for name, value in made.items()}


def test_sources_without_a_position_or_with_a_bad_flag_take_no_part() -> None:
    assert takes_part(flagged(3, ra=[1.0, NAN, 1.0], dec=[1.0, 1.0, np.inf]), CONFIG).tolist() == [True, False, False]
    for name in flag_columns(CONFIG):
        taken = takes_part(flagged(2, **{name: [True, False]}), CONFIG).tolist()
        assert taken == [name not in CONFIG.bad_flags, True]


@pytest.mark.parametrize("name", CONFIG.new_object_bad_flags)
def test_a_source_with_a_bad_flag_makes_no_object(name: str) -> None:
    assert makes_object(flagged(2, **{name: [True, False]}), CONFIG).tolist() == [False, True]
    assert makes_object(flagged(1, **{name: True}), replace(CONFIG, new_object_bad_flags=())).all()


@pytest.mark.parametrize(
    ("options", "columns", "expected"),
    [
        ({}, {"reliability": [0.0999, 0.1, NAN]}, [False, True, True]),
        ({"new_object_reliability_threshold": 0.0}, {"reliability": [0.0, 0.1, NAN]}, [True, True, True]),
        ({}, {"apFlux": [0.0, 1.0, NAN]}, [True, True, True]),
        ({"new_object_snr_threshold": 5.0}, {"apFlux": [49.0, -51.0, NAN]}, [False, True, True]),
        ({"new_object_snr_threshold": 5.0}, {"apFluxErr": [0.0, NAN, 21.0]}, [True, True, False]),
        (
            {"new_object_low_reliability_snr_threshold": 7.0, "new_object_low_snr_reliability_threshold": 0.5},
            {"apFlux": [69.0, 69.0, 71.0], "reliability": [0.49, 0.51, 0.49]},
            [False, True, True],
        ),
    ],
)
def test_faint_and_unreliable_sources_make_no_objects(
    options: dict[str, float], columns: dict[str, list[float]], expected: list[bool]
) -> None:
    assert makes_object(flagged(3, **columns), DiaConfig(**options)).tolist() == expected


@pytest.mark.parametrize("name", ["pixelFlags_nonsense", "ra", "zone"])
@pytest.mark.parametrize("option", ["bad_flags", "new_object_bad_flags"])
def test_a_flag_that_does_not_exist_is_refused(option: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: DiaSource has no flag '{name}'"):
        flag_columns(DiaConfig(**{option: (name,)}))
