"""Ready-made questions: files of ``sql/queries`` whose headers say what they ask and which parameters they take."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ask.meanings import column_meant
from ssdb.ask.sql import Answer, QueryResult, asking
from ssdb.errors import ConfigError, NotFoundError, ParameterError, QueryError, option, quoted
from ssdb.io.input_file import input_of
from ssdb.io.times import mjd_tai_of, span_of
from ssdb.schema.arrow import arrow_field
from ssdb.store.database import Database
from ssdb.store.sql_files import Header, read_header, sql_texts
from ssdb.store.transfer.array_parameters import rows_as_text

_ALL = "all"
"""The default of what restricts the answer only when it is given: NULL."""

_REQUIRED = "required"
_NUMBERS = ("number", "positive")
_TIME = "time"
_DIA_OBJECT = "diaobject"
_KINDS = ("object", _DIA_OBJECT, "text", "integer", _TIME, *_NUMBERS)
TIMES = ("since", "until")
"""Parameters of questions about what was observed in a time: from the one on, and before the other."""

_IDENTIFIER = re.compile(r"-\d+|\d{10,}")
"""An ssObjectId: numbers of objects have no more than eight digits."""


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a ready-made question."""

    name: str
    kind: str
    """``object`` (any name of an object, or its ssObjectId), ``diaobject`` (a diaObjectId, also of an object that was
    merged), ``text``, ``integer``, ``number``, ``positive`` (a number
    above 0), ``time`` (what :func:`ssdb.io.times.mjd_tai_of` takes), or the words that are possible, as
    ``band|night``.
    """
    unit: str
    """Empty where it has none."""
    default: str | None
    """As it would be typed; ``all``: no restriction; None: it must be given."""
    meaning: str


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A ready-made question."""

    name: str
    purpose: str
    """One sentence."""
    notes: tuple[str, ...]
    """What else there is to know, a paragraph each."""
    parameters: tuple[QueryParameter, ...]
    upload: str | None
    """Name of the table of the user's own that it needs."""
    columns: dict[str, sa.Column]
    """Columns of the answer that no table and no view has; ``info`` holds their ``unit`` and ``comment``."""
    example: str
    """Options of ``ssdb query`` to try it with."""
    sql: str

    def as_dict(self) -> dict[str, Any]:
        """The question as plain values, for JSON."""
        parameters = [{name: getattr(one, name) for name in QueryParameter.__slots__} for one in self.parameters]
        about = {"name": self.name, "purpose": self.purpose, "notes": list(self.notes), "parameters": parameters}
        columns = {name: {k: column.info[k] for k in ("unit", "comment")} for name, column in self.columns.items()}
        return about | {"upload": self.upload, "columns": columns, "example": self.example, "sql": self.sql}


@cache
def named_queries() -> dict[str, NamedQuery]:
    """The ready-made questions by name."""
    return {name: _named_query(name, read_header(text)) for name, text in sql_texts("queries").items()}


def _named_query(name: str, header: Header) -> NamedQuery:
    parameters = [
        QueryParameter(parameter, kind, unit, None if default == _REQUIRED else default, meaning)
        for parameter, kind, unit, default, meaning in header.entries("Parameters", 4)
    ]
    upload = header.sections.get("Upload", (None,))[0]
    example = f"ssdb query --name {name} {header.sections['Example'][0]}"
    return NamedQuery(
        name, header.purpose, header.notes, tuple(parameters), upload, header.columns(), example, header.body
    )


def named_query(
    database: Database,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    upload: Any = None,
    table: str | int | None = None,
    type: str | None = None,
) -> QueryResult:
    """Asks a ready-made question; the columns of the answer have their units.

    QueryError if there is no such question, or a parameter is missing, unknown, or makes no sense. NotFoundError or
    DesignationError if the name of an object is that of none, or of several. InputError if the uploaded table is not
    usable.

    Parameters
    ----------
    name : str
        One of :func:`named_queries`.
    parameters : mapping, optional
        Values by name, as numbers or as text; what is not given has its default.
    upload : path or table, optional
        Of a question that needs a table of the user's own: a file or a table in memory with ``ra``, ``dec`` (deg, ICRS)
        and ``midpointMjdTai`` (MJD TAI), and where wanted ``id`` (any text or number; else the number of the row).
    table, type : optional
        Which table of the uploaded file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    """
    with asking_named(database, name, parameters, upload=upload, table=table, type=type) as answer:
        return QueryResult(answer.columns, list(chain.from_iterable(answer.chunks)), answer.schema)


