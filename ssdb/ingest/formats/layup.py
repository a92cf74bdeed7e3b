"""What layup adds to the orbits of Sorcha's formats: whether the fit converged, and its covariance.

https://github.com/Smithsonian/layup: columns ``flag`` (0 where it did) and ``cov_0_0`` to ``cov_5_5``, of the state or
elements in the order of the format's columns, but with the angles in radians where the elements have degrees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ingest.formats.mpc_orb_json import mpc_orb_of
from ssdb.ingest.formats.translating import numbers
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.units import Array, Mask

IDENTIFIER = "provID"
"""The column of names, where Sorcha has ObjID."""
COVARIANCE = tuple(f"cov_{row}_{column}" for row in range(6) for column in range(6))
FLAG = "flag"

_KINDS = {"COM": "COM", "CART": "CAR", "BCART": "CAR", "CART_EQ": "CAR", "BCART_EQ": "CAR"}
"""Formats of which the covariance is that of a heliocentric state, or of heliocentric elements."""
_STATE = ("x", "y", "z", "vx", "vy", "vz")
_ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time")
_IN_DEGREES = np.array([1.0, 1.0, 180.0 / np.pi, 180.0 / np.pi, 180.0 / np.pi, 1.0])


def failed(table: pa.Table) -> Mask:
    """Which rows, shape (n,), say of themselves that their fit failed."""
    flag = numbers(table, FLAG)
    return np.isfinite(flag) & (flag != 0)


def covariances(
    table: pa.Table, formats: np.ndarray, elements: Mapping[str, Array], epoch: Array
) -> tuple[pa.Array, Mask]:
    """The covariances of rows, as JSON of the Minor Planet Center's kind, and which rows have one that is not used.

    ``formats`` (n,) are those of the rows, ``elements`` what they are as heliocentric cometary elements (au, deg, MJD)
    at the epoch, NaN where a row is unusable. NULL where there is no covariance.
    """
    matrices = np.stack([numbers(table, name) for name in COVARIANCE], axis=1).reshape(-1, 6, 6)
    values = np.stack([elements[name] for name in _ELEMENTS], axis=1)
    given = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(values).all(axis=1) & matrices.any(axis=(1, 2))
    kinds = np.array([_KINDS.get(format_, "") for format_ in formats], object)
    states = np.full((len(values), 6), np.nan)
    used = np.flatnonzero(given & (kinds != ""))
    to_ecliptic = np.kron(np.eye(2), mean_ecliptic_rotation())
    q, e, i, node, argperi, peri_time = values[used].T
    states[used] = cometary_to_cartesian(q, e, i, node, argperi, peri_time, epoch[used]) @ to_ecliptic.T
    texts: list[str | None] = [None] * len(values)
    for row in used.tolist():
        if kinds[row] == "COM":
            matrix = matrices[row] * np.outer(_IN_DEGREES, _IN_DEGREES)
            texts[row] = mpc_orb_of("COM", _ELEMENTS, values[row].tolist(), matrix, float(epoch[row]))
            continue
        rotation = to_ecliptic if formats[row].endswith("_EQ") else np.eye(6)
        matrix = rotation @ matrices[row] @ rotation.T
        texts[row] = mpc_orb_of("CAR", _STATE, states[row].tolist(), matrix, float(epoch[row]))
    return pa.array(texts, pa.string()), given & (kinds == "")
