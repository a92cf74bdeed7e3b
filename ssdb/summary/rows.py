"""What objects are by all their observations: rows of SSObject and SsObjectFit. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.config import SummaryConfig
from ssdb.equal_rows import begins
from ssdb.schema.apdb_dia import BANDS
from ssdb.schema.apdb_solar_system import ss_object
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.summary import ss_object_fit
from ssdb.summary.fit import fit_phase_curves, offset_statistics
from ssdb.summary.phase_curves import MODELS, magnitudes
from ssdb.units import Array, Columns, Index, Integers

_STATISTICS = {"Mean": "Mean", "Sd": "Sigma", "Skew": "Skewness", "Kurtosis": "Kurtosis"}
"""Of offsets: as they are computed, and in the names of columns."""


def model_of_columns(config: SummaryConfig) -> str:
    """The model of the columns of SSObject, which have a single slope."""
    return "HG12" if config.model == "HG1G2" else config.model


def models_of(config: SummaryConfig) -> tuple[str, ...]:
    """The models that are fitted: that of the columns first."""
    return tuple(dict.fromkeys((model_of_columns(config), config.model)))


class Groups:
    """Observations of objects, and those of an object in a band: where they begin, and what their statistics are.

    The observations, shape (n,), are by object, then band, then time.
    """

    def __init__(self, observations: Columns) -> None:
        self.observations = observations
        ids, band = observations["ssObjectId"], observations["band"]
        self.object_starts = _starts(ids)
        """(o + 1,)"""
        of_all = _starts(ids, band)
        in_band = band[of_all[:-1]] > 0
        self.starts = of_all
        """(g + 1,), those of other bands included; :attr:`rows` are the groups without these."""
        self.rows = np.flatnonzero(in_band)
        self.objects = np.searchsorted(self.object_starts, of_all[:-1], side="right")[self.rows] - 1
        """The object of each group in a band, (b,)."""
        self.bands = band[of_all[:-1]][self.rows] - 1
        """The place of its band in :data:`ssdb.schema.apdb_dia.BANDS`."""

    @property
    def n_objects(self) -> int:
        return len(self.object_starts) - 1

    def by_band(self, values: np.ndarray, other: Any = np.nan) -> np.ndarray:
        """Values of groups in bands, (b,), by object and band, (o, 6)."""
        table = np.full((self.n_objects, len(BANDS)), other, np.result_type(values, type(other)))
        table[self.objects, self.bands] = values
        return table


def _starts(*columns: np.ndarray) -> Integers:
    n = len(columns[0])
    return np.append(np.flatnonzero(begins(*columns)) if n else np.empty(0, np.int64), n)


def summarize_observations(observations: Columns, orbits: Columns, config: SummaryConfig) -> tuple[pa.Table, pa.Table]:
    """Rows of SSObject and of SsObjectFit.

    Parameters
    ----------
    observations : mapping of str to ndarray, shape (n,)
        As :func:`ssdb.summary.observations.read_observations` gives them.
    orbits : mapping of str to ndarray, shape (o,)
        Columns of SSObject that follow from the orbits of the objects (ascending): MOIDEarth and those that go with it,
        tisserand_J; designation of the objects, text.
    config : SummaryConfig
    """
    if not len(observations["ssObjectId"]):
        return _table(ss_object, {}), _table(ss_object_fit, {})
    groups = Groups(observations)
    fits = {model: _fit(groups, config, model) for model in models_of(config)}
    ranges = _phase_ranges(groups)
    rows = _of_objects(groups) | orbits
    rows |= _of_bands(groups, fits[model_of_columns(config)], ranges)
    of_groups = _of_groups(groups) | ranges
    some = [_fit_rows(groups, model, fit, of_groups, config) for model, fit in fits.items()]
    return _table(ss_object, rows), pa.concat_tables(some)


# ---- objects -------------------------------------------------------------------------------------------------------


def _of_objects(groups: Groups) -> Columns:
    of, starts = groups.observations, groups.object_starts
    first, last = (ufunc.reduceat(of["midpointMjdTai"], starts[:-1]) for ufunc in (np.minimum, np.maximum))
    extendedness = of["extendedness"].astype(float)
    low, middle, high = _quantiles(extendedness, starts)
    return {
        "ssObjectId": of["ssObjectId"][starts[:-1]],
        "nObs": np.diff(starts),
        "arc": last - first,
        "firstObservationMjdTai": first,
        "extendednessMin": low,
        "extendednessMedian": middle,
        "extendednessMax": high,
    }


def _quantiles(values: Array, starts: Integers) -> tuple[Array, Array, Array]:
    """Smallest, median and largest of the finite values of each group, shape (g,); NaN without any."""
    group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    values = np.where(np.isfinite(values), values, np.inf)
    if np.isinf(values).all():
        nothing = np.full(len(starts) - 1, np.nan)
        return nothing, nothing, nothing
    ordered = values[np.lexsort((values, group))]
    count = np.add.reduceat(np.isfinite(values), starts[:-1])
    first, some = starts[:-1], count > 0
    last = first + np.maximum(count, 1) - 1
    median = 0.5 * (ordered[(first + last) // 2] + ordered[(first + last + 1) // 2])
    return tuple(np.where(some, found, np.nan) for found in (ordered[first], median, ordered[last]))  # type: ignore


# ---- bands ---------------------------------------------------------------------------------------------------------


def _phase_ranges(groups: Groups) -> Columns:
    angle = groups.observations["phaseAngle"].astype(float)
    angle = np.where(np.isfinite(angle), angle, np.nan)
    low, high = (ufunc.reduceat(angle, groups.starts[:-1])[groups.rows] for ufunc in (np.fmin, np.fmax))
    return {"phaseAngleMin": low, "phaseAngleMax": high}


def _fit(groups: Groups, config: SummaryConfig, model: str) -> Columns:
    """The fits of groups in bands, (b,), and of which observations ("used", (n,))."""
    of = groups.observations
    angle, magnitude, error = (of[name].astype(float) for name in ("phaseAngle", "magnitude", "error"))
    found = fit_phase_curves(groups.starts, angle, magnitude, error, config, model)
    return {name: values if name == "used" else values[groups.rows] for name, values in found.items()}


def _of_bands(groups: Groups, fit: Columns, ranges: Columns) -> Columns:
    """The columns of SSObject that each band has."""
    some = fit["nObsUsed"] > 0
    by_name = {
        "nObs": groups.by_band(np.diff(groups.starts)[groups.rows], 0),
        "nObsUsed": groups.by_band(fit["nObsUsed"], 0),
        "slope_fit_failed": groups.by_band(np.where(some, fit["slope_fit_failed"], np.nan)),
    }
    by_name |= {name: groups.by_band(fit[name]) for name in ("H", "HErr", "G12", "G12Err", "Chi2")}
    by_name |= {name: groups.by_band(values) for name, values in ranges.items()}
    columns = {f"{band}_{name}": of[:, place] for name, of in by_name.items() for place, band in enumerate(BANDS)}
    covariance = groups.by_band(fit["H_G12_Cov"])
    return columns | {f"{band}_H_{band}_G12_Cov": covariance[:, place] for place, band in enumerate(BANDS)}


# ---- SsObjectFit ---------------------------------------------------------------------------------------------------


def _of_groups(groups: Groups) -> Columns:
    """What the rows of a group have in common, whatever the model."""
    of, starts, rows = groups.observations, groups.starts, groups.rows
    night = np.floor(of["midpointMjdTai"])
    new_night = begins(of["ssObjectId"], of["band"], night)
    columns: Columns = {
        "ssObjectId": of["ssObjectId"][starts[:-1]][rows],
        "band": np.array(list(BANDS))[groups.bands],
        "nObs": np.diff(starts)[rows],
        "nNights": np.add.reduceat(new_night, starts[:-1], dtype=np.int64)[rows],
        "medianMagErr": _quantiles(of["error"], starts)[1][rows],
    }
    statistics = offset_statistics(starts, of["ephOffsetRa"], of["ephOffsetDec"])
    return columns | {
        f"offset{axis}{called}": statistics[f"{axis.lower()}{name}"][rows]
        for axis in ("Ra", "Dec")
        for name, called in _STATISTICS.items()
    }


def _fit_rows(groups: Groups, model: str, fit: Columns, of_groups: Columns, config: SummaryConfig) -> pa.Table:
    slopes = MODELS[model]
    columns: Columns = of_groups | {name: fit[name] for name in ("nObsUsed", "rms")}
    columns |= {"fitH": fit["H"], "fitHErr": fit["HErr"], "chi2": fit["Chi2"]}
    for name in slopes:
        columns |= {name: fit[name], f"{name}Err": fit[f"{name}Err"], f"fitH_{name}_Cov": fit[f"H_{name}_Cov"]}
    if len(slopes) == 2:
        columns["G1_G2_Cov"] = fit["G1_G2_Cov"]
    some, failed = fit["nObsUsed"] > 0, fit["slope_fit_failed"]
    columns["slopeFitFailed"] = np.where(some, failed, np.nan)
    free = fit["nObsUsed"] - 1 - np.where(failed, 0, len(slopes))
    columns["chi2Reduced"] = np.where(some & (free > 0), fit["Chi2"] / np.maximum(free, 1), np.nan)
    columns |= _deviations(groups, model, fit, config)
    columns["model"] = np.full(len(some), model)
    return _table(ss_object_fit, columns)


def _deviations(groups: Groups, model: str, fit: Columns, config: SummaryConfig) -> Columns:
    """The observations that are farthest from the fits, on either side, whether they were fitted or not."""
    of = groups.observations
    n = np.diff(groups.starts)
    all_groups = {}
    for name in ("H", "rms", *MODELS[model]):
        all_groups[name] = np.full(len(n), np.nan)
        all_groups[name][groups.rows] = fit[name]
    at = {name: np.repeat(values, n) for name, values in all_groups.items()}
    curve = magnitudes(model, of["phaseAngle"].astype(float), *(at[name] for name in MODELS[model]))
    residual = of["magnitude"] - at["H"] - curve
    sigma = residual / np.sqrt(of["error"] ** 2 + config.floor_mag**2 + at["rms"] ** 2)
    columns: Columns = {}
    for name, sign in (("brightest", -1.0), ("faintest", 1.0)):
        place = _largest(sign * sigma, groups.starts)[groups.rows]
        known = place >= 0
        for column, values in (("Mag", residual), ("Sigma", sigma), ("MjdTai", of["midpointMjdTai"])):
            columns[name + column] = np.where(known, values[place], np.nan)
        columns[f"{name}DiaSourceId"] = np.ma.masked_array(of["diaSourceId"][place], ~known)
    return columns


def _largest(values: Array, starts: Integers) -> Index:
    """The row of the largest finite value of each group above 0, the first of equal ones; -1 without any."""
    values = np.where(np.isfinite(values) & (values > 0), values, -np.inf)
    largest = np.maximum.reduceat(values, starts[:-1])
    rows = np.flatnonzero((values == np.repeat(largest, np.diff(starts))) & np.isfinite(values))
    group = np.searchsorted(starts, rows, side="right") - 1
    found = np.full(len(starts) - 1, -1)
    found[group[::-1]] = rows[::-1]
    return found


# ---- Arrow ---------------------------------------------------------------------------------------------------------


def _table(table: sa.Table, values: Columns) -> pa.Table:
    """Rows of a table; columns that are not there, and what is not finite, become NULL."""
    types = arrow_types(table)
    n = len(values.get("ssObjectId", ()))
    return pa.table({name: _array(values.get(name), type_, n) for name, type_ in types.items()})


def _array(values: np.ndarray | Sequence[str] | None, type_: pa.DataType, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, type_)
    if isinstance(values, np.ma.MaskedArray):
        return pa.array(values.data, type_, mask=np.ma.getmaskarray(values))
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return pa.array(array.astype(numpy_type(type_)) if array.dtype.kind in "iu" else array, type_)
    if not pa.types.is_boolean(type_):
        with np.errstate(over="ignore"):
            array = array.astype(numpy_type(type_))
    unknown = ~np.isfinite(array)
    return pa.array(array.astype(bool) if pa.types.is_boolean(type_) else array, type_, mask=unknown)
