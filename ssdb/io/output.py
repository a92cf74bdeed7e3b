"""Writes files whole or not at all, and never over a link, a directory or a device.

A file is written in a directory of its own beside its place, ``.ssdb-writing-PID-...``, and moved when it is complete.
A process that is killed leaves that directory behind. The next one that writes there removes it: the dead hold no lock.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssdb.errors import InputError, option

try:
    import fcntl
except ImportError:  # not a Unix: nothing is known about other processes, and what they left stays
    fcntl = None  # type: ignore[assignment]

_LOG = logging.getLogger("ssdb")
_PREFIX = ".ssdb-writing-"
_LEFTOVER = re.compile(rf"{re.escape(_PREFIX)}\d+-\w+")
_LOCK, _NEW = "lock", "new"
"""What is in such a directory: a locked file that says whose it is, and the directory of what is being written."""


@contextmanager
def output_file(path: str | os.PathLike[str], *, like: Path | None = None) -> Iterator[Path]:
    """A path to write a file to, which takes its place at ``path`` at the end; nothing does if anything is raised.

    A file that is replaced leaves its permissions, its extended attributes and, as far as the user may give files away,
    its owner and group to the new one. Else they are what the umask says, less those of ``like``, a file whose content
    it has. InputError if it cannot be written, or if what is at ``path`` is not to be replaced; see
    :func:`require_replaceable`.
    """
    target = Path(path)
    with cannot_be_written(target):
        require_replaceable(target)
        with workplace(target.parent) as place:
            part = place / target.name
            yield part
            if like is not None:
                part.chmod(stat.S_IMODE(part.stat().st_mode) & (like.stat().st_mode | stat.S_IWUSR))
            move(part, target)
            to_disk(target.parent)


def require_replaceable(path: str | os.PathLike[str]) -> os.stat_result | None:
    """What the system says of the file at a path, None if there is none, where a file can be put there.

    InputError, with what to do, if a link, a directory, a device or a protected file is there.
    """
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target}: cannot be written: there is no such directory")
    try:
        found = target.lstat()
    except FileNotFoundError:
        return None
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            if target.is_dir():
                raise InputError(f"{target} is a directory: name a file in it")
            pipe = option("what a pipe is to take is printed by `ssdb query --format csv`", "name one")
            raise InputError(f"{target} is no file: {pipe}")
    if stat.S_ISLNK(found.st_mode):
        raise InputError(
            f"{target} is a symbolic link to {os.path.realpath(target)}: name that file itself, or remove the link"
        )
    if not permitted(target, os.W_OK):
        raise InputError(f"{target} is write-protected: remove it first, or choose another name")
    return found


def permitted(path: Path, what: int) -> bool:
    """Whether this process may do it (os.R_OK, os.W_OK) to a file or directory: root, too, may not everywhere."""
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def cannot_be_written(path: Path) -> Iterator[None]:
    """What the system says of a file that cannot be written becomes an InputError that names the one wanted."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def made_folder(path: Path) -> bool:
    """Makes a folder, with those above it; whether there was none. InputError if it cannot be made."""
    if path.is_dir():
        return False
    with cannot_be_written(path):
        path.mkdir(parents=True)
    return True


@contextmanager
def workplace(directory: Path) -> Iterator[Path]:
    """An empty directory within another one, private to this process, gone at the end with all that is still in it.

    What processes that are no more left of theirs is removed first.
    """
    _remove_leftovers(directory)
    place, lock = _new_workplace(directory)
    try:
        (place / _NEW).mkdir()
        yield place / _NEW
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def move(part: Path, target: Path) -> None:
    """Moves a complete file out of a workplace to its place, with the permissions that it has to have there.

    InputError if what is there is not to be replaced; OSError.
    """
    found = require_replaceable(target)
    if found is not None:
        _take_over(found, target, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, target)


def _take_over(found: os.stat_result, target: Path, part: Path) -> None:
    """Gives a new file the owner, group, permissions and extended attributes of the one that it replaces."""
    mode = stat.S_IMODE(found.st_mode)
    if hasattr(os, "chown"):
        try:
            os.chown(part, found.st_uid, found.st_gid)
        except PermissionError:
            try:
                os.chown(part, -1, found.st_gid)
            except PermissionError:
                # Another group than before may do no more than everybody.
                mode = mode & ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    shutil.copystat(target, part)
    os.utime(part)
    part.chmod(mode)
    if found.st_nlink > 1:
        _LOG.warning("%s has %d names (hard links): the others keep the old file", target, found.st_nlink)


def _new_workplace(directory: Path) -> tuple[Path, int]:
    """A new directory and its file, open and locked."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=directory))
        # Until it is locked another process may take it for left behind.
        with suppress(FileNotFoundError):
            lock = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            if locked(lock, wait=True) and not _is_there(place / _LOCK, lock):
                os.close(lock)
                continue
            with suppress(OSError):  # of a full disk is told where it matters
                os.write(lock, f"ssdb, process {os.getpid()} on {socket.gethostname()}, writes here.\n".encode())
            return place, lock


def _remove_leftovers(directory: Path) -> None:
    if fcntl is None:
        return
    for name in os.listdir(directory):
        if _LEFTOVER.fullmatch(name):
            with suppress(OSError):
                _remove_if_left(directory / name)


def _remove_if_left(place: Path) -> None:
    """Removes a workplace of this user whose process is no more, and nothing that could be anything else."""
    about = place.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or set(os.listdir(place)) - {_LOCK, _NEW}:
        return
    try:
        lock = os.open(place / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        place.rmdir()  # it ended before it came to the lock; if it did not, it makes another one
        return
    try:
        if locked(lock, wait=False):
            begun = (place / _NEW).exists()  # if not, its process may just be about to lock it, and makes another one
            shutil.rmtree(place)
            if begun:
                _LOG.warning("removed %s, which a command that was killed had left behind", place)
    finally:
        os.close(lock)


def locked(file: int, *, wait: bool) -> bool:
    """Locks an open file for as long as this process lives; False where another one has it, or there are no locks."""
    try:
        return lock_file(file, wait=wait)
    except OSError:
        return False


def lock_file(file: int, *, wait: bool) -> bool:
    """As :func:`locked`, but an OSError where there are no locks: some file systems have none."""
    if fcntl is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _is_there(path: Path, file: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def to_disk(directory: Path) -> None:
    """Makes the names in a directory outlast a power failure, where the system knows how."""
    with suppress(OSError):
        file = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
