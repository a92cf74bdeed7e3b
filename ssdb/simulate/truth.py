"""Matches against the truth of a made-up night."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from ssdb.errors import InputError, shown


@dataclass(frozen=True, slots=True)
class Score:
    """Matches against the truth."""

    n_truth: int
    """Sources that are objects."""
    n_matched: int
    """Sources that were given an object."""
    n_correct: int
    """Those that were given the right one."""
    completeness: float
    purity: float
    """n_correct over n_truth and over n_matched; NaN where there are none."""


def score(matched_dia_source_ids: ArrayLike, matched_designations: Sequence[str], truth: pa.Table) -> Score:
    """Compare matches with the truth.

    Parameters
    ----------
    matched_dia_source_ids : array_like of int, shape (n,)
        Sources that were given an object, each once.
    matched_designations : sequence of str, shape (n,)
        The designations of these objects, written as in the predictions.
    truth : pyarrow.Table
        As in :class:`ssdb.simulate.Night`.

    Raises
    ------
    InputError
        If the two differ in length, or a source occurs twice.
    """
    ids = np.asarray(matched_dia_source_ids, dtype=np.int64)
    if len(ids) != len(matched_designations):
        raise InputError(f"{len(ids):,} matched sources have {len(matched_designations):,} designations; give one each")
    unique_ids, counts = np.unique(ids, return_counts=True)
    if len(unique_ids) != len(ids):
        raise InputError(f"sources matched more than once: diaSourceId {shown(unique_ids[counts > 1])}; give each once")
    # What CSV reading makes of a truth that is empty, or where all objects are numbered, has other types.
    row = pc.index_in(pa.array(ids), value_set=truth["diaSourceId"].cast(pa.int64()).combine_chunks())
    expected = truth["designation"].cast(pa.string()).combine_chunks().take(row)
    n_correct = pc.sum(pc.equal(expected, pa.array(matched_designations, pa.string())), min_count=0).as_py()
    n_truth, n_matched = truth.num_rows, len(ids)
    return Score(
        n_truth=n_truth,
        n_matched=n_matched,
        n_correct=n_correct,
        completeness=n_correct / n_truth if n_truth else math.nan,
        purity=n_correct / n_matched if n_matched else math.nan,
    )
