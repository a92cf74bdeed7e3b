"""Reads orbits of MPCORB.DAT and of the smaller files of the same columns.

The columns are those of https://www.minorplanetcenter.net/iau/info/MPOrbitFormat.html up to the 141st, which is where
all versions of the format agree, and the names behind them. Elements are heliocentric, in the J2000 mean ecliptic,
epochs 0h TT.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.elements import keplerian_to_cometary, mean_motion, semimajor_axis
from ssdb.errors import InputError
from ssdb.identity.packed_arrays import unpack
from ssdb.ingest.formats.orbit_block import PACKED, ROWS_PER_BLOCK, UNPACKED, OrbitBlock, numbers_of
from ssdb.io.input_file import input_of
from ssdb.io.text_lines import lines_of
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.sentinels import ORBITS, without_sentinels

_WIDTH = 194
_MJD_OF_1970 = 40587

_COLUMNS = {
    "packed": (1, 7),
    "h": (9, 13),
    "g": (15, 19),
    "epoch": (21, 25),
    "mean_anomaly": (27, 35),
    "argperi": (38, 46),
    "node": (49, 57),
    "i": (60, 68),
    "e": (71, 79),
    "mean_motion": (81, 91),
    "a": (93, 103),
    "u_param": (106, 106),
    "nobs_total": (118, 122),
    "nopp": (124, 126),
    "arc_length_total": (128, 131),
    "arc_unit": (133, 136),
    "not_normalized_rms": (138, 141),
    "computer_to_readable": (151, 194),
}
"""First and last column of each value, counted from 1."""

_GAPS = (8, 14, 20, 26, 36, 37, 47, 48, 58, 59, 69, 70, 80, 92)  # columns that are blank in every orbit
_NUMBERS = tuple(
    name for name in _COLUMNS if name not in ("packed", "epoch", "u_param", "arc_unit", "computer_to_readable")
)

_NAMED = r"^(?:.{16} *\(\d+\) +|[0-9A-Fa-f]{4} )(?P<name>[^\d ].*)$"
"""Behind the perturbers: computer, flags and "(1) Ceres"; or, where the computer is left out, flags and "Ceres"."""
_IS_DESIGNATION = r"^A[89]\d\d [A-Z]{2}"

_LOOKS_LIKE_ORBIT = re.compile(rb".{7} .{5} .{5} [I-L]\d\d[1-9A-C][1-9A-V] [ \d.]{9}  [ \d.]{9}  [ \d.]{9}  ")
_HEADER_END = re.compile(rb"-{60,}\s*|Des'n\s.*", re.DOTALL)

_MEAN_MOTION_ROUNDING = 0.5e-8
_AXIS_ROUNDING = 0.5e-7
"""Half a unit of the last digit of the two columns that give the size of an orbit, deg/d and au."""
_DISAGREEMENT = 1e-4  # relative difference between the two that no rounding makes


def is_mpcorb(path: str | os.PathLike[str]) -> bool:
    """Whether a file has a line in the columns of MPCORB.DAT near its beginning."""
    return any(_LOOKS_LIKE_ORBIT.match(line) for line in input_of(path).beginning.splitlines())


def read_mpcorb(path: str | os.PathLike[str]) -> Iterator[OrbitBlock]:
    """Orbits in MPCORB.DAT's columns, plain or gzip, in blocks of lines with their numbers in the file, from 1.

    The header, of whatever length, ends with a line of hyphens or with the names of the columns; a file may have none.
    Elements are in the units of mpc_orbits, times MJD TT. ``arc_length_total`` (d) is that of one-opposition orbits, of
    others the file has the years alone; ``u_param`` is NULL where it is a letter. InputError if the file is not there,
    not readable, truncated, or has no orbit at all.
    """
    name = os.fsdecode(path)
    before = 0
    started = False
    with input_of(path).opened() as stream:
        for text in lines_of(stream, name):
            ends = np.flatnonzero(text == ord("\n"))
            starts = np.concatenate(([0], ends[:-1] + 1))
            numbers = before + 1 + np.arange(len(ends))
            before += len(ends)
            skip = 0
            if not started:
                skip, started = _header(text, starts, ends)
                if not started:
                    continue
            for first in range(skip, len(ends), ROWS_PER_BLOCK):
                part = slice(first, first + ROWS_PER_BLOCK)
                yield _block(_characters(text, starts[part], ends[part]), numbers[part], ends[part] - starts[part])
    if not started:
        raise InputError(f"{name}: there is no orbit in the columns of MPCORB.DAT in it")


def _header(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[int, bool]:
    """How many lines the header has, and whether orbits follow it in this block."""
    length = 0
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        line = text[start:end].tobytes()
        if _HEADER_END.fullmatch(line):
            length = i + 1
        elif _LOOKS_LIKE_ORBIT.match(line):
            # What stands before the first orbit and is ended by nothing is not a header, but lines that are no orbits.
            return length, True
    return 0, False


def _characters(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The first columns of lines, shape (n, 194), blank behind the end of a line."""
    padded = np.concatenate((text, np.full(_WIDTH, ord(" "), np.uint8)))
    characters = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH)[starts]
    short = np.flatnonzero(ends - starts < _WIDTH)
    characters[short] = np.where(np.arange(_WIDTH) < (ends - starts)[short, None], characters[short], ord(" "))
    # The end of a line of another system is no character; a tab is one that belongs nowhere in this format.
    characters[characters == ord("\r")] = ord(" ")
    return characters


