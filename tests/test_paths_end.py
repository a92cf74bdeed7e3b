"""Objects that hit the Sun, a planet or the Moon: predicted until then by every road, and not after."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from click.testing import CliRunner
from predicting import Row, apart, load_orbits, load_visits, main_belt, orbits_of, predicted
from small_surveys import change, rows

import ssdb
from ssdb.cli import main
from ssdb.ephemeris.apparent import ephemeris, retarded
from ssdb.ephemeris.bodies import centre, earth, pluto, span_of_planets, sun
from ssdb.ephemeris.constants import GM_PLANETS, GM_SUN, NAMES, RADII_KM
from ssdb.ephemeris.elements import cartesian_to_cometary
from ssdb.ephemeris.observer import observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import propagate, trajectories
from ssdb.ephemeris.timescales import tdb_of_tt
from ssdb.ephemeris.trajectory import Trajectories
from ssdb.errors import EphemerisError
from ssdb.predict.one_object import predict_objects
from ssdb.predict.precover import precover
from ssdb.predict.segments import MARGIN_DAYS, night_interval, segments_of_night
from ssdb.predict.visits import predict_visits
from ssdb.sky.sphere import norms
from ssdb.store.database import Database
from ssdb.units import AU_KM, SECONDS_PER_DAY, Array

SECOND = 1.0 / SECONDS_PER_DAY
T = 60000.3
"""MJD TDB: when objects are at surfaces."""
NIGHT = 60000
DE440 = span_of_planets()


def of_states(states: Array, epoch: float) -> Orbits:
    """Orbits of barycentric states at one epoch."""
    n = len(states)
    return Orbits(np.arange(n), np.full(n, epoch), states - sun(epoch), np.full(n, 20.0), np.full(n, 0.15))


def at_surfaces(bodies: list[int], steepness: float = 0.7, seed: int = 1) -> Array:
    """Barycentric states (n, 6), at T, of objects that come to bodies, so many radians off the vertical."""
    rng = np.random.default_rng(seed)
    found = []
    for body in bodies:
        up, along = rng.normal(size=(2, 3))
        up /= np.linalg.norm(up)
        along -= (along @ up) * up
        along /= np.linalg.norm(along)
        radius = RADII_KM[body] / AU_KM
        # From infinity with 10 km/s; bound to the Sun.
        speed = (
            np.sqrt(2 * GM_SUN / radius) * 0.9995 if body == 10 else np.sqrt(2 * GM_PLANETS[body] / radius + 0.006**2)
        )
        here, step = centre(body, np.array([T - 1e-3, T, T + 1e-3])), 2e-3
        velocity = (here[2] - here[0]) / step + speed * (np.sin(steepness) * along - np.cos(steepness) * up)
        found.append(np.concatenate([here[1] + radius * up, velocity]))
    return np.array(found)


def before(states: Array, days: float) -> Orbits:
    """The orbits of states at T, from an epoch so many days before (or, negative, after)."""
    paths = trajectories(of_states(states, T), min(T, T - days), max(T, T - days), surfaces=False)
    return of_states(paths.at(T - days)[:, 0], T - days)


BODIES = list(RADII_KM)


# When, and what


@pytest.mark.parametrize("steepness", [0.0, 0.7, 1.3])
def test_a_path_ends_at_the_surface(steepness: float) -> None:
    """Of each body, from 20 days before: to a millisecond, and a moment later there is nothing."""
    paths = trajectories(before(at_surfaces(BODIES, steepness), 20.0), T - 20.0, T + 10.0)
    assert np.abs(paths.ends.last - T).max() < 1e-3 * SECOND
    assert [NAMES[body] for body in paths.ends.last_by] == [NAMES[body] for body in BODIES]
    assert np.isinf(paths.ends.first).all()
    seen = paths.at(T + np.array([-20.0, -1.0, -0.01 * SECOND, 0.01 * SECOND, 1.0, 10.0]))
    assert np.isfinite(seen[:, :3]).all()
    assert np.isnan(seen[:, 3:]).all()
    for body, end in zip(BODIES, paths.at(T - 0.01 * SECOND)[:, 0, :3], strict=True):
        height = norms(end - centre(body, np.array([T - 0.01 * SECOND]))[0]) * AU_KM - RADII_KM[body]
        assert 0.0 < height < 10.0, NAMES[body]


def test_going_back_a_path_begins_at_the_surface() -> None:
    """What left a body is followed back to it, and no farther."""
    leaving = at_surfaces(BODIES)
    here = np.concatenate([centre(body, np.array([T - 1e-3, T + 1e-3])) for body in BODIES]).reshape(-1, 2, 3)
    motion = (here[:, 1] - here[:, 0]) / 2e-3
    leaving[:, 3:] = 2.0 * motion - leaving[:, 3:]
    paths = trajectories(before(leaving, -20.0), T - 10.0, T + 20.0)
    assert np.abs(paths.ends.first - T).max() < 1e-3 * SECOND
    assert paths.ends.first_by.tolist() == BODIES
    assert np.isinf(paths.ends.last).all()
    assert np.isnan(paths.at(T - np.array([10.0, 0.01 * SECOND]))).all()
    assert np.isfinite(paths.at(T + np.array([0.01 * SECOND, 20.0]))).all()


ASSIST = {
    399: (
        60330.025,
        5.0,
        (-0.3879473668881045, 0.8280912980528076, 0.3574808757524045),
        (-0.021456320156895636, -0.00877179627980522, -0.0035073264679957995),
    ),
    301: (
        60100.6,
        5.0,
        (-0.33799061007205194, -0.8931699027981556, -0.39221172879049665),
        (0.0127345760130518, -0.0016974117312300988, 0.00022490803343791044),
    ),
    10: (
        60200.4,
        20.0,
        (0.7117776659779793, -0.25487438213024344, 0.20011485320979086),
        (-0.023033580854024602, 0.007592755067472759, -0.0065316508930361025),
    ),
}
"""By body: when an object is at its surface, days before that, and its heliocentric state then, by ASSIST 1.2.3
backwards from the surface with its default forces (DE440 and sb441-n16); au and au/d, ICRF, MJD TDB."""


@pytest.mark.parametrize("body", list(ASSIST))
def test_the_end_is_that_of_assist(body: int) -> None:
    end, days, position, velocity = ASSIST[body]
    state = np.array([[*position, *velocity]])
    orbit = Orbits(np.array(["2024 BX1"]), np.array([end - days]), state, np.array([32.0]), np.array([0.15]))
    ends = trajectories(orbit, end - days, end + 1.0).ends
    assert ends.last_by.tolist() == [body]
    assert abs(ends.last[0] - end) < 0.5 * SECOND


@pytest.mark.parametrize(("depth_km", "hits"), [(-40.0, False), (-3.0, False), (3.0, True), (40.0, True)])
def test_a_grazing_path_ends_only_if_it_touches(depth_km: float, hits: bool) -> None:
    """The Earth's, a little above and below its surface."""
    radius = (RADII_KM[399] - depth_km) / AU_KM
    here = centre(399, np.array([T - 1e-3, T, T + 1e-3]))
    speed = np.sqrt(2 * GM_PLANETS[399] / radius + 0.006**2)
    lowest = np.concatenate([here[1] + [radius, 0, 0], (here[2] - here[0]) / 2e-3 + [0, 0.6 * speed, 0.8 * speed]])
    ends = trajectories(before(lowest[None], 3.0), T - 3.0, T + 3.0).ends
    assert np.isfinite(ends.last).tolist() == [hits]


