"""Packed designations of many objects at once.

The forms that nearly all objects have (numbers, provisional designations from 1925 on) are read as arrays of bytes; a
catalogue of 1.5 million objects would keep :func:`ssdb.identity.designation.pack` busy for minutes. Everything else
goes there. The forms are those of https://www.minorplanetcenter.net/iau/info/PackedDes.html.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import DesignationError
from ssdb.identity.designation import pack, ss_object_id
from ssdb.schema.ranges import MAX_PACKED_LENGTH, MIN_PACKED_LENGTH
from ssdb.units import Integers

_BASE_62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FIRST_TILDE_NUMBER = 620_000
_FIRST_PLAIN_YEAR = 1925
"""Designations of the years before are written A924 AA, which :func:`pack` knows."""

_HALF_MONTHS = b"ABCDEFGHJKLMNOPQRSTUVWXY"
_ORDERS = b"ABCDEFGHJKLMNOPQRSTUVWXYZ"
_NUMBER_LENGTH, _PROVISIONAL_LENGTH = 5, 7


def unpack(packed: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Unpacked designations and identifiers of packed designations, shape (n,), which have no blanks around them.

    The designations are as :func:`ssdb.identity.designation.pack` writes them: "433", "2015 MQ204", "A904 OA". Where
    the text is no packed designation, or NULL, they are NULL and the identifier is 0.
    """
    n = len(packed)
    length = pc.fill_null(pc.binary_length(packed), 0).to_numpy(zero_copy_only=False)
    letters = _letters(pc.if_else(pc.less_equal(pc.binary_length(packed), MAX_PACKED_LENGTH), packed, ""), n)
    digits = _digits()[letters]

    number, is_number = _numbers(letters, digits, length)
    prefix, cycle, is_provisional = _provisional(letters, digits, length)
    cycles = pa.array(["", *map(str, range(1, 620))])
    provisional = pc.binary_join_element_wise(prefix, cycles.take(pa.array(np.where(is_provisional, cycle, 0))), "")
    designations = pc.if_else(pa.array(is_provisional), provisional, pa.scalar(None, pa.string()))
    designations = pc.if_else(pa.array(is_number), pa.array(number).cast(pa.string()), designations)
    ids = _identifiers(letters, length)

    ids[~is_number & ~is_provisional] = 0
    # Names of simulated objects, of which there may be as many, are longer; what is not packed has a blank in it.
    possible = (length >= MIN_PACKED_LENGTH) & (length <= MAX_PACKED_LENGTH) & ~(letters == ord(" ")).any(axis=1)
    rest = np.flatnonzero(~is_number & ~is_provisional & possible)
    if len(rest):
        others: list[str | None] = []
        for i, text in zip(rest.tolist(), packed.take(pa.array(rest)).to_pylist(), strict=True):
            form, designation = _forms(text)
            others.append(designation if form == text else None)
            if others[-1] is not None:
                ids[i] = ss_object_id(text)
        mask = np.zeros(n, bool)
        mask[rest] = True
        designations = pc.replace_with_mask(designations, pa.array(mask), pa.array(others, pa.string()))
    return designations, ids


def pack_numbers(numbers: pa.Array) -> pa.Array:
    """Packed forms of the numbers of numbered objects: "00433" of "433", "0001P" of "1P"; NULL for any other text."""
    plain = pc.fill_null(pc.match_substring_regex(numbers, r"^[1-9]\d{0,7}$"), False)
    number = pc.if_else(plain, numbers, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    tilde = number >= _FIRST_TILDE_NUMBER
    rest = np.where(tilde, number - _FIRST_TILDE_NUMBER, number)
    base = np.where(tilde, 62, 10)
    text = np.empty((len(number), _NUMBER_LENGTH), np.uint8)
    digits = np.frombuffer(_BASE_62, np.uint8)
    for place in range(_NUMBER_LENGTH - 1, 0, -1):
        text[:, place] = digits[rest % base]
        rest = rest // base
    text[:, 0] = np.where(tilde, ord("~"), digits[np.minimum(rest, 61)])
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_NUMBER_LENGTH), len(text), [None, pa.py_buffer(text)])
    fits = plain.to_numpy(zero_copy_only=False) & ~(tilde & (rest > 0))
    packed = pc.if_else(pa.array(fits), fixed.cast(pa.binary()).cast(pa.string()), pa.scalar(None, pa.string()))
    others = pa.array(~fits)
    return pc.replace_with_mask(packed, others, pack_texts(numbers.filter(others)))


