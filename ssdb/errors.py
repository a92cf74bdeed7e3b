"""The errors that ssdb raises.

Every one derives from :class:`SsdbError`; the command line turns them into one line on stderr and exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterable


class SsdbError(Exception):
    """The root of all errors that ssdb raises on purpose."""


class ConfigError(SsdbError):
    """An option or a configuration value makes no sense."""


class DesignationError(SsdbError):
    """A designation has no packed form that leads back to it."""


class InputError(SsdbError):
    """Input data is not usable. Nothing of it has been stored."""


class DatabaseError(SsdbError):
    """The database cannot be reached, or refused a statement."""


class SchemaError(DatabaseError):
    """The database has no ssdb tables, or those of another version of ssdb."""


class QueryError(SsdbError):
    """A query is wrong, or does more than read."""


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
    """What was asked for by its identifier is not in the database."""


MOST_SHOWN = 5
"""Values that a message names."""


def shown(values: Iterable[object], most: int = MOST_SHOWN, *, n: int | None = None) -> str:
    """The first few values, for an error message: ``"3, 17, 21 and 240 more"``.

    Parameters
    ----------
    values : iterable
        All values, or the first of them.
    most : int
        How many are named.
    n : int, optional
        How many there are in all, if not as many as are given.
    """
    items = [str(value) for value in values]
    n = len(items) if n is None else n
    text = ", ".join(items[:most])
    return text if n <= most else f"{text} and {n - most:,} more"