def test_an_orbit_that_is_inside_a_body_at_its_epoch_goes_nowhere() -> None:
    inside = at_surfaces([10, 399])
    inside[:, :3] = np.array([centre(body, np.array([T]))[0] for body in (10, 399)]) + 1e-6
    assert np.isnan(propagate(of_states(inside, T), [T - 1.0, T + 1.0])).all()


def test_neighbours_are_where_they_are_without_it() -> None:
    some = orbits_of(main_belt(5))
    end = some.epoch_mjd[0] + 3.0
    expected = propagate(some, [end])
    with_one = Orbits(
        *(
            np.concatenate([getattr(some, name), getattr(one, name)])
            for one in [before(at_surfaces([399]), some.epoch_mjd[0] - T)]
            for name in ("ids", "epoch_mjd", "states", "H", "G")
        )
    )
    np.testing.assert_array_equal(propagate(with_one, [end])[:5], expected)


def test_pluto_does_not_hit_itself() -> None:
    """The orbit of (134340) is that of the planet that attracts."""
    epoch = 61000.0
    state = pluto([epoch]) + np.array([1e-7, -3e-6, 2e-6, 0.0, 1e-9, 0.0])
    orbit = Orbits(np.array(["134340"]), np.array([epoch]), state, np.array([-0.5]), np.array([0.15]))
    paths = trajectories(orbit, epoch - 400.0, epoch + 400.0)
    assert not paths.ends.some.any()
    there = np.array([epoch - 400.0, epoch + 400.0])
    np.testing.assert_allclose(paths.at(there)[0] - sun(there), pluto(there), rtol=0, atol=2e-5)