@contextmanager
def asking_named(
    database: Database,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    upload: Any = None,
    table: str | int | None = None,
    type: str | None = None,
) -> Iterator[Answer]:
    """Asks a ready-made question, as :func:`named_query` does, and gives the rows as they come."""
    asked = find_query(name)
    values = _values(database, asked, parameters or {})
    sql, columns = asked.sql, dict[str, sa.Column]()
    if upload is None and asked.upload is not None:
        raise QueryError(f"{name} needs a table of your own: {option('--upload FILE', 'upload=...')}")
    if upload is not None and asked.upload is None:
        raise ParameterError(f"{name} takes no table of your own: leave out {option('--upload', 'upload=...')}")
    if upload is None and (table is not None or type is not None):
        raise ParameterError("table= and type= need upload=: they say what that is")
    if upload is not None:
        from ssdb.ask.uploads import POSITIONS, read_positions

        rows = read_positions(input_of(upload, table, type))
        arrays = {name: rows.column(name).to_numpy() for name in rows.column_names}
        uploaded, of_upload = rows_as_text(database.engine.dialect, POSITIONS.name, arrays)
        sql = re.sub(r"^WITH( RECURSIVE)?", lambda begin: f"{begin[0]} {uploaded},", sql)
        values |= of_upload
        columns = dict(POSITIONS.columns.items())
    columns = columns | asked.columns
    with asking(database, sql, values) as answer:
        described = (columns[name] if name in columns else column_meant(asked.sql, name) for name in answer.columns)
        schema = pa.schema([arrow_field(column) for column in described])
        yield Answer(answer.columns, (_as_declared(rows, schema) for rows in answer.chunks), schema)


def _as_declared(rows: list[tuple[Any, ...]], schema: pa.Schema) -> list[tuple[Any, ...]]:
    """Rows with booleans, and single precision in its own digits, which SQLite answers as 0 and 1 and as doubles."""
    kinds = {pa.bool_(): bool, pa.float32(): lambda value: float(str(np.float32(value)))}
    made = {place: kinds[field.type] for place, field in enumerate(schema) if field.type in kinds}
    columns = [
        [None if value is None else made[place](value) for value in column] if place in made else column
        for place, column in enumerate(zip(*rows, strict=True))
    ]
    return list(zip(*columns, strict=True))


def find_query(name: str) -> NamedQuery:
    """The ready-made question of a name. QueryError if there is none; the message names those that there are."""
    known = named_queries()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name.lower(), known, n=1)
    meant = f"; is it {close[0]}?" if close else "."
    raise QueryError(f"there is no query {quoted(name)}{meant} There are: {', '.join(known)}")


def _values(database: Database, asked: NamedQuery, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values to bind: those given, and the defaults of the others."""
    there = {parameter.name: parameter for parameter in asked.parameters}
    unknown = sorted(given.keys() - there.keys())
    if set(unknown) & set(TIMES) and not there.keys() & set(TIMES):
        others = [one.name for one in named_queries().values() if any(p.name in TIMES for p in one.parameters)]
        raise ParameterError(
            f"{asked.name} has no times to choose from ({', '.join(unknown)}); these have: {', '.join(others)}"
        )
    if unknown:
        names = ", ".join(f"{name} (required)" if one.default is None else name for name, one in there.items())
        raise ParameterError(f"{asked.name} has no parameter {', '.join(unknown)}; its parameters are: {names}")
    if missing := [one for one in asked.parameters if one.default is None and given.get(one.name) is None]:
        wanted = "; ".join(
            f"{option(f'--param {one.name}=...', f'a value of {one.name}')} ({one.meaning})" for one in missing
        )
        raise QueryError(f"{asked.name} needs {wanted}")
    values = {name: _value(database, one, given.get(name, one.default)) for name, one in there.items()}
    span_of(*(values.get(name) for name in TIMES))
    return values


def _value(database: Database, parameter: QueryParameter, given: Any) -> Any:
    text = "" if given is None else str(given).strip()
    if given is None or (text == _ALL and parameter.default == _ALL):
        return None
    if parameter.kind == "object":
        return _object(database, text)
    if parameter.kind == _TIME:
        return _time(parameter.name, given)
    if parameter.kind not in _KINDS:
        if text not in parameter.kind.split("|"):
            raise QueryError(f"{parameter.name} is one of {', '.join(parameter.kind.split('|'))}, not {quoted(text)}")
        return text
    if parameter.kind == "text":
        return text
    try:
        number = int(text) if parameter.kind in ("integer", _DIA_OBJECT) else float(text)
    except ValueError:
        number = math.nan
    if isinstance(number, int) and abs(number) >= 2**63:
        number = math.nan
    if not math.isfinite(number) or (parameter.kind == "positive" and number <= 0):
        above = " above 0" if parameter.kind == "positive" else ""
        kind = "an integer" if parameter.kind in ("integer", _DIA_OBJECT) else "a number"
        unit = f" ({parameter.unit})" if parameter.unit else ""
        raise QueryError(f"{parameter.name} is {kind}{above}{unit}, not {quoted(text)}")
    return _dia_object(database, int(number)) if parameter.kind == _DIA_OBJECT else number


def _dia_object(database: Database, number: int) -> int:
    """What a DiaObject is called now; of an unknown one nothing is found."""
    from ssdb.dia.merge import resolve_dia_object

    with suppress(NotFoundError):
        number, _ = resolve_dia_object(database, number)
    return number


def _time(name: str, given: Any) -> float:
    """MJD TAI."""
    try:
        return mjd_tai_of(given)
    except ConfigError as error:
        raise QueryError(f"{name}: {error}") from None


def _object(database: Database, name: str) -> int:
    from ssdb.identity.resolve import resolve

    return int(name) if _IDENTIFIER.fullmatch(name) else resolve(database, name).ssObjectId
