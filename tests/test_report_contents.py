"""What the figures and tables of a report say is what a count by hand gives, the same on both databases."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from matplotlib.figure import Figure
from small_surveys import MJD, Survey, designation

import ssdb
from ssdb.report import make_report
from ssdb.report.curves import light_curve
from ssdb.report.data import ReportData, read_report
from ssdb.report.depth import limiting_magnitudes
from ssdb.report.magnitudes import depth, magnitude_offsets, residuals_by_magnitude
from ssdb.report.objects import full_name
from ssdb.report.picture import LIGHT, Picture
from ssdb.report.sky import opposite, sky_map
from ssdb.schema.survey import ss_alias
from ssdb.simulate import SimulationConfig, simulate_night
from ssdb.store.database import Database

FAINT_FLUX, ERROR = 1000.0, 200.0
PLACES = (170.0, 175.0, 185.0, 190.0, 40.0)
"""Right ascensions of the visits: on both sides of 180, where a map around 0 has its edge."""


def _flux(magnitude: float) -> float:
    return 10 ** ((31.4 - magnitude) / 2.5)


def _survey() -> Survey:
    """Five visits without a boresight, of which nothing, sources, predictions or outlines say where they are.

    Visits 1 and 2 have the objects 0 and 1, in g 0.3 mag fainter than predicted, in r 0.2 mag brighter.
    """
    survey = Survey()
    for visit, ra in enumerate(PLACES, 1):
        survey.add_visit(visit, midpointMjdTai=MJD + visit, band="gr"[visit % 2])
        if visit in (1, 2):
            band, difference = (("r", -0.2), ("g", 0.3))[visit - 1]
            for number in (0, 1):
                dec, time = 0.1 * number, {"midpointMjdTai": MJD + visit}
                survey.add_prediction(number, ra, dec, visit, ephVmag=20.0 + number, **time)
                flux = {"psfFlux": _flux(20.0 + number + difference), "psfFluxErr": 1.0}
                offset = 0.1 * (number + 1) * visit
                survey.add_source(10 * visit + number, ra, dec + offset / 3600, visit, band=band, **flux, **time)
    for visit, number in ((1, 3), (2, 2)):  # two faint sources are too few
        for place in range(number):
            errors = {"psfFlux": (-1) ** place * FAINT_FLUX, "psfFluxErr": ERROR * (1 + place)}
            time = {"midpointMjdTai": MJD + visit}
            survey.add_source(100 * visit + place, PLACES[visit - 1], 0.5 + 0.01 * place, visit, **errors, **time)
    survey.add_prediction(5, PLACES[2], 0.0, 3, midpointMjdTai=MJD + 3)
    survey.add_square(0, PLACES[3], 0.0, 900.0, 4)
    return survey


@pytest.fixture(scope="module")
def associated(module_database_url: str) -> Iterator[Database]:
    """The survey, associated; object 0 is (433) Eros."""
    with closing(ssdb.connect(module_database_url)) as database:
        _survey().load(database)
        ssdb.associate(database)
        eros = ssdb.resolve(database, designation(0)).ssObjectId
        names = {"433": "number", "Eros": "name", "433 Eros": "name"}
        with database.writing() as connection:
            rows = [{"alias": alias, "ssObjectId": eros, "kind": kind} for alias, kind in names.items()]
            connection.execute(sa.insert(ss_alias), rows)
        yield database


@pytest.fixture(scope="module")
def data(associated: Database) -> ReportData:
    return read_report(associated, objects=["Eros", designation(1)])


def _drawn(picture: Picture | None) -> Figure:
    assert picture is not None
    figure = Figure()
    picture.draw(figure, LIGHT)
    return figure


# The sky


def test_every_visit_is_drawn_that_something_places(data: ReportData) -> None:
    """Boresights are unknown: outlines, sources or predictions say where they are. Of the fifth nothing does."""
    np.testing.assert_allclose(data.visits["centreRa"], [*PLACES[:4], np.nan], atol=1e-6)
    picture = sky_map(data)
    assert picture is not None
    assert "4 of 5 visits" in picture.alt
    assert "Of 5 visits 4 are drawn: " in picture.caption


def _points(figure: Figure) -> np.ndarray:
    """The places of the visits, as they are drawn: those of the markers that stand for more than one thing aside."""
    dots = [np.asarray(one.get_offsets()) for one in figure.axes[0].collections]
    return np.concatenate([points for points in dots[2:] if len(points)])


def test_a_map_of_the_whole_sky_drops_no_visit_and_has_its_edge_in_the_largest_gap(data: ReportData) -> None:
    """Visits in the order of time jump over the sky, which tears lines, but no dots."""
    rng = np.random.default_rng(3)
    n = 400
    ra = rng.permutation(np.concatenate([rng.uniform(100, 178, n // 2), rng.uniform(182, 300, n // 2)]))
    visits = {name: np.resize(column, n) for name, column in data.visits.items()}
    visits |= {"centreRa": ra, "centreDec": rng.uniform(-60, 60, n), "visit": np.arange(n), "radius": np.full(n, 1.0)}
    many = ReportData(**{name: getattr(data, name) for name in ReportData.__slots__} | {"visits": visits})
    figure = _drawn(sky_map(many))
    x, y = _points(figure).T
    assert len(x) == n
    assert np.isfinite([x, y]).all()
    # Circles are lines, which are torn at the edge only: here at none.
    lines = np.concatenate([line.get_xdata() for line in figure.axes[0].lines[1:]])
    assert np.isnan(lines).sum() == n
    # East is left of west, all of them: none is on the other side of an edge.
    np.testing.assert_array_equal(np.argsort(-x), np.argsort(ra[np.argsort(visits["band"], kind="stable")]))


@pytest.mark.parametrize(
    ("ra", "expected"),
    [([170.0, 190.0], 180.0), ([350.0, 10.0], 0.0), ([10.0], 10.0), ([0.0, 120.0, 230.0], 115.0), ([5.0, 365.0], 5.0)],
)
def test_the_middle_of_the_map_is_opposite_the_largest_gap(ra: list[float], expected: float) -> None:
    assert opposite(np.array(ra)) == pytest.approx(expected)


# Magnitudes


def test_sources_are_compared_with_their_predictions_by_band(data: ReportData) -> None:
    picture = magnitude_offsets(data)
    assert picture is not None
    assert "4 sources" in picture.alt
    assert "g: median +0.30, width 0.00 mag; r: median -0.20" in picture.alt
    _drawn(picture)


def test_residuals_are_shown_by_magnitude(data: ReportData) -> None:
    figure = _drawn(residuals_by_magnitude(data))
    x, y = figure.axes[1].lines[0].get_data()
    order = np.argsort(data.matches["mag"])
    np.testing.assert_allclose(np.sort(x), [19.8, 20.3, 20.8, 21.3], atol=1e-3)
    np.testing.assert_allclose(np.asarray(y)[order], [0.1, 0.2, 0.2, 0.4], atol=1e-4)


def test_the_limit_of_a_visit_is_where_its_faint_sources_say(data: ReportData, associated: Database) -> None:
    """Of errors of 200, 400 and 600 nJy, of fluxes of either sign, 400: 31.4 - 2.5 log10(5 x 400)."""
    assert data.visits["nFaint"].tolist() == [3, 2, 0, 0, 0]
    np.testing.assert_allclose(data.visits["limit"], [31.4 - 2.5 * np.log10(2000), *4 * [np.nan]], atol=0.006)
    with associated.reading() as connection:
        turned, n = limiting_magnitudes(connection, sa.true(), np.array([2, 1]))
    np.testing.assert_array_equal(turned, data.visits["limit"][[1, 0]])
    assert n.tolist() == [2, 3]
    picture = depth(data)
    assert picture is not None
    assert "4 visits with fewer than 3 such sources have none" in picture.caption
    _drawn(picture)


def test_the_limit_of_a_simulated_night_is_the_depth_that_it_was_made_with() -> None:
    with closing(ssdb.connect()) as database:
        night = simulate_night(SimulationConfig(n_visits=4, n_sources=200, n_objects=40, depth_mag=22.5))
        ssdb.ingest_visits(database, night.visits)
        ssdb.ingest_sources(database, night.sources)
        visits = read_report(database).visits
    assert (visits["nFaint"] > 10).sum() == 3  # the fourth has no source at all
    np.testing.assert_allclose(visits["limit"][visits["nFaint"] > 0], 22.5, atol=0.02)


# Objects


def test_the_objects_seen_have_their_names_times_and_residuals(data: ReportData) -> None:
    seen = data.seen
    assert seen["designation"].tolist() == [designation(0), designation(1)]
    assert seen["number"].tolist() == ["433", None]
    assert seen["name"].tolist() == ["Eros", None]
    assert seen["nSources"].tolist() == [2, 2]
    np.testing.assert_allclose(seen["firstMjdTai"], MJD + 1)
    np.testing.assert_allclose(seen["lastMjdTai"], MJD + 2)
    np.testing.assert_allclose(seen["medianResidual"], [0.15, 0.3], atol=1e-4)


def test_figures_of_an_object_carry_its_name(data: ReportData) -> None:
    eros, other = data.objects
    picture = light_curve(eros)
    assert picture is not None
    assert picture.name == "light-433-Eros-2020-AA"
    assert picture.title == "Light curve of 433 Eros (2020 AA)"
    assert picture.alt.startswith(picture.title)
    assert _drawn(picture).axes[0].get_title(loc="left") == "433 Eros (2020 AA)"
    assert (other.title, other.file_name) == (designation(1), "2020-AB")


@pytest.mark.parametrize(
    ("designation_", "number", "name", "expected"),
    [
        ("1898 DQ", "433", "Eros", "433 Eros (1898 DQ)"),
        ("433", "433", "Eros", "433 Eros"),
        ("1P", "1P", "Halley", "1P/Halley"),
        ("C/2025 N1", None, "ATLAS", "C/2025 N1 (ATLAS)"),
        ("2021 AB", None, None, "2021 AB"),
        ("1999 AN10", "137108", None, "137108 (1999 AN10)"),
    ],
)
def test_an_object_is_called_as_usual(designation_: str, number: str | None, name: str | None, expected: str) -> None:
    assert full_name(designation_, number, name) == expected


def test_the_page_explains_its_counts_and_lists_the_objects_seen(associated: Database, tmp_path: Path) -> None:
    """As CSV beside the page with all digits."""
    made = make_report(associated, tmp_path, objects=["Eros"])
    page = made.page.read_text(encoding="utf-8")
    cards = re.findall(r"<div><dt>([^<]+)</dt><dd>([^<]+)</dd><dd class=\"told\">([^<]+)</dd></div>", page)
    assert [(name, value) for name, value, _ in cards][:6] == [
        ("visits", "5"),
        ("sources", "9"),
        ("matches", "4"),
        ("objects seen", "2"),
        ("expected", "5"),
        ("of these seen", "4"),
    ]
    assert all(len(told) > 20 for _, _, told in cards)
    assert 'id="object-table"' in page
    assert "433 Eros (2020 AA)" in page
    assert made.objects == tmp_path / "objects.csv"
    with made.objects.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["designation"], row["name"], row["nSources"]) for row in rows] == [
        ("2020 AA", "Eros", "2"),
        ("2020 AB", "", "2"),
    ]
    assert float(rows[0]["lastMjdTai"]) == MJD + 2