def test_paths_go_as_far_as_de440_and_no_farther() -> None:
    """To both its ends, within a step of which no path came before."""
    first, last = DE440
    states = orbits_of(main_belt(3)).states
    for limit, epoch in ((last, last - 100.3), (first, first + 100.3)):
        orbits = Orbits(np.arange(3), np.full(3, epoch), states, np.full(3, 20.0), np.full(3, 0.15))
        assert np.isfinite(propagate(orbits, [limit])).all()
    paths = trajectories(orbits, first, epoch)
    assert paths.ends.first.tolist() == [first] * 3
    (end,) = paths.ends.within(0, -np.inf, np.inf)
    assert end == (first, "DE440", f"the planetary ephemeris DE440 begins on MJD {first:.6f} (TDB)")
    # What is seen in the first minutes left the objects before.
    seen = ephemeris(orbits, [first + 0.001, first + 1.0], "500")["ephRa"]
    assert np.isnan(seen).tolist() == [[True, False]] * 3
    with pytest.raises(EphemerisError, match="outside the planetary ephemeris DE440"):
        propagate(orbits, [first - 1.0])


# What is seen of it


def both_ways(orbits: Orbits, tai: Array) -> tuple[Array, Array]:
    """States (n, m, 6) as an observatory sees them: by paths, and by the segments of the night."""
    start, end = night_interval(NIGHT)
    paths = trajectories(orbits, start, end + MARGIN_DAYS)
    made = segments_of_night(paths, NIGHT)
    tdb, observers = tdb_of_tai(tai), observer_states("X05", tai)
    seen = [retarded(path, tdb, observers)[0] for path in (paths.take(made.rows), made.segments)]
    whole = [np.full((len(orbits), len(tai), 6), np.nan) for _ in seen]
    for of_all, found in zip(whole, seen, strict=True):
        of_all[made.rows] = found
    return whole[0], whole[1]


def test_segments_end_where_paths_do() -> None:
    """Every five seconds for 25 minutes, and through the night: seen until the light of the last moment has come."""
    tai = np.concatenate([np.linspace(NIGHT, NIGHT + 1.0, 200), T + np.arange(-120, 300) * 5.0 * SECOND])
    path, segment = both_ways(before(at_surfaces(BODIES), 20.0), np.sort(tai))
    assert (np.isfinite(path[..., 0]) == np.isfinite(segment[..., 0])).all()
    away = norms(path[..., :3] - observer_states("X05", np.sort(tai))[:, :3])
    apart_by = np.nanmax(norms((path - segment)[..., :3]) / away, axis=1)
    assert (np.degrees(apart_by) * 3.6e6 < [0.2 if body != 399 else 50.0 for body in BODIES]).all(), "mas"
    last_seen = np.array([np.sort(tai)[np.isfinite(one)].max() for one in path[..., 0]])
    light = [norms(centre(body, np.array([T])) - earth(T)[:, :3])[0] / 173.1446 for body in BODIES]
    expected = np.minimum(T + np.array(light), NIGHT + 1.0)
    late = last_seen + 32.184 * SECOND - expected
    assert (np.abs(late) < [8 * SECOND if end < T + 1400 * SECOND else 0.006 for end in expected]).all()


