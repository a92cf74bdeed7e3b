"""Damage to files: bytes, cells of text, and columns of tables. All of it follows from a random generator alone."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random
from typing import Any

import pyarrow as pa

NUMBERS = (
    *(b"9" * n for n in (19, 20, 310, 5000)),
    b"-" + b"9" * 400,
    *(b"0 -1 1e400 -1e400 1e-320 1e308 nan NaN inf -Infinity 1.5 0x1F 1_000 +5 1e 1.2.3 -0 00433 12abc".split()),
    *(b"9223372036854775808 -9223372036854775809 18446744073709551616 2147483648 32768".split()),
)
TEXTS = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\t",
    b"\x1b[31m",
    b"\x85",
    b"\xe9t\xe9",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    "\u2028".encode(),
    "\u202e☄ １２".encode(),
    b'"',
    b"'",
    b'""',
    b"`",
    b"\\",
    b"|",
    b",",
    b";",
    b"#",
    b"%s",
    b"<!--",
    b"&amp;&bad;",
    b"x" * 5000,
    b"," * 3000,
    b" " * 500,
    b"",
    b"None",
    b"true",
    b"null",
    b"2026-01-01",
    b"2026-02-30T25:61:61",
    b"2026-01-01T00:00:60Z",
)
YAML = (
    b"[" * 3000,
    b"{a: " * 1500,
    b"!odd x",
    b"!!binary x",
    b"!!timestamp x",
    b"!!int x",
    b"!!float x",
    b"!!set {a, b}",
    b"!!omap [a: 1]",
    b"&a [*a]",
    b"*missing",
    b"<<: 3",
    b"? [a, b]\n: c",
    b"2026-01-01",
    b"2026-13-45",
    b"1:99:99",
    b".inf",
    b".nan",
    b"- ",
    b"%YAML 9.9",
    b"---\na: 1\n---",
    b"\xe9",
    b"{1: g, 1: r}",
    b"[1, 2]",
    b"{[1]: 2}",
)


def bytes_(rng: Random, content: bytes) -> bytes:
    """Content of any kind with one to four changes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        rng.choice(_CHANGES)(rng, changed)
    return bytes(changed)


def _place(rng: Random, content: bytearray) -> int:
    # Headers are what readers stumble over, and short.
    return rng.randrange(1 + min(len(content), rng.choice((64, 1024, 1 << 30))))


def _piece(rng: Random, content: bytearray) -> slice:
    start = _place(rng, content)
    return slice(start, start + rng.choice((1, 4, 8, 80, 512)))


def _flip(rng: Random, content: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 8))):
        if content:
            content[_place(rng, content) % len(content)] ^= 1 << rng.randrange(8)


def _set(rng: Random, content: bytearray) -> None:
    if content:
        content[_place(rng, content) % len(content)] = rng.choice((0, 1, 0x7F, 0x80, 0xE9, 0xFF, 13, 34, 39))


def _truncate(rng: Random, content: bytearray) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _delete(rng: Random, content: bytearray) -> None:
    del content[_piece(rng, content)]


def _repeat(rng: Random, content: bytearray) -> None:
    piece = _piece(rng, content)
    content[piece.stop : piece.stop] = content[piece] * rng.choice((1, 1, 3, 100))


def _swap(rng: Random, content: bytearray) -> None:
    one, other = _piece(rng, content), _piece(rng, content)
    content[one], content[other] = content[other], content[one]


def _insert(rng: Random, content: bytearray) -> None:
    place = _place(rng, content)
    content[place:place] = rng.choice(NUMBERS + TEXTS)


def _overwrite(rng: Random, content: bytearray) -> None:
    place, new = _place(rng, content), rng.choice(NUMBERS + TEXTS)
    content[place : place + len(new)] = new


_CHANGES = (_flip, _set, _truncate, _delete, _repeat, _swap, _insert, _overwrite)