def _texts(characters: np.ndarray, name: str) -> pa.Array:
    first, last = _COLUMNS[name]
    field = np.ascontiguousarray(characters[:, first - 1 : last])
    field[field > 126] = ord("?")
    width = pa.binary(field.shape[1])
    fixed = pa.FixedSizeBinaryArray.from_buffers(width, len(field), [None, pa.py_buffer(field)])
    return fixed.cast(pa.binary()).cast(pa.string())


def _block(characters: np.ndarray, numbers: np.ndarray, lengths: np.ndarray) -> OrbitBlock:
    blank = (characters == ord(" ")).all(axis=1)
    if blank.any():
        characters, numbers, lengths = characters[~blank], numbers[~blank], lengths[~blank]
    packed = pc.ascii_trim_whitespace(_texts(characters, "packed"))
    designations, ids = unpack(packed)
    unreadable = lengths < _COLUMNS["mean_motion"][1]
    unreadable |= (characters[:, np.array(_GAPS) - 1] != ord(" ")).any(axis=1)
    types = {field.name: field.type for field in arrow_schema(mpc_orbits)}
    values = {}
    for name in _NUMBERS:
        values[name], bad = numbers_of(_texts(characters, name), types[name])
        unreadable |= bad
    epochs = _epochs(characters)
    disagree = take_better_axis(values)
    columns = elements_of(values, epochs) | {name: values[name] for name in ("h", "g", "not_normalized_rms")}
    columns |= {name: values[name] for name in ("nobs_total", "nopp")}
    in_days = characters[:, _COLUMNS["arc_unit"][0] - 1] == ord("d")
    columns["arc_length_total"] = np.where(in_days, values["arc_length_total"], np.nan)
    u_param = characters[:, _COLUMNS["u_param"][0] - 1].astype(float) - ord("0")
    columns["u_param"] = np.where((u_param >= 0) & (u_param <= 9), u_param, np.nan)  # a letter is no uncertainty

    rows = pa.table(
        {
            PACKED: packed,
            UNPACKED: designations,
        }
        | {name: pa.array(array, from_pandas=True).cast(types[name]) for name, array in columns.items()}
    )
    problems = {
        "not readable in the columns of MPCORB.DAT": unreadable,
        "the designation is not a packed one": ids == 0,
        "the epoch is not a packed date": np.isnan(epochs),
        "e is 1, where a does not lead to q": values["e"] == 1,
        "a and n are not of one orbit": disagree,
    }
    rows = without_sentinels(rows, ORBITS)
    return OrbitBlock(rows, numbers, ids, counted="line", names=_names(characters)).without(problems)


