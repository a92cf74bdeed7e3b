"""Lengths and angles in pixels of Rubin's tables as those on the sky, by the local WCS of each source."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ssdb.rubin.task.given import Given, with_values
from ssdb.units import ARCSEC_PER_DEG

_MATRIX = tuple(f"base_LocalWcs_CDMatrix_{row}_{column}" for row in (1, 2) for column in (1, 2))
"""Radians a pixel: east of x and of y, then north of them."""

_LENGTHS = {
    "trailLength": ("ext_trailedSources_Naive_length", 1),
    "trailLengthErr": ("ext_trailedSources_Naive_lengthErr", 1),
    "dipoleLength": ("ip_diffim_DipoleFit_separation", 1),
    **{f"i{axes}": (f"slot_Shape_{axes}", 2) for axes in ("xx", "yy", "xy")},
    **{f"i{axes}PSF": (f"slot_PsfShape_{axes}", 2) for axes in ("xx", "yy", "xy")},
}
"""Names of lengths in pixels, and of moments in squared pixels, by column of DiaSource; the power of the pixel."""

_ANGLES = {"trailAngle": "ext_trailedSources_Naive_angle", "dipoleAngle": "ip_diffim_DipoleFit_orientation"}
"""Names of angles from x to y, radians."""


def with_local(given: Given, rows: pa.Table) -> pa.Table:
    """Rows of DiaSource with the lengths, moments and position angles that the table has only in pixels.

    Without the matrix of the WCS in the table's columns, nothing is added.
    """
    there = set(given.names)
    missing = {column for column in (*_LENGTHS, *_ANGLES) if column not in rows.schema.names}
    lengths = {column: of for column, of in _LENGTHS.items() if column in missing and of[0] in there}
    angles = {column: name for column, name in _ANGLES.items() if column in missing and name in there}
    if not there.issuperset(_MATRIX) or not (lengths or angles):
        return rows
    read = given.read([*_MATRIX, *(name for name, _ in lengths.values()), *angles.values()])
    values = {name: read.column(name).cast(pa.float64()).to_numpy() for name in read.schema.names}
    if not values.keys() >= {*_MATRIX}:
        return rows
    east_x, east_y, north_x, north_y = (values[name] for name in _MATRIX)
    scale = np.degrees(np.sqrt(np.abs(east_x * north_y - east_y * north_x))) * ARCSEC_PER_DEG
    for column, (name, power) in lengths.items():
        if name in values:
            unit = "arcsec" if power == 1 else "arcsec2"
            rows = with_values(rows, column, values[name] * scale**power, unit)
    for column, name in angles.items():
        if name in values:
            x, y = np.cos(values[name]), np.sin(values[name])
            angle = np.arctan2(x * east_x + y * east_y, x * north_x + y * north_y)
            rows = with_values(rows, column, np.degrees(angle), "deg")
    return rows
