"""Writes folders of several files, and replaces or removes only what ssdb wrote there itself.

What it wrote is known by content: ``.ssdb-written.json`` in the folder has the SHA-256 of every file. A file that is
not in that list, or is another than it says, is somebody's own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ssdb.errors import InputError, shown
from ssdb.io.output import cannot_be_written, locked, move, to_disk, workplace

WRITTEN = ".ssdb-written.json"

_LOG = logging.getLogger("ssdb")


@dataclass(frozen=True, slots=True)
class _Written:
    """What ssdb knows of a file that it wrote: the command, and the digests that the file may have."""

    by: str
    sha256: list[str]


@contextmanager
def output_folder(directory: str | os.PathLike[str], by: str, names: Iterable[str]) -> Iterator[Path]:
    """A directory to write files to, which are moved into a folder at the end; none is if anything is raised.

    Files of the folder that were written ``by`` the same command (one word) before, and are not written now, are
    removed. InputError if the folder has files of these names that ssdb did not write, or that have changed since
    (``names`` are those known to be written, refused before they cost anything); or if it cannot be written to.
    """
    folder = Path(directory)
    with cannot_be_written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        refuse_foreign(folder, names)
        with workplace(folder) as place:
            yield place
            with _alone(folder):
                _put(place, folder, by)


def refuse_foreign(directory: str | os.PathLike[str], names: Iterable[str]) -> None:
    """Raises InputError if a folder has files of these names that ssdb did not write, or that have changed since."""
    folder = Path(directory)
    # Alone, or what another process is replacing just now would look like a change.
    with cannot_be_written(folder), _alone(folder):
        _refuse_foreign(folder, names)


def _refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    written = _read(folder)
    foreign = [name for name in names if not _may_replace(folder / name, written)]
    if foreign:
        raise InputError(
            f"{folder} has files that ssdb did not write, or that have changed since ({shown(sorted(foreign))}): "
            "move them away, or choose another directory"
        )


def _put(place: Path, folder: Path, by: str) -> None:
    new = {path.name: _digest(path) for path in sorted(place.iterdir())}
    _refuse_foreign(folder, new)
    older = _read(folder)
    # Whatever of the following is done when the process is killed, each file is one that the list knows.
    known = {name: older[name].sha256 if name in older else [] for name in new}
    _save(place, folder, older | {name: _Written(by, [*known[name], digest]) for name, digest in new.items()})
    for name in [name for name, file in older.items() if file.by == by and name not in new]:
        if not _may_replace(folder / name, older):
            _LOG.warning("%s has changed since ssdb wrote it, and stays", folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
        del older[name]
    for name in new:
        move(place / name, folder / name)
    _save(place, folder, older | {name: _Written(by, [digest]) for name, digest in new.items()})


def _may_replace(path: Path, written: dict[str, _Written]) -> bool:
    """Whether there is nothing, or a file that is as ssdb wrote it."""
    try:
        regular = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return True
    return regular and path.name in written and _digest(path) in written[path.name].sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> dict[str, _Written]:
    """The list of a folder; empty where there is none."""
    path = folder / WRITTEN
    try:
        items = json.loads(path.read_text(encoding="utf-8")).items()
        files = {name: _Written(str(about["by"]), [str(each) for each in about["sha256"]]) for name, about in items}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is not a list of ssdb's: remove it, or choose another directory") from error
    return {name: file for name, file in files.items() if Path(name).name == name}


def _save(place: Path, folder: Path, files: dict[str, _Written]) -> None:
    part = place / WRITTEN
    part.write_text(json.dumps({name: asdict(file) for name, file in files.items()}, indent=1) + "\n", encoding="utf-8")
    move(part, folder / WRITTEN)
    to_disk(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process puts files into the folder, where there are locks of directories."""
    file = None
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        locked(file, wait=True)
    try:
        yield
    finally:
        if file is not None:
            os.close(file)
