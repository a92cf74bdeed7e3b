"""Which orbits can be followed, and where their objects are at the epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.ranges import LARGEST_AU, out_of_range
from ssdb.sky.vectors import norms
from ssdb.units import LIGHT_SPEED, Array, Mask

ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time", "epoch_mjd")
"""What an orbit is made of, as mpc_orbits has it."""

_SMALLEST_APHELION_AU = 0.05
"""A tenth of what any known object has: the steps through a smaller orbit would take all the time that there is."""


def usable_states(elements: Mapping[str, Array]) -> tuple[Array, dict[str, Mask]]:
    """Heliocentric states of orbits at their epochs, and what is wrong with those that cannot be followed.

    Parameters
    ----------
    elements : mapping of str to ndarray, shape (n,)
        :data:`ELEMENTS`, in the units of mpc_orbits; NaN is unknown.

    Returns
    -------
    states : ndarray, shape (n, 6)
        ICRF axes, au and au/d; of use where nothing is wrong.
    problems : dict of str to ndarray of bool, shape (n,)
        Which orbits cannot be followed, by what is wrong with them.
    """
    values = {name: elements[name] for name in ELEMENTS}
    # e first: without it some files have no q either.
    problems = {f"{name} is unknown": np.isnan(values[name]) for name in ("e", *ELEMENTS)}
    problems |= out_of_range(mpc_orbits, values)
    with np.errstate(all="ignore"):
        q, e = values["q"], values["e"]
        aphelion = np.where(e < 1, q * (1.0 + e) / (1.0 - e), np.inf)
        problems[f"its whole orbit is within {_SMALLEST_APHELION_AU} au of the Sun"] = aphelion < _SMALLEST_APHELION_AU
        wrong = np.logical_or.reduce(list(problems.values()))
        states = np.full((len(q), 6), np.nan)
        states[~wrong] = cometary_to_cartesian(*(array[~wrong] for array in values.values()))
        here = (norms(states[:, :3]) <= LARGEST_AU) & (norms(states[:, 3:]) < LIGHT_SPEED)
    far = f"at its epoch it is beyond {LARGEST_AU:g} au, or faster than light"
    return states, problems | {far: ~wrong & ~here}
