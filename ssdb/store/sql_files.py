"""The files of ``sql/``: where they are, what their headers say, and what ``utc_text(COLUMN)`` stands for in them.

The comments at the top of the files of ``sql/views`` and ``sql/queries`` say what is in them: the first paragraph the
purpose, paragraphs after it more. A line such as ``-- Columns:`` begins a section of entries, one an indented line
(``--   name type unit meaning``); what is indented further goes on with its entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from ssdb.schema.columns import boolean, double, integer, long, real, text

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


# ---- UTC -------------------------------------------------------------------------------------------------------------

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

_UTC_CALL = re.compile(r"\butc_text\(([^()]*)\)")


def with_utc(sql: str) -> str:
    """A statement with what ``utc_text(COLUMN)`` stands for in it: the UTC of an MJD TAI as text, ISO 8601."""
    return _UTC_CALL.sub(lambda call: _utc_text().replace(":mjd_tai", call[1]), sql)


@cache
def _utc_text() -> str:
    lines = sql_text("utc.sql").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).replace(":era", _era())


def _era() -> str:
    """When the last leap second before ``tai`` began, both in ms of TAI since 1972; the newest are asked first."""
    begins = [FIRST_SECONDS - 1]  # as if one had led to the first day
    for n, day in enumerate(LEAP_SECONDS):
        begins.append((date.fromisoformat(day) - _FIRST_DAY).days * 86400 + FIRST_SECONDS + n)
    whens = " ".join(f"WHEN tai >= {1000 * begin} THEN {1000 * begin}" for begin in reversed(begins))
    return f"CASE {whens} END"
