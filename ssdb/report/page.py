"""The HTML page of a report: a single file with everything in it."""

from __future__ import annotations

import base64
import math
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np

from ssdb import __version__
from ssdb.report.data import RUNS_SHOWN, ReportData
from ssdb.report.objects import OBJECTS_NAME
from ssdb.report.picture import DOTS_PER_INCH, Picture
from ssdb.report.statistics import median_and_width, medians_and_widths
from ssdb.schema.source_counts import FAINT
from ssdb.units import Columns

PAGE_NAME = "index.html"
_MOST_VISITS = 1_000
_MOST_OBJECTS = 1_000
"""More, and the page would be too long for a browser on a phone."""

_PENDING_NOTE = "not associated yet"


@dataclass(frozen=True)
class DrawnPicture:
    """A figure with its PNGs, for paper and for dark screens."""

    picture: Picture
    light: bytes
    dark: bytes

    @property
    def file(self) -> str:
        """Name of the file beside the page."""
        return f"{self.picture.name}.png"

    @property
    def width(self) -> int:
        """Of the image, pixels."""
        return round(self.picture.size[0] * DOTS_PER_INCH)

    @property
    def height(self) -> int:
        """Of the image, pixels."""
        return round(self.picture.size[1] * DOTS_PER_INCH)


def render_page(data: ReportData, pictures: list[DrawnPicture], curves: dict[int, list[DrawnPicture]]) -> str:
    """The page as HTML, with figures in their order and, by ssObjectId, the curves of objects."""
    here = files("ssdb.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"base64": _base64, "number": _number, "fixed": _fixed, "percent": _percent, "utc": _utc}
    template = environment.from_string((here / "page.html").read_text(encoding="utf-8"))
    n_visits = len(data.visits["visit"])
    return template.render(
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        css=(here / "page.css").read_text(encoding="utf-8"),
        script=(here / "page.js").read_text(encoding="utf-8"),
        nights=data.nights,
        summary=_summary(data),
        pictures=pictures,
        objects=[(one, curves[one.ssObjectId]) for one in data.objects],
        has_detectors=data.camera is not None,
        visits=_visit_rows(data)[-_MOST_VISITS:],
        n_visits=n_visits,
        seen=_rows(data.seen, _MOST_OBJECTS),
        objects_file=OBJECTS_NAME,
        faint=FAINT,
        runs=data.runs,
        n_runs=data.n_runs,
        runs_shown=RUNS_SHOWN,
        pending_note=_PENDING_NOTE,
    )


def _summary(data: ReportData) -> dict[str, Any]:
    visits, matches, expected = data.visits, data.matches, data.expected
    n, seen = int(expected["n"].sum()), int(expected["seen"].sum())
    times = visits["midpointMjdTai"]
    return {
        "visits": len(times),
        "pending": int(np.sum(visits["status"] != "done")),
        "first": times.min() if len(times) else math.nan,
        "last": times.max() if len(times) else math.nan,
        "sources": int(np.nansum(visits["nSources"])),
        "expected": n,
        "seen": seen,
        "completeness": seen / n if n else math.nan,
        "matches": len(matches["visit"]),
        "objects": len(data.seen["ssObjectId"]),
        "width_ra": median_and_width(matches["ephOffsetRa"])[1],
        "width_dec": median_and_width(matches["ephOffsetDec"])[1],
    }


def _rows(columns: Columns, at_most: int | None = None) -> list[dict[str, Any]]:
    values = (column[:at_most].tolist() for column in columns.values())
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _visit_rows(data: ReportData) -> list[dict[str, Any]]:
    """What the table and the details say of each visit, in the order of time."""
    visits, matches = data.visits, data.matches
    order = np.argsort(visits["visit"])
    groups = order[np.searchsorted(visits["visit"], matches["visit"], sorter=order)]
    n = len(order)
    length = np.hypot(matches["ephOffsetRa"], matches["ephOffsetDec"])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = visits["nAssociatedSsObjects"] / np.where(
            visits["nTotalSsObjects"] > 0, visits["nTotalSsObjects"], np.nan
        )
    columns: Columns = visits | {"share": share, "residual": medians_and_widths(groups, length, n)[0]}
    for key in ("Ra", "Dec", "AlongTrack", "CrossTrack"):
        medians, widths = medians_and_widths(groups, matches[f"ephOffset{key}"], n)
        columns |= {f"median{key}": medians, f"width{key}": widths}
    rows = _rows(columns)
    unseen: dict[int, list[tuple[str, float]]] = {}
    for visit, name, magnitude in zip(
        *(data.unseen[key].tolist() for key in ("visit", "designation", "ephVmag")), strict=True
    ):
        unseen.setdefault(visit, []).append((name, magnitude))
    return [row | {"unseen": unseen.get(row["visit"], [])} for row in rows]


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _number(value: float | None) -> str:
    """An integer with its thousands separated; unknown is a dash."""
    return "–" if _unknown(value) else f"{int(value or 0):,}"


def _fixed(value: float | None, digits: int, sign: bool = False) -> str:
    if _unknown(value):
        return "–"
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if _unknown(value) else f"{100 * (value or 0.0):.1f} %"


def _utc(mjd_tai: float) -> str:
    """A time as people write it, UTC."""
    from astropy.time import Time

    with warnings.catch_warnings():
        # That nobody knows the leap seconds of a time to come yet.
        warnings.filterwarnings("ignore", message=".*dubious year.*")
        return str(Time(mjd_tai, format="mjd", scale="tai").utc.strftime("%Y-%m-%d %H:%M"))
