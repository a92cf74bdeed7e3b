"""Makes a report: reads the data, draws the figures, writes the files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdb.io.output_folder import output_folder, refuse_foreign
from ssdb.io.writers import write_columns
from ssdb.report import figures
from ssdb.report.curves import light_curve, phase_curve
from ssdb.report.data import ReportData, read_report
from ssdb.report.magnitudes import depth, magnitude_offsets, residuals_by_magnitude
from ssdb.report.objects import OBJECTS_NAME, objects_table
from ssdb.report.page import PAGE_NAME, DrawnPicture, render_page
from ssdb.report.picture import DARK, LIGHT
from ssdb.report.sky import sky_map
from ssdb.store.database import Database

_FIGURES: tuple[Callable[[ReportData], figures.Picture | None], ...] = (
    sky_map,
    figures.residuals,
    figures.track_residuals,
    residuals_by_magnitude,
    magnitude_offsets,
    figures.completeness,
    depth,
    figures.candidates,
    figures.detectors,
    figures.timings,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was written, with how many visits and matches."""

    page: Path
    """The HTML page, which needs none of the other files."""
    figures: list[Path]
    """As PNG."""
    objects: Path | None
    """The objects seen, as CSV; None without any."""
    visits: int
    matches: int
    bytes: int
    """Size of the page."""
    seconds: dict[str, float]
    """Of read, draw, write."""


def make_report(
    database: Database,
    directory: str | os.PathLike[str],
    *,
    nights: Sequence[int] = (),
    objects: Sequence[str] = (),
) -> Report:
    """Writes an HTML page with figures; beside it the figures as PNG files, and the objects seen as CSV.

    The directory is made if it is missing. The files of an older report are replaced, and removed where the new one has
    no such figure, if they are as they were written; nothing else is touched. ``nights`` are integer parts of MJD TAI:
    night N is from N to N + 1; none: all that is stored. ``objects`` are any names of those whose light curve and phase
    curve are to be shown, of all nights.

    NotFoundError if a night has no visit, or an object is not known; ConfigError if there is more than a report can
    hold; InputError if the directory cannot be written to, or has files of these names that are no report's.
    """
    start = time.perf_counter()
    target = Path(directory)
    refuse_foreign(target, [PAGE_NAME, OBJECTS_NAME])  # before anything is read
    data = read_report(database, nights, objects)
    read = time.perf_counter()
    pictures = [_drawn(picture) for make in _FIGURES if (picture := make(data))]
    curves = {
        one.ssObjectId: [_drawn(picture) for make in (light_curve, phase_curve) if (picture := make(one))]
        for one in data.objects
    }
    everything = [*pictures, *(picture for of_object in curves.values() for picture in of_object)]
    drawn = time.perf_counter()
    page = render_page(data, pictures, curves).encode()
    files = {picture.file: picture.light for picture in everything} | {PAGE_NAME: page}
    with output_folder(target, "report", files) as place:
        for name, content in files.items():
            (place / name).write_bytes(content)
        if has_objects := len(data.seen["ssObjectId"]) > 0:
            write_columns(objects_table(data.seen), place / OBJECTS_NAME)
    return Report(
        page=target / PAGE_NAME,
        figures=[target / picture.file for picture in everything],
        objects=target / OBJECTS_NAME if has_objects else None,
        visits=len(data.visits["visit"]),
        matches=len(data.matches["visit"]),
        bytes=len(page),
        seconds={"read": read - start, "draw": drawn - read, "write": time.perf_counter() - drawn},
    )


def _drawn(picture: figures.Picture) -> DrawnPicture:
    return DrawnPicture(picture, picture.render(LIGHT), picture.render(DARK))
