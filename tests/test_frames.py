"""Ecliptic and galactic coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import BarycentricTrueEcliptic, SkyCoord

from ssdb.sky.frames import ecliptic, galactic

RA = np.array([0.0, 359.9999999, 83.6, 186.18906993899677, 266.4, 12.0, 192.859, 5.0])
DEC = np.array([0.0, -1e-7, 22.0, 7.364048187677204, -28.9, 90.0, 27.128, -90.0])


def _separation(lon1, lat1, lon2, lat2):
    """Largest separation, arcsec, by astropy."""
    return SkyCoord(lon1, lat1, unit="deg").separation(SkyCoord(lon2, lat2, unit="deg")).arcsec.max()


def test_galactic_is_that_of_astropy():
    """To 1e-8 arcsec, poles and galactic poles included; longitudes in [0, 360)."""
    expected = SkyCoord(RA, DEC, unit="deg").galactic
    lon, lat = galactic(RA, DEC)
    assert _separation(lon, lat, expected.l.deg, expected.b.deg) < 1e-8
    assert ((lon >= 0) & (lon < 360)).all()


def test_true_ecliptic_is_that_of_astropy():
    """To 1e-8 arcsec."""
    expected = SkyCoord(RA, DEC, unit="deg").transform_to(BarycentricTrueEcliptic())
    lon, lat = ecliptic(RA, DEC, "true")
    assert _separation(lon, lat, expected.lon.deg, expected.lat.deg) < 1e-8
    assert ((lon >= 0) & (lon < 360)).all()


def test_mean_ecliptic_has_its_pole_and_solstice_where_the_obliquity_puts_them():
    """Obliquity 23 deg 26 min 21.448 s: the pole at 18h, the solstice at 6h; the equinox stays."""
    obliquity = 23 + 26 / 60 + 21.448 / 3600
    lon, lat = ecliptic([270.0, 90.0, 0.0, 180.0], [90.0 - obliquity, obliquity, 0.0, 0.0])
    np.testing.assert_allclose(lat, [90.0, 0.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(lon[1:], [90.0, 0.0, 180.0], atol=1e-12)


def test_mean_and_true_ecliptic_differ_by_the_nutation_at_j2000():
    """The longitude of the mean equinox differs by the published nutation in longitude, -13.93 arcsec."""
    true_lon, _ = ecliptic([0.0], [0.0], "true")
    mean_lon, _ = ecliptic([0.0], [0.0], "mean")
    assert ((true_lon - mean_lon + 180) % 360 - 180)[0] * 3600 == pytest.approx(-13.93, abs=0.05)


@pytest.mark.parametrize("function", [ecliptic, galactic])
def test_a_position_comes_out_the_same_whatever_is_beside_it(function):
    """To the bit: rows are not to depend on what else was associated at the same time."""
    ra, dec = np.random.default_rng(0).uniform([[0], [-90]], [[360], [90]], (2, 60))
    together = np.array(function(ra, dec))
    for size in (1, 7):
        parts = [function(ra[i : i + size], dec[i : i + size]) for i in range(0, 60, size)]
        np.testing.assert_array_equal(np.hstack(parts), together)


@pytest.mark.parametrize("function", [ecliptic, galactic])
def test_no_positions(function):
    """Empty in, empty out."""
    lon, lat = function([], [])
    assert lon.shape == lat.shape == (0,)
