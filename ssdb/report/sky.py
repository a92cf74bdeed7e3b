"""Where visits and matches are on the sky."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ssdb.report.data import ReportData
from ssdb.report.pictures import Picture, Theme, band_names, band_style, plain
from ssdb.report.statistics import Array
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.sky.sphere import moved, positions, smallest_cap, tangent_offsets, unit_vectors

_ALL_SKY_RADIUS = 30.0
"""Fields further than so many degrees from their centre are shown on a map of the whole sky."""

_MOST_POINTS = 20_000

Projection = Callable[[ArrayLike, ArrayLike], tuple[Array, Array]]
"""ICRS positions in degrees to places on the axes; NaN where they are not on the map."""


def sky_map(data: ReportData) -> Picture | None:
    """The visits as circles, the matches as points; None where no position is known."""
    ra, dec = visit_centres(data)
    known = np.isfinite(ra)
    if not known.any():
        return None
    bands = np.array(band_names(data.visits["band"]), dtype=object)[known]
    radius = data.visits["radius"].astype(float)[known]
    ra, dec, matches = ra[known], dec[known], data.matches
    centre, extent = smallest_cap(ra, dec)
    extent += np.nanmax(radius) if np.isfinite(radius).any() else 1.0
    points = np.arange(len(matches["ephRa"]))
    if len(points) > _MOST_POINTS:
        points = np.random.default_rng(0).choice(points, _MOST_POINTS, replace=False)
    (ra0,), (dec0,) = positions(centre[None, :])
    all_sky = extent > _ALL_SKY_RADIUS

    def draw(figure: Figure, theme: Theme) -> None:
        axes, project = _whole_sky(figure) if all_sky else _tangent_plane(figure, ra0, dec0, extent)
        x, y = project(*_ecliptic())
        (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        crosses = ((x > left) & (x < right) & (y > bottom) & (y < top)).any()
        axes.plot(x, y, color=theme.ink, linewidth=1, linestyle="--", label="ecliptic" if crosses else None)
        x, y = project(matches["ephRa"][points], matches["ephDec"][points])
        axes.scatter(x, y, 2, color=theme.ink, alpha=0.5, linewidths=0)
        axes.scatter([], [], 16, color=theme.ink, marker=".", label="matches")
        names = sorted(set(bands.tolist()))
        for band in names:
            colour, marker = band_style(band, names)
            rows = bands == band
            if not all_sky:
                circled = rows & np.isfinite(radius)
                lines = _circles(project, ra[circled], dec[circled], radius[circled])
                axes.add_collection(LineCollection(lines, color=colour, linewidth=0.8, alpha=0.8))
            label = f"visits in {plain(band)}: {rows.sum():,}"
            x, y = project(ra[rows], dec[rows])
            axes.scatter(x, y, 16 if all_sky else 36, color=colour, marker=marker, label=label)
        figure.legend(loc="outside lower center", ncols=2, fontsize=11)

    where = "all over the sky" if all_sky else f"within {extent:.2g}° of RA {ra0:.2f}°, Dec {dec0:+.2f}°"
    sampled = "" if len(points) == len(matches["ephRa"]) else f" Of the matches {len(points):,} by chance are drawn."
    circles = (
        "A dot is a match." if all_sky else "A dot is a match, a circle the field of a visit where its radius is known."
    )
    return Picture(
        "sky",
        "Visits and matches on the sky",
        f"Map of {len(ra):,} visits and {len(matches['ephRa']):,} matches, {where}.",
        f"East is left. {circles}{sampled}",
        draw,
        (6.4, 4.4) if all_sky else (6.4, 6.4),
    )


def visit_centres(data: ReportData) -> tuple[Array, Array]:
    """Centres of the visits, ICRS degrees: the boresight, else the mean of the matches' positions; NaN: unknown."""
    visits, matches = data.visits, data.matches
    ra, dec = visits["ra"].astype(float), visits["dec"].astype(float)
    order = np.argsort(visits["visit"])
    rows = order[np.searchsorted(visits["visit"], matches["visit"], sorter=order)]
    sums = np.zeros((len(ra), 3))
    np.add.at(sums, rows, unit_vectors(matches["ephRa"], matches["ephDec"]))
    taken = ~(np.isfinite(ra) & np.isfinite(dec)) & (np.linalg.norm(sums, axis=1) > 0)
    ra[taken], dec[taken] = positions(sums[taken])
    return ra, dec


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
        return -east / 3600, north / 3600

    return axes, project


def _whole_sky(figure: Figure) -> tuple[Axes, Projection]:
    axes = figure.add_subplot(projection="mollweide")
    axes.set_xticks(np.radians(np.arange(-120, 121, 60)), ["120°", "60°", "0°", "300°", "240°"])
    axes.tick_params(labelsize=10)

    def project(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
        x = -np.radians((np.asarray(ra, dtype=float) + 180) % 360 - 180)
        y = np.radians(np.asarray(dec, dtype=float))
        # A line that leaves the map on one side and comes back on the other is two.
        torn = np.abs(np.diff(x, axis=-1, append=x[..., -1:])) > np.pi
        return np.where(torn, np.nan, x), y

    return axes, project


def _ecliptic() -> tuple[Array, Array]:
    longitude = np.radians(np.linspace(0, 360, 721))
    return positions(
        np.stack([np.cos(longitude), np.sin(longitude), 0 * longitude], axis=-1) @ mean_ecliptic_rotation()
    )


def _circles(project: Projection, ra: Array, dec: Array, radius: Array) -> list[Array]:
    """Circles of a radius in degrees, each of shape (73, 2)."""
    angle = np.linspace(0, 2 * np.pi, 73)
    across, up = radius[:, None] * np.sin(angle), radius[:, None] * np.cos(angle)
    return list(np.stack(project(*moved(ra[:, None], dec[:, None], across, up, 1.0)), axis=-1))
