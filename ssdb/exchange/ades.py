"""Writes what was observed of known objects as ADES, for the Minor Planet Center, and remembers it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import ConfigError, InputError, shown
from ssdb.exchange.identities import mpc_names, read_tracklets, tracklets_of
from ssdb.exchange.sources import exposures_of, not_to_report, read_reportable
from ssdb.exchange.texts import place_texts, texts_of
from ssdb.ingest.formats.reports import read_reports
from ssdb.ingest.table.input import Input
from ssdb.io.ades.context import Header, header_of
from ssdb.io.ades.write import require_ades_name, write_ades
from ssdb.io.output import require_replaceable
from ssdb.io.times import span_of
from ssdb.schema.arrow import stored_rows
from ssdb.schema.reported import ss_reported_source
from ssdb.store.database import Database
from ssdb.store.locks import lock
from ssdb.store.tables.reported import count_reported, files_of, replace_reported
from ssdb.units import Columns

_DIA_SOURCE_ID = re.compile(r"[1-9]\d{0,17}|-[1-9]\d{0,17}")


@dataclass(frozen=True)
class AdesReport:
    """What :func:`export_ades` wrote."""

    file: str | None
    """None: there was nothing to report, and no file was written."""
    visits: int
    """Visits whose sources were looked at."""
    observations: int
    objects: int
    """Known objects among them."""
    tracklets: int
    left_out: dict[str, int] = field(default_factory=dict)
    """Sources that were not reported, by what they are."""
    forgotten: int = 0
    """Sources of which answers to an earlier file were stored: these are forgotten, the next are to this one."""


def export_ades(
    database: Database,
    path: str | os.PathLike[str],
    *,
    header: Mapping[str, Any] | str | os.PathLike[str],
    station: str | None = None,
    visits: Sequence[int] | None = None,
    since: Any = None,
    until: Any = None,
    tracklets: Input | None = None,
    again: bool = False,
    outliers: bool = False,
    n_sigma: float = 3.0,
    min_probability: float = 0.9,
) -> AdesReport:
    """Writes the sources that are known objects, and were not reported before, as ADES; they count as reported then.

    Sources that were withdrawn, or are negative, and those of visits that are to be associated anew are left out; and
    those that are farther from their orbits than ``n_sigma`` errors of source and prediction together, or are their
    objects with a probability below ``min_probability``. File and database change together, or neither does.

    Raises
    ------
    ConfigError
        If the header is not what ADES wants, a band has no code in ADES, or a time is none.
    InputError
        If the file cannot be written, or has what was reported before; if the tracklets are not usable; if all
        visits are of other stations.
    NotFoundError
        If a visit is not in the database.

    Parameters
    ----------
    path : path
        PSV or XML, by its ending.
    header : mapping or path
        obsContext and what holds for all observations: see :func:`ssdb.io.ades.context.header_of`.
    station : str, optional
        The observatory code, where the header has none. Sources are taken of visits that have it, or no code.
    visits, since, until : optional
        Only sources of these visits, or of visits whose middle is from this time on, and before this one.
    tracklets : path or table, optional
        Sources that are reported with a trkSub of the user's, known objects or not: diaSourceId, trkSub.
    again : bool
        Also what was reported before. What the Minor Planet Center called it then is forgotten.
    outliers : bool
        Also what is far from its orbit or not certain.
    """
    path = Path(path)
    require_ades_name(path)
    require_replaceable(path)
    head = header_of(header, station)
    first, last = span_of(since, until)
    given = read_tracklets(tracklets)
    listed_ids = np.array(sorted(given), np.int64)
    written = False
    try:
        with database.writing() as connection:
            lock(connection, "reported")
            _refuse_reported_file(connection, path)
            exposures = exposures_of(connection, head.station, visits, first, last, listed_ids)
            rows = read_reportable(connection, exposures, listed_ids, again=again)
            n_visits, left_out = len(exposures.visits), {}
            if not again:
                left_out["were reported before"] = count_reported(connection, exposures.visits[exposures.wanted])
            if rows:
                limits = {"n_sigma": n_sigma, "min_probability": min_probability}
                reasons = not_to_report(rows, exposures, outliers=outliers, **limits)
                left_out |= {reason: int(wrong.sum()) for reason, wrong in reasons.items()}
                rows = _only(rows, ~np.logical_or.reduce(list(reasons.values())))
                rows, names = _named(connection, rows, left_out)
            left_out = {reason: n for reason, n in left_out.items() if n}
            if not rows or not len(rows["visit"]):
                return AdesReport(None, n_visits, 0, 0, 0, left_out)
            texts = _texts(rows, names, head, given)
            texts |= place_texts(exposures.places, exposures.of(rows["visit"]))
            in_order = sorted(range(len(rows["visit"])), key=lambda row: _key(texts, row))
            write_ades(path, head, {name: [values[row] for row in in_order] for name, values in texts.items()})
            written = True
            forgotten = replace_reported(connection, _reported(rows, texts, path))
    except BaseException:
        # The file is there already, and nothing knows of it: it would be reported twice.
        if written:
            with suppress(OSError):
                path.unlink()
        raise
    n_objects = len(np.unique(rows["ssObjectId"][rows["ssObjectId"] != 0]))
    n_tracklets = len(set(texts["trkSub"]))
    return AdesReport(os.fspath(path), n_visits, len(rows["visit"]), n_objects, n_tracklets, left_out, forgotten)


def _refuse_reported_file(connection: sa.Connection, path: Path) -> None:
    """Raises InputError if a file has what was reported before: no later one takes its place.

    A killed run may have left a file of which the database knows nothing. That is replaced.
    """
    if not path.exists():
        return
    try:
        numbers = read_reports(path).column("obsSubID")
    except InputError:  # no ADES
        return
    sources = np.array([int(text) for text in numbers if _DIA_SOURCE_ID.fullmatch(text)], np.int64)
    if files_of(connection, sources):
        raise InputError(f"{path}: has what was reported before, and is not replaced: give another name")


def _only(rows: Columns, kept: np.ndarray) -> Columns:
    return {name: values[kept] for name, values in rows.items()}


def _named(
    connection: sa.Connection, rows: Columns, left_out: dict[str, int]
) -> tuple[Columns, dict[int, tuple[str, str]]]:
    """The sources of objects that ADES has a name for, and those listed; and these names."""
    objects, first = np.unique(rows["ssObjectId"], return_index=True)
    designations = {
        object_id: text.decode()
        for object_id, text in zip(objects.tolist(), rows["designation"][first].tolist(), strict=True)
        if object_id
    }
    names = mpc_names(connection, objects[objects != 0], designations)
    nameless = np.isin(rows["ssObjectId"], [one for one in designations if one not in names]) & ~rows["listed"]
    left_out["have no designation of the Minor Planet Center"] = int(nameless.sum())
    return _only(rows, ~nameless), names


def _texts(
    rows: Columns, names: Mapping[int, tuple[str, str]], head: Header, given: Mapping[int, str]
) -> dict[str, list[str]]:
    """All elements of the sources."""
    sources = rows["diaSourceId"].tolist()
    of_object = [names.get(object_id, ("", "")) for object_id in rows["ssObjectId"].tolist()]
    made = tracklets_of(rows["ssObjectId"], rows["midpointMjdTai"], rows["diaSourceId"])
    texts = {name: [value] * len(sources) for name, value in head.optical.items()}
    texts |= {
        "permID": [perm for perm, _ in of_object],
        "provID": [prov for _, prov in of_object],
        "trkSub": [given.get(source, own) for source, own in zip(sources, made, strict=True)],
        "obsSubID": [str(source) for source in sources],
        "stn": [head.station] * len(sources),
    }
    texts |= texts_of(rows)
    texts["band"] = _bands(rows["band"], texts["mag"], head)
    if "photCat" in texts:
        texts["photCat"] = [value if mag else "" for value, mag in zip(texts["photCat"], texts["mag"], strict=True)]
    return texts


def _bands(bands: np.ndarray, magnitudes: Sequence[str], head: Header) -> list[str]:
    """Codes of bands of the sources that have a magnitude; ConfigError that names bands without one."""
    names = [band.decode() if mag else "" for band, mag in zip(bands.tolist(), magnitudes, strict=True)]
    without_band = sum(1 for name, mag in zip(names, magnitudes, strict=True) if mag and not name)
    unknown = sorted({name for name in names if name} - head.bands.keys())
    if unknown or without_band:
        which = f"band {shown(unknown)} of {head.station} has no code in ADES" if unknown else "a source has no band"
        example = ", ".join(f"{name}: ..." for name in unknown) or "...: ..."
        raise ConfigError(f"{which}: the header says it, `optical: {{bands: {{{example}}}}}`")
    return [head.bands[name] if name else "" for name in names]


def _key(texts: Mapping[str, Sequence[str]], row: int) -> tuple[Any, ...]:
    """By object, then time: an observer looks for tracklets."""
    number, rest = texts["permID"][row], texts["provID"][row]
    return (
        not number,
        (len(number), number),
        rest,
        "" if number or rest else texts["trkSub"][row],
        texts["obsTime"][row],
        len(texts["obsSubID"][row]),
        texts["obsSubID"][row],
    )


def _reported(rows: Columns, texts: Mapping[str, Sequence[str]], path: Path) -> pa.Table:
    """The rows of SsReportedSource."""
    n = len(rows["visit"])
    designations = [perm or prov or None for perm, prov in zip(texts["permID"], texts["provID"], strict=True)]
    columns: dict[str, Any] = {
        "diaSourceId": rows["diaSourceId"],
        "visit": rows["visit"],
        "designation": designations,
        "mag": [float(text) if text else None for text in texts["mag"]],
        "file": [os.path.abspath(path)] * n,
        "submittedAt": [datetime.now(UTC).replace(tzinfo=None)] * n,
    }
    columns |= {
        name: [text or None for text in texts[name]] for name in ("stn", "trkSub", "obsSubID", "mode", "astCat", "band")
    }
    return stored_rows(ss_reported_source, columns)
