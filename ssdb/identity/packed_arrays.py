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

_LONGEST_PLAIN = 10
"""Characters of "2031 AB612" and of "(15396335)", the longest unpacked forms that are read as arrays."""

_PLAIN_YEARS = ((1930, 1999), (2000, 2099))
_CYCLES = 620
_NUMBERS = _FIRST_TILDE_NUMBER + 62**4


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


def read_plain(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Unpacked designations and identifiers of texts, shape (n,), in the forms that most files have.

    These are "2015 MQ204" from 1930 on, "433" and "(433)". Any other text is left to :func:`unpack` and
    :func:`ssdb.identity.designation.pack`: its designation is NULL and its identifier 0.
    """
    n = len(texts)
    length = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False)
    short = pc.if_else(pc.less_equal(pc.binary_length(texts), _LONGEST_PLAIN), texts, "")
    letters = _letters(short, n, _LONGEST_PLAIN)
    digits = _digits()[letters].astype(np.int64)
    bracketed = (letters[:, 0] == ord("(")) & (
        letters[np.arange(n), np.clip(length, 1, _LONGEST_PLAIN) - 1] == ord(")")
    )
    number, is_number = _leading_number(digits, np.where(bracketed, 1, 0), length - bracketed)
    is_number &= number < _NUMBERS
    cycle, has_cycle = _leading_number(digits, np.full(n, 7), length)
    year = digits[:, :4] @ np.array([1000, 100, 10, 1])
    is_provisional = (
        (digits[:, :4] < 10).all(axis=1)
        & np.logical_or.reduce([(year >= first) & (year <= last) for first, last in _PLAIN_YEARS])
        & (letters[:, 4] == ord(" "))
        & _among(letters[:, 5], _HALF_MONTHS)
        & _among(letters[:, 6], _ORDERS)
        & ((length == 7) | (has_cycle & (cycle < _CYCLES)))
    )
    packed = np.zeros((n, MAX_PACKED_LENGTH), np.uint8)
    base_62 = np.frombuffer(_BASE_62, np.uint8)
    packed[:, :_NUMBER_LENGTH] = _packed_numbers(np.where(is_number, number, 0))
    cycle = np.where(is_provisional, cycle, 0)
    provisional = [base_62[year // 100 % 62], letters[:, 2], letters[:, 3], letters[:, 5]]
    provisional += [base_62[cycle // 10], base_62[cycle % 10], letters[:, 6]]
    packed[is_provisional, :_PROVISIONAL_LENGTH] = np.column_stack(provisional)[is_provisional]
    ids = _identifiers(packed, np.where(is_provisional, _PROVISIONAL_LENGTH, _NUMBER_LENGTH))
    known = is_number | is_provisional
    ids[~known] = 0
    designations = pc.if_else(pa.array(bracketed & is_number), pa.array(number).cast(pa.string()), texts)
    return pc.if_else(pa.array(known), designations, pa.scalar(None, pa.string())), ids


def _leading_number(digits: np.ndarray, first: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that stand from one place (n,) to below another, of 1 to 8 digits, the first not 0; and which are."""
    place = np.arange(digits.shape[1])
    inside = (place >= first[:, None]) & (place < end[:, None])
    of_number = (end - first >= 1) & (end - first <= 8) & (~inside | (digits < 10)).all(axis=1)
    of_number &= digits[np.arange(len(digits)), np.minimum(first, len(place) - 1)] > 0
    power = np.where(inside, end[:, None] - 1 - place, 0)
    values = np.where(inside & of_number[:, None], digits, 0) * 10 ** np.minimum(power, 8)
    return values.sum(axis=1), of_number


def pack_numbers(numbers: pa.Array) -> pa.Array:
    """Packed forms of the numbers of numbered objects: "00433" of "433", "0001P" of "1P"; NULL for any other text."""
    plain = pc.fill_null(pc.match_substring_regex(numbers, r"^[1-9]\d{0,7}$"), False)
    number = pc.if_else(plain, numbers, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    text = _packed_numbers(number)
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_NUMBER_LENGTH), len(text), [None, pa.py_buffer(text)])
    fits = plain.to_numpy(zero_copy_only=False) & (number < _NUMBERS)
    packed = pc.if_else(pa.array(fits), fixed.cast(pa.binary()).cast(pa.string()), pa.scalar(None, pa.string()))
    others = pa.array(~fits)
    return pc.replace_with_mask(packed, others, pack_texts(numbers.filter(others)))


def _packed_numbers(number: np.ndarray) -> np.ndarray:
    """The characters of packed numbers, shape (n, 5); without meaning of those that are too large."""
    tilde = number >= _FIRST_TILDE_NUMBER
    rest = np.where(tilde, number - _FIRST_TILDE_NUMBER, number)
    base = np.where(tilde, 62, 10)
    text = np.empty((len(number), _NUMBER_LENGTH), np.uint8)
    digits = np.frombuffer(_BASE_62, np.uint8)
    for place in range(_NUMBER_LENGTH - 1, 0, -1):
        text[:, place] = digits[rest % base]
        rest = rest // base
    text[:, 0] = np.where(tilde, ord("~"), digits[np.minimum(rest, 61)])
    return text


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


def _letters(texts: pa.Array, n: int, width: int = MAX_PACKED_LENGTH) -> np.ndarray:
    """Characters of texts as bytes, shape (n, width), zero behind the end."""
    texts = pc.fill_null(texts, "").cast(pa.binary())
    raw = np.array(texts.to_numpy(zero_copy_only=False), dtype=f"S{width}") if n else np.empty(0, f"S{width}")
    return raw.view(np.uint8).reshape(n, width)


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
