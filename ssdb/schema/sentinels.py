"""Numbers by which files say "unknown": the one table of them, which docs/formats.md shows.

Only what no real value can be is here. (H = -1.25 is that of Eris.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.units import Array, Mask

ORBITS = "orbits"


@dataclass(frozen=True, slots=True)
class Sentinel:
    """What stands for "unknown" in some columns."""

    format: str
    """Which files have it: ``"any"``, or :data:`ORBITS`, those of orbits whatever their format."""
    columns: tuple[str, ...]
    """Of the data model; empty: all of floating-point numbers."""
    source: str
    """Who writes it."""
    values: tuple[float, ...] = ()
    up_to: float | None = None
    """The largest value, where all smaller ones stand for the same."""

    def means(self) -> str:
        """What stands for "unknown", in words."""
        if self.up_to is None:
            return ", ".join(f"{value:g}" for value in self.values)
        return f"{self.up_to:g} and less"

    def found(self, numbers: Array) -> Mask:
        """Which numbers, shape (n,), stand for "unknown"."""
        if self.up_to is not None:
            return numbers <= self.up_to
        # In single precision, which many files have, 99.99 is another number than in double precision.
        return np.isin(numbers, [*self.values, *np.array(self.values, np.float32)])


SENTINELS = (
    Sentinel("any", (), "a habit of many pipelines", values=(-999.0, -9999.0)),
    Sentinel(
        ORBITS,
        ("h",),
        "99: JPL's ELEMENTS.UNNUM; 0: Rubin's alerts; the others: files with columns of fixed width",
        values=(0.0, 99.0, 99.9, 99.99, 99.999, -9.9, -9.99, -99.0, -99.9, -99.99),
    ),
    Sentinel(ORBITS, ("g",), "as for h", values=(9.99, 99.0, 99.9, 99.99, -9.9, -9.99, -99.0, -99.9, -99.99)),
    Sentinel(ORBITS, ("a", "period", "mean_motion"), "mpc_orbits and Rubin's alerts", up_to=0.0),
    Sentinel(ORBITS, ("earth_moid",), "Rubin's alerts", up_to=0.0),
    Sentinel(ORBITS, ("arc_length_total", "arc_length_sel"), "mpc_orbits and Rubin's alerts", up_to=0.0),
    Sentinel(ORBITS, ("nobs_total", "nobs_total_sel", "nopp"), "Rubin's alerts", up_to=0.0),
    Sentinel(ORBITS, ("not_normalized_rms", "normalized_rms"), "mpc_orbits (mpc_orb 0.7: def = 0)", up_to=0.0),
    Sentinel(ORBITS, ("orbit_type_int", "u_param"), "Rubin's alerts", up_to=-1.0),
    Sentinel(ORBITS, ("yarkovsky", "srp", "a1", "a2", "a3", "dt"), "Rubin's alerts", values=(0.0,)),
)
"""In the order of the documentation. Errors (``*_unc`` of orbits, ``*Err``) are unknown where they are not above 0."""

UNKNOWN_TEXTS = pa.array(["", "nan", "NaN", "NAN", "null", "NULL", "None", r"\N", "<NA>", "--", "N/A", "n/a"])
"""Texts that stand for no value in columns of any kind: of PostgreSQL and MySQL, Python, pandas and astropy."""

_ANYWHERE = SENTINELS[0].values

_NO_MAGNITUDES = np.array([98.999, 99.0, 99.9, 99.99, 99.999, 99.9999, 999.0, 999.9, 999.99, 9999.0], np.float32)
"""Magnitudes that stand for "unknown", as do their opposites: SExtractor's 99, DAOPHOT's 98.999 and 99.999."""


def without_sentinels(rows: pa.Table, format: str) -> pa.Table:
    """Rows of the data model with NULL for what stands for "unknown" in files of a format of :data:`SENTINELS`."""
    for sentinel in SENTINELS:
        if sentinel.format == format:
            for name in sentinel.columns:
                rows = _without(rows, name, sentinel)
    if format == ORBITS:
        for name in [name for name in rows.column_names if name.endswith("_unc")]:
            rows = _without(rows, name, _NO_ERROR)
    return rows


_NO_ERROR = Sentinel(ORBITS, (), "", up_to=0.0)


def _without(rows: pa.Table, name: str, sentinel: Sentinel) -> pa.Table:
    index = rows.schema.get_field_index(name)
    if index < 0:
        return rows
    column = rows.column(index)
    found = sentinel.found(column.cast(pa.float64()).to_numpy())  # NULL is NaN, which is no sentinel
    if not found.any():
        return rows
    known = pc.if_else(pa.array(found), pa.scalar(None, column.type), column)
    return rows.set_column(index, rows.schema.field(index), known)


def known_texts(values: pa.Array) -> pa.Array:
    """Text without the blanks around it, null where nothing is left, or a word that stands for no value."""
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, UNKNOWN_TEXTS), pa.scalar(None, values.type), trimmed)


def is_unknown(values: np.ndarray) -> np.ndarray:
    """Where floating-point numbers stand for "unknown": NaN, infinities, -999 and -9999 exactly."""
    unknown = ~np.isfinite(values)
    for sentinel in _ANYWHERE:
        unknown |= values == sentinel
    return unknown


def is_unknown_magnitude(values: np.ndarray) -> np.ndarray:
    """Where magnitudes, or their errors, stand for "unknown": as other numbers, and 99, -99, 99.99 and the like."""
    with np.errstate(over="ignore"):
        return is_unknown(values) | np.isin(np.abs(values).astype(np.float32), _NO_MAGNITUDES)
