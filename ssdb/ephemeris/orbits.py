"""Orbits: what the engine starts from, and which of them can be followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.ephemeris.constants import SUNLIGHT
from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ephemeris.nongravitational import PARAMETERS
from ssdb.ephemeris.timescales import tdb_of_tt
from ssdb.errors import InputError, shown
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.ranges import LARGEST_AU, out_of_range
from ssdb.sky.sphere import norms
from ssdb.units import LIGHT_SPEED, Array, Mask

ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time", "epoch_mjd")
"""What an orbit is made of, as mpc_orbits has it: times are MJD TT."""

NONGRAVITATIONAL_UNITS = {"a1": 1e-10, "a2": 1e-10, "a3": 1e-10, "dt": 1.0, "yarkovsky": 1e-10, "srp": SUNLIGHT}
"""Columns of mpc_orbits, in the order of :data:`PARAMETERS`, and what one of their units is of the parameters': the MPC
documents 1e-10 au/d^2, days, and m^2/ton."""

_AT_ONCE = 8192
"""Orbits whose states are computed at once: their arrays stay in a processor's cache."""

_SMALLEST_APHELION_AU = 0.05
"""A tenth of what any known object has: the steps through a smaller orbit would take all the time that there is."""


@dataclass(frozen=True, eq=False)
class Orbits:
    """The state of every object at its epoch, and its brightness; n of them.

    InputError if an epoch or a state is not finite, or the arrays have not the same length.
    """

    ids: NDArray[Any]
    """What the objects are called; only in messages."""
    epoch_mjd: Array
    """MJD TDB."""
    states: Array
    """(n, 6): heliocentric positions (au) and velocities (au/d) at the epoch, ICRF axes."""
    H: Array
    G: Array
    """Absolute magnitude in V and slope parameter; NaN where unknown."""
    nongrav: Array = field(default_factory=lambda: np.empty((0, len(PARAMETERS))))
    """(n, 6): forces that are not gravity, :data:`ssdb.ephemeris.nongravitational.PARAMETERS`; left out, none."""

    def __post_init__(self) -> None:
        if not len(self.nongrav):
            object.__setattr__(self, "nongrav", np.zeros((len(self.epoch_mjd), len(PARAMETERS))))
        lengths = {item.name: len(getattr(self, item.name)) for item in fields(self)}
        if len(set(lengths.values())) > 1 or self.states.shape[1:] != (6,) or self.nongrav.shape[1:] != (6,):
            raise InputError(f"orbits need as many of everything, and states of six numbers: {lengths}")
        numbers = np.column_stack([self.states, self.nongrav, self.epoch_mjd])
        wrong = ~np.isfinite(numbers).all(axis=1)
        if wrong.any():
            raise InputError(f"the epoch, state or forces of an orbit are not finite: {shown(self.ids[wrong])}")

    @classmethod
    def from_elements(
        cls,
        ids: ArrayLike,
        *,
        q: ArrayLike,
        e: ArrayLike,
        i: ArrayLike,
        node: ArrayLike,
        argperi: ArrayLike,
        peri_time: ArrayLike,
        epoch_mjd: ArrayLike,
        H: ArrayLike | None = None,
        G: ArrayLike | None = None,
        nongrav: Array | None = None,
        time_scale: Literal["tdb", "tt"] = "tdb",
    ) -> Orbits:
        """Orbits from cometary elements; arrays of one length.

        Perihelion distance (au), eccentricity, inclination, longitude of the ascending node and argument of perihelion
        (degrees, mean ecliptic of J2000, IAU 1976), time of perihelion and epoch of osculation: MJD TDB, as JPL has
        them, or with ``time_scale="tt"`` MJD TT, as the MPC and its table mpc_orbits have them. ``nongrav`` (n, 6) are
        forces that are not gravity. InputError if an element is not finite, q is not above 0, or e is negative; it
        names the objects.
        """
        names = np.atleast_1d(np.asarray(ids))
        elements = [np.atleast_1d(np.asarray(x, dtype=float)) for x in (q, e, i, node, argperi, peri_time, epoch_mjd)]
        if len({len(x) for x in [names, *elements]}) > 1:
            raise InputError(f"elements of different lengths: {shown(len(x) for x in [names, *elements])}")
        wrong = ~np.isfinite(elements).all(axis=0) | ~(elements[0] > 0) | ~(elements[1] >= 0)
        if wrong.any():
            raise InputError(f"elements make no orbit (q above 0, e not negative, all finite): {shown(names[wrong])}")
        if time_scale == "tt":
            elements[5:] = [tdb_of_tt(times) for times in elements[5:]]
        unknown = np.full(len(names), np.nan)
        return cls(
            names,
            elements[-1],
            cometary_to_cartesian(*elements),
            unknown if H is None else np.atleast_1d(np.asarray(H, dtype=float)),
            unknown if G is None else np.atleast_1d(np.asarray(G, dtype=float)),
            np.zeros((len(names), len(PARAMETERS))) if nongrav is None else nongrav,
        )

    def __len__(self) -> int:
        return len(self.epoch_mjd)

    def __getitem__(self, rows: slice | NDArray[Any]) -> Orbits:
        """Some of the orbits."""
        return Orbits(*(getattr(self, item.name)[rows] for item in fields(self)))

    def batches(self, size: int) -> Iterator[tuple[slice, Orbits]]:
        """The orbits in parts of at most ``size``, each with its rows; no orbits are one part, of none."""
        for start in range(0, max(len(self), 1), size):
            rows = slice(start, start + size)
            yield rows, self[rows]


def usable_states(elements: Mapping[str, Array]) -> tuple[Array, dict[str, Mask]]:
    """Heliocentric states of orbits at their epochs, and what is wrong with those that cannot be followed.

    Elements are :data:`ELEMENTS`, in the units of mpc_orbits, times MJD TT; NaN is unknown. States (n, 6) are on ICRF
    axes, au and au/d, and of use where nothing is wrong. What is wrong is the key to masks (n,) of the orbits that have
    it.
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
        tdb = {name: tdb_of_tt(values[name]) for name in ("peri_time", "epoch_mjd")}
        right = np.flatnonzero(~wrong)
        for start in range(0, len(right), _AT_ONCE):
            rows = right[start : start + _AT_ONCE]
            states[rows] = cometary_to_cartesian(*(array[rows] for array in (values | tdb).values()))
        here = (norms(states[:, :3]) <= LARGEST_AU) & (norms(states[:, 3:]) < LIGHT_SPEED)
    far = f"at its epoch it is beyond {LARGEST_AU:g} au, or faster than light"
    return states, problems | {far: ~wrong & ~here}


def nongravitational_of(rows: Mapping[str, Array]) -> Array:
    """Forces that are not gravity (n, 6), as :class:`Orbits` has them, of columns of mpc_orbits; unknown ones are 0."""
    columns = [rows[name] * unit for name, unit in NONGRAVITATIONAL_UNITS.items()]
    return np.nan_to_num(np.stack(columns, axis=1), nan=0.0, posinf=0.0, neginf=0.0)
