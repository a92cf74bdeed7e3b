"""Reads predictions of SkyBoT, as text: the answers of its cone search with ``-mime=text``.

Columns and units are those of https://ssp.imcce.fr/webservices/skybot (conesearch): RA in hours, DE in degrees, both
sexagesimal or decimal, J2000 astrometric; dRA (``dRAcosDec`` in its VOTable: "motion in right ascension
d(RA)cos(DEC)") and dDEC in arcsec/h; Err in arcsec; Dg, the distance from the observer, in au. Dh is not heliocentric
but barycentric, and the position and velocity vectors of ``-output=all`` hold for a reference epoch of their own: they
are left out. Epochs are UTC.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ssdb.errors import InputError, UsageError, option, quoted, shown
from ssdb.ingest.formats.orbit_block import numbers_of
from ssdb.ingest.formats.skybot_tables import is_skybot_table, rows_of_table
from ssdb.ingest.table.checks import Problems
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.limits import content_of
from ssdb.io.table_notes import unit_of
from ssdb.io.tables import label
from ssdb.schema.arrow import arrow_rows
from ssdb.schema.survey import ss_prediction
from ssdb.units import ARCSEC_PER_DEG, Array

PROVIDER = "skybot"

_DEG_PER_DAY = 24.0 / ARCSEC_PER_DEG  # degrees per day in an arcsecond per hour
_NEEDED = ("Num", "Name", "RA", "DE")
_SCALED = {
    "ephRateRa": ("dRA", _DEG_PER_DAY),
    "ephRateDec": ("dDEC", _DEG_PER_DAY),
    "ephVmag": ("Mv", 1.0),
    # One error for both directions: a circle, whose position angle does not matter. 0.000, which is how SkyBoT writes
    # that it does not know it, becomes NULL where every table passes (ssdb.ingest.table.conform).
    "ephErrMajor": ("Err", 1.0),
    "ephErrMinor": ("Err", 1.0),
    "topoRange": ("Dg", 1.0),
    "phaseAngle": ("Phase", 1.0),
    "elongation": ("SunElong", 1.0),
}
_UNITS = {
    "RA": ("h", "deg"),
    "DE": ("deg",),
    "dRA": ("arcsec/h",),
    "dDEC": ("arcsec/h",),
    "Err": ("arcsec",),
    "Dg": ("ua", "au"),
    "Phase": ("deg",),
    "SunElong": ("deg",),
}
"""What the parentheses behind a column's name may say; without them it is the first."""

_BEGINNING = re.compile(r"(?:\s*#[^\n]*\n)*?\s*#\s*(?:Flag\s*:|Num\s*\|\s*Name\s*\|)")
_FLAG = re.compile(r"#\s*Flag\s*:\s*(-?\d+)")
_SAID = re.compile(r"#\s*Epoch\s*[:=]?\s*(.+)", re.IGNORECASE)
_NOTHING = "no solar system object"
_NUMBER = r"\d+(?:\.\d*)?"
_SEXAGESIMAL = (
    rf"^(?P<sign>[+-]?)\s*(?P<whole>{_NUMBER})(?:[ :]+(?P<minutes>{_NUMBER})(?:[ :]+(?P<seconds>{_NUMBER}))?)?$"
)
_DESIGNATION = r"^(?:(?:\d{4}|A\d{3}) [A-Z]{2}\d*|\d{4} (?:P-L|T-[123]))$"
_INSIDE = re.compile(r"(?<!\s)\||\|(?!\s|$)")
"""A pipe that separates nothing, for want of a blank on either side: that of G!kun||'homdima."""
_PIPE = "\x01"  # what stands for it while a row is read
_NOT_MINOR = ("planet", "satellite", "natural satellite")


def is_skybot(given: Any) -> bool:
    """Whether an input is a text that begins as SkyBoT's answers do, its VOTable, or a table of astroquery's."""
    given = input_of(given)
    if is_skybot_table(given):
        return True
    if not isinstance(given, InputFile):
        return False
    return _BEGINNING.match(given.beginning[:1000].decode("utf-8-sig", "replace")) is not None


