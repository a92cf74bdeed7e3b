"""The report as people get it: files, page, command; in a browser where one is installed."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from astropy.stats import mad_std
from browser import Visited, visit_page
from click.testing import CliRunner
from PIL import Image
from small_surveys import MJD, Survey, designation

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError
from ssdb.io.output_folder import WRITTEN
from ssdb.report import data as report_data
from ssdb.report import make_report
from ssdb.report.data import ReportData, read_report
from ssdb.report.page import render_page
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize

EVIL = "<script>a('$x_"
FIGURES = [
    "sky",
    "residuals",
    "residuals-track",
    "residuals-magnitude",
    "magnitudes",
    "completeness",
    "depth",
    "candidates",
    "detectors",
    "timings",
]
N_VISITS = 12


def _survey() -> Survey:
    """Visits along the sky, one detector each, the fainter objects seen less often; with text that is no good HTML."""
    survey, rng = Survey(), np.random.default_rng(5)
    source = 0
    for visit in range(1, N_VISITS + 1):
        mjd, ra = MJD + 0.01 * visit, 358.5 + 0.3 * visit
        ra -= 360.0 * (ra >= 360.0)
        survey.add_visit(
            visit, midpointMjdTai=mjd, band=("g", "r", EVIL[:8])[visit % 3], instrument=EVIL, ra=ra, dec=30.0
        )
        survey.visits[-1] |= {"radius": 0.4}
        survey.add_square(0, ra, 30.0, 900.0, visit)
        survey.add_square(1, (ra + 0.7) % 360, 30.0, 900.0, visit)
        for number in range(25 if visit < N_VISITS else 0):
            east, north = rng.uniform(-600, 600, 2) / 3600
            rates = {"ephRateRa": 0.2, "ephRateDec": -0.1, "ephVmag": 17 + 0.25 * number}
            vectors = {
                "helio_x": 2.5,
                "helio_y": 0.05 * visit,
                "helio_z": 0.0,
                "topo_x": 1.6,
                "topo_y": 0.2,
                "topo_z": 0.1,
            }
            place = ((ra + east / np.cos(np.radians(30))) % 360, 30 + north)
            survey.add_prediction(number, *place, visit, midpointMjdTai=mjd, **rates, **vectors)
            if rng.uniform() < 1.1 - number / 25:
                source += 1
                moved = ((place[0] + rng.normal(0, 1e-5)) % 360, place[1] + rng.normal(0, 1e-5))
                flux = {"psfFlux": 1e4 / (number + 1), "psfFluxErr": 50.0, "midpointMjdTai": mjd, "band": "r"}
                survey.add_source(source, *moved, visit, **flux)
    return survey


@pytest.fixture(scope="module")
def associated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The survey, associated."""
    with closing(initialize(f"sqlite:///{tmp_path_factory.mktemp('report') / 'survey.db'}")) as database:
        _survey().load(database)
        ssdb.associate(database)
        yield database


@pytest.fixture(scope="module")
def report(associated: Database, tmp_path_factory: pytest.TempPathFactory) -> ssdb.report.Report:
    """A report with an object, drawn."""
    return make_report(associated, tmp_path_factory.mktemp("made") / "new" / "report", objects=[designation(0)])


