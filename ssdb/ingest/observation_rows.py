"""Makes rows of reported observations: columns of DiaSource and of Visit, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.places import COLUMNS as PLACE
from ssdb.ephemeris.places import POSITION
from ssdb.errors import option
from ssdb.ingest.formats.reports import Reports
from ssdb.ingest.observation_numbers import identifiers
from ssdb.ingest.table.checks import Problems, check_positions, check_ranges
from ssdb.ingest.table.places import checked_places
from ssdb.io.ades.standard import BANDS, STATION
from ssdb.io.times import mjd_tai_of_observed
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_rows
from ssdb.schema.ranges import MJD
from ssdb.schema.survey import visit
from ssdb.sky.sphere import norms, unit_vectors
from ssdb.units import AB_ZERO_POINT_NJY, ARCSEC_PER_DEG, MAG, Array, Mask

_BANDS = {"Vj": "V", "Rc": "R", "Ic": "I", "Bj": "B", "Uj": "U"}
"""Those whose last letter is not that of the band (the last letter counts: docs/matching.md)."""

_OF_STATIONS = {station: {code: band for band, code in codes.items()} for station, codes in BANDS.items()}
"""Of surveys that have codes of their own: their bands are called as they call them."""

_ACROSS = 3e-4
"""Cosine of the angle between place and line of sight: below 6e-5 in what the Minor Planet Center gives out."""

_ERRORS = ("rmsRA", "rmsDec", "rmsCorr")


def rows_of_reports(reports: Reports, told: list[str]) -> tuple[pa.Table, Problems]:
    """Columns of DiaSource and of Visit of the observations, and what is wrong with them."""
    times = mjd_tai_of_observed(reports.column("obsTime"))
    old = times < MJD.low
    if old.any():
        told.append(f"{int(old.sum()):,} observations of before 1900 left out")
        reports.rows = [row for row, one in zip(reports.rows, old.tolist(), strict=True) if not one]
        reports.numbers = [number for number, one in zip(reports.numbers, old.tolist(), strict=True) if not one]
        times = times[~old]
    problems = Problems(reports.name, len(times), np.array(reports.numbers, np.int64))
    values = {name: reports.numbers_of(name) for name in ("ra", "dec", *_ERRORS, "mag", "rmsMag", "logSNR", "exp")}
    for name, numbers in values.items():
        problems.add(np.isinf(numbers), f"{name} is no number")
        numbers[np.isinf(numbers)] = np.nan
    problems.add(np.isnan(times), "obsTime is no time of UTC, such as 2026-06-01T04:05:06.789Z")
    stations = reports.column("stn")
    without = np.array([not code for code in stations], bool)
    problems.add(without, f"stn is missing: say the observatory code, {option('--stn CODE', 'station=...')}")
    no_code = np.array([STATION.fullmatch(code) is None for code in stations], bool)
    problems.add(no_code & ~without, "stn is no observatory code")
    times = np.where(np.isnan(times), MJD.low, times)
    columns = {
        "diaSourceId": identifiers(stations, times, values["ra"], values["dec"]),
        "midpointMjdTai": times,
        "detector": np.zeros(len(times), np.int16),
        **_measured(values),
        "band": pa.array(map(_band, reports.column("band"), stations), pa.string()),
    }
    rows = arrow_rows(dia_source, columns)
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_source)
    places: dict[str, Any] = {name: reports.numbers_of(name) for name in PLACE[2:]}
    for name, numbers in places.items():
        problems.add(np.isinf(numbers), f"{name} is no number")
    places = {name: np.where(np.isinf(numbers), np.nan, numbers) for name, numbers in places.items()}
    inside = _beside_centre(values["ra"], values["dec"], *(places[name] for name in POSITION))
    places["ctr"] = pa.array([int(text) if text.isdigit() else None for text in reports.column("ctr")], pa.int32())
    places["sys"] = pa.array([text[:8] or None for text in reports.column("sys")], pa.string())
    places["observatoryCode"] = pa.array([code[:4] for code in stations], pa.string())
    of_visits = checked_places(problems, arrow_rows(visit, places), {}, inside)
    for name in of_visits.column_names:
        rows = rows.append_column(of_visits.schema.field(name), of_visits.column(name))
    return rows, problems


def _beside_centre(ra: Array, dec: Array, *position: Array) -> Mask:
    """Whether places are the points of the lines of sight that are nearest to the Earth's centre, shape (n,).

    So the Minor Planet Center gives those of occultations (station 275). The object is in the same direction from any
    point of the line.
    """
    places = np.stack(position, axis=-1)
    along = (unit_vectors(np.nan_to_num(ra), np.nan_to_num(dec)) * places).sum(axis=-1)
    return np.asarray(np.abs(along) < _ACROSS * norms(places))


def _measured(values: dict[str, Array]) -> dict[str, Array]:
    """Columns of DiaSource of what was measured; NaN where unknown."""
    ra_err, dec_err = (np.where(values[name] > 0, values[name], np.nan) / ARCSEC_PER_DEG for name in _ERRORS[:2])
    flux = 10.0 ** ((AB_ZERO_POINT_NJY - values["mag"]) / 2.5)
    return {
        "ra": values["ra"],
        "dec": values["dec"],
        "raErr": ra_err,
        "decErr": dec_err,
        "ra_dec_Cov": np.clip(values["rmsCorr"], -1.0, 1.0) * ra_err * dec_err,
        "psfFlux": flux,
        "psfFluxErr": np.where(values["rmsMag"] > 0, values["rmsMag"], np.nan) * flux / MAG,
        "snr": 10.0 ** values["logSNR"],
        "exposureTime": values["exp"],
    }


def _band(code: str, station: str) -> str | None:
    return (_BANDS | _OF_STATIONS.get(station, {})).get(code, code)[:8] or None
