"""Draws the light curve and the phase curve of an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssdb.report.objects import ObservedObject
from ssdb.report.picture import Picture, Theme, in_bands, plain
from ssdb.summary.phase_curves import magnitudes


def light_curve(one: ObservedObject) -> Picture | None:
    """Magnitudes against time."""
    seen = one.observations
    negative = int((~np.isfinite(seen["mag"])).sum())
    left_out = f" {negative:,} sources without a positive flux have no magnitude." if negative else ""
    caption = f"All that is stored, with errors of 1 sigma.{left_out}"
    return _curve(one, "light", "midpointMjdTai", "mag", "mid-exposure (MJD TAI)", "AB magnitude", caption)


def phase_curve(one: ObservedObject) -> Picture | None:
    """Reduced magnitudes against phase angle."""
    caption = "Magnitude at 1 au from the Sun and from the observer."
    if one.fits:
        # As of the last ssdb summarize, which may be before the last observation.
        caption += f" Lines are the fits of ssdb summarize: {'; '.join(map(_told, one.fits))}."
    return _curve(
        one,
        "phase",
        "phaseAngle",
        "reducedMag",
        "phase angle (degrees)",
        "reduced AB magnitude",
        caption,
        fits=one.fits,
    )


def _told(fit: Mapping[str, Any]) -> str:
    """A fit in words: ``H_r = 18.02 +- 0.03, G12 = 0.41 +- 0.05 (HG12, 31 of 32 observations)``."""
    slope = "set" if fit["G12Err"] is None else f"± {fit['G12Err']:.2f}"
    return (
        f"H_{fit['band']} = {fit['fitH']:.2f} ± {fit['fitHErr']:.2f}, G12 = {fit['G12']:.2f} {slope} "
        f"({fit['model']}, {fit['nObsUsed']} of {fit['nObs']} observations)"
    )


def _curve(
    one: ObservedObject,
    kind: str,
    x: str,
    y: str,
    x_label: str,
    y_label: str,
    caption: str,
    fits: Sequence[Mapping[str, Any]] = (),
) -> Picture | None:
    seen, title = one.observations, f"{kind.capitalize()} curve of {one.title}"
    known = np.isfinite(seen[x]) & np.isfinite(seen[y])
    if not known.any():
        return None
    across, up, error = seen[x][known], seen[y][known], np.nan_to_num(seen["magErr"][known])
    bands = in_bands(seen["band"][known])

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for name, colour, marker, rows in bands:
            container = axes.errorbar(
                across[rows], up[rows], error[rows], fmt=marker, color=colour, ecolor=theme.ink, elinewidth=0.8
            )
            container.set_label(plain(name))
            for fit in (fit for fit in fits if name[-1:].lower() == fit["band"]):
                angles = np.linspace(max(across.min() - 1.0, 0.0), across.max() + 1.0, 200)
                drawn = fit["fitH"] + magnitudes(fit["model"], angles, fit["G12"])
                axes.plot(angles, drawn, color=colour, linewidth=1.0)
        axes.yaxis.set_inverted(True)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.set_title(plain(one.title), fontsize=12, loc="left", wrap=True)
        axes.margins(0.08)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        figure.legend(loc="outside upper right", ncols=6, title="band", fontsize=11, title_fontsize=11)

    alt = (
        f"{title}: {known.sum():,} points, {x_label} {across.min():.6g} to {across.max():.6g}, "
        f"{y_label} {up.min():.2f} to {up.max():.2f}."
    )
    return Picture(f"{kind}-{one.file_name}", title, alt, caption, draw)