class _Page(HTMLParser):
    """The elements of a page with their attributes, the texts of cells, and what closes nothing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(made: ssdb.report.Report) -> _Page:
    return _Page(made.page.read_text(encoding="utf-8"))


# The page without a browser


def test_every_figure_is_in_the_page_and_beside_it_and_told_in_words(report: ssdb.report.Report) -> None:
    page = _page(report)
    names = [path.stem for path in report.figures]
    assert names == [*FIGURES, "light-2020-AA", "phase-2020-AA"]
    images = [image for image in page.all("img") if image["class"] == "light"]
    assert len(images) == len(names) == len(page.all("img")) / 2
    for path, image in zip(report.figures, images, strict=True):
        encoded = (image["src"] or "").removeprefix("data:image/png;base64,")
        assert base64.b64decode(encoded) == path.read_bytes()
        with Image.open(path) as drawn:
            assert drawn.size == (int(image["width"] or 0), int(image["height"] or 0))
            assert len(drawn.convert("RGB").getcolors(1 << 20) or []) > 10
        assert len(image["alt"] or "") > 20
    assert {path.name for path in report.page.parent.iterdir()} == {
        WRITTEN,
        "index.html",
        "objects.csv",
        *(path.name for path in report.figures),
    }


def test_the_numbers_are_those_of_the_database(report: ssdb.report.Report, associated: Database) -> None:
    rows = ssdb.query(associated, "SELECT ephOffsetRa, ephOffsetDec, ephOffsetAlongTrack FROM SSSource").rows
    ra, dec, along = np.array(rows).T
    alts = {picture["alt"] for picture in _page(report).all("img")}
    expected = [f"{len(ra):,} matches", f"width {mad_std(ra):.3f}″", f"width {mad_std(dec):.3f}″"]
    assert any(all(text in (alt or "") for text in expected) for alt in alts)
    assert any("along" in (alt or "") and f"width {mad_std(along):.3f}″" in (alt or "") for alt in alts)
    n, seen = ssdb.query(
        associated,
        "SELECT count(*), count(diaSourceId) FROM SsExpected WHERE edgeDistance >= 0",
    ).rows[0]
    assert any(f"{seen:,} of {n:,} seen" in (alt or "") for alt in alts)
    assert f"{100 * seen / n:.1f} %" in _page(report).text


def test_the_page_needs_nothing_from_elsewhere(report: ssdb.report.Report) -> None:
    """Links lead to places in the page and to the files beside it; nothing is loaded."""
    page = _page(report)
    targets = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    beside = {path.name for path in report.figures} | {"objects.csv"}
    for attributes in page.all("a"):
        href = attributes["href"] or ""
        assert href[1:] in targets if href.startswith("#") else href in beside
    for tag, attributes in page.elements:
        loaded = [attributes.get(name) for name in ("src", "srcset")] + [
            attributes.get("href") if tag == "link" else None
        ]
        assert all(address is None or address.startswith("data:") for address in loaded)
    assert not re.search(r"https?://|@import|url\(", report.page.read_text(encoding="utf-8"))
    assert len(targets) == len([1 for _, attributes in page.elements if attributes.get("id")])


def test_text_of_the_database_is_text_in_the_page(report: ssdb.report.Report) -> None:
    page = _page(report)
    assert len(page.all("script")) == 1
    assert EVIL in page.text


def test_every_visit_has_a_row_and_details(report: ssdb.report.Report) -> None:
    page = _page(report)
    details = [attributes["id"] for attributes in page.all("article")]
    assert details == [f"visit-{visit}" for visit in range(1, N_VISITS + 1)]
    links = {attributes["href"] for attributes in page.all("a")}
    assert {f"#{one}" for one in details} <= links


def test_fields_across_0h_are_one_place(associated: Database) -> None:
    """On a map of the whole sky they would be specks at both ends."""
    data = read_report(associated)
    picture = ssdb.report.make.sky_map(data)
    assert picture is not None
    assert re.search(r"within [12]\.\d° of RA (0\.\d+|359\.\d+)°, Dec \+30", picture.alt), picture.alt


def test_a_page_of_very_many_visits_stays_small_and_says_so(associated: Database) -> None:
    data = read_report(associated)
    rows = np.arange(3000) % N_VISITS
    visits = {name: column[rows] for name, column in data.visits.items()}
    visits["visit"] = np.arange(3000) + 1
    many = ReportData(**{name: getattr(data, name) for name in ReportData.__slots__} | {"visits": visits})
    text = render_page(many, [], {})
    assert len(text) < 3_000_000
    page = _Page(text)
    assert [row["id"] for row in page.all("article")][::999] == ["visit-2001", "visit-3000"]
    assert "The last 1,000 of 3,000 are listed" in page.text


# What there may be nothing of


@pytest.mark.usefixtures("undrawn")
def test_an_empty_database_makes_a_page_that_says_so(database: Database, tmp_path: Path) -> None:
    made = make_report(database, tmp_path)
    assert (made.figures, made.visits, made.matches) == ([], 0, 0)
    assert "no visits in this database" in _page(made).text
    assert _page(made).all("table") == []


def test_without_matches_the_page_says_why(tmp_path: Path) -> None:
    """Also drawn: no figure may fail on nothing."""
    with closing(initialize(f"sqlite:///{tmp_path / 'ssdb.db'}")) as database:
        survey = Survey()
        survey.add_visit(1)
        survey.add_visit(2, ra=10.0, dec=90.0)
        survey.add_prediction(0, 10.0, 0.0)
        survey.load(database)
        pending = make_report(database, tmp_path / "report", objects=[designation(0)])
        assert "nothing has been associated yet" in _page(pending).text
        assert "No source is this object" in _page(pending).text
        ssdb.associate(database)
        done = make_report(database, tmp_path / "report")
        assert "no source of these visits is a known object" in _page(done).text
        assert "No map of the focal plane" in _page(done).text
        assert {path.stem for path in done.figures} == {"sky", "candidates", "timings"}


def test_one_match_is_enough_for_every_figure(tmp_path: Path) -> None:
    """Its width is 0, its detector the only one, its rate and magnitude are unknown."""
    with closing(initialize(f"sqlite:///{tmp_path / 'ssdb.db'}")) as database:
        survey = Survey()
        survey.add_visit()
        survey.add_square(7, 0.0, 90.0, 60.0)
        survey.add_prediction(0, 0.0, 89.999)
        survey.add_source(1, 0.0, 89.999, detector=7)
        survey.load(database)
        ssdb.associate(database)
        made = make_report(database, tmp_path / "report", objects=[designation(0)])
        assert {path.stem for path in made.figures} == {"sky", "residuals", "candidates", "detectors", "timings"}
        assert "None of its sources has a positive flux" in _page(made).text


# Files


@pytest.mark.usefixtures("undrawn")
def test_an_older_report_is_replaced_and_nothing_else_touched(associated: Database, tmp_path: Path) -> None:
    first = make_report(associated, tmp_path, objects=[designation(0)])
    (tmp_path / "mine.png").write_bytes(b"mine")
    (tmp_path / "light-1.png").write_bytes(b"mine")
    second = make_report(associated, tmp_path)
    gone = set(first.figures) - set(second.figures)
    assert {path.name for path in gone} == {"light-2020-AA.png", "phase-2020-AA.png"}
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in second.figures)
    assert (tmp_path / "mine.png").read_bytes() == (tmp_path / "light-1.png").read_bytes() == b"mine"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["index.html", "sky.png"])
def test_a_file_that_no_report_wrote_is_not_replaced(name: str, associated: Database, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=re.escape(name)):
        make_report(associated, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("undrawn")
def test_a_directory_that_cannot_be_is_an_error(associated: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        make_report(associated, tmp_path / "file" / "report")


def test_more_matches_than_fit_are_refused_with_what_to_do(
    associated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_data, "_MOST_MATCHES", 10)
    with pytest.raises(ConfigError, match="choose nights with nights="):
        make_report(associated, tmp_path / "report")
    assert not (tmp_path / "report").exists()


# The command


@pytest.mark.usefixtures("undrawn")
def test_the_command_tells_what_it_wrote_and_took(associated: Database, tmp_path: Path) -> None:
    url = associated.engine.url.render_as_string()
    words = ["--db", url, "report", str(tmp_path / "out"), "--night", str(int(MJD)), "--object", designation(0)]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert Path(told["page"]).stat().st_size == told["bytes"]
    assert (told["visits"], len(told["figures"])) == (N_VISITS, len(FIGURES) + 2)
    assert set(told["seconds"]) == {"read", "draw", "write"}
    text = CliRunner().invoke(main, words).stdout
    assert str(tmp_path / "out" / "index.html") in text
    assert f"{told['matches']:,}" in text


@pytest.mark.parametrize(
    ("words", "message"), [(["--night", "1"], "no visit in night 1"), (["--object", "Nemo"], "'Nemo' is not known")]
)
def test_what_is_not_there_is_told_in_one_line(
    words: list[str], message: str, associated: Database, tmp_path: Path
) -> None:
    url = associated.engine.url.render_as_string()
    result = CliRunner().invoke(main, ["--db", url, "report", str(tmp_path / "out"), *words])
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_without_matplotlib_it_tells_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ssdb.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    url = f"sqlite:///{tmp_path / 'ssdb.db'}"
    initialize(url).close()
    result = CliRunner().invoke(main, ["--db", url, "report", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "pip install 'ssdb-asteroids[report]'" in result.stderr


# In a browser

_IMAGES = "JSON.stringify([...document.images].map(i => [i.className, i.complete, i.naturalWidth, i.clientWidth]))"
_SIZES = """
    location.hash = "#visit-3";
    const root = document.documentElement;
    JSON.stringify([innerWidth, root.scrollWidth, root.clientWidth])