def text(separator: bytes) -> Callable[[Random, bytes], bytes]:
    """Damage to rows of cells: odd cells, cells too many or too few, columns named twice, other ends of lines."""

    def damaged(rng: Random, content: bytes) -> bytes:
        lines = [line.split(separator) for line in content.split(b"\n")]
        for _ in range(rng.randint(1, 3)):
            row = rng.choice((0, rng.randrange(len(lines))))
            cells = lines[row]
            cell = rng.randrange(len(cells))
            kind = rng.randrange(8)
            if kind < 3:
                cells[cell] = rng.choice(NUMBERS if kind else TEXTS)
            elif kind == 3:
                cells[cell] += rng.choice(TEXTS)
            elif kind == 4:
                for each in lines:  # a column is there twice
                    each[cell:cell] = each[cell : cell + 1]
            elif kind == 5:
                for each in lines:
                    del each[cell : cell + 1]
                    each[:] = each or [b""]
            elif kind == 6:
                lines.insert(row, list(cells))
            else:
                cells[cell:cell] = [rng.choice(TEXTS)]
        whole = b"\n".join(separator.join(cells) for cells in lines)
        end = rng.choice((b"\n",) * 6 + (b"\r", b"\r\n", b"\n\r"))
        whole = whole.replace(b"\n", end)
        return bytes_(rng, whole) if rng.random() < 0.2 else whole

    return damaged


def yaml(rng: Random, content: bytes) -> bytes:
    """Damage to a column map: odd values, tags, aliases, nesting."""
    words = content.split(b" ")
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(words))
        odd = rng.choice(YAML + YAML + NUMBERS + TEXTS)
        words[place : place + rng.randrange(2)] = [odd]
    whole = b" ".join(words)
    return bytes_(rng, whole) if rng.random() < 0.2 else whole


def compressed(inner: Callable[[Random, bytes], bytes]) -> Callable[[Random, bytes], bytes]:
    """Damage to what is in a gzip file, or to the file."""

    def damaged(rng: Random, content: bytes) -> bytes:
        if rng.random() < 0.3:
            return bytes_(rng, content)
        return gzip.compress(inner(rng, gzip.decompress(content)), 1, mtime=0)

    return damaged


def table(rng: Random, columns: pa.Table) -> pa.Table:
    """A table with one to three columns of other types, units, names, or values."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(columns.num_columns)
        field, column = columns.schema.field(place), columns.column(place)
        kind = rng.randrange(6)
        if kind < 3:
            values = _odd_values(rng, columns.num_rows)
            columns = columns.set_column(place, pa.field(field.name, values.type, metadata=field.metadata), values)
        elif kind == 3:
            unit = rng.choice((b"\xe9", b"deg" * 100, b"furlong", b"rad", b"deg/d", b"\0", b"m**", b"10**(9", b"1e400"))
            columns = columns.set_column(place, field.with_metadata({b"unit": unit, b"description": unit}), column)
        elif kind == 4:
            names = ["", "x" * 3000, field.name.swapcase(), "\0", "__index_level_0__", columns.schema.names[0], "é"]
            columns = columns.set_column(place, field.with_name(rng.choice(names)), column)
        elif columns.num_columns > 1:
            columns = columns.remove_column(place)
    return columns


def _odd_values(rng: Random, n: int) -> pa.Array:
    odd: list[Any] = [
        pa.array([2**63 + 5] * n, pa.uint64()),
        pa.array([float("nan")] * n),
        pa.array([1e308] * n),
        pa.array([1.5] * n, pa.float16()),
        pa.array(["9" * 5000] * n),
        pa.array(["é\0☄"] * n),
        pa.array(["2015 MQ204"] * n).dictionary_encode(),
        pa.array([b"\xff\xfe"] * n),
        pa.array([b"12345678"] * n, pa.binary(8)),
        pa.array([[1, 2]] * n),
        pa.array([{"a": 1}] * n),
        pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int8())),
        pa.nulls(n),
        pa.array([True] * n),
        pa.array([10**20] * n, pa.decimal128(38, 5)),
        pa.array([2**62] * n, pa.timestamp("s")),
        pa.array([2**40] * n, pa.date64()),
        pa.array([1] * n, pa.duration("ns")),
        pa.array([1] * n, pa.time64("ns")),
        pa.array([-(2**63)] * n),
    ]
    return rng.choice(odd)
