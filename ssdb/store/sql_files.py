"""Where ``sql/`` and ``migrations/`` are: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

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
