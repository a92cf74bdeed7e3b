"""How much memory a file may take, and other bounds of what is read.

Small files can say that they are enormous: compressed ones unfold, headers and row counts claim anything. What a file
has as plain bytes on the disk is always read; what it unfolds to beyond that is bounded.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ssdb.errors import ConfigError, InputError, option, shown

DEFAULT_MEMORY = 10**9
"""Bytes of memory that a file may unfold to."""

MOST_COLUMNS = 10_000
"""Columns of a table."""

LONGEST_LINE = 16_000_000
"""Bytes of a line of text."""

MOST_CARDS = 400_000
"""Cards of a FITS header, and lines of a header as text: a focal plane of 189 detectors has half as many."""

MOST_CARDS_OF_IMAGE = 50_000
"""Cards of one header, through all of which a WCS is looked for."""

MOST_AXES = 999
"""Axes of an image and columns of a table (FITS 4.0, 4.4.1.1 and 7.3.1)."""

MOST_PIXELS = 10_000_000
"""Pixels of a side of a detector."""

_BYTES = {"": 10**9, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

_LONGEST_UNIT = 500
_ABSURD_POWER = re.compile(r"(\*\*|\^)[\s(+-]*\d{4}")

_MOST_VALUES = 1_000_000  # values of a text in YAML
_GZIP = b"\x1f\x8b"
_OTHER_COMPRESSIONS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
    b"\x1f\x9d": "compress",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_CHUNK = 1 << 20

_OFTEN = 20
"""How many times its size a file that is read in parts may unfold to: what astronomers compress shrinks to a tenth."""

_LESS = 10
"""By so much less than memory it may unfold to where that is more: gigabytes of empty lines take minutes."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_memory = DEFAULT_MEMORY  # what is allowed now; of all threads, some of which only read ahead for others


@contextmanager
def max_memory(size: str | float) -> Iterator[None]:
    """Lets a file take more memory, or less, within the ``with`` block, in all threads of this process.

    The size is ``"4GB"``, ``"500MB"``, or a number of GB. Without this it is 1 GB. ConfigError if it is no size.
    """
    global _memory
    before, _memory = _memory, parsed_size(size)
    try:
        yield
    finally:
        _memory = before


def parsed_size(size: str | float) -> int:
    """A size in bytes: ``"4GB"``, ``"500MB"``, or a number of GB; ConfigError if it is none, or not above 0."""
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{0,9})?)\s*([KMGT]B)?\s*", str(size), re.IGNORECASE)
    n_bytes = int(float(match[1]) * _BYTES[(match[2] or "").upper()]) if match else 0
    if n_bytes <= 0:
        raise ConfigError(f"not a size of memory: {str(size)[:40]!r}; write 4GB, 500MB, or a number of GB")
    return n_bytes


def allowed_memory(on_disk: int = 0) -> int:
    """Bytes that something may take which has so many on the disk."""
    return max(_memory, on_disk)


def refuse_memory(name: object, needed: int, on_disk: int = 0) -> None:
    """Raises InputError if a file would take more bytes of memory than is allowed, and than it has on the disk."""
    if needed > allowed_memory(on_disk):
        raise too_large(name, f"would take {needed / 1e9:,.1f} GB of memory")


def too_large(name: object, what: str) -> InputError:
    """The error about a file that takes more than is allowed."""
    more = option("--max-memory 4GB", 'with ssdb.max_memory("4GB"):')
    return InputError(
        f"{name}: {what}, and {_memory / 1e9:g} GB are allowed: is it what it should be? If so, allow more ({more})"
    )


def refuse_columns(name: object, n: int) -> None:
    """Raises InputError if a table has more columns than any real one."""
    if n > MOST_COLUMNS:
        raise InputError(f"{name}: has {n:,} columns; a table has at most {MOST_COLUMNS:,}")


def refuse_repeated(names: Sequence[str], name: object) -> None:
    """Raises InputError if columns have the same name."""
    repeated = [column for column, times in Counter(names).items() if times > 1]
    if repeated:
        raise InputError(f"{name}: more than one column is named {shown(repeated)}")


def is_absurd_unit(text: str) -> bool:
    """Whether the text of a unit has a power that takes hours to compute: astropy computes 10**99999999 exactly."""
    return len(text) > _LONGEST_UNIT or _ABSURD_POWER.search(text) is not None


def refuse_unit(name: object, text: str) -> None:
    """Raises InputError if a unit would take for ever to understand."""
    if is_absurd_unit(text):
        raise InputError(f"{name}: {text[:40]!r} is no unit")


