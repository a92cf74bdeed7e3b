"""Reads tables of HDF5 files, as pandas (format ``table``), astropy and h5py write them.

HDF5 files from strangers can do harm: pandas and PyTables unpickle what is inside, which runs code; the HDF5 library
follows links to other files, and damaged files can end the process inside it. The file is therefore read without
unpickling anything, in a process of its own (``hdf5_child.py``) with bounds on memory and time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from ssdb.errors import InputError, speaks_of_options
from ssdb.io.limits import allowed_memory, refuse_memory, too_large

PATIENCE = 120.0
"""Seconds that the process may take for its next 50,000 rows."""

REFUSED, OUT_OF_MEMORY = 3, 4
"""Exit codes of the process: its last line on stderr says why; it has no memory left."""

_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""What the process gets of this one's. What begins with HDF5_ would change what the library opens."""


def read_hdf5(
    path: Path, having: Sequence[str], columns: Sequence[str] | None, *, wanted: str | int | None = None
) -> tuple[list[str], pa.Table]:
    """The names of the columns of an HDF5 file's tables, and some of these columns, one table after the other.

    The tables are those that have all columns of ``having``, or the one of these that is wanted, by its key or its
    number from 1; where there is none, the names are those of all tables. ``columns`` are read where the tables have
    them: numbers, text, categories. None: all that are one of these, which the tables must have in common.

    InputError if the package h5py is missing; if the file is damaged, refers to other files, has one of the columns as
    pickled objects, or takes more memory than is allowed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise InputError(f'{path}: reading HDF5 needs the package h5py: pip install "ssdb-asteroids[hdf5]"')
    most = allowed_memory(path.stat().st_size)
    asked = {"having": having, "columns": columns, "wanted": wanted}
    arguments = json.dumps({"path": str(path.absolute()), "memory": most, "options": speaks_of_options(), **asked})
    with tempfile.TemporaryFile() as messages, _process(arguments, messages) as process:
        try:
            received = _received(process, path, most)
        except (pa.ArrowException, OSError):
            # It has ended, or been ended, before the end of what it had to say.
            received = None
        finally:
            process.kill()  # there is nothing more to come from it
        code = process.wait()
        if received is None:
            raise _error(path, code, messages)
    return received


@contextmanager
def _process(arguments: str, messages: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
        # Neither plugins nor threads, each of which reserves memory.
        "HDF5_PLUGIN_PRELOAD": "::",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-s", "-B", "-m", "ssdb.io.formats.hdf5_child", arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _received(process: subprocess.Popen[bytes], path: Path, most: int) -> tuple[list[str], pa.Table]:
    """What the process writes: the names of columns in the metadata of the schema, and batches of rows."""
    batches, size = [], 0
    with _ended_if_silent(process), pa.ipc.open_stream(process.stdout) as reader:
        schema = reader.schema
    while True:
        with _ended_if_silent(process):
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                break
        batch.validate(full=True)
        size += batch.nbytes
        refuse_memory(path, size, most)
        batches.append(batch)
    said = dict(schema.metadata)
    names = json.loads(said.pop(b"names"))
    return names, pa.Table.from_batches(batches, schema).replace_schema_metadata(said or None)


@contextmanager
def _ended_if_silent(process: subprocess.Popen[bytes]) -> Iterator[None]:
    timer = threading.Timer(PATIENCE, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _error(path: Path, code: int, messages: IO[bytes]) -> InputError:
    messages.seek(0)
    lines = messages.read(100_000).decode("utf-8", "replace").strip().splitlines()
    if code == REFUSED and lines:
        return InputError(f"{path}: {lines[-1][:1000]}")
    if code == OUT_OF_MEMORY:
        return too_large(path, "takes more memory than it may")
    return InputError(f"{path}: cannot be read as HDF5: the HDF5 library stopped; is it damaged?")