def _names(characters: np.ndarray) -> pa.Array:
    """Names of minor planets; NULL where a line has none, or fills the columns, so that it may be cut off."""
    texts = _texts(characters, "computer_to_readable")
    whole = pa.array(characters[:, _WIDTH - 1] == ord(" "))
    # No name has an underscore in it: exports without the computer have them for blanks.
    texts = pc.replace_substring(pc.ascii_rtrim_whitespace(texts), "_", " ")
    names = pc.struct_field(pc.extract_regex(texts, _NAMED), "name")
    wanted = pc.and_(whole, pc.invert(pc.fill_null(pc.match_substring_regex(names, _IS_DESIGNATION), True)))
    return pc.if_else(wanted, names, pa.scalar(None, pa.string()))


def _epochs(characters: np.ndarray) -> np.ndarray:
    """Packed dates (https://www.minorplanetcenter.net/iau/info/PackedDates.html) as MJD; NaN where a date is none."""
    first, last = _COLUMNS["epoch"]
    letters = characters[:, first - 1 : last].astype(np.int64)
    # 0-9, A-V stand for 0 to 31; I, J, K, ... as centuries for 18, 19, 20.
    digit = np.where(letters >= ord("A"), letters - ord("A") + 10, letters - ord("0"))
    year = digit[:, 0] * 100 + digit[:, 1] * 10 + digit[:, 2]
    month, day = digit[:, 3], digit[:, 4]
    readable = ((letters >= ord("0")) & (letters <= ord("V")) & ((letters <= ord("9")) | (letters >= ord("A")))).all(1)
    readable &= (letters[:, 1:3] <= ord("9")).all(axis=1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(readable, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + np.where(readable, day - 1, 0)
    exists = readable & (dates.astype("datetime64[M]") == months)
    return np.where(exists, dates.astype(np.int64) + _MJD_OF_1970, np.nan)


def take_better_axis(values: dict[str, np.ndarray]) -> np.ndarray:
    """Makes ``a`` (au) the better of the two sizes that every orbit has; True where they contradict each other.

    The file has n to 1e-8 deg/d and a to 1e-7 au: near the Earth's orbit the first fixes the size fifteen times better,
    which after five years is half an arcsecond; beyond 2.3 au the second does. The a of a hyperbola may be blank, and
    comes out negative.
    """
    a, n, e = (values[name] for name in ("a", "mean_motion", "e"))
    with np.errstate(divide="ignore", invalid="ignore"):
        from_n = np.sign(1.0 - e) * semimajor_axis(np.where(n > 0, n, np.nan))
        given = np.where(e > 1, -np.abs(a), a)
        uncertainty = np.abs(2 / 3 * from_n / n) * _MEAN_MOTION_ROUNDING
        disagree = np.abs(given - from_n) > _DISAGREEMENT * np.abs(given) + 2 * (uncertainty + _AXIS_ROUNDING)
    values["a"] = np.where(np.isnan(given) | (uncertainty < _AXIS_ROUNDING), from_n, given)
    return disagree


def elements_of(values: dict[str, np.ndarray], epochs: np.ndarray) -> dict[str, np.ndarray]:
    """The elements of mpc_orbits; of orbits that are no ellipses without those that only ellipses have there."""
    a, e, anomaly = (values[name] for name in ("a", "e", "mean_anomaly"))
    with np.errstate(divide="ignore", invalid="ignore"):
        q, peri_time = keplerian_to_cometary(a, e, anomaly, epochs)
        n = mean_motion(a)
        of_ellipses = {"a": a, "mean_anomaly": anomaly, "mean_motion": n, "period": 360.0 / n}
    elements = {name: values[name] for name in ("e", "i", "node", "argperi")}
    elements |= {"q": q, "peri_time": peri_time, "epoch_mjd": epochs}
    return elements | {name: np.where(e < 1, array, np.nan) for name, array in of_ellipses.items()}