def read_skybot(given: Any, visit: int | None = None) -> tuple[pa.Table, tuple[str, ...]]:
    """Predictions from a text of SkyBoT's, or a table of its, for a visit; without one a text has a column ``visit``.

    InputError if the file is not there, not SkyBoT's, an error of SkyBoT's, or if a value is not what it should be.

    Returns
    -------
    table : pyarrow.Table
        Columns of SsPrediction, units in the metadata: visit, designation (the provisional one where SkyBoT has it for
        a name, else the number, else the name), ephRa, ephDec (deg), ephRateRa (includes cos dec), ephRateDec (deg/d),
        ephVmag, ephErrMajor and ephErrMinor (arcsec, 1 sigma), topoRange (au), phaseAngle, elongation (deg), provider;
        midpointMjdTai (MJD TAI) where a line ``# Epoch: ...`` (JD or ISO 8601, UTC) says it. What the text lacks is
        left out. No rows: SkyBoT knows no object there.
    doubts : tuple of str
        What was left out.
    """
    given, name = input_of(given), label(given)
    if is_skybot_table(given):
        table, said = rows_of_table(given, name)
    else:
        lines = _lines(name)
        comments = [line for line in lines if line.lstrip().startswith("#")]
        rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        table = _read_rows(name, comments, rows)
        said = next((match[1].strip() for comment in comments if (match := _SAID.search(comment))), None)
    if visit is None and "visit" not in table.column_names:
        say = option("--visit N", "visit=...")
        raise InputError(f"{name}: SkyBoT's text does not say which visit it is for: say it with {say}")
    if visit is not None and "visit" in table.column_names:
        said = option(f"--visit {visit}", f"visit={visit}")
        raise UsageError(f"{name}: there is a column visit, and {said}: keep one of them")
    problems = Problems(name, table.num_rows)
    turns = 15.0 if _unit(name, table, "RA") == "h" else 1.0
    values: dict[str, Any] = {
        "visit": _visits(problems, table, visit),
        "ephRa": turns * _angles(problems, table, "RA"),
        "ephDec": _angles(problems, table, "DE"),
    }
    for column, (given, factor) in _SCALED.items():
        if given in table.column_names:
            _unit(name, table, given)
            values[column] = factor * _numbers(problems, table, given)
    problems.raise_if_any()
    epoch = _epoch_mjd_tai(name, said)
    if epoch is not None:
        values["midpointMjdTai"] = np.full(table.num_rows, epoch)
    values["provider"] = np.full(table.num_rows, PROVIDER, object)
    values["designation"] = designations(table)
    return _minor_bodies(arrow_rows(ss_prediction, values), table)


def _lines(name: str) -> list[str]:
    try:
        return content_of(Path(name)).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: {error}") from error


def _read_rows(name: str, comments: list[str], rows: list[str]) -> pa.Table:
    """The rows as text, NULL where there is none; units of the header in the metadata."""
    said = "; ".join(comment.strip("# \t") for comment in comments[:4])
    flags = [int(match[1]) for comment in comments if (match := _FLAG.search(comment))]
    if any(flag < 0 for flag in flags):
        raise InputError(f"{name}: SkyBoT reports an error: {said}")
    header = next((comment for comment in comments if "|" in comment), None)
    if not rows:
        if not (0 in flags or _NOTHING in said.lower()):
            raise InputError(f"{name}: there are no objects in it, and it does not say so: is it complete?")
        header = header or "# " + " | ".join(_NEEDED)
    if header is None:
        raise InputError(f"{name}: not SkyBoT's text: there is no line # Num | Name | RA(h) | DE(deg) ...")
    titles = [re.fullmatch(r"([^()]*?)\s*(?:\(([^()]*)\))?", title.strip("# \t")) for title in header.split("|")]
    names = [match[1] if match else "" for match in titles]
    units = [(match[2] or "") if match else "" for match in titles]
    missing = [column for column in _NEEDED if column not in names]
    if missing or len(set(names)) < len(names):
        raise InputError(
            f"{name}: not SkyBoT's columns: "
            + (f"{shown(missing)} is missing; " if missing else "")
            + f"it has: {shown(names, 25)}"
        )
    fields = [pa.field(column, pa.string(), metadata={"unit": unit}) for column, unit in zip(names, units, strict=True)]
    if not rows:
        return pa.schema(fields).empty_table()
    rows = [row if row.count("|") < len(names) else _INSIDE.sub(_PIPE, row) for row in rows]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader("\n".join(rows).encode()),
            pyarrow.csv.ReadOptions(column_names=names),
            pyarrow.csv.ParseOptions(delimiter="|", quote_char=False),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowException as error:
        raise InputError(f"{name}: is it complete? {error}") from None
    stripped = [pc.replace_substring(pc.utf8_trim_whitespace(column), _PIPE, "|") for column in table.columns]
    known = [pc.if_else(pc.is_in(column, pa.array(["", "-"])), None, column) for column in stripped]
    return pa.table(known, schema=pa.schema(fields))


