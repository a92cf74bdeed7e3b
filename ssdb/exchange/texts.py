"""Observations as the texts of ADES: with the digits that their errors are worth.

ADES_Description of 2 May 2024, 4.5: an error has two significant digits, and what it is the error of as many after the
point as ``ceil(1 - log10(error))``, which is one or two beyond the error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.places import COLUMNS, POSITION, UNITS, VELOCITY
from ssdb.io.times import observed_texts
from ssdb.units import ARCSEC_PER_DEG, MAG, SECONDS_PER_DAY, Array, Columns, Integers, ab_magnitudes

_MOST_DIGITS = {"position": 9, "magnitude": 4, "time": 6}
_UNKNOWN_POSITION, _UNKNOWN_MAGNITUDE, _FEWEST_OF_TIME = 6, 2, 3
_MAGNITUDES = (-5.0, 35.0)
_LARGEST_CORRELATION = 0.999
_LARGEST_ERROR_ARCSEC, _SMALLEST_ERROR_ARCSEC = 9999.0, 1e-5
_DIGITS_OF_PLACES = {"deg": 6, "m": 1, "km": 4, "au": 10, "km/s": 6, "au/d": 10}


def texts_of(rows: Columns) -> dict[str, list[str]]:
    """Elements of ADES of sources, "" where there is none: obsTime, ra, dec, mag and what belongs to them.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (n,)
        midpointMjdTai (MJD TAI), ra, dec (ICRS, deg), raErr (with cos dec), decErr (deg), ra_dec_Cov (deg^2), psfFlux,
        psfFluxErr (nJy), snr, exposureTime (s), ephRate (deg/d). NaN where unknown.
    """
    ra_err, dec_err = (_usable_error(rows[name] * ARCSEC_PER_DEG) for name in ("raErr", "decErr"))
    cos_dec = np.maximum(np.cos(np.radians(rows["dec"])), 1e-9)
    digits_ra = digits_of(ra_err / ARCSEC_PER_DEG / cos_dec, "position", _UNKNOWN_POSITION)
    digits_dec = digits_of(dec_err / ARCSEC_PER_DEG, "position", _UNKNOWN_POSITION)
    with np.errstate(all="ignore"):
        correlation = rows["ra_dec_Cov"] / (rows["raErr"] * rows["decErr"])
        correlation = np.where(np.isnan(ra_err) | np.isnan(dec_err), np.nan, correlation)
        correlation = np.clip(correlation, -_LARGEST_CORRELATION, _LARGEST_CORRELATION)
        log_snr = np.log10(np.where(rows["snr"] > 0, rows["snr"], np.nan))
        magnitude = ab_magnitudes(rows["psfFlux"])
        magnitude = np.where((magnitude >= _MAGNITUDES[0]) & (magnitude <= _MAGNITUDES[1]), magnitude, np.nan)
        error = MAG * rows["psfFluxErr"] / rows["psfFlux"]
        error = np.where((error > 0) & ~np.isnan(magnitude), np.clip(error, 1e-4, 99.0), np.nan)
    ra = fixed(np.mod(rows["ra"], 360.0), digits_ra)
    whole_circle = {f"360.{'0' * n}": f"0.{'0' * n}" for n in range(10)}  # rounded up
    return {
        "obsTime": observed_texts(rows["midpointMjdTai"], _digits_of_time(rows, np.fmin(ra_err, dec_err))),
        "ra": [whole_circle.get(text, text) for text in ra],
        "dec": fixed(rows["dec"], digits_dec),
        "rmsRA": significant(ra_err, 5),
        "rmsDec": significant(dec_err, 5),
        "rmsCorr": fixed(correlation, np.full(len(ra), 3)),
        "mag": fixed(magnitude, digits_of(error, "magnitude", _UNKNOWN_MAGNITUDE)),
        "rmsMag": significant(error, 4),
        "logSNR": fixed(np.clip(log_snr, -9.99, 99.99), np.full(len(ra), 2)),
        "exp": [
            f"{seconds:.6g}"[:6].rstrip(".") if seconds >= 0.01 else "" for seconds in rows["exposureTime"].tolist()
        ],
    }


def place_texts(places: Sequence[Mapping[str, Any]], of_rows: Integers) -> dict[str, list[str]]:
    """The Location group of sources: where the observer was, by the columns of Visit, of places that rows refer to."""
    made = [_place(place) for place in places]
    return {name: [made[index].get(name, "") for index in of_rows.tolist()] for name in COLUMNS}


def _place(place: Mapping[str, Any]) -> dict[str, str]:
    if place["sys"] is None:
        return {}
    texts = {"sys": str(place["sys"]), "ctr": str(place["ctr"])}
    for name, unit in zip((*POSITION, *VELOCITY), UNITS[place["sys"]], strict=False):
        if place[name] is not None:
            sign, text = "-" if place[name] < 0 else "", f"{abs(place[name]):.{_DIGITS_OF_PLACES[unit]}f}"
            texts[name] = sign + (text if len(text) <= 13 else text[:13].rstrip("."))
    return texts


def digits_of(errors: ArrayLike, kind: str, unknown: int) -> Integers:
    """How many digits after the point a value has that has such an error; ``unknown`` where that is NaN."""
    errors = np.asarray(errors, dtype=float)
    with np.errstate(all="ignore"):
        digits = np.ceil(1.0 - np.log10(errors) - 1e-9)  # not one more where a power of ten is not quite one
    digits = np.where(np.isfinite(digits), np.clip(digits, 0, _MOST_DIGITS[kind]), unknown)
    return np.asarray(digits.astype(np.int64))


def fixed(values: ArrayLike, digits: Integers) -> list[str]:
    """Numbers with so many digits after the point; "" for NaN, and no minus before 0."""
    numbers = np.asarray(values, dtype=float).tolist()
    return [f"{value:z.{n}f}" if value == value else "" for value, n in zip(numbers, digits.tolist(), strict=True)]


def significant(values: Array, most: int) -> list[str]:
    """Errors with two significant digits, but no more than ``most`` after the point; "" for NaN."""
    with np.errstate(all="ignore"):
        digits = 1.0 - np.floor(np.log10(values / 0.995))  # 0.0996 is 0.10
    return fixed(values, np.where(np.isfinite(digits), np.clip(digits, 0, most), 0).astype(np.int64))


def _usable_error(arcsec: Array) -> Array:
    """Errors as ADES can have them; NaN where they are unknown."""
    with np.errstate(all="ignore"):
        return np.where(arcsec > 0, np.clip(arcsec, _SMALLEST_ERROR_ARCSEC, _LARGEST_ERROR_ARCSEC), np.nan)


def _digits_of_time(rows: Columns, error_arcsec: Array) -> Integers:
    """Milliseconds, or what the object needs to move a tenth or a hundredth of the error of its position."""
    with np.errstate(all="ignore"):
        seconds = error_arcsec / (rows["ephRate"] * ARCSEC_PER_DEG / SECONDS_PER_DAY)
    digits = digits_of(np.where(seconds > 0, seconds, np.nan), "time", _FEWEST_OF_TIME)
    return np.maximum(digits, _FEWEST_OF_TIME)
