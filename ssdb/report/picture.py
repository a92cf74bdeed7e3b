"""Figures as PNG, in a light theme for paper and in a dark theme for dark screens."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

DOTS_PER_INCH = 150
MOST_DOTS = 3_000
"""More are shown as a density."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure; those of data are Okabe's and Ito's, which colour-blind readers can tell apart."""

    background: str
    ink: str
    faint: str
    main: str
    second: str
    wash: str


LIGHT = Theme(background="#ffffff", ink="#1b1f24", faint="#c9ced6", main="#0072b2", second="#d55e00", wash="#9cc9e3")
DARK = Theme(background="#1c2128", ink="#e3e7ec", faint="#4a525d", main="#56b4e9", second="#e69f00", wash="#2f5f7d")

_BAND_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_BAND_MARKERS = ("o", "s", "^", "D", "v", "P")
_KNOWN_BANDS = ("u", "g", "r", "i", "z", "y")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of the report."""

    name: str
    """Of its file, without ``.png``."""
    title: str
    alt: str
    """A description for those who cannot see it."""
    caption: str
    """What one must know to read it."""
    draw: Callable[[Figure, Theme], None]
    size: tuple[float, float] = (6.4, 4.2)
    """Width and height, inches."""

    def render(self, theme: Theme) -> bytes:
        """The figure as PNG."""
        with mpl.rc_context(_settings(theme)):
            figure = Figure(figsize=self.size, dpi=DOTS_PER_INCH, layout="constrained")
            self.draw(figure, theme)
            buffer = io.BytesIO()
            FigureCanvasAgg(figure).print_png(buffer)  # savefig would draw twice: for the layout, and again
        return buffer.getvalue()


def _settings(theme: Theme) -> dict[Any, Any]:
    inked = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color", "legend.labelcolor")
    return {
        **dict.fromkeys(inked, theme.ink),
        **dict.fromkeys(("figure.facecolor", "savefig.facecolor", "axes.facecolor"), theme.background),
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "axes.grid": True,
        "axes.axisbelow": True,
        "font.size": 12,
        "legend.frameon": False,
        "axes.formatter.useoffset": False,
    }


def plain(text: str) -> str:
    """Text from the database for a figure, which would take text between dollars as a formula."""
    return text.replace("$", r"\$")


class Band(NamedTuple):
    """A band of a figure: its name, how it is drawn, and which values are of it, a mask of shape (n,)."""

    name: str
    colour: str
    marker: str
    rows: NDArray[np.bool_]


def in_bands(bands: Iterable[str | None]) -> list[Band]:
    """The bands of n values: u, g, r, i, z, y, which always look the same, then others by their names."""
    of_values = np.array(["no band" if band is None else band for band in bands], dtype=object)
    names = set(of_values.tolist())
    others = sorted(names.difference(_KNOWN_BANDS))
    free = [place for place, known in enumerate(_KNOWN_BANDS) if known not in names] or range(len(_KNOWN_BANDS))
    places = {name: place for place, name in enumerate(_KNOWN_BANDS) if name in names}
    places |= {name: free[number % len(free)] for number, name in enumerate(others)}
    return [Band(name, _BAND_COLOURS[place], _BAND_MARKERS[place], of_values == name) for name, place in places.items()]
