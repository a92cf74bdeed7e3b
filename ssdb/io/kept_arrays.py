"""Arrays that take long to make, kept in a folder outside of the database; safe to delete at any time."""

from __future__ import annotations

import json
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

_CONTENTS = "ssdb.json"
"""A file of each entry: its arrays by name, with type and shape. Nothing without it is ever removed."""


class KeptArrays:
    """Arrays by names in a folder; without one nothing is kept.

    Each entry is a folder of files that numpy maps into the memory. It is renamed to its place when it is complete. The
    last :data:`MOST` of a kind that were used stay. What cannot be written is not kept, and what cannot be read is made
    again; neither is an error.
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
            _remove(self._folder / f"{kind}-{key}")

    def _read(self, name: str) -> Columns | None:
        """The arrays of an entry; None if it is not there or not whole."""
        place = Path(self._folder or "") / name
        try:
            contents = json.loads((place / _CONTENTS).read_bytes())
            arrays: Columns = {key: np.lib.format.open_memmap(place / f"{key}.npy", mode="r") for key in contents}
            whole = bool(arrays) and contents == _contents(arrays)
        except (OSError, ValueError, TypeError):
            return None
        with suppress(OSError):  # a folder of others, which cannot be written
            os.utime(place)
        return arrays if whole else None

    def _write(self, kind: str, name: str, arrays: Columns) -> None:
        folder = Path(self._folder or "")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with workplace(folder) as place:
            (place / name).mkdir()
            for key, values in arrays.items():
                with (place / name / f"{key}.npy").open("wb") as file:
                    np.save(file, values, allow_pickle=False)
                    file.flush()
                    os.fsync(file.fileno())  # or it may have all its bytes, and zeros in them, after a power failure
            (place / name / _CONTENTS).write_text(json.dumps(_contents(arrays)))
            with suppress(OSError):  # what cannot be read, or what another process has made meanwhile
                os.replace(folder / name, place / "before")
            with suppress(OSError):  # another process was first
                os.replace(place / name, folder / name)
        kept = [path.parent for path in folder.glob(f"{kind}-*/{_CONTENTS}")]
        for old in sorted(kept, key=lambda one: one.stat().st_mtime)[:-MOST]:
            _remove(old)


def _contents(arrays: Columns) -> dict[str, list[str | list[int]]]:
    return {key: [values.dtype.str, list(values.shape)] for key, values in arrays.items()}


def _remove(place: Path) -> None:
    """Removes an entry, and nothing that could be anything else."""
    with suppress(OSError):
        if {file.suffix for file in place.iterdir() if file.name != _CONTENTS} <= {".npy"}:
            (place / _CONTENTS).unlink()
            shutil.rmtree(place)


def user_cache() -> Path:
    """The folder for what ssdb keeps for a user: ``$XDG_CACHE_HOME/ssdb``, without it ``~/.cache/ssdb``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssdb"