def refuse_line(name: object, line: bytes | str) -> None:
    """Raises InputError if a line, of which LONGEST_LINE + 1 bytes were asked for, is longer than any real one."""
    if len(line) > LONGEST_LINE:
        raise InputError(f"{name}: has a line of more than {LONGEST_LINE // 10**6} MB; is it text?")


def refuse_yaml(name: object, text: str) -> None:
    """Raises InputError if a YAML text stands for far more than it has, or has absurd units or half characters.

    Aliases of aliases make it large. yaml.YAMLError if it is no YAML.
    """
    import yaml

    sizes: dict[int, int] = {}

    def size(node: yaml.Node | str | tuple[yaml.Node, yaml.Node]) -> int:
        if not isinstance(node, yaml.CollectionNode):
            if not isinstance(node, tuple):
                if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
                    raise InputError(f"{name}: its YAML has an escape that is half a character, {node.value[:40]!r}")
                return 1
            # Wherever it is, since tags of astropy's make units, too.
            if all(isinstance(part, yaml.ScalarNode) for part in node) and "unit" in node[0].value:
                refuse_unit(name, node[1].value)
            return sum(map(size, node))
        if id(node) not in sizes:
            sizes[id(node)] = 1  # in case it contains itself
            sizes[id(node)] += sum(map(size, node.value))
        return sizes[id(node)]

    node = yaml.compose(text, yaml.SafeLoader)
    if node is not None and size(node) > _MOST_VALUES:
        raise InputError(f"{name}: its YAML stands for more than {_MOST_VALUES:,} values")


def is_gzip(path: Path) -> bool:
    """Whether a file is compressed by gzip; InputError if it is compressed in another way, which is not read."""
    with path.open("rb") as file:
        beginning = file.read(8)
    _refuse_compressed(path, beginning, _OTHER_COMPRESSIONS)
    return beginning.startswith(_GZIP)


def _refuse_compressed(path: Path, beginning: bytes, compressions: dict[bytes, str]) -> None:
    for magic, compression in compressions.items():
        if beginning.startswith(magic):
            raise InputError(f"{path}: is compressed by {compression}; unpack it first (gzip alone is read)")


@contextmanager
def unfolded(path: Path) -> Iterator[io.BufferedReader[Any]]:
    """The bytes of a file that is read in parts, decompressed where it is gzip.

    InputError if it is compressed in another way, or, when it is read within the context, unfolds to more than is
    allowed.
    """
    if not is_gzip(path):
        with path.open("rb") as file:
            yield file
        return
    most = max(_memory // _LESS, _OFTEN * path.stat().st_size)
    with gzip.open(path) as unpacked, io.BufferedReader(_Bounded(unpacked, path, most)) as bounded:
        yield bounded


def content_of(path: Path, name: object = None) -> bytes:
    """All bytes of a file, decompressed where it is gzip; messages call it by ``name``.

    InputError if it is not there, not readable, truncated, or unfolds to more than is allowed.
    """
    name = name or path
    try:
        with unfolded(path) as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be read, is it complete? ({error})") from error


class _Bounded(io.RawIOBase):
    """A stream that ends with an error after so many bytes."""

    def __init__(self, stream: gzip.GzipFile, path: Path, most: int) -> None:
        self._stream = stream
        self._path = path
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n = self._stream.readinto(buffer)
        self._left -= n
        if self._left < 0:
            raise too_large(self._path, f"unfolds to more than {_OFTEN} times its size")
        return n


@contextmanager
def whole(path: Path, cost: Callable[[bytes], int] = len) -> Iterator[IO[bytes]]:
    """The bytes of a file that is read as a whole, decompressed; ``cost`` is what a piece takes in memory.

    InputError if it is compressed in another way than gzip, or unfolds to more than is allowed, before anything is kept
    of it. A file that is not compressed may have any size.
    """
    if not is_gzip(path):
        with path.open("rb") as file:
            yield file
        return
    with gzip.open(path) as unpacked:
        # Or astropy would unpack what is in it once more.
        _refuse_compressed(path, unpacked.read(8), {**_OTHER_COMPRESSIONS, _GZIP: "gzip twice"})
        unpacked.seek(0)
        needed = 0
        while chunk := unpacked.read(_CHUNK):
            needed += cost(chunk)
            if needed > _memory:
                raise too_large(path, "unfolds to more memory than it may take")
        unpacked.seek(0)
        yield cast(IO[bytes], unpacked)
