"""Objects predicted for one detector, from any of Rubin's tables, as rows of SsPrediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError, shown
from ssdb.ingest.formats.mpsky import predicted_columns, start_times
from ssdb.ingest.formats.skybot import designations
from ssdb.ingest.formats.sorcha import looks_like_sorcha, sorcha_predictions
from ssdb.io.image.detector_image import Exposure
from ssdb.io.table_notes import unit_of
from ssdb.io.units import parsed_unit
from ssdb.rubin.task.given import Given, filled, labelled
from ssdb.rubin.task.names import POLYNOMIALS, PREDICTION_NAMES, SKYBOT_ERROR
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction

LABEL = "solarSystemObjectTable"
"""What messages call the table: the argument of Rubin's task."""

_NEEDED = {
    "designation": "designation (ObjID, ssObjectId)",
    "ephRa": "ephRa (ra)",
    "ephDec": "ephDec (dec)",
}
_SORCHA_UNITS = {"_deg": "deg", "_km": "km", "_km_s": "km/s", "_deg_day": "deg/d"}
"""Units by the ends of Sorcha's names."""


def prediction_rows(solar_system_objects: Any, exposure: Exposure, *, skip_invalid: bool = False) -> pa.Table:
    """The predictions for one detector as :func:`ssdb.ingest_predictions` takes them, units in the metadata.

    The table has the columns of SsPrediction; those that Rubin makes of answers of mpSky (polynomials, evaluated at
    mid-exposure) or of SkyBoT; or Sorcha's. It is not changed. The exposure gives the mid-exposure and, where the table
    does not, the visit. InputError if a column is missing, an object has no position (unless ``skip_invalid`` leaves it
    to the ingest), or its polynomials do not hold at mid-exposure.
    """
    given = Given.of(solar_system_objects, LABEL)
    if not given.n_rows:
        return labelled(arrow_schema(ss_prediction).empty_table(), given.label)
    if set(POLYNOMIALS) <= set(given.names):
        rows = _of_polynomials(given, exposure)
    elif looks_like_sorcha(given.names) and "ephRa" not in given.names:
        rows = _of_sorcha(given)
    else:
        rows = _of_columns(given)
    given.refuse_missing(rows, _NEEDED)
    if not skip_invalid:
        given.refuse_without_position(rows, "ephRa", "ephDec", "designation")
    return labelled(filled(rows, "visit", exposure.visit, pa.int64()), given.label)


def _of_columns(given: Given) -> pa.Table:
    """Positions as they are in the table."""
    rows = _named(given, given.renamed(PREDICTION_NAMES))
    if "Name" in given.names and SKYBOT_ERROR.column in given.names:
        error = given.renamed({"ephErrMajor": (SKYBOT_ERROR,), "ephErrMinor": (SKYBOT_ERROR,)})
        for field, column in zip(error.schema, error.columns, strict=True):
            rows = rows.append_column(field, column)
    return rows


def _of_sorcha(given: Given) -> pa.Table:
    """Sorcha's columns, whose rows may have another unit than their names say; the visit is the exposure's."""
    table = given.read(given.names)
    for index, field in enumerate(table.schema):
        implied = next((unit for end, unit in _SORCHA_UNITS.items() if field.name.endswith(end)), "")
        own = parsed_unit(unit_of(field) or implied)
        if implied and own != parsed_unit(implied):
            values = pc.multiply(table.column(index).cast(pa.float64()), own.to(parsed_unit(implied)))
            table = table.set_column(index, field.name, values)
    # FieldID is a pointing of the simulation, which need not be the number of the visit.
    return sorcha_predictions(table, given.label).drop_columns(["visit"])


def _of_polynomials(given: Given, exposure: Exposure) -> pa.Table:
    """Positions, rates and vectors at mid-exposure; the table's own positions are for the time that was asked for."""
    kept = {column: PREDICTION_NAMES[column] for column in ("designation", "ssObjectId", "visit", "ephVmag")}
    rows = _named(given, given.renamed(kept))
    missing = [column for column in ("tmin", "tmax") if column not in given.names]
    if missing or "designation" not in rows.schema.names:
        raise InputError(
            f"{given.label}: beside polynomials it needs tmin, tmax and ObjID; it has {shown(given.names, 40)}"
        )
    times = given.read(["tmin", "tmax"]).append_column("name", rows.column("designation"))
    assert exposure.midpoint_mjd_tai is not None
    t = exposure.midpoint_mjd_tai - start_times(given.label, times, exposure.midpoint_mjd_tai)
    objects, observer = (
        np.stack([given.arrays(name).T for name in part], axis=1) for part in (POLYNOMIALS[:3], POLYNOMIALS[3:])
    )
    for column, values in predicted_columns(objects, observer, t).items():
        rows = rows.append_column(column, pa.array(values))
    return rows


def _named(given: Given, rows: pa.Table) -> pa.Table:
    """Rows with the names of the objects: the first that each has; ssObjectId is kept where an object has none.

    The identifiers beside names are Rubin's own, not all of them made by today's rule, and not needed.
    """
    names = [name.column for name in PREDICTION_NAMES["designation"] if name.column in given.names]
    if len(names) == 1 and "designation" in rows.schema.names:
        columns = [rows.column("designation").cast(pa.string())]
    else:
        there = given.read(names) if names else pa.table({})
        columns = [there.column(name).cast(pa.string()) for name in names if name in there.schema.names]
    if not columns and "Name" in given.names:
        columns.append(_skybot_names(given))
    rows = rows.drop_columns([column for column in ("designation",) if column in rows.schema.names])
    if "ssObjectId" in rows.schema.names:
        identifiers = rows.column("ssObjectId")
        rows = rows.drop_columns(["ssObjectId"])
        if not columns:
            columns.append(pa.nulls(given.n_rows, pa.string()))
        unnamed = pc.is_null(pc.coalesce(*columns))
        if pc.any(unnamed).as_py():
            rows = rows.append_column("ssObjectId", pc.if_else(unnamed, identifiers, pa.scalar(None, identifiers.type)))
    return rows.append_column("designation", pc.coalesce(*columns)) if columns else rows


def _skybot_names(given: Given) -> pa.ChunkedArray:
    """The names that SkyBoT's rows have: a designation, or else the number."""
    number = [name for name in ("Num", "# Num") if name in given.names][:1]
    read = given.read(["Name", *number])
    columns = {"Num": pa.nulls(given.n_rows, pa.string())}
    for name in read.schema.names:
        text = pc.utf8_trim_whitespace(read.column(name).cast(pa.string()))
        is_blank = pc.is_in(text, pa.array(["", "-"]))
        columns["Name" if name == "Name" else "Num"] = pc.if_else(is_blank, pa.scalar(None, pa.string()), text)
    return designations(pa.table(columns))
