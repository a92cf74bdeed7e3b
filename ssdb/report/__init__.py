"""A night, or all that is stored, as an HTML page with figures.

It needs the extra ``report`` (``pip install 'ssdb-asteroids[report]'``).
"""

from __future__ import annotations

from ssdb.errors import MissingPackageError

try:
    from ssdb.report.make import Report, make_report
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("jinja2", "matplotlib"):
        raise
    raise MissingPackageError(
        f"a report needs the package {error.name}: pip install 'ssdb-asteroids[report]'"
    ) from error

__all__ = ["Report", "make_report"]