NAME = {body: f"2004 A{letter}" for body, letter in zip(BODIES, "ABCDEFGHJKL", strict=True)}


def rows_of(orbits: Orbits, bodies: list[int]) -> list[Row]:
    """Rows of mpc_orbits, whose times are TT."""
    elements = cartesian_to_cometary(orbits.states, orbits.epoch_mjd)
    elements |= {key: 2.0 * times - tdb_of_tt(times) for key, times in elements.items() if key == "peri_time"}
    epochs = 2.0 * orbits.epoch_mjd - tdb_of_tt(orbits.epoch_mjd)
    return [
        {"designation": NAME[body], **{key: float(values[row]) for key, values in elements.items()}}
        | {"epoch_mjd": float(epochs[row]), "h": 20.0, "g": 0.15}
        for row, body in enumerate(bodies)
    ]


HIT = [10, 399, 301, 5]
HITTING = before(at_surfaces(HIT), 20.0)
IMPACTORS = rows_of(HITTING, HIT)
TAI = T - 32.184 * SECOND
MOMENTS = {1: -1.2, 2: -0.25, 3: -30 * SECOND, 4: -3 * SECOND, 5: 3 * SECOND, 6: 240 * SECOND, 7: 0.2, 8: 1.5}
"""Days from the hits, by visit."""


def load(database: Database) -> None:
    """Impactors and others, and visits that see all of the sky but a part of the Milky Way."""
    load_orbits(database, [*main_belt(20), *IMPACTORS])
    whole_sky = [(0.0, 90.0, 0), (0.0, -90.0, 10)]
    load_visits(
        database,
        [
            {"visit": visit + more, "midpointMjdTai": TAI + days, "ra": ra, "dec": dec, "radius": 90.0}
            for visit, days in MOMENTS.items()
            for ra, dec, more in whole_sky
        ],
    )


def seen_in(database: Database, name: str) -> set[int]:
    """The moments at which an object is predicted."""
    return {visit % 10 for visit, designation in predicted(database) if designation == name}


SEEN = {
    # The light of the Sun takes 8 minutes, that of Jupiter 45; the Moon's a second.
    NAME[10]: {1, 2, 3, 4, 5, 6},
    NAME[399]: {1, 2, 3, 4},
    NAME[301]: {1, 2, 3, 4},
    NAME[5]: {1, 2, 3, 4, 5, 6},
}


def test_visits_until_the_end_have_it_and_none_after(database: Database) -> None:
    load(database)
    report = predict_visits(database)
    assert {name: seen_in(database, name) for name in SEEN} == SEEN
    others = [row["designation"] for row in main_belt(20)]
    assert all(seen_in(database, name) == set(MOMENTS) for name in others)
    names = {NAME[10]: "the Sun", NAME[399]: "the Earth", NAME[301]: "the Moon", NAME[5]: "Jupiter"}
    assert report.lost == {name: f"it hits {what} on MJD 60000.300000 (TDB)" for name, what in names.items()}
    assert report.failed == {}
    assert {night: (made.made, made.lost) for night, made in report.nights.items()} == {
        59999: (24, 0),
        60000: (24, 0),
        60001: (20, 4),
    }


def test_positions_are_those_of_the_engine_to_the_end(memory: Database) -> None:
    load(memory)
    predict_visits(memory)
    found = predicted(memory)
    for visit, days in MOMENTS.items():
        direct = ephemeris(HITTING, [TAI + days], "X05")
        for row, orbit in enumerate(IMPACTORS):
            mine = [
                found[key]
                for key in ((visit, orbit["designation"]), (visit + 10, orbit["designation"]))
                if key in found
            ]
            if np.isfinite(direct["ephRa"][row, 0]):
                there = (direct["ephRa"][row, 0], direct["ephDec"][row, 0])
                assert mine
                assert all(apart(*one, *there) * 3600 < 0.1 for one in mine)
            else:
                assert mine == []


