"""Makes rows of ZTF's alerts (schemas 3.1 to 4.02, and brokers' Parquet with the same fields).

The schema (https://github.com/ZwickyTransientFacility/ztf-avro-alert) has: ``jd``, the start of the exposure, UTC;
``magpsf``, the AB magnitude of the absolute difference flux, of which ``isdiffpos`` has the sign; ``forcediffimflux``
in counts whose AB magnitude is ``magzpsci``. ``pid`` is made of the exposure (the night and five digits of the day),
two digits of the readout channel (``rcid``), and two more.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ingest.formats.alerts import AlertRows, Row, Survey, columns_of, whole
from ssdb.ingest.table import conversions
from ssdb.units import SECONDS_PER_DAY, Array

_USUAL_EXPOSURE_S = 30.0
"""Of the survey; for packets that do not say how long it was, as their history never does."""

_NANOJANSKY = 31.4
"""The AB magnitude of 1 nJy."""

_NO_FLUX = -99999.0
_LEAST_ERROR_ARCSEC = 1.0
"""Distances to known objects are in whole arcseconds in many packets."""

_LONGEST_VERSION = 7
_CHANNELS, _REST = 100, 100
_LETTERS = 26
_BANDS = {1: "g", 2: "r", 3: "i"}

_CANDIDATE = {
    **{name: pa.int64() for name in ("candid", "pid", "fid", "diaObjectId")},
    **{name: pa.float64() for name in ("jd", "exptime", "ra", "dec", "magpsf", "sigmapsf", "magap", "sigmagap")},
    **{name: pa.float64() for name in ("xpos", "ypos", "rb", "drb", "chipsf")},
    **{name: pa.string() for name in ("isdiffpos", "rbversion", "drbversion")},
}
_FLUX = {
    **{name: pa.int64() for name in ("diaObjectId", "pid", "fid")},
    **{
        name: pa.float64()
        for name in ("ra", "dec", "jd", "exptime", "forcediffimflux", "forcediffimfluxunc", "magzpsci")
    },
}
_NEEDED = ("candid", "jd", "fid", "pid")


def object_number(name: str) -> int:
    """The number of one of ZTF's objects: the year, and its letters as digits of base 26. ZTF18abudxnw: 18 * 26^7 + ...

    ValueError if it is no such name.
    """
    year, letters = name[3:5], name[5:]
    if not (
        name.startswith("ZTF") and year.isdigit() and letters.isascii() and letters.islower() and len(letters) == 7
    ):
        raise ValueError(f"{name!r} is no name of ZTF's objects, as ZTF18abudxnw")
    number = int(year)
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("a")
    return number


def _is_ztf(packet: Row) -> bool:
    candidate = packet.get("candidate")
    return isinstance(candidate, Mapping) and all(name in candidate for name in _NEEDED)


def _add(rows: AlertRows, packet: Row, with_ss: bool) -> None:
    candidate = packet["candidate"]
    number = object_number(packet["objectId"])
    rows.add_trigger("candid", candidate, {**candidate, "diaObjectId": number})
    for earlier in packet.get("prv_candidates") or ():
        candid = earlier["candid"]
        if candid is not None and candid == candid:  # else nothing was seen
            rows.add_history("candid", {**earlier, "diaObjectId": number})
    for flux in packet.get("fp_hists") or ():
        place = {"diaObjectId": number, "ra": candidate["ra"], "dec": candidate["dec"]}
        rows.forced.setdefault((number, whole(flux, "pid") // _REST), {**flux, **place})
    name, distance = candidate.get("ssnamenr"), candidate.get("ssdistnr")
    if with_ss and name not in (None, "", "null") and distance is not None and distance >= 0:
        _add_known(rows, candidate, name, distance)


def _add_known(rows: AlertRows, candidate: Row, name: str, distance: float) -> None:
    """Of an object that is near to several sources of an exposure the nearest counts."""
    error = max(distance, _LEAST_ERROR_ARCSEC)
    visit = whole(candidate, "pid") // (_CHANNELS * _REST)
    before = rows.predictions.get((visit, name))
    if before is None or error < before["ephErrMajor"]:
        magnitude = candidate.get("ssmagnr")
        rows.predictions[visit, name] = {
            "visit": visit,
            "designation": name,
            "ephRa": candidate["ra"],
            "ephDec": candidate["dec"],
            "ephVmag": magnitude if magnitude is not None and magnitude > 0 else None,
            "ephErrMajor": error,
            "ephErrMinor": error,
            "provider": ZTF.provider,
        }


def _exposures(table: pa.Table, name: str) -> dict[str, pa.Array]:
    """Visit, detector, time, band and exposure time of rows."""
    pid = table.column("pid").to_numpy()
    start = table.column("jd").to_numpy()
    exposure = table.column("exptime").to_numpy() if "exptime" in table.column_names else np.full(len(start), np.nan)
    length = np.where(exposure > 0, exposure, _USUAL_EXPOSURE_S)
    middle = pa.chunked_array([start + length / 2 / SECONDS_PER_DAY])
    return {
        "visit": pa.array(pid // (_CHANNELS * _REST)),
        "detector": pa.array((pid // _REST % _CHANNELS).astype(np.int16)),
        "midpointMjdTai": conversions.mjd_tai(middle, pa.field("jd", pa.float64()), "jd", "utc", f"{name}: jd"),
        "exposureTime": pa.array(np.where(exposure > 0, exposure, np.nan), from_pandas=True),
        "band": conversions.replaced(table.column("fid"), _BANDS, f"{name}: fid"),
    }


def _sources(rows: list[Row], name: str) -> pa.Table:
    table = columns_of(rows, _CANDIDATE, name)
    sign = table.column("isdiffpos")
    columns = {"diaSourceId": table.column("candid")}
    columns |= {name: table.column(name) for name in ("diaObjectId", "ra", "dec")}
    columns |= _exposures(table, name)
    for flux, magnitude, error in (("psfFlux", "magpsf", "sigmapsf"), ("apFlux", "magap", "sigmagap")):
        if not {magnitude, error} <= set(table.column_names):
            continue
        given, given_error = table.column(magnitude), table.column(error)
        columns[flux] = conversions.fluxes(given, sign, f"{name}: {magnitude}", f"{name}: isdiffpos")
        columns[f"{flux}Err"] = conversions.flux_errors(given_error, given, f"{name}: {error}", f"{name}: {magnitude}")
    columns["isNegative"] = conversions.is_negative(sign, f"{name}: isdiffpos")
    columns |= {
        own: table.column(of_ztf) for own, of_ztf in (("x", "xpos"), ("y", "ypos")) if of_ztf in table.column_names
    }
    return pa.table(columns | _reliability(table))


def _reliability(table: pa.Table) -> dict[str, pa.Array]:
    """The score of the newer classifier, where it is there, and the version of the one that gave it."""
    score, version = pa.nulls(table.num_rows, pa.float64()), pa.nulls(table.num_rows, pa.string())
    for name in ("drb", "rb"):
        if name not in table.column_names:
            continue
        given = table.column(name).combine_chunks()
        new = pc.and_(pc.is_null(score), pc.fill_null(pc.greater_equal(given, 0.0), False))
        score = pc.if_else(new, given, score)
        if f"{name}version" in table.column_names:
            text = table.column(f"{name}version").combine_chunks()
            fits = pc.fill_null(pc.less_equal(pc.utf8_length(text), _LONGEST_VERSION), False)
            version = pc.if_else(pc.and_(new, fits), text, version)
    return {"reliability": score, "reliabilityVersion": version}


def _fluxes(rows: list[Row], name: str) -> pa.Table:
    table = columns_of(rows, _FLUX, name)
    unit = 10 ** (0.4 * (_NANOJANSKY - table.column("magzpsci").to_numpy()))

    def flux(column: str) -> pa.Array:
        counts: Array = table.column(column).to_numpy()
        return pa.array(np.where(counts == _NO_FLUX, np.nan, counts * unit), from_pandas=True)

    columns = {one: table.column(one) for one in ("diaObjectId", "ra", "dec")} | _exposures(table, name)
    return pa.table(columns | {"psfFlux": flux("forcediffimflux"), "psfFluxErr": flux("forcediffimfluxunc")})


ZTF = Survey(
    name="ZTF",
    provider="ztf",
    visits={"observatoryCode": "I41", "instrument": "ZTF"},
    is_packet=_is_ztf,
    add=_add,
    sources=_sources,
    fluxes=_fluxes,
)
