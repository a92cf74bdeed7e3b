"""Figures of a report against magnitude: offsets, residuals, limiting magnitudes of visits."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssdb.report.data import ReportData
from ssdb.report.depth import FEWEST_SOURCES
from ssdb.report.picture import MOST_DOTS, Picture, Theme, in_bands, plain
from ssdb.report.statistics import median_and_width, medians_and_widths
from ssdb.schema.source_counts import FAINT, SIGNIFICANCE
from ssdb.units import Array

_BIN = 0.5
"""Width of the bins of medians, mag."""

_FEWEST = 5
"""Values of which a bin has a median at least."""

_WIDTHS_SHOWN = 6.0


def magnitude_offsets(data: ReportData) -> Picture | None:
    """Magnitude of the source minus that of the prediction, by band."""
    matches = data.matches
    x, y = matches["ephVmag"].astype(float), matches["mag"] - matches["ephVmag"]
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return None
    x, y = x[known], y[known]
    bands = in_bands(matches["band"][known])
    stats = {name: median_and_width(y[rows]) for name, *_, rows in bands}
    # Rounded first: there is no -0.00.
    told = [f"{name}: median {round(m, 2) + 0.0:+.2f}, width {width:.2f} mag" for name, (m, width) in stats.items()]
    low, high = _limits(y)
    outside = int(((y < low) | (y > high)).sum())

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        if len(x) > MOST_DOTS:
            _density(figure, axes, x, y, (low, high))
        for (_, colour, marker, rows), text in zip(bands, told, strict=True):
            if len(x) <= MOST_DOTS:
                axes.plot(x[rows], y[rows], marker, color=colour, alpha=0.5, markersize=3.5, markeredgewidth=0)
            middles, medians, _ = _binned(x[rows], y[rows])
            axes.plot(
                middles, medians, marker=marker, color=colour, markeredgecolor=theme.background, label=plain(text)
            )
        axes.axhline(0, color=theme.ink, linewidth=0.8)
        axes.set(ylim=(low, high), xlabel="predicted V magnitude", ylabel="source (AB) minus prediction (mag)")
        figure.legend(loc="outside upper left", fontsize=11)

    without = int((~known).sum())
    return Picture(
        "magnitudes",
        "Magnitude against prediction",
        f"Magnitude of {len(x):,} sources minus the predicted V magnitude, by band. {'; '.join(told)}.",
        "AB magnitude of psfFlux in the band of the source, minus ephVmag. Nothing is done about colours: that of the "
        "Sun and of the surface makes the medians of the bands differ from 0. Lines are medians of bins of "
        f"{_BIN} mag that have {_FEWEST} sources or more."
        + (f" {without:,} matches without a positive flux or a predicted magnitude are left out." if without else "")
        + _beyond(outside),
        draw,
        (6.4, 4.8),
    )


def residuals_by_magnitude(data: ReportData) -> Picture | None:
    """Residuals in right ascension and declination against the magnitude of the source."""
    matches = data.matches
    offsets = {"ΔRA cos Dec": matches["ephOffsetRa"], "ΔDec": matches["ephOffsetDec"]}
    known = np.isfinite(matches["mag"]) & np.isfinite(matches["ephOffsetRa"]) & np.isfinite(matches["ephOffsetDec"])
    if not known.any():
        return None
    x = matches["mag"][known]
    values = {name: offset[known].astype(float) for name, offset in offsets.items()}
    low, high = _limits(np.concatenate([*values.values()]))
    half = max(-low, high)
    outside = int(np.any([np.abs(y) > half for y in values.values()], axis=0).sum())
    middles, _, widths = _binned(x, np.concatenate([*values.values()]), repeat=2)

    def draw(figure: Figure, theme: Theme) -> None:
        panels = figure.subplots(2, 1, sharex=True)
        for axes, (name, y) in zip(panels, values.items(), strict=True):
            if len(x) > MOST_DOTS:
                _density(figure, axes, x, y, (-half, half))
            else:
                axes.plot(x, y, "o", color=theme.main, alpha=0.5, markersize=3.5, markeredgewidth=0)
            middle, median, width = _binned(x, y)
            axes.errorbar(middle, median, width, fmt="s", color=theme.second, markersize=5, capsize=3, zorder=4)
            axes.axhline(0, color=theme.ink, linewidth=0.8)
            axes.set(ylim=(-half, half), ylabel=f"{name} (arcsec)")
        panels[1].set_xlabel("AB magnitude of the source")

    told = ""
    if len(middles):
        told = (
            f" The width is {widths[0]:.3f}″ at magnitude {middles[0]:.2f} and {widths[-1]:.3f}″ at {middles[-1]:.2f}."
        )
    without = int((~known).sum())
    return Picture(
        "residuals-magnitude",
        "Residuals against magnitude",
        f"Residuals of {len(x):,} matches in right ascension and declination, by magnitude of the source.{told}",
        f"Source minus prediction. Squares are medians of bins of {_BIN} mag that have {_FEWEST} sources or more, "
        "their bars the width: the median absolute deviation over 0.6745."
        + (f" {without:,} matches without a positive flux are left out." if without else "")
        + _beyond(outside),
        draw,
        (6.4, 5.6),
    )


def depth(data: ReportData) -> Picture | None:
    """Limiting magnitudes of the visits."""
    visits = data.visits
    known = np.isfinite(visits["limit"])
    if not known.any():
        return None
    times, limits = visits["midpointMjdTai"][known], visits["limit"][known]
    bands = in_bands(visits["band"][known])
    told = [f"{name}: median {np.median(limits[rows]):.2f}" for name, *_, rows in bands]

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for (_, colour, marker, rows), text in zip(bands, told, strict=True):
            axes.plot(times[rows], limits[rows], marker, color=colour, markersize=4.5, alpha=0.8, label=plain(text))
        axes.margins(0.05, 0.1)
        axes.set(xlabel="mid-exposure (MJD TAI)", ylabel="limiting AB magnitude")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        figure.legend(loc="outside upper left", ncols=2, fontsize=11)

    without = int((~known).sum())
    return Picture(
        "depth",
        "Limiting magnitudes",
        f"Limiting magnitudes of {len(limits):,} visits, {limits.min():.2f} to {limits.max():.2f}. {'; '.join(told)}.",
        f"Where a source would have a signal-to-noise ratio of {SIGNIFICANCE}, by the errors of the visit's own "
        f"sources: 31.4 - 2.5 log10({SIGNIFICANCE} σ), σ in nJy the median psfFluxErr of those with |psfFlux| below "
        f"{FAINT} psfFluxErr."
        + (f" {without:,} visits with fewer than {FEWEST_SOURCES} such sources have none." if without else ""),
        draw,
        (6.4, 4.2),
    )


def _limits(values: Array) -> tuple[float, float]:
    """What of values is shown: some widths to both sides of the median, not more than there are."""
    median, width = median_and_width(values)
    reach = max(_WIDTHS_SHOWN * width, 1e-3)
    low, high = max(median - reach, values.min() - 0.1 * reach), min(median + reach, values.max() + 0.1 * reach)
    return min(low, -0.1 * reach), max(high, 0.1 * reach)


def _beyond(n: int) -> str:
    return f" {n:,} are further out than the figure." if n else ""


def _binned(x: Array, y: Array, repeat: int = 1) -> tuple[Array, Array, Array]:
    """Middles of bins in x, medians and widths of y in them, where there are enough; y may repeat x."""
    place = np.floor(x / _BIN).astype(np.int64)
    first = place.min()
    n = int(place.max() - first) + 1
    group = np.tile(place - first, repeat)
    medians, widths = medians_and_widths(group, y, n)
    enough = np.bincount(group, minlength=n) >= _FEWEST * repeat
    return ((np.arange(n) + first + 0.5) * _BIN)[enough], medians[enough], widths[enough]


def _density(figure: Figure, axes: Axes, x: Array, y: Array, window: tuple[float, float]) -> None:
    inside = (y >= window[0]) & (y <= window[1])
    left, right = float(x.min()), float(x.max())
    cells = axes.hexbin(
        x[inside],
        y[inside],
        gridsize=60,
        extent=(left, max(right, left + 1e-3), *window),
        mincnt=1,
        cmap="cividis",
        norm=LogNorm(),
    )
    figure.colorbar(cells, ax=axes, label="matches")