def test_the_database_says_which_end(database: Database) -> None:
    load(database)
    predict_visits(database)
    ended = rows(database, 'SELECT night, designation, "endsBy", "endsAt" FROM "SsEphemerisEnd" ORDER BY 1, 2')
    names = sorted((NAME[body], NAMES[body]) for body in HIT)
    assert [row[:3] for row in ended] == [(night, *one) for night in (60000, 60001) for one in names]
    np.testing.assert_allclose([row[3] for row in ended], T, rtol=0, atol=1e-3 * SECOND)
    lengths = dict(
        rows(
            database,
            "SELECT designation, tmax - tmin FROM \"SsEphemeris\" WHERE night = 60000 AND designation LIKE '2004%'",
        )
    )
    assert all(0.3 < days < 0.4 for days in lengths.values())
    # Made again, for whatever reason, it says the same; and changed orbits end elsewhere.
    change(database, 'DELETE FROM "SsEphemerisNight"')
    change(database, 'DELETE FROM "SsEphemerisEnd"')
    again = ssdb.make_segments(database, [60000, 60001])
    assert (again[60000].made, again[60001].made) == (4, 0)
    assert len(again[60000].reasons) == len(again[60001].reasons) == 4
    assert rows(
        database, 'SELECT night, designation, "endsBy", round("endsAt") FROM "SsEphemerisEnd" ORDER BY 1, 2'
    ) == [(*row[:3], 60000) for row in ended]
    assert rows(database, 'SELECT count(*) FROM "SsEphemeris" WHERE night = 60000') == [(24,)]
    load_orbits(database, [{**row, **{key: main_belt(1)[0][key] for key in ("q", "e")}} for row in IMPACTORS])
    assert rows(database, 'SELECT * FROM "SsEphemerisEnd"') == []
    assert ssdb.make_segments(database, [60000])[60000].reasons == {}


def test_one_object_in_all_visits_ends_as_well(memory: Database) -> None:
    load(memory)
    predict_visits(memory)
    found = predicted(memory)
    for name, moments in SEEN.items():
        report = precover(memory, name)
        assert report.n_in_field == len([key for key in found if key[1] == name])
        assert report.ends.startswith("it hits ")
        assert moments == seen_in(memory, name)
    report = predict_objects(memory, list(SEEN))
    assert set(report.lost) == set(SEEN)
    # In its last minute the one that hits the Earth is so near that 0.2 m are more than 1 mas.
    assert {visit % 10 for visit in report.predictions} <= {3, 4}
    assert predicted(memory).keys() == found.keys()


def test_the_commands_say_it(database: Database, database_url: str) -> None:
    load(database)
    run = CliRunner()
    answer = run.invoke(main, ["--db", database_url, "predict"])
    assert answer.exit_code == 0
    assert f"ssdb: {NAME[399]} cannot be followed: it hits the Earth on MJD 60000.300000 (TDB)" in answer.stderr
    answer = run.invoke(main, ["--db", database_url, "precover", NAME[399]])
    assert answer.exit_code == 0
    said = f"ssdb: {NAME[399]} is in no visit beyond its end: it hits the Earth on MJD 60000.300000 (TDB)"
    assert said in answer.stderr
    answer = run.invoke(main, ["--db", database_url, "precover", NAME[399], "--json"])
    assert json.loads(answer.stdout)["ends"] == "it hits the Earth on MJD 60000.300000 (TDB)"


@pytest.mark.parametrize("mode", ["fixed", "uncertainty"])
def test_the_last_sources_are_found(database: Database, mode: str) -> None:
    """Seconds before it hits the Earth an object moves by more than 10,000 deg/d."""
    load(database)
    predict_visits(database)
    name = NAME[399]
    places = rows(
        database,
        f"""SELECT visit, "ephRa", "ephDec", "ephRateRa" FROM "SsPrediction"
                                WHERE designation = '{name}' AND visit < 5 ORDER BY visit""",
    )
    assert max(abs(place[3]) for place in places) > 2000.0
    visits, ra, dec, _ = zip(*places, strict=True)
    ssdb.ingest_sources(database, {"diaSourceId": visits, "visit": visits, "ra": ra, "dec": dec})
    report = ssdb.associate(database, list(visits), config=ssdb.AssociationConfig(mode=mode))
    assert report.left_out == []
    found = rows(database, f"""SELECT visit FROM "SSSource" WHERE designation = '{name}' ORDER BY visit""")
    assert found == [(visit,) for visit in visits]


