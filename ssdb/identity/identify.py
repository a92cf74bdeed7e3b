"""Converts many names of objects at once to identifiers (ssObjectId) and designations, of simulated objects too."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import DesignationError, option, shown
from ssdb.identity.designation import MAX_DESIGNATION_LENGTH, pack, ss_object_id
from ssdb.identity.packed_arrays import pack_texts, read_plain, unpack

_FEW = 100
"""So many names are sooner read one by one than as arrays."""


def identify(
    names: Sequence[str] | np.ndarray | pa.Array | pa.ChunkedArray,
    label: str = "",
    simulated_names: bool = False,
    known: Callable[[list[str]], Mapping[str, str]] | None = None,
    *,
    strict: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Identifiers (``ssObjectId``) and unpacked designations of many objects, each of shape (n,).

    The names are of any form that :func:`pack` takes; repeated ones cost nothing. DesignationError if names are missing
    or cannot be identified (the message gives the rows, counted from 1), or if two simulated names have one hash.

    Parameters
    ----------
    label : str
        Where they are from (a file), for messages.
    simulated_names : bool
        Take names without a packed form for those of simulated objects. Their identifiers are made from a hash and are
        negative, so that they never meet a real one; their designations are the names (up to 16 characters, ASCII).
    known : callable, optional
        Asked for the designations of those names that are none; gives those it knows.
    strict : bool
        Whether names that cannot be identified are an error; if not, their identifier is 0.
    """
    where = f"{label}: " if label else ""
    column = _text_column(names, where)
    if column.null_count:
        rows = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)) + 1
        raise DesignationError(f"{where}there is no designation in rows {shown(rows)}")
    encoded = column.dictionary_encode()
    ids, designations = identify_encoded(encoded, label, simulated_names, known, strict)
    inverse = encoded.indices.to_numpy()
    return ids[inverse], designations[inverse]


def identify_encoded(
    names: pa.DictionaryArray,
    label: str = "",
    simulated_names: bool = False,
    known: Callable[[list[str]], Mapping[str, str]] | None = None,
    strict: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`identify`, of the k different names of a dictionary encoding, none of which is missing."""
    where = f"{label}: " if label else ""
    unique = names.dictionary.to_pylist()
    ids, designations = np.zeros(len(unique), np.int64), np.empty(len(unique), object)
    if len(unique) > _FEW:
        plain, ids = read_plain(names.dictionary)
        designations[:] = plain.to_pylist()
        if len(rest := np.flatnonzero(ids == 0)):
            unpacked, ids[rest] = unpack(names.dictionary.take(pa.array(rest)))
            designations[rest] = unpacked.to_pylist()
    unknown: list[int] = []
    reason = ""
    for i in np.flatnonzero(ids == 0).tolist():
        try:
            packed, designations[i] = pack(unique[i])
        except DesignationError as error:
            unknown.append(i)
            reason = reason or str(error)
        else:
            ids[i] = ss_object_id(packed)
    if unknown and known is not None:
        designated = known([unique[i] for i in unknown])
        for i in unknown:
            if unique[i] in designated:
                packed, designations[i] = pack(designated[unique[i]])
                ids[i] = ss_object_id(packed)
        unknown = [i for i in unknown if unique[i] not in designated]
    if unknown and not (simulated_names or strict):
        designations[unknown] = [unique[i] for i in unknown]
        return ids, designations
    if unknown and not simulated_names:
        rows = np.flatnonzero(np.isin(names.indices.to_numpy(), unknown)) + 1
        raise DesignationError(
            f"{where}{len(unknown):,} names cannot be identified ({shown(unique[i] for i in unknown)}), in rows "
            f"{shown(rows)}: {reason}. If they are names of simulated objects, "
            f"{option('--simulated-names', 'simulated_names=True')} gives them identifiers"
        )
    if unknown:
        designations[unknown] = [unique[i].strip() for i in unknown]
        ids[unknown] = _simulated_ids(designations[unknown].tolist(), where)
    return ids, designations


def identify_in_two_forms(packed: pa.Array, unpacked: pa.Array) -> tuple[pa.Array, pa.Array, np.ndarray, np.ndarray]:
    """Objects of which a table has the packed designation, the unpacked one, or both, as those of the MPC do.

    Both are text of shape (n,) without blanks around it, NULL where there is none. Returned are the packed and unpacked
    forms, the one made from the other, and ``ssObjectId``, NULL and 0 where there is no packed form; and where the two
    given forms agree, being of one object.
    """
    made, ids = unpack(packed)
    # The rest is rare: designations in one form only, or not in the form that the packed one leads to.
    rest = unpacked.is_valid().to_numpy(False) & ~_true(pc.equal(made, unpacked))
    agree = np.ones(len(packed), bool)
    if rest.any():
        again = pack_texts(unpacked.filter(pa.array(rest)))
        missing = packed.is_null().to_numpy(False)
        agree[rest] = missing[rest] | _true(pc.equal(again, packed.filter(pa.array(rest))))
        packed = pc.if_else(pa.array(missing), pc.replace_with_mask(packed, pa.array(rest), again), packed)
        made, ids = unpack(packed)
    return packed, made, ids, agree


def _true(values: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(values, False), dtype=bool)


def _text_column(names: Sequence[str] | np.ndarray | pa.Array | pa.ChunkedArray, where: str) -> pa.Array:
    column = names if isinstance(names, pa.Array | pa.ChunkedArray) else pa.array(names, from_pandas=True)
    try:
        column = column.cast(pa.string())
    except pa.ArrowException:
        raise DesignationError(f"{where}names of objects must be text, not {column.type}") from None
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _simulated_ids(names: list[str], where: str) -> list[int]:
    """Negative identifiers made from names (stripped of blanks), refusing what cannot be stored or told apart."""
    # Others would be in the way later: designations are read back as ASCII.
    usable = re.compile(rf"[ -~]{{1,{MAX_DESIGNATION_LENGTH}}}")
    unusable = [name for name in names if not usable.fullmatch(name)]
    if unusable:
        raise DesignationError(
            f"{where}names of simulated objects must have 1 to {MAX_DESIGNATION_LENGTH} ASCII characters, "
            f"not {shown(map(repr, unusable))}"
        )
    ids = [_hashed(name) for name in names]
    named = dict(zip(ids, names, strict=True))
    same = {name for name, object_id in zip(names, ids, strict=True) if named[object_id] != name}
    if same:
        others = {named[_hashed(name)] for name in same}
        raise DesignationError(
            f"{where}the simulated names {shown(sorted(same | others))} get the same identifier: rename one"
        )
    return ids


def _hashed(name: str) -> int:
    """A negative 64-bit integer from the first 63 bits of the name's SHA-256."""
    return -1 - (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1)
