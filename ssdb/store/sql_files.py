"""The files of ``sql/``: where they are, what their headers say, and what stands for longer texts in the views.

The comments at the top of the files of ``sql/views`` and ``sql/queries`` say what is in them: the first paragraph the
purpose, paragraphs after it more. A line such as ``-- Columns:`` begins a section of entries, one an indented line
(``--   name type unit meaning``, in views ``name type unit ucd meaning``); what is indented further goes on with its
entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from ssdb.schema.columns import boolean, double, integer, long, real, text, timestamp
from ssdb.units import JD_OF_MJD_0, SECONDS_PER_DAY

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def resource_directory(name: str) -> Path:
    """The directory ``sql`` or ``migrations``. FileNotFoundError if the installation is broken.

    A wheel has it as ``ssdb/_sql``; a checkout (an editable install has no mapped copy) beside the package.
    """
    for path in (_PACKAGE / f"_{name}", _PACKAGE.parent / name):
        if path.is_dir():
            return path
    raise FileNotFoundError(f"ssdb is not installed whole: {name}/ is missing beside {_PACKAGE}")


@cache
def sql_text(name: str) -> str:
    """The text of a file of ``sql/``, such as ``roles.sql``."""
    return (resource_directory("sql") / name).read_text(encoding="utf-8")


@cache
def sql_texts(folder: str) -> dict[str, str]:
    """The statements of a folder of ``sql/``, without their closing semicolons: name of the file to text."""
    files = sorted((resource_directory("sql") / folder).glob("*.sql"))
    return {path.stem: path.read_text(encoding="utf-8").strip().rstrip(";") for path in files}


# ---- headers ---------------------------------------------------------------------------------------------------------

_TYPES = {"double": double, "real": real, "long": long, "integer": integer, "boolean": boolean, "text": text}
_TYPES |= {"timestamp": timestamp}
_SECTION = re.compile(r"([A-Z][a-z]+):(?: (.+))?")
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself."""

    purpose: str
    """Its first paragraph."""
    notes: tuple[str, ...]
    """The paragraphs after it."""
    sections: dict[str, tuple[str, ...]]
    """Entries by the name of their section."""
    body: str
    """The file without its header."""

    def entries(self, section: str, n_words: int) -> list[list[str]]:
        """The entries of a section, each as so many words and the rest as one; the word ``-`` becomes empty."""
        split = [entry.split(maxsplit=n_words) for entry in self.sections.get(section, ())]
        return [["" if word == _NONE else word for word in words] for words in split]

    def columns(self) -> dict[str, sa.Column]:
        """The columns that the section ``Columns`` describes, by name, with ``unit`` and ``comment`` in ``info``."""
        described = self.entries("Columns", 3)
        return {name: _TYPES[kind](name, unit, "", meaning) for name, kind, unit, meaning in described}

    def columns_with_ucds(self) -> dict[str, sa.Column]:
        """As :meth:`columns`, where the section has a UCD between unit and meaning."""
        described = self.entries("Columns", 4)
        return {name: _TYPES[kind](name, unit, ucd, meaning) for name, kind, unit, ucd, meaning in described}


def read_header(sql: str) -> Header:
    """Takes the text of a file apart."""
    lines = sql.splitlines()
    n = next((index for index, line in enumerate(lines) if not line.startswith("--")), len(lines))
    paragraphs: list[list[str]] = [[]]
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in (line.removeprefix("--").removeprefix(" ").rstrip() for line in lines[:n]):
        if match := _SECTION.fullmatch(line):
            current = sections.setdefault(match[1], [match[2]] if match[2] else [])
        elif not line:
            paragraphs.append([])
        elif current is None:
            paragraphs[-1].append(line)
        elif line.startswith("   "):
            current[-1] += f" {line.strip()}"
        else:
            current.append(line.strip())
    purpose, *notes = [" ".join(paragraph) for paragraph in paragraphs if paragraph]
    entries = {name: tuple(found) for name, found in sections.items()}
    return Header(purpose, tuple(notes), entries, "\n".join(lines[n:]))


# ---- what stands for longer texts ------------------------------------------------------------------------------------

_CALL = re.compile(r"\b(utc_text|utc_jd|comet_mark)\(([^()]*)\)")


def expanded(sql: str) -> str:
    """A statement with the texts that these stand for in it, of a column each.

    ``utc_text(COLUMN)``
        the UTC of an MJD TAI as text, ISO 8601; NULL before 1972
    ``utc_jd(COLUMN)``
        the same as a Julian date, double precision, of days of 86400 s: a leap second has the dates of the next second
    ``comet_mark(COLUMN)``
        the letter of a comet's designation; nothing of a minor planet's
    """
    return _CALL.sub(lambda call: _MEANT[call[1]]().replace(":column", call[2]), sql)


def _statement(name: str, parameter: str) -> str:
    """The text of a file without its comments, with ``:column`` for its parameter."""
    lines = sql_text(name).splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).replace(parameter, ":column")


@cache
def _comet_mark() -> str:
    return _statement("comet_mark.sql", ":designation")


LEAP_SECONDS = (
    *("1972-07-01", "1973-01-01", "1974-01-01", "1975-01-01", "1976-01-01", "1977-01-01", "1978-01-01", "1979-01-01"),
    *("1980-01-01", "1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01", "1988-01-01", "1990-01-01", "1991-01-01"),
    *("1992-07-01", "1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01", "2006-01-01", "2009-01-01"),
    *("2012-07-01", "2015-07-01", "2017-01-01"),
)
"""Days before which a leap second was inserted (IERS, Bulletin C).

Neither database knows them, and a view must not depend on what is installed beside the database. When a new one is
announced it is added, and ``ssdb init`` makes the views again.
"""

_FIRST_DAY = date(1972, 1, 1)
FIRST_SECONDS = 10
"""TAI - UTC from that day on."""

_FIRST_MJD = 41317


@cache
def _utc_text() -> str:
    return _statement("utc.sql", ":mjd_tai").replace(":era", _era())


def _begins() -> list[int]:
    """When the leap seconds began, in seconds of TAI since 1972; the first is as if one had led to that day."""
    later = [
        (date.fromisoformat(day) - _FIRST_DAY).days * SECONDS_PER_DAY + FIRST_SECONDS + n
        for n, day in enumerate(LEAP_SECONDS)
    ]
    return [FIRST_SECONDS - 1, *map(int, later)]


def _era() -> str:
    """When the last leap second before ``tai`` began, both in ms of TAI since 1972; the newest are asked first."""
    whens = " ".join(f"WHEN tai >= {1000 * begin} THEN {1000 * begin}" for begin in reversed(_begins()))
    return f"CASE {whens} END"


@cache
def _utc_jd() -> str:
    # Each step of TAI - UTC from the end of its leap second on, the newest first.
    steps = [(_FIRST_MJD + (begin + 1) / SECONDS_PER_DAY, FIRST_SECONDS + n) for n, begin in enumerate(_begins())]
    whens = " ".join(f"WHEN :column >= {mjd!r} THEN {seconds}" for mjd, seconds in reversed(steps))
    return f"(:column - CASE {whens} END / {SECONDS_PER_DAY!r} + {JD_OF_MJD_0!r})"


_MEANT = {"utc_text": _utc_text, "utc_jd": _utc_jd, "comet_mark": _comet_mark}