def test_precovery_says_which_predictions_are_not_used(database: Database, database_url: str) -> None:
    load(database)
    predict_visits(database)
    change(database, f"""UPDATE "SsPrediction" SET "ephDec" = 99 WHERE designation = '{NAME[10]}'""")
    answer = CliRunner().invoke(main, ["--db", database_url, "precover", NAME[399], "--commit"])
    assert answer.exit_code == 0
    assert "ssdb: stored predictions that make no sense (visit " in answer.stderr


def test_a_table_of_positions_ends(memory: Database, caplog: pytest.LogCaptureFixture) -> None:
    load_orbits(memory, IMPACTORS)
    with caplog.at_level(logging.WARNING):
        table = ssdb.ephemeris_table(memory, NAME[301], "X05", TAI - 0.0005, TAI + 0.0005, "30s")
    known = [row[table.columns.index("ephRa")] is not None for row in table.rows]
    # It is 1.3 s away by light.
    assert known == [True, True, False]
    assert caplog.messages == [
        f"{NAME[301]} cannot be followed from its epoch to 1 of the 3 times, MJD TAI {TAI + 0.000194:.5f} to "
        f"{TAI + 0.000194:.5f}: it hits the Moon on MJD 60000.300000 (TDB)"
    ]


def test_what_came_from_the_moon_is_in_no_visit_before(memory: Database) -> None:
    """Followed back from later: predicted from then on by both roads."""
    leaving = at_surfaces([301])
    here = centre(301, np.array([T - 1e-3, T + 1e-3]))
    leaving[:, 3:] = 2.0 * (here[1] - here[0]) / 2e-3 - leaving[:, 3:]
    load_orbits(memory, rows_of(before(leaving, -20.0), [301]))
    load_visits(
        memory,
        [
            {"visit": visit + more, "midpointMjdTai": TAI + days, "ra": 0.0, "dec": dec, "radius": 90.0}
            for visit, days in MOMENTS.items()
            for dec, more in ((90.0, 0), (-90.0, 10))
        ],
    )
    report = predict_visits(memory)
    assert seen_in(memory, NAME[301]) == {5, 6, 7, 8}
    reason = "until MJD 60000.300000 (TDB) it is inside the Moon"
    assert report.lost == {NAME[301]: reason}
    assert rows(memory, 'SELECT DISTINCT night, "endsBy" FROM "SsEphemerisEnd" ORDER BY 1') == [
        (59999, "Moon"),
        (60000, "Moon"),
    ]
    assert precover(memory, NAME[301]).ends == reason
    assert predict_objects(memory, [NAME[301]]).predictions == {}


def test_paths_taken_out_keep_their_ends() -> None:
    paths: Trajectories = trajectories(before(at_surfaces(BODIES), 20.0), T - 20.0, T + 1.0)
    some = paths.take(np.array([1, 3]))
    np.testing.assert_array_equal(some.at(np.array([T - 0.5, T + 0.5])), paths.at(np.array([T - 0.5, T + 0.5]))[[1, 3]])
    assert some.ends.last_by.tolist() == [BODIES[1], BODIES[3]]


def test_the_question_why_tells_it(database: Database) -> None:
    """In the visits after the end; of an object that goes on, nothing is said."""
    load(database)
    predict_visits(database)
    other = main_belt(20)[0]["designation"]
    for visit, name, why in (
        (8, NAME[399], "not predicted in this visit; its path ends on MJD 60000.300 (Earth)"),
        (17, NAME[399], "not predicted in this visit; its path ends on MJD 60000.300 (Earth)"),
        (18, NAME[10], "not predicted in this visit; its path ends on MJD 60000.300 (Sun)"),
        (8 if (18, other) in predicted(database) else 18, other, "not predicted in this visit"),
    ):
        answer = ssdb.named_query(database, "why", {"object": name, "visit": visit})
        assert [row[answer.columns.index("why")] for row in answer.rows] == [why]
