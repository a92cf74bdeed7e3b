"""Arrays that take long to make, kept in a folder outside of the database; safe to delete at any time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from ssdb.io.output import workplace
from ssdb.units import Columns

MOST = 4
"""Entries of a kind that are kept."""


class KeptArrays:
    """Arrays by names in a folder; without one nothing is kept.

    Each entry is a folder of files that numpy maps into the memory. It is renamed to its place when it is complete. The
    last :data:`MOST` of a kind that were used stay. What cannot be written is not kept, and no error.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, kind: str, key: str, make: Callable[[], Columns]) -> Columns:
        """The arrays of an entry, which are made if they are not there. A key says all that they depend on."""
        name = f"{kind}-{key}"
        if self._folder is None:
            return make()
        found = self._read(name)
        if found is None:
            arrays = make()
            with suppress(OSError):
                self._write(kind, name, arrays)
            found = self._read(name) or arrays
        return found

    def forget(self, kind: str, key: str) -> None:
        """Removes an entry."""
        if self._folder is not None:
            shutil.rmtree(self._folder / f"{kind}-{key}", ignore_errors=True)

    def _read(self, name: str) -> Columns | None:
        place = Path(self._folder or "") / name
        try:
            files = sorted(place.glob("*.npy"))
            arrays = {file.stem: np.load(file, mmap_mode="r") for file in files}
            os.utime(place)
        except (OSError, ValueError):  # not there, not readable, or cut off when the power failed
            return None
        return arrays or None

    def _write(self, kind: str, name: str, arrays: Columns) -> None:
        folder = Path(self._folder or "")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with workplace(folder) as place:
            (place / name).mkdir()
            for key, values in arrays.items():
                np.save(place / name / f"{key}.npy", values, allow_pickle=False)
            shutil.rmtree(folder / name, ignore_errors=True)  # what cannot be read
            with suppress(OSError):  # another process was first
                os.replace(place / name, folder / name)
        for old in sorted(folder.glob(f"{kind}-*"), key=lambda one: one.stat().st_mtime)[:-MOST]:
            shutil.rmtree(old, ignore_errors=True)


def user_cache() -> Path:
    """The folder for what ssdb keeps for a user: ``$XDG_CACHE_HOME/ssdb``, without it ``~/.cache/ssdb``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssdb"
