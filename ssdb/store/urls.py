"""URLs of databases: which options they may have, and what is shown of them and of errors: no password."""

from __future__ import annotations

import re

import sqlalchemy as sa

from ssdb.errors import DatabaseError

_SECRET = re.compile("pass|pwd|secret|key|token|options", re.IGNORECASE)
"""Options of URLs whose values are never shown. Those of psycopg's options may set anything, passwords too."""


def refuse_options(url: sa.URL, known: frozenset[str], which: str) -> None:
    """Raises DatabaseError if a URL has other options than the known ones, of which ``which`` tells."""
    if not url.query.keys() <= known:
        # Not repeated here: behind a ? may be the end of a password.
        raise DatabaseError(f"the database URL cannot be read: an option behind the ? is not one of {which}")


def masked(url: sa.URL) -> str:
    """A URL as text without its password, wherever in the URL that stands."""
    query = {key: "***" if _SECRET.search(key) else value for key, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=query).render_as_string(hide_password=True)


def is_secret(option: str) -> bool:
    """Whether the value of an option of a URL may be a password; those of two are the paths of files."""
    return bool(_SECRET.search(option)) and option not in ("passfile", "sslkey")


def passwords(url: sa.URL) -> list[str]:
    """The passwords that a URL shows, wherever in it they stand."""
    given = [url.password]
    for key, value in url.query.items():
        if is_secret(key):
            given += [value] if isinstance(value, str) else value
    return [secret for secret in given if secret]


def hidden(text: str, url: sa.URL) -> str:
    """A text without the passwords of a URL."""
    for secret in passwords(url):
        text = text.replace(secret, "***")
    return text


def forget_passwords(error: BaseException | None, url: sa.URL) -> None:
    """Takes the passwords of a URL out of an error and of all that it came from: a traceback shows those as well."""
    while error is not None:
        for each in (error, getattr(error, "orig", None)):
            if each is not None:
                each.args = tuple(hidden(part, url) if isinstance(part, str) else part for part in each.args)
        error = error.__cause__ or error.__context__
