"""A folder into which others put files to be read, each once; what was read is moved away within it.

It is looked at again and again: on a network file system no machine is told what another one does. One process at a
time has a folder.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ssdb.errors import InputError
from ssdb.io.output import cannot_be_written, lock_file, output_file, permitted

_LOG = logging.getLogger("ssdb")

KINDS = ("visits", "detectors", "orbits", "sources", "predictions", "alerts", "observations")
"""What may be in files."""

DONE, FAILED = "done", "failed"
"""The folders within a folder to which files are moved."""
_REASON = ".error"
"""What is behind the name of a failed file in that of the file with the reason."""
_LOCK = ".ssdb-watch"
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", "~")
"""Endings of files that somebody is still writing, as are those whose names begin with a dot."""

_BACK_SECONDS = 2.0
"""So soon a file is expected back of which the system says nothing now: its server may have been started again."""

_Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is there to be read."""

    path: Path
    kind: str
    identity: _Identity
    """Inode, size (bytes), time of the last change (ns): another one is another file, or is being written."""
    quiet_since: float
    """When it was first seen like that, by the monotonic clock (s)."""

    @property
    def written(self) -> float:
        """When it was last changed, by the clock of its file system (s)."""
        return self.identity[2] / 1e9

    @property
    def quiet_seconds(self) -> float:
        """For how long it has certainly been as it is now."""
        return max(time.monotonic() - self.quiet_since, time.time() - self.written)

    def is_unchanged(self) -> bool:
        """Whether it is still there, and as it was."""
        return _identity_at(self.path) == self.identity


