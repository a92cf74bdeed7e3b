"""Elements of orbits that follow from others by Kepler's third law, as arrays."""

from __future__ import annotations

import numpy as np

from ssdb.ephemeris.constants import GM_SUN
from ssdb.units import Array


def mean_motion(a: Array) -> Array:
    """Mean daily motion, deg/d, of heliocentric orbits of semi-major axis ``a`` (au; its sign does not matter)."""
    with np.errstate(divide="ignore"):
        return np.degrees(np.sqrt(GM_SUN / np.abs(a) ** 3))


def semimajor_axis(n: Array) -> Array:
    """Semi-major axis, au, of heliocentric orbits of mean daily motion ``n`` (deg/d, above 0)."""
    return np.cbrt(GM_SUN / np.radians(n) ** 2)


def of_ellipses(q: Array, e: Array, peri_time: Array, epoch_mjd: Array) -> dict[str, Array]:
    """The elements that ellipses alone have in mpc_orbits, each of shape (n,).

    ``a`` (au), ``mean_anomaly`` (deg, in [0, 360)), ``mean_motion`` (deg/d) and ``period`` (d) of heliocentric orbits
    of ``q`` (au), ``e``, time of perihelion and epoch (days of one time scale); NaN where e >= 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(e < 1, q / (1.0 - e), np.nan)
        n = mean_motion(a)
        anomaly = np.mod(n * (epoch_mjd - peri_time), 360.0)
        anomaly = np.where(anomaly == 360.0, 0.0, anomaly)  # the remainder of -1e-20 rounds to 360
        return {"a": a, "mean_anomaly": anomaly, "mean_motion": n, "period": 360.0 / n}