"""
_SORTED = """
    const buttons = document.querySelectorAll("#visit-table th button");
    const rows = () => [...document.querySelectorAll("#visit-table tbody tr")];
    const column = (i) => rows().map(row => row.cells[i].dataset.value);
    const out = [];
    for (const i of [0, 0, 8, 8, 2]) {
        buttons[i].click();
        out.push([column(i), document.querySelectorAll("#visit-table th")[i].ariaSort]);
    }
    JSON.stringify([out, document.querySelectorAll("th[aria-sort]").length])
"""
_LINKED = """
    const shown = () => [...document.querySelectorAll("article")].filter(a => a.offsetHeight).map(a => a.id);
    const before = shown();
    document.querySelector('a[href="#visit-4"]').click();
    JSON.stringify([before, shown()])
"""
_SCRIPTS = {
    "light": [(1200, _IMAGES), (1200, _SORTED), (1200, _LINKED), (320, _SIZES), (375, _SIZES), (1200, _SIZES)],
    "dark": [(1200, _IMAGES)],
}
_FLAGS = {"light": "", "dark": "--blink-settings=preferredColorScheme=0"}


@pytest.fixture(scope="module")
def visited(report: ssdb.report.Report) -> dict[tuple[str, int, str], Visited]:
    """What the browser sees of the report, by theme, width and script: it is started once a theme."""
    seen = {theme: visit_page(report.page, scripts, flags=_FLAGS[theme]) for theme, scripts in _SCRIPTS.items()}
    return {
        (theme, *script): one
        for theme, scripts in _SCRIPTS.items()
        for script, one in zip(scripts, seen[theme], strict=True)
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_shows_every_figure_without_a_word_of_complaint(
    visited: dict[tuple[str, int, str], Visited], report: ssdb.report.Report, theme: str
) -> None:
    """On a dark screen the dark ones."""
    seen = visited[theme, 1200, _IMAGES]
    assert seen.console == []
    assert seen.requests == [report.page.as_uri()]
    images = json.loads(seen.result)
    assert all(complete and natural > 500 for _, complete, natural, _ in images)
    shown = [name for name, _, _, width in images if width > 300]
    assert shown == [theme] * (len(FIGURES) + 2)


def test_the_themes_are_as_bright_as_their_names(report: ssdb.report.Report) -> None:
    for image in _page(report).all("img"):
        encoded = (image["src"] or "").removeprefix("data:image/png;base64,")
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as drawn:
            assert (np.mean(drawn.convert("L")) > 128) == (image["class"] == "light")


@pytest.mark.parametrize("width", [320, 375, 1200])
def test_no_width_needs_scrolling_sideways(visited: dict[tuple[str, int, str], Visited], width: int) -> None:
    """With the details of a visit open; the tables scroll in their own boxes."""
    inner, scroll, client = json.loads(visited["light", width, _SIZES].result)
    assert inner == width
    assert scroll <= client


def test_a_click_sorts_the_table_and_another_one_turns_it_round(visited: dict[tuple[str, int, str], Visited]) -> None:
    """By value, not by letters (visit 12 after 9), what is unknown at the end both ways."""
    (up, down, residuals, turned, bands), n_marked = json.loads(visited["light", 1200, _SORTED].result)
    assert up == [[str(visit) for visit in range(1, N_VISITS + 1)], "ascending"]
    assert down == [up[0][::-1], "descending"]
    values = [float(value) for value in residuals[0][:-1]]
    assert values == sorted(values)
    assert residuals[0][-1] == turned[0][-1] == ""
    assert turned[0][:-1] == residuals[0][:-1][::-1]
    assert bands[0] == sorted(bands[0])
    assert n_marked == 1


def test_a_link_of_the_table_shows_the_details_of_its_visit(visited: dict[tuple[str, int, str], Visited]) -> None:
    assert json.loads(visited["light", 1200, _LINKED].result) == [[], ["visit-4"]]
