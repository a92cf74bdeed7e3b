"""The errors that ssdb raises.

Every one derives from :class:`SsdbError`; the command line turns them into one line on stderr and exit code 1.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_WEB_USER = re.compile(r"(?i)\b(https?:/+)[^\s'\"/]*[^\s'\"]*@")
_USER = re.compile(r"(\b[\w+]+:/*[^\s'\":/@]*:)[^\s'\"]*@")
_OPTION = re.compile(r"(?i)\b(\w*(?:pass|pwd|secret|token|api_?key)\w*=)(?:'[^']*'|[^\s&'\"]+)")
"""Where passwords stand in URLs and in options of connections."""
_LONG_WORD = re.compile(r"\S{300,}")
_LONGEST_MESSAGE = 2000
_LONGEST_VALUE = 80
_LONGEST_LIST = 600
"""Characters: of a message, of one value in it, of several of them."""


class SsdbError(Exception):
    """The root of all errors that ssdb raises on purpose.

    Messages quote files, servers and other libraries. Whatever these say, a message is one line of bounded length
    without control characters, which a terminal would obey.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(without_passwords(message)))


class ConfigError(SsdbError, ValueError):
    """An option or a configuration value makes no sense."""


class UsageError(ConfigError):
    """Options, or parameters, exclude each other, or have no effect on an input of this kind. Nothing has been done."""


class DesignationError(SsdbError):
    """A designation has no packed form that leads back to it."""


class InputError(SsdbError):
    """Input data is not usable. Nothing of it has been stored."""


class UnknownVisitsError(InputError):
    """Rows belong to visits that are not in the database. Nothing of the input has been stored.

    Attributes
    ----------
    visits : list of int
    """

    def __init__(self, message: str = "", visits: list[int] | None = None) -> None:
        super().__init__(message)
        self.visits = visits or []


class DatabaseError(SsdbError):
    """The database cannot be reached, or refused a statement."""


class SchemaError(DatabaseError):
    """The database has no ssdb tables, or those of another version of ssdb."""


class QueryError(SsdbError):
    """A query is wrong, or does more than read."""


class ParameterError(QueryError, UsageError):
    """A parameter of a query is missing, or has no place in it."""


class AssociationError(SsdbError):
    """A visit cannot be associated as it is."""


class EphemerisError(SsdbError):
    """An ephemeris cannot be computed: a package is missing, or a time or a place is not covered."""


class MissingPackageError(SsdbError, ImportError):
    """A package is not installed that comes with an extra of ssdb."""


class ServiceError(SsdbError):
    """A service cannot be reached, or does not answer as it should.

    Attributes
    ----------
    status : int or None
        The HTTP status with which it refused the question.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NoWorkFound(SsdbError):
    """There are no predictions to associate sources with. An empty table of predictions is an answer, and no error."""


class DuplicateSourceError(SsdbError, RuntimeError):
    """Two sources have the same identifier."""


class NotFoundError(SsdbError):
    """Something that was asked for by its identifier is not in the database."""


MOST_SHOWN = 5
"""Values that a message names."""

_of_options = False
"""Whether messages name options; for all threads, since some only read ahead for others."""


@contextmanager
def speaking_of_options(really: bool = True) -> Iterator[None]:
    """Within the block messages name options of the command line instead of parameters of Python."""
    global _of_options
    before, _of_options = _of_options, really
    try:
        yield
    finally:
        _of_options = before


def speaks_of_options() -> bool:
    """Whether messages name options now."""
    return _of_options


def option(on_command_line: str, in_python: str) -> str:
    """What a message calls an option: ``--create-visits``, or in Python ``create_visits=True``."""
    return on_command_line if _of_options else in_python


def without_passwords(text: str) -> str:
    """A text without what could be a password: in URLs, and after the name of an option for one."""
    text = _WEB_USER.sub(r"\1***@", text)
    text = _USER.sub(r"\1***@", text)
    return _OPTION.sub(r"\1***", text)


def one_line(text: str) -> str:
    """A text as a message: on one line, with unprintable characters escaped and long words cut short."""
    if not text.isprintable():
        text = re.sub(r"\s*[\n\r]\s*", " ", text.strip())
    # Paths are shorter. Cut first: megabytes would be escaped for nothing.
    text = _LONG_WORD.sub(lambda word: f"{word[0][:_LONGEST_VALUE]}[...]{word[0][-_LONGEST_VALUE // 4 :]}", text)
    if len(text) > _LONGEST_MESSAGE:
        text = f"{text[: _LONGEST_MESSAGE * 3 // 4]} [...] {text[-_LONGEST_MESSAGE // 4 :]}"
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


class _Quoted(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write thousands of digits.
        bits = x.bit_length()
        return super().repr_int(x, level) if bits < 1000 else f"<an integer of {bits:,} bits>"


_repr = _Quoted()
_repr.maxlevel = 3
_repr.maxstring = _repr.maxother = _LONGEST_VALUE


def quoted(value: object) -> str:
    """A value as Python writes it, for a message; long, deep or circular ones are shortened."""
    return _repr.repr(value)


def _shortened(value: object) -> str:
    text = quoted(value) if isinstance(value, int) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text):,} characters)"


def shown(values: Iterable[object], most: int = MOST_SHOWN, *, n: int | None = None) -> str:
    """The first few values, for an error message: ``"3, 17, 21 and 240 more"``.

    Parameters
    ----------
    values : iterable
        All values, or the first of them.
    most : int
        How many are named; fewer where they are long.
    n : int, optional
        How many there are in all, if not as many as are given.
    """
    items = [_shortened(value) for value in values]
    n = len(items) if n is None else n
    named: list[str] = []
    for item in items[:most]:
        if named and sum(map(len, named)) + len(item) > _LONGEST_LIST:
            break
        named.append(item)
    text = ", ".join(named)
    return text if n <= len(named) else f"{text} and {n - len(named):,} more"
