"""Writes observations as ADES, in PSV or XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape

from ssdb.errors import InputError
from ssdb.io.ades.context import Header
from ssdb.io.ades.standard import CONTEXT, LISTS, OPTICAL, VERSION
from ssdb.io.output import output_file

ENDINGS = (".psv", ".xml")


def require_ades_name(path: str | Path) -> None:
    """Raises InputError if the ending of a file's name says neither PSV nor XML."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: the ending does not say how it is to be written; possible are {', '.join(ENDINGS)}")


def write_ades(path: str | Path, header: Header, texts: Mapping[str, Sequence[str]]) -> None:
    """Writes optical observations, whole or not at all; InputError if the file cannot be written.

    Parameters
    ----------
    path : path
        PSV or XML, by its ending.
    header : Header
        What it begins with.
    texts : mapping of str to sequence of str, shape (n,)
        Elements of :data:`ssdb.io.ades.standard.OPTICAL`, as they are to be written; "" where there is none.
    """
    require_ades_name(path)
    used = {name: texts[name] for name in OPTICAL if any(texts.get(name, ()))}
    with output_file(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        (_write_xml if Path(path).suffix.lower() == ".xml" else _write_psv)(file, header, used)


def _write_psv(file: TextIO, header: Header, texts: Mapping[str, Sequence[str]]) -> None:
    file.write(f"# version={VERSION}\n")
    for name, value in header.context.items():
        if isinstance(value, str):
            file.write(f"# {name} {value}\n")
            continue
        file.write(f"# {name}\n")
        file.writelines(f"! {part} {text}\n" for part, text in _parts(name, value))
    widths = [max(len(name), *map(len, values)) for name, values in texts.items()]
    for row in (tuple(texts), *zip(*texts.values(), strict=True)):
        file.write("|".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n")


def _write_xml(file: TextIO, header: Header, texts: Mapping[str, Sequence[str]]) -> None:
    file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<ades version="{VERSION}">\n  <obsBlock>\n    <obsContext>\n')
    for name, value in header.context.items():
        if isinstance(value, str):
            file.write(f"      {_element(name, value)}\n")
            continue
        inside = "".join(_element(part, text) for part, text in _parts(name, value))
        file.write(f"      <{name}>{inside}</{name}>\n")
    file.write("    </obsContext>\n    <obsData>\n")
    for row in zip(*texts.values(), strict=True):
        inside = "".join(_element(name, text) for name, text in zip(texts, row, strict=True) if text)
        file.write(f"      <optical>{inside}</optical>\n")
    file.write("    </obsData>\n  </obsBlock>\n</ades>\n")


def _parts(name: str, value: Mapping[str, str] | Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is in an element of obsContext: names and texts."""
    if name in LISTS:
        return ((CONTEXT[name][0], text) for text in value)
    assert isinstance(value, Mapping)
    return iter(value.items())


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
