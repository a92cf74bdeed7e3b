"""The comments at the top of the files of ``sql/views`` and ``sql/queries``, which say what is in them.

The first paragraph tells the purpose, paragraphs after it tell more. A line such as ``-- Columns:`` begins a section
of entries, one an indented line (``--   name type unit meaning``); what is indented further goes on with its entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from ssdb.schema.columns import boolean, double, integer, long, real, text

_TYPES = {"double": double, "real": real, "long": long, "integer": integer, "boolean": boolean, "text": text}
_SECTION = re.compile(r"([A-Z][a-z]+):(?: (.+))?")
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself.

    Attributes
    ----------
    purpose : str
        Its first paragraph.
    notes : tuple of str
        The paragraphs after it.
    sections : dict of str to tuple of str
        Entries by the name of their section.
    body : str
        The file without its header.
    """

    purpose: str
    notes: tuple[str, ...]
    sections: dict[str, tuple[str, ...]]
    body: str

    def entries(self, section: str, n_words: int) -> list[list[str]]:
        """The entries of a section, each as so many words and the rest as one; a word ``-`` is empty."""
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
