"""Ready-made questions about what all observations of objects say together, and views that go with SSObject."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from summaries import load, observation, orbit

import ssdb
from ssdb.report.curves import phase_curve
from ssdb.report.objects import read_objects
from ssdb.report.picture import LIGHT
from ssdb.store.database import Database
from ssdb.summary.phase_curves import magnitudes
from ssdb.summary.summarize import summarize

H = {"g": 18.5, "r": 18.0, "i": 17.9, "z": 17.9}
"""Of 433; 2015 MQ204 is redder, 2010 AB has a light curve of a magnitude, 2020 AA is seen twice."""


def observed(designation: str, first: int, shift: dict[str, float], swing: float = 0.0, n: int = 12) -> list[Any]:
    rows = []
    for place, (band, absolute) in enumerate(H.items()):
        for k in range(n):
            angle = 1.0 + 1.7 * k
            mag = absolute + shift.get(band, 0.0) + float(magnitudes("HG12", angle, 0.4)) + swing * (-1) ** k
            number = first + 100 * place + k
            rows.append(observation(number, designation, mag, band=f"lsst_{band}", phaseAngle=angle, error=0.01))
    return rows


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[Database]:
    opened = ssdb.connect(module_database_url)
    rows = observed("433", 1000, {}) + observed("2015 MQ204", 2000, {"g": 0.2}) + observed("2010 AB", 3000, {}, 0.5)
    rows += observed("2020 AA", 4000, {}, n=2)
    rows += [observation(5000, "433", 15.0, band="r", phaseAngle=12.0), observation(5001, "433", 22.0, phaseAngle=3.0)]
    load(opened, rows, [orbit("433"), orbit("2015 MQ204", q=1.02, e=0.1, i=1.0), orbit("2020 AA", q=2.5)])
    summarize(opened)
    yield opened
    opened.close()


def ask(database: Database, name: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = ssdb.named_query(database, name, parameters)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def test_activity(database: Database) -> None:
    found = ask(database, "activity")
    assert {(row["designation"], row["kind"], row["diaSourceId"]) for row in found} == {
        ("433", "brighter", 5000),
        ("433", "fainter", 5001),
    }
    brighter = next(row for row in found if row["kind"] == "brighter")
    expected = 15.0 - 18.0 - float(magnitudes("HG12", 12.0, 0.4))
    assert brighter["difference"] == pytest.approx(expected, abs=1e-3)
    assert brighter["deviation"] < -5
    assert brighter["midpointMjdTai"] == pytest.approx(65000.1)
    assert [row["kind"] for row in ask(database, "activity", since=65000.5)] == ["fainter"]
    assert ask(database, "activity", times=20) == []
    assert len(ask(database, "activity", sigmas=0.1)) > 2


def test_colour_classes(database: Database) -> None:
    found = {row["designation"]: row for row in ask(database, "colour-classes")}
    assert set(found) == {"433", "2015 MQ204", "2010 AB"}
    one = found["2015 MQ204"]
    assert (one["gr"], one["ri"], one["iz"]) == (
        pytest.approx(0.7, abs=1e-3),
        pytest.approx(0.1, abs=1e-3),
        pytest.approx(0.0, abs=1e-3),
    )
    assert one["aStar"] == pytest.approx(0.89 * 0.7 + 0.45 * 0.1 - 0.57, abs=1e-3)
    errors = [database_error(database, "2015 MQ204", band) for band in "gri"]
    weights = (0.89, 0.44, 0.45)
    assert one["aStarErr"] == pytest.approx(
        math.hypot(*(w * e for w, e in zip(weights, errors, strict=True))), rel=1e-5
    )
    assert one["colourClass"] == "S"
    assert found["2010 AB"]["colourClass"] == "unclear"
    assert {row["designation"] for row in ask(database, "colour-classes", **{"class": "C"})} == {"433"}
    assert len(ask(database, "colour-classes", times=2)) == 4


def database_error(database: Database, designation: str, band: str) -> float:
    sql = f"SELECT {band}_HErr FROM SSObject WHERE designation = :name"
    return float(ssdb.query(database, sql, {"name": designation}).rows[0][0])


def test_near_earth_candidates(database: Database) -> None:
    assert [row["designation"] for row in ask(database, "near-earth-candidates")] == ["2015 MQ204"]
    both = ask(database, "near-earth-candidates", moid=0.3)
    assert [row["designation"] for row in both] == ["2015 MQ204", "433"]
    assert both[0]["MOIDEarth"] < both[1]["MOIDEarth"] == pytest.approx(0.149, abs=0.002)
    assert both[1]["bandOfH"] == "r"
    assert both[1]["hOfBand"] == pytest.approx(18.0, abs=1e-3)
    assert both[1]["orbitClass"] == "Amor"
    assert [row["designation"] for row in ask(database, "near-earth-candidates", moid=0.3, h=17.0)] == []
    assert [row["designation"] for row in ask(database, "near-earth-candidates", moid=0.3, times=50)] == ["433"]


def test_suspicious_slopes(database: Database) -> None:
    assert {(row["designation"], row["suspicion"]) for row in ask(database, "suspicious-slopes")} == {
        ("2010 AB", "poor fit")
    }
    few = ask(database, "suspicious-slopes", times=2, rms=1.0)
    assert {(row["designation"], row["suspicion"]) for row in few} >= {("2020 AA", "not fitted")}


def test_phase_curves_and_colours_have_the_fit(database: Database) -> None:
    curve = ask(database, "phase-curve", object="433")
    assert {row["band"]: row["fitH"] for row in curve if row["band"] != "r"} == {
        f"lsst_{band}": pytest.approx(H[band], abs=1e-3) for band in H
    }
    assert {row["model"] for row in curve} == {"HG12"}
    assert all(row["G12"] == pytest.approx(0.4, abs=1e-2) for row in curve)
    load(database, [observation(7000 + k, "433", 20.0, band=b, midpointMjdTai=70000.2) for k, b in enumerate("gr")])
    (pair,) = ask(database, "colours", object="433", since=70000)
    assert pair["fitColour"] == pytest.approx(0.5, abs=1e-3)
    assert 0 < pair["fitColourErr"] < 0.1


def test_points_that_are_in_no_fit_are_in_no_phase_curve(database: Database) -> None:
    flags = ("psfFlux_flag", "isDipole", "pixelFlags_saturatedCenter", "pixelFlags_interpolatedCenter")
    rows = [observation(8000 + k, "1999 AA", 20.0, band="r", **{flag: True}) for k, flag in enumerate(flags)]
    load(database, [*rows, observation(8010, "1999 AA", 20.0, band="r")])
    assert [row["diaSourceId"] for row in ask(database, "phase-curve", object="1999 AA")] == [8010]


def test_the_views_go_with_ss_object(database: Database) -> None:
    rows = ssdb.query(
        database,
        """SELECT o.designation, s.nNights, o.r_H, b.orbitClass, b.tisserand_J - o.tisserand_J
           FROM SSObject o JOIN SsObjectSummary s ON s.ssObjectId = o.ssObjectId
           JOIN SsOrbit b ON b.designation = o.designation ORDER BY o.designation""",
    ).rows
    assert [row[0] for row in rows] == ["2015 MQ204", "2020 AA", "433"]
    assert [row[1] for row in rows][:2] == [48, 8]
    assert all(row[4] == pytest.approx(0.0, abs=1e-6) for row in rows)


def test_the_report_draws_the_fits(database: Database) -> None:
    with database.reading() as connection:
        (one,) = read_objects(connection, ["433"])
    assert [fit["band"] for fit in one.fits] == ["g", "r", "i", "z"]
    picture = phase_curve(one)
    assert picture is not None
    assert "H_g = 18.50 ± 0." in picture.caption
    assert "G12 = 0.40 ± 0." in picture.caption
    assert "(HG12, 12 of 12 observations)" in picture.caption
    figure = Figure(layout="constrained")
    picture.draw(figure, LIGHT)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 200]
    curves = {tuple(np.round(line.get_ydata(), 6)) for line in lines}
    assert len(curves) == 3  # filters of one band have the same, and so have i and z here
    green = max(curves)
    assert np.interp(5.0, lines[0].get_xdata(), green) == pytest.approx(
        18.5 + float(magnitudes("HG12", 5.0, 0.4)), abs=1e-2
    )
