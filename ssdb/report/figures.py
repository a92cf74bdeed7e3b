"""Figures of a report: residuals, completeness, candidates, detectors, timings."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ssdb.report.data import MAGNITUDE_BIN, MANY_CANDIDATES, CameraOutlines, ReportData
from ssdb.report.picture import MOST_DOTS, Picture, Theme
from ssdb.report.statistics import fractions, median_and_width, medians_and_widths
from ssdb.sky.sphere import positions, tangent_offsets, unit_vectors
from ssdb.units import ARCSEC_PER_DEG, Array

_WIDTHS_SHOWN = 6.0
_FEW_DETECTORS = 64
"""So many have room for their numbers."""


def residuals(data: ReportData) -> Picture | None:
    """Source minus prediction, to the east and to the north."""
    words = ("residuals", "Residuals in right ascension and declination", "ΔRA cos Dec", "ΔDec")
    return _residuals(data.matches["ephOffsetRa"], data.matches["ephOffsetDec"], *words)


def track_residuals(data: ReportData) -> Picture | None:
    """Source minus prediction, along and across the predicted motion."""
    words = ("residuals-track", "Residuals along and across the track", "along track", "cross track")
    return _residuals(data.matches["ephOffsetAlongTrack"], data.matches["ephOffsetCrossTrack"], *words)


def _residuals(x: Array, y: Array, name: str, title: str, x_name: str, y_name: str) -> Picture | None:
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return None
    x, y = x[known].astype(float), y[known].astype(float)
    stats = [median_and_width(x), median_and_width(y)]
    texts = [f"median {median:+.3f}″, width {width:.3f}″" for median, width in stats]
    limit = max(_WIDTHS_SHOWN * max(width for _, width in stats) + max(abs(median) for median, _ in stats), 1e-3)
    limit = min(limit, 1.05 * max(np.abs(x).max(), np.abs(y).max(), 1e-3 / 1.05))
    outside = int(((np.abs(x) > limit) | (np.abs(y) > limit)).sum())

    def draw(figure: Figure, theme: Theme) -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(4, 1.2), height_ratios=(1.2, 4))
        axes = figure.add_subplot(grid[1, 0])
        top, side = figure.add_subplot(grid[0, 0], sharex=axes), figure.add_subplot(grid[1, 1], sharey=axes)
        if len(x) > MOST_DOTS:
            window = (-limit, limit, -limit, limit)
            cells = axes.hexbin(x, y, gridsize=60, extent=window, mincnt=1, cmap="cividis", norm=LogNorm())
            figure.colorbar(cells, ax=side, label="matches", location="right", fraction=0.3)
        else:
            axes.plot(x, y, "o", color=theme.main, alpha=0.5, markersize=3.5, markeredgewidth=0)
        axes.axhline(0, color=theme.ink, linewidth=0.8)
        axes.axvline(0, color=theme.ink, linewidth=0.8)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel=f"{x_name} (arcsec)", ylabel=f"{y_name} (arcsec)")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        bins = np.linspace(-limit, limit, 61).tolist()
        top.hist(x, bins=bins, color=theme.main, zorder=2)
        side.hist(y, bins=bins, color=theme.main, zorder=2, orientation="horizontal")
        for line, span, (median, width) in (
            (top.axvline, top.axvspan, stats[0]),
            (side.axhline, side.axhspan, stats[1]),
        ):
            line(median, color=theme.second, linewidth=1.5, zorder=3)
            span(median - width, median + width, color=theme.second, alpha=0.3, linewidth=0, zorder=1)
        top.tick_params(labelbottom=False)
        side.tick_params(labelleft=False, axis="x", labelrotation=90)
        top.set_title(f"{x_name}: {texts[0]}\n{y_name}: {texts[1]}", fontsize=11.5, loc="left")

    far = f" {outside:,} are further out than the figure." if outside else ""
    return Picture(
        name,
        title,
        f"Residuals of {len(x):,} matches with their histograms. {x_name}: {texts[0]}; {y_name}: {texts[1]}.",
        "Source minus prediction. The width is the median absolute deviation over 0.6745, which is sigma where the "
        f"residuals are normal; line and band in the histograms are median and width.{far}",
        draw,
        (6.4, 6.2),
    )


def completeness(data: ReportData) -> Picture | None:
    """Share of the expected objects that were seen, against predicted magnitude."""
    expected = data.expected
    known = np.isfinite(expected["magnitudeBin"])
    if not known.any():
        return None
    edges, place = np.unique(expected["magnitudeBin"][known], return_inverse=True)
    n, seen = (np.bincount(place, expected[name][known]) for name in ("n", "seen"))
    share, low, high = fractions(seen, n)
    middle = edges + MAGNITUDE_BIN / 2
    unknown = int(expected["n"][~known].sum())

    def draw(figure: Figure, theme: Theme) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.6))
        upper.errorbar(middle, share, [share - low, high - share], fmt="o", color=theme.main, markersize=5, capsize=2)
        upper.set(ylim=(-0.04, 1.04), ylabel="completeness")
        lower.bar(middle, n, width=MAGNITUDE_BIN, color=theme.wash, label="expected")
        lower.bar(middle, seen, width=0.5 * MAGNITUDE_BIN, color=theme.main, label="seen")
        lower.set(xlabel="predicted V magnitude", ylabel="objects")
        lower.legend(loc="upper left", fontsize=11)

    without = f" {unknown:,} expected objects without a predicted magnitude are left out." if unknown else ""
    return Picture(
        "completeness",
        "Completeness against predicted magnitude",
        f"Share of expected objects seen, from magnitude {edges[0]:.2f} to {edges[-1] + MAGNITUDE_BIN:.2f}: "
        f"{int(seen.sum()):,} of {int(n.sum()):,} seen.",
        f"Bins of {MAGNITUDE_BIN} mag; errors are binomial (68 % interval of Wilson). Expected is a known object "
        f"that is predicted on a detector, or in the field where there are no outlines.{without}",
        draw,
        (6.4, 5.0),
    )


def candidates(data: ReportData) -> Picture | None:
    """How many sources could be an expected object."""
    expected = data.expected
    if not len(expected["n"]):
        return None
    counts = np.bincount(expected["nCandidates"].astype(int), expected["n"], minlength=MANY_CANDIDATES + 1)
    labels = [*map(str, range(MANY_CANDIDATES)), f"{MANY_CANDIDATES}+"]

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        bars = axes.bar(labels, counts, color=theme.main)
        axes.bar_label(bars, [f"{int(count):,}" for count in counts], color=theme.ink, fontsize=11, padding=2)
        axes.set_yscale("symlog", linthresh=1)
        axes.set(ylim=(0, 4 * max(counts.max(), 1)), xlabel="candidates of an expected object", ylabel="objects")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(False, axis="x")

    told = ", ".join(f"{label}: {int(count):,}" for label, count in zip(labels, counts, strict=True))
    return Picture(
        "candidates",
        "Candidates per object",
        f"Number of expected objects by number of candidates. {told}.",
        "Sources within the search radius of an expected object. 0: not seen; above 1: the association had a choice.",
        draw,
        (6.4, 3.6),
    )


def detectors(data: ReportData) -> Picture | None:
    """Median residual and completeness of every detector, on the focal plane; None where there are no outlines."""
    plane = data.camera
    if plane is None:
        return None
    highest = int(plane.detectors.max()) + 1
    offsets = _of_camera(data, plane)
    ours = data.expected["instrument"] == plane.instrument
    n, seen = (
        _by_detector(data.expected["detector"][ours], data.expected[key][ours], highest) for key in ("n", "seen")
    )
    share, _, _ = fractions(seen, n)
    panels = (("median |residual| (arcsec)", offsets[plane.detectors]), ("completeness", share[plane.detectors]))
    polygons, centres = _in_plane(plane)

    def draw(figure: Figure, theme: Theme) -> None:
        for axes, (label, values) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            colours = mpl.colormaps["cividis"].with_extremes(bad=theme.faint)
            cells = PolyCollection(polygons, cmap=colours, edgecolors=theme.background, linewidths=0.5)
            cells.set_array(np.ma.masked_invalid(values))
            axes.add_collection(cells)
            axes.autoscale_view()
            axes.set(aspect="equal", xlabel="east (degrees)")
            axes.xaxis.set_inverted(True)
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.grid(False)
            if len(plane.detectors) <= _FEW_DETECTORS:
                for number, (x, y) in zip(plane.detectors, centres, strict=True):
                    box = {
                        "boxstyle": "round,pad=0.15",
                        "facecolor": theme.background,
                        "edgecolor": "none",
                        "alpha": 0.75,
                    }
                    axes.text(x, y, str(number), ha="center", va="center", fontsize=9, bbox=box)
            figure.colorbar(cells, ax=axes, label=label, location="bottom", shrink=0.9)
        figure.axes[0].set_ylabel("north (degrees)")

    camera = f" of {plane.instrument}" if plane.instrument else ""
    medians = panels[0][1]
    worst = ""
    if np.isfinite(medians).any():
        worst = (
            f" The largest median is {np.nanmax(medians):.3f}″, on detector {plane.detectors[np.nanargmax(medians)]}."
        )
    return Picture(
        "detectors",
        "Detectors in the focal plane",
        f"Map of {len(plane.detectors)} detectors{camera}, coloured by median residual and by completeness.{worst}",
        f"All visits{camera}, on the outlines of visit {plane.visit}, the most complete. Grey: nothing to tell.",
        draw,
        (6.4, 4.4),
    )


def _of_camera(data: ReportData, plane: CameraOutlines) -> Array:
    """Median length of the residuals of each detector, arcsec, of the visits of a camera."""
    visits = data.visits["visit"][data.visits["instrument"] == plane.instrument]
    ours = np.isin(data.matches["visit"], visits) & np.isfinite(data.matches["detector"])
    length = np.hypot(data.matches["ephOffsetRa"][ours], data.matches["ephOffsetDec"][ours])
    return medians_and_widths(data.matches["detector"][ours].astype(int), length, int(plane.detectors.max()) + 1)[0]


def _by_detector(detectors: Array, counts: Array, n: int) -> Array:
    kept = np.isfinite(detectors) & (detectors < n)
    return np.bincount(detectors[kept].astype(int), counts[kept], minlength=n).astype(float)


def _in_plane(plane: CameraOutlines) -> tuple[list[Array], Array]:
    """Outlines and their centres, degrees east and north of the middle of them all."""
    vertices = plane.outlines.vertices
    (ra0,), (dec0,) = positions(unit_vectors(vertices[:, 0], vertices[:, 1]).sum(axis=0)[None, :])
    flat = np.stack(tangent_offsets(ra0, dec0, vertices[:, 0], vertices[:, 1]), axis=-1) / ARCSEC_PER_DEG
    polygons = np.split(flat, plane.outlines.starts[1:-1])
    return polygons, np.array([polygon.mean(axis=0) for polygon in polygons])


def timings(data: ReportData) -> Picture | None:
    """Seconds of every stage of the association, of all runs together."""
    stages: dict[str, float] = {}
    for run in data.runs:
        for stage, told in run["timings"].items():
            if stage != "total":
                stages[stage] = stages.get(stage, 0.0) + told["seconds"]
    if not stages:
        return None
    total = sum(run["timings"].get("total", {}).get("seconds", 0.0) for run in data.runs)
    seconds = np.array(list(stages.values()))

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        bars = axes.barh(list(stages), seconds, color=theme.main)
        axes.bar_label(bars, [f"{value:.3g} s" for value in seconds], color=theme.ink, fontsize=11, padding=3)
        axes.set(xlabel="seconds", xlim=(0, 1.18 * max(seconds.max(), 1e-3)))
        axes.yaxis.set_inverted(True)
        axes.grid(False, axis="y")

    told = ", ".join(f"{stage} {value:.3g} s" for stage, value in stages.items())
    runs = "one run" if len(data.runs) == 1 else f"{len(data.runs)} runs together"
    return Picture(
        "timings",
        "Where the time went",
        f"Seconds of the stages of the association, {runs}: {told}.",
        f"The stages of {runs}, {total:.3g} s from start to end. What is done at the same time adds up in the stages, "
        "and what is between them is in none.",
        draw,
        (6.4, 3.8),
    )
