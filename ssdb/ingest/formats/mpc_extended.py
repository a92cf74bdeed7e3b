"""Reads the Minor Planet Center's files of orbits as JSON, and its files of comets, JSON or fixed columns.

Minor planets (mpcorb_extended.json, and nea_, pha_, distant_, unusual_, daily_extended.json) have the numbers of
MPCORB.DAT under names of their own: https://minorplanetcenter.net/Extended_Files/Extended_MPCORB_Data_Format_Manual.pdf.
Comets (CometEls.txt, AllCometEls.txt, cometels.json) are those of
https://www.minorplanetcenter.net/iau/info/CometOrbitFormat.html: heliocentric elements at perihelion, in the J2000 mean
ecliptic, times TT. Their magnitudes are total ones, of nucleus and coma, by another law than H and G: none is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import starmap
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ephemeris.elements import of_ellipses
from ssdb.errors import InputError
from ssdb.identity.packed_arrays import unpack
from ssdb.ingest.formats.mpc_orbits import Dialect, Translated, blocks_of
from ssdb.ingest.formats.mpcorb import elements_of, take_better_axis
from ssdb.ingest.formats.orbit_block import PACKED, OrbitBlock, Part
from ssdb.ingest.formats.translating import (
    as_mask,
    designated,
    mjd_of,
    mjd_of_dates,
    numbers,
    parts_of_records,
    rows_of,
    texts,
)
from ssdb.io.input_file import InputFile
from ssdb.io.json_items import json_items
from ssdb.io.text_lines import lines_of

_FIELDS = {
    **{"a": "a", "e": "e", "i": "i", "Node": "node", "Peri": "argperi", "M": "mean_anomaly", "n": "mean_motion"},
    **{"Perihelion_dist": "q", "Tp": "peri_time", "Epoch": "epoch_mjd", "H": "h", "G": "g"},
    **{"Num_obs": "nobs_total", "Num_opps": "nopp", "rms": "not_normalized_rms"},
}
_AS_GIVEN = ("e", "i", "Node", "Peri", "H", "G", "Num_obs", "Num_opps", "rms")

_DATE = ("year", "month", "day")
_OF_PERIHELION = tuple(f"{part.capitalize()}_of_perihelion" for part in _DATE)
_OF_EPOCH = tuple(f"Epoch_{part}" for part in _DATE)
_NAME = "Designation_and_name"
_PACKED = "packed"  # of the file in fixed columns alone: the JSON has it without the letter and the number

_COMET_COLUMNS = {
    _PACKED: (1, 12),
    **dict(zip(_OF_PERIHELION, ((15, 18), (20, 21), (23, 29)), strict=True)),
    **{"Perihelion_dist": (31, 39), "e": (42, 49), "Peri": (52, 59), "Node": (62, 69), "i": (72, 79)},
    **dict(zip(_OF_EPOCH, ((82, 85), (86, 87), (88, 89)), strict=True)),
    _NAME: (103, 158),
}
"""First and last column of each value, counted from 1."""

_LARGEST_E = 1.5
"""Far above that of any comet of the Sun, 1.06. Fragments of D/1993 F2, which fell on Jupiter, have up to 9.999999."""

_COMET_NUMBERS = {
    **{"Perihelion_dist": "q", "e": "e", "Peri": "argperi", "Node": "node", "i": "i"},
    **dict.fromkeys((*_OF_PERIHELION, *_OF_EPOCH), "peri_time"),
}

_LOOKS_LIKE_COMET = re.compile(
    rb"(?:\d{4}| {4})[PCDXAI][ \w]{7}  [ \d-]{3}\d [ \d]\d [ \d]\d\.\d{1,4} +\d+\.\d+ +\d\.\d+(?: +\d+\.\d+){3} "
)


def _minor_planets(table: pa.Table) -> Translated:
    """Rows of mpc_orbits, made as those of MPCORB.DAT are; of hyperbolas from perihelion distance and time."""
    epochs = mjd_of(numbers(table, "Epoch"))
    values = {ours: numbers(table, theirs) for theirs, ours in _FIELDS.items()}
    disagree = take_better_axis(values)
    columns = elements_of(values, epochs)
    open_ = values["e"] >= 1
    for ours, given in (("q", values["q"]), ("peri_time", mjd_of(values["peri_time"]))):
        columns[ours] = np.where(open_ & np.isfinite(given), given, columns[ours])
    columns |= {_FIELDS[name]: values[_FIELDS[name]] for name in _AS_GIVEN}
    u_param = texts(table, "U")
    columns["u_param"] = pc.if_else(pc.match_substring_regex(u_param, r"^\d$"), u_param, None).cast(pa.int32())
    days = pc.struct_field(pc.extract_regex(texts(table, "Arc_length"), r"^(?P<days>[\d.]+)"), "days")
    columns["arc_length_total"] = days.cast(pa.float64())
    number = pc.replace_substring_regex(texts(table, "Number"), r"[()\s]", "")
    columns |= designated(pc.coalesce(number, texts(table, "Principal_desig")))
    unnamed = as_mask(pc.is_null(number))
    names = pc.if_else(pa.array(unnamed), pa.scalar(None, pa.string()), texts(table, "Name"))
    return Translated(rows_of(columns), {"a and n are not of one orbit": disagree & ~open_}, names=names)


def _comets(table: pa.Table) -> Translated:
    passage = mjd_of_dates(*(numbers(table, name) for name in _OF_PERIHELION))
    given = np.stack([numbers(table, name) for name in _OF_EPOCH])
    epochs = mjd_of_dates(*given)
    unperturbed = np.asarray(np.isnan(given).all(axis=0))
    columns: dict[str, Any] = {
        ours: numbers(table, theirs) for theirs, ours in _COMET_NUMBERS.items() if ours != "peri_time"
    }
    columns |= {"peri_time": passage, "epoch_mjd": np.where(unperturbed, passage, epochs)}
    columns |= of_ellipses(columns["q"], columns["e"], passage, columns["epoch_mjd"])
    named = designated(texts(table, _NAME))
    lost = as_mask(pc.match_substring_regex(texts(table, _NAME), r"^(\d+)?D/"))
    problems = {
        "the time of perihelion is no date": np.isnan(passage),
        "the epoch is no date": np.isnan(epochs) & ~unperturbed,
        "e is no comet's of the Sun: the orbit of a lost one was followed beyond its end": lost
        & (columns["e"] > _LARGEST_E),
    }
    if _PACKED in table.column_names:
        packed = pc.replace_substring_regex(texts(table, _PACKED), r"^(\d{4}[PDI]) +", r"\1")
        packed = pc.if_else(pa.array(unpack(packed)[1] != 0), packed, designated(packed)[PACKED])
        other = pc.and_(pc.not_equal(packed, named[PACKED]), pc.is_valid(packed))
        problems["the packed designation and the name are of two objects"] = as_mask(other)
        named = designated(pc.coalesce(packed, named[PACKED]))
    told = {"there is no epoch, as of an unperturbed orbit: that of perihelion was taken": unperturbed}
    return Translated(rows_of(columns | named), problems, told, texts(table, _NAME))


MINOR_PLANETS = Dialect(
    "mpcorb_extended",
    frozenset({"Epoch", "Peri", "Node", "M", "Num_obs"}),
    _FIELDS,
    ("Number", "Name", "Principal_desig", "U", "Arc_length"),
    _minor_planets,
)
COMETS = Dialect(
    "cometels", frozenset({_NAME, "Perihelion_dist", *_OF_PERIHELION}), _COMET_NUMBERS, (_NAME, _PACKED), _comets
)


def is_comet_els(given: InputFile) -> bool:
    """Whether a file has a line in the columns of CometEls.txt near its beginning."""
    return any(_LOOKS_LIKE_COMET.match(line) for line in given.beginning.splitlines()[:20])


def read_comet_els(given: InputFile) -> Iterator[OrbitBlock]:
    """Orbits in the columns of CometEls.txt, plain or gzip, in blocks of lines with their numbers in the file, from 1.

    An orbit without an epoch, which attracts nothing else than the Sun, is of its perihelion. InputError if the file is
    not there, not readable, truncated, or has no orbit.
    """
    return blocks_of(_fixed_parts(given), COMETS, given.path, "line")


def read_extended(given: InputFile) -> Iterator[OrbitBlock]:
    """Orbits of the Minor Planet Center's JSON, of minor planets or of comets, in blocks of records, from 1."""
    items = json_items(given)
    first = next(items, (None, None))[1]
    if not isinstance(first, dict):
        raise InputError(f"{given.path}: there is no orbit in it")
    dialect = COMETS if _NAME in first and "Principal_desig" not in first else MINOR_PLANETS
    wanted = [*dialect.numbers, *dialect.texts]
    records = starmap(_record, ((given.path, n, item) for n, (_, item) in enumerate(_again(first, items), 1)))
    return blocks_of(parts_of_records(records, wanted), dialect, given.path, "record")


def _again(first: Any, others: Iterator[tuple[str | None, Any]]) -> Iterator[tuple[str | None, Any]]:
    yield None, first
    yield from others


def _record(path: str, number: int, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise InputError(f"{path}: record {number} is no object of JSON")
    return item


def _fixed_parts(given: InputFile) -> Iterator[Part]:
    before = 0
    with given.opened() as stream:
        for block in lines_of(stream, given.path):
            lines = block.tobytes().decode("utf-8", "replace").split("\n")[:-1]
            numbers_ = before + 1 + np.arange(len(lines))
            before += len(lines)
            orbits = np.array([bool(line.strip()) and not line.startswith("#") for line in lines], bool)
            rows = {
                name: pa.array([lines[i][first - 1 : last] for i in np.flatnonzero(orbits)], pa.string())
                for name, (first, last) in _COMET_COLUMNS.items()
            }
            yield pa.table(rows), numbers_[orbits], []