class Inbox:
    """A folder that files come into, by rename once they are complete.

    A file in a folder of the name of a kind, ``folder`` itself or one right below, is of that kind. Otherwise what its
    name begins with decides: ``sources-17.parquet``. Folders are not read as files.

    Parameters
    ----------
    folder : path
    kind : str, optional
        All files right in the folder are of this kind.
    marker : str
        If it is not empty, a file is complete when another one is beside it whose name ends with this, too.
    settle_seconds : float
        A file is complete when it has not changed for so long.

    Raises
    ------
    InputError
        If the folder is none, or nothing can be moved in it.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, kind: str | None = None, marker: str = "", settle_seconds: float = 0.0
    ) -> None:
        self.folder = Path(folder)
        self._kind = kind or (self.folder.absolute().name if self.folder.absolute().name in KINDS else None)
        self._marker, self._settle_seconds = marker, settle_seconds
        self._seen: dict[Path, tuple[_Identity, float]] = {}
        self._told: set[Path] = set()
        self._put_back: set[Path] = set()
        self._silent: dict[Path, float] = {}
        self._lock: int | None = None
        self.unsettled = 0
        """How many files were not complete the last time."""
        self.strangers: list[Path] = []
        """Files of no kind that were there the last time, and not before."""
        self.lost: list[OSError] = []
        """Why the system says nothing of files that were there the last time, and for some seconds before."""
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: there is no such directory")
        for name in ("", *KINDS):
            if (self.folder / name).is_dir() and not permitted(self.folder / name, os.W_OK):
                raise InputError(f"{self.folder / name}: files that were read are moved, and there is no permission to")
        for name in (DONE, FAILED):
            with cannot_be_written(self.folder / name):
                (self.folder / name).mkdir(exist_ok=True)

    def claim(self) -> bool:
        """Whether this process has the folder now, which others do not get until it ends or closes it."""
        if self._lock is not None:
            return True
        with cannot_be_written(self.folder / _LOCK):
            lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not lock_file(lock, wait=False):
                os.close(lock)
                return False
        except OSError as error:
            _LOG.warning("%s: no file can be locked there (%s): start no second process", self.folder, error.strerror)
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._lock = lock
        self._remove_stale_markers()
        return True

    def holder(self) -> str:
        """Who has the folder, as it said itself."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / _LOCK).read_text(encoding="utf-8").strip()
        return "another process"

    def close(self) -> None:
        """Leaves the folder to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def look(self) -> list[NewFile]:
        """The complete files that are there now. OSError if the folder cannot be read."""
        now = time.monotonic()
        found: list[NewFile] = []
        seen: dict[Path, tuple[_Identity, float]] = {}
        silent: dict[Path, float] = {}
        self.unsettled, self.strangers, self.lost = 0, [], []
        for path, kind in self._files():
            try:
                identity = _identity_at(path)
            except OSError as error:
                silent[path] = self._silent.get(path, now)
                if now - silent[path] < _BACK_SECONDS:
                    self.unsettled += 1
                else:
                    self.lost.append(error)
                continue
            if identity is None:
                continue
            if kind is None:
                self.strangers += [path] if path not in self._told else []
                self._told.add(path)
                continue
            before = self._seen.get(path)
            since = before[1] if before is not None and before[0] == identity else now
            seen[path] = (identity, since)
            if now - since < self._settle_seconds:
                self.unsettled += 1
            else:
                found.append(NewFile(path, kind, identity, since))
        self._seen, self._silent = seen, silent
        return found

    def _files(self) -> Iterator[tuple[Path, str | None]]:
        """Files that may be complete, and of which kind they are."""
        names = _names(self.folder)
        yield from self._of_one(self.folder, names, self._kind)
        for kind in KINDS:
            if kind in names:
                with suppress(FileNotFoundError, NotADirectoryError):
                    yield from self._of_one(self.folder / kind, _names(self.folder / kind), kind)

    def _of_one(self, folder: Path, names: set[str], kind: str | None) -> Iterator[tuple[Path, str | None]]:
        for name in names:
            if name.startswith(".") or name.endswith(_UNFINISHED):
                continue
            if self._marker and (name.endswith(self._marker) or name + self._marker not in names):
                continue
            yield folder / name, kind or _kind_of(name)

    def _remove_stale_markers(self) -> None:
        """Removes the markers of files that were moved by a process which was ended then."""
        for folder in (self.folder, *(self.folder / kind for kind in KINDS)) if self._marker else ():
            for name in _names(folder) if folder.is_dir() else ():
                # One whose file comes just now is there later than its file.
                if name.endswith(self._marker) and not (folder / name.removesuffix(self._marker)).exists():
                    (folder / name).unlink(missing_ok=True)

    # ---- what becomes of them ----------------------------------------------------------------------------------------

    def done(self, file: NewFile) -> bool:
        """Moves a file that was read; False if another one is in its place by now, or it was being written. OSError."""
        moved = self._move(file, self._target(DONE, file))
        stale = self._place(FAILED, file)
        if moved and not stale.exists():
            stale.with_name(stale.name + _REASON).unlink(missing_ok=True)
        return moved

    def failed(self, file: NewFile, reason: str) -> Path | None:
        """Moves a file that cannot be read, writes the reason beside it, and returns where it is. OSError.

        None as of :meth:`done`.
        """
        target = self._target(FAILED, file)
        beside = target.with_name(target.name + _REASON)
        try:
            # First: a file without its reason is of no use.
            with output_file(beside) as part:
                part.write_text(f"{reason}\n", encoding="utf-8")
        except InputError as error:
            raise OSError(str(error)) from error
        moved = False
        try:
            moved = self._move(file, target)
        finally:
            if not moved:
                beside.unlink(missing_ok=True)
        return target if moved else None

    def _place(self, where: str, file: NewFile) -> Path:
        return self.folder / where / file.path.relative_to(self.folder)

    def _target(self, where: str, file: NewFile) -> Path:
        """Where a file is moved to; nothing is there yet."""
        target = _free(self._place(where, file))
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _move(self, file: NewFile, target: Path) -> bool:
        if not file.is_unchanged():
            return False
        link = os.readlink(file.path) if file.path.is_symlink() else ""
        leads_to = os.path.realpath(file.path)
        try:
            file.path.rename(target)
        except FileNotFoundError:
            # Also where a server has done it, and its answer was lost.
            if not os.path.lexists(target):
                return False
        if link and not os.path.isabs(link) and target.is_symlink() and os.readlink(target) == link:
            target.unlink()
            target.symlink_to(leads_to)
        if _identity_at(target) != file.identity and not self._is_numbered_anew(file.path, target):
            return False
        if self._marker:
            file.path.with_name(file.path.name + self._marker).unlink(missing_ok=True)
        return True

    def _is_numbered_anew(self, path: Path, target: Path) -> bool:
        """Whether what was moved is what was read, though it looks like another file.

        It may have been replaced just before: nobody has read it then, and it is put back. Where the same happens
        again, this is how its file system renames: as another file.
        """
        if path in self._put_back:
            self._put_back.remove(path)
            return True
        if path.exists():
            return True
        target.rename(path)
        self._put_back.add(path)
        return False


def _names(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


def _identity_at(path: Path) -> _Identity | None:
    """None if there is no file: a pipe, say, would have to be waited for."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _kind_of(name: str) -> str | None:
    found = re.match(rf"({'|'.join(KINDS)})(?![A-Za-z])", name)
    return found[1] if found else None


def _free(path: Path) -> Path:
    """A path where nothing is yet: with a number behind the name, before its endings."""
    name, dot, ending = path.name.partition(".")
    number = 1
    while os.path.lexists(path):
        number += 1
        path = path.with_name(f"{name}~{number}{dot}{ending}")
    return path
