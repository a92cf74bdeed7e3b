"""The map of a report: where visits and matches are on the sky."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ssdb.report.data import ReportData
from ssdb.report.picture import Picture, Theme, in_bands, plain
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.sky.sphere import moved, positions, smallest_cap, tangent_offsets
from ssdb.units import ARCSEC_PER_DEG, Array

_ALL_SKY_RADIUS = 30.0
"""Fields further than so many degrees from their centre are shown on a map of the whole sky."""

_MOST_POINTS = 20_000
_MANY_VISITS = 500
"""More have smaller dots and circles of fewer corners."""

_MOST_CIRCLES = 2_000
"""More would be one blot, and take a millisecond each."""

Projection = Callable[[ArrayLike, ArrayLike], tuple[Array, Array]]
"""ICRS positions in degrees to places on the axes; NaN where they are not on the map."""


def sky_map(data: ReportData) -> Picture | None:
    """The visits as circles, the matches as points; None where no position is known."""
    ra, dec = data.visits["centreRa"], data.visits["centreDec"]
    known = np.isfinite(ra)
    if not known.any():
        return None
    bands = in_bands(data.visits["band"][known])
    radius = data.visits["radius"].astype(float)[known]
    ra, dec, matches = ra[known], dec[known], data.matches
    centre, extent = smallest_cap(ra, dec)
    extent += np.nanmax(radius) if np.isfinite(radius).any() else 1.0
    points = np.arange(len(matches["ephRa"]))
    if len(points) > _MOST_POINTS:
        points = np.random.default_rng(0).choice(points, _MOST_POINTS, replace=False)
    (ra0,), (dec0,) = positions(centre[None, :])
    all_sky = extent > _ALL_SKY_RADIUS
    circled = np.isfinite(radius) & (len(ra) <= _MOST_CIRCLES)

    def draw(figure: Figure, theme: Theme) -> None:
        axes, project = _whole_sky(figure, opposite(ra)) if all_sky else _tangent_plane(figure, ra0, dec0, extent)
        # A line that leaves a map of the whole sky on one side and comes back on the other is two.
        widest = np.pi if all_sky else np.inf
        x, y = _lines(project, *_ecliptic(), widest)
        (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        crosses = ((x > left) & (x < right) & (y > bottom) & (y < top)).any()
        axes.plot(x, y, color=theme.ink, linewidth=1, linestyle="--", label="ecliptic" if crosses else None)
        x, y = project(matches["ephRa"][points], matches["ephDec"][points])
        axes.scatter(x, y, 2, color=theme.ink, alpha=0.5, linewidths=0)
        axes.scatter([], [], 16, color=theme.ink, marker=".", label="matches")
        size = 6 if len(ra) > _MANY_VISITS else 16 if all_sky else 36
        for name, colour, marker, rows in bands:
            outlined = rows & circled
            x, y = _lines(project, *_circles(ra[outlined], dec[outlined], radius[outlined]), widest)
            axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.8)
            label = f"visits in {plain(name)}: {rows.sum():,}"
            axes.scatter(*project(ra[rows], dec[rows]), size, color=colour, marker=marker, label=label)
        figure.legend(loc="outside lower center", ncols=2, fontsize=11)

    where = "all over the sky" if all_sky else f"within {extent:.2g}° of RA {ra0:.2f}°, Dec {dec0:+.2f}°"
    drawn = f"All {len(ra):,} visits are drawn."
    if not known.all():
        drawn = (
            f"Of {len(known):,} visits {len(ra):,} are drawn: where the others are neither a boresight nor an outline, "
            "a source or a prediction says."
        )
    fields = " A circle is the field of a visit, where its radius is known." if circled.any() else ""
    sampled = "" if len(points) == len(matches["ephRa"]) else f" Of the matches {len(points):,} by chance are drawn."
    return Picture(
        "sky",
        "Visits and matches on the sky",
        f"Map of {len(ra):,} of {len(known):,} visits and {len(matches['ephRa']):,} matches, {where}.",
        f"East is left. A dot is a match.{fields} {drawn}{sampled}",
        draw,
        (6.4, 4.4) if all_sky else (6.4, 6.4),
    )


def opposite(ra: Array) -> float:
    """The right ascension opposite the largest gap between others, degrees: a map around it tears none apart."""
    ordered = np.unique(np.asarray(ra, dtype=float) % 360)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    widest = int(gaps.argmax())
    return float((ordered[widest] + gaps[widest] / 2 + 180) % 360)


def _tangent_plane(figure: Figure, ra0: float, dec0: float, extent: float) -> tuple[Axes, Projection]:
    """Axes on which the sky is projected from its centre, so many degrees to each side."""
    from astropy.wcs import WCS

    half = np.degrees(np.tan(np.radians(1.05 * extent)))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra0, dec0]
    wcs.wcs.crpix = [1.0, 1.0]
    wcs.wcs.cdelt = [-1.0, 1.0]
    axes = figure.add_subplot(projection=wcs)
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    axes.coords[0].set_major_formatter("d.d" if extent > 1 else "d.dd")
    axes.coords[1].set_major_formatter("d.d" if extent > 1 else "d.dd")
    axes.set_xlabel("right ascension (ICRS)")
    axes.set_ylabel("declination (ICRS)")

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
        east, north = tangent_offsets(ra0, dec0, ra, dec)
        return -east / ARCSEC_PER_DEG, north / ARCSEC_PER_DEG

    return axes, project


def _whole_sky(figure: Figure, ra0: float) -> tuple[Axes, Projection]:
    """Axes for the whole sky, with a right ascension in the middle."""
    axes = figure.add_subplot(projection="mollweide")

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
        x = -np.radians((np.asarray(ra, dtype=float) - ra0 + 180) % 360 - 180)
        return x, np.radians(np.asarray(dec, dtype=float))

    longitudes = np.arange(0, 360, 60)
    places = project(longitudes, 0.0)[0]
    inside = np.abs(places) < np.radians(165)  # beside the edge is the scale of declinations
    axes.set_xticks(places[inside], [f"{longitude}°" for longitude in longitudes[inside]])
    axes.tick_params(labelsize=10)
    return axes, project


def _lines(project: Projection, ra: Array, dec: Array, widest: float) -> tuple[Array, Array]:
    """Lines of shape (n, points) as arrays with NaN between, which are drawn as one; torn where a step is wider."""
    x, y = project(ra, dec)
    torn = np.abs(np.diff(x, axis=-1, append=0.0)) > widest
    torn[..., -1] = True
    places = np.flatnonzero(torn) + 1
    return np.insert(x.ravel(), places, np.nan), np.insert(y.ravel(), places, np.nan)


def _ecliptic() -> tuple[Array, Array]:
    longitude = np.radians(np.linspace(0, 360, 721))
    return positions(
        np.stack([np.cos(longitude), np.sin(longitude), 0 * longitude], axis=-1) @ mean_ecliptic_rotation()
    )


def _circles(ra: Array, dec: Array, radius: Array) -> tuple[Array, Array]:
    """Circles of a radius in degrees, as lines of shape (n, points)."""
    angle = np.linspace(0, 2 * np.pi, 25 if len(ra) > _MANY_VISITS else 73)
    across, up = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    return moved(ra[:, None], dec[:, None], across, up, 1.0)