def _unit(name: str, table: pa.Table, column: str) -> str:
    """The unit of a column as the header has it or, where it does not, as SkyBoT's documentation does."""
    possible = _UNITS.get(column, ("",))
    unit = unit_of(table.schema.field(column)) or possible[0]
    if unit not in possible and column in _UNITS:
        raise InputError(f"{name}: column {column} is in {unit}, not in {' or '.join(possible)} as SkyBoT's")
    return unit


def _numbers(problems: Problems, table: pa.Table, column: str) -> Array:
    """A column as numbers, unknown ones NaN."""
    values, bad = numbers_of(table[column].combine_chunks())
    problems.add(bad, f"{column} is not a number")
    return values


def _angles(problems: Problems, table: pa.Table, column: str) -> Array:
    """Sexagesimal or decimal text as numbers of the larger unit; the sign is that of the whole, also before 00."""
    parts = pc.extract_regex(table[column], _SEXAGESIMAL).combine_chunks()
    problems.add(parts.is_null().to_numpy(zero_copy_only=False), f"{column} is not an angle (10 19 48.05, or decimal)")
    sign, whole, minutes, seconds = parts.flatten()  # with the nulls of the whole

    def numbers(texts: pa.Array) -> Array:
        return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.float64()).to_numpy(zero_copy_only=False)

    minute, second = numbers(minutes), numbers(seconds)
    problems.add((minute >= 60) | (second > 60), f"{column} has minutes or seconds beyond 60")
    size = numbers(whole) + minute / 60.0 + second / ARCSEC_PER_DEG
    return np.where(pc.fill_null(pc.equal(sign, "-"), False).to_numpy(zero_copy_only=False), -size, size)


def _visits(problems: Problems, table: pa.Table, visit: int | None) -> np.ndarray | pa.ChunkedArray:
    if visit is not None:
        return np.full(table.num_rows, visit, np.int64)
    bad = pc.fill_null(pc.invert(pc.match_substring_regex(table["visit"], r"^\d{1,18}$")), True)
    problems.add(bad.to_numpy(), "visit is not a whole number")
    return pc.if_else(bad, "0", table["visit"]).cast(pa.int64())


def designations(table: pa.Table) -> pa.ChunkedArray:
    """The provisional designation of an object where SkyBoT names it so, else its number, else its name."""
    names = table["Name"]
    provisional = pc.fill_null(pc.match_substring_regex(names, _DESIGNATION), False)
    return pc.if_else(provisional, names, pc.coalesce(table["Num"], names))


def _epoch_mjd_tai(name: str, said: str | None) -> float | None:
    """The time for which the text says that its positions hold."""
    if said is None:
        return None
    from astropy.time import Time

    try:
        number = re.fullmatch(r"\d{7}(?:\.\d*)?", said)
        time = Time(float(said), format="jd", scale="utc") if number else Time(said, format="isot", scale="utc")
    except ValueError:
        raise InputError(
            f"{name}: its epoch {quoted(said)} is neither a Julian date nor a date and time of UTC"
        ) from None
    return float(time.tai.mjd)


def _minor_bodies(predictions: pa.Table, table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """The predictions without those of planets and their satellites, which SkyBoT knows as well."""
    if "Class" not in table.column_names:
        return predictions, ()
    kind = pc.utf8_lower(pc.replace_substring_regex(table["Class"], r"\s*>.*", ""))
    minor = pc.invert(pc.is_in(kind, pa.array(_NOT_MINOR)))
    left_out = table["Name"].filter(pc.invert(minor)).to_pylist()
    if not left_out:
        return predictions, ()
    return predictions.filter(minor), (f"{len(left_out):,} planets and satellites are left out ({shown(left_out)})",)