def pack_texts(designations: pa.Array) -> pa.Array:
    """Packed forms of designations, shape (n,), in any form that :func:`pack` takes, one by one; NULL where none."""
    return pa.array([_forms(text)[0] for text in designations.to_pylist()], pa.string())


def packed_of(ids: Integers) -> pa.Array:
    """Packed designations of which identifiers, shape (n,), were made; NULL of those that are not above 0."""
    texts = [one.to_bytes(MAX_PACKED_LENGTH, "big").lstrip(b"\0").decode() if one > 0 else None for one in ids.tolist()]
    return pa.array(texts, pa.string())


def _forms(text: str | None) -> tuple[str | None, str | None]:
    """The packed and the unpacked form of a designation; None where it is none."""
    try:
        return pack(text or "")
    except DesignationError:
        return None, None


def _letters(texts: pa.Array, n: int) -> np.ndarray:
    """Characters of texts as bytes, shape (n, 8), zero behind the end."""
    texts = pc.fill_null(texts, "").cast(pa.binary())
    raw = np.array(texts.to_numpy(zero_copy_only=False), dtype=f"S{MAX_PACKED_LENGTH}") if n else np.empty(0, "S8")
    return raw.view(np.uint8).reshape(n, MAX_PACKED_LENGTH)


@cache
def _digits() -> np.ndarray:
    """Value of every byte as a base-62 digit; 255 where it is none."""
    values = np.full(256, 255, np.uint8)
    values[np.frombuffer(_BASE_62, np.uint8)] = np.arange(62)
    return values


def _among(letters: np.ndarray, allowed: bytes) -> np.ndarray:
    return np.isin(letters, np.frombuffer(allowed, np.uint8))


def _numbers(letters: np.ndarray, digits: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of numbered asteroids, and which are: a base-62 digit before four of base 10, or ~ and four of 62."""
    value = digits[:, :_NUMBER_LENGTH].astype(np.int64)
    of_asteroid = length == _NUMBER_LENGTH
    plain = of_asteroid & (value[:, 0] < 62) & (value[:, 1:] < 10).all(axis=1)
    tilde = of_asteroid & (letters[:, 0] == ord("~")) & (value[:, 1:] < 62).all(axis=1)
    number = value[:, 0] * 10_000 + value[:, 1:] @ np.array([1000, 100, 10, 1])
    number = np.where(tilde, _FIRST_TILDE_NUMBER + value[:, 1:] @ (62 ** np.array([3, 2, 1, 0])), number)
    return number, (plain | tilde) & (number > 0)


def _provisional(
    letters: np.ndarray, digits: np.ndarray, length: np.ndarray
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """ "2015 MQ", the 204 behind it, and which are provisional designations of 1925 or later."""
    value = digits[:, :_PROVISIONAL_LENGTH].astype(np.int64)
    century, year = value[:, 0], value[:, 1] * 10 + value[:, 2]  # I is the base-62 digit 18
    fits = (
        (length == _PROVISIONAL_LENGTH)
        & (value[:, [1, 2, 5]] < 10).all(axis=1)
        & (century <= 20)
        & (century * 100 + year >= _FIRST_PLAIN_YEAR)
        & _among(letters[:, 3], _HALF_MONTHS)
        & (value[:, 4] < 62)
        & _among(letters[:, 6], _ORDERS)
    )
    text = np.empty((len(letters), 7), np.uint8)
    text[:, 0], text[:, 1] = ord("0") + century // 10 % 10, ord("0") + century % 10
    text[:, 2:4], text[:, 4] = letters[:, 1:3], ord(" ")
    text[:, 5], text[:, 6] = letters[:, 3], letters[:, 6]
    text[~fits] = ord(" ")
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(7), len(text), [None, pa.py_buffer(text)])
    return fixed.cast(pa.binary()).cast(pa.string()), value[:, 4] * 10 + value[:, 5], fits


def _identifiers(letters: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The bytes of each packed designation as a big-endian number, as :func:`.designation.ss_object_id` has them."""
    values = np.ascontiguousarray(letters).view(">u8").ravel().astype(np.uint64)
    shift = 8 * (MAX_PACKED_LENGTH - np.minimum(length, MAX_PACKED_LENGTH)).astype(np.uint64)
    # A shift by 64 bits is not defined; texts of no characters are no designations.
    return (values >> np.minimum(shift, np.uint64(63))).astype(np.int64)
