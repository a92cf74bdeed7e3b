"""What the sources of a detector are like together: VisitDetector.sourceCounts, by which association weighs them.

Whole numbers that add up, so that any division of the sources into files gives the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.units import Array, Index, Integers, Mask, ab_magnitudes

BRIGHTEST_MAG, BIN_MAG, N_BINS = 14.0, 0.5, 28
"""Bins of AB magnitude: the first and the last have what is brighter and fainter, too."""

SIGNIFICANCE = 5
"""Of a source at the depth, in sigma."""

ARTEFACT_FLAGS = (
    "isNegative",
    "isDipole",
    "glint_trail",
    "centroid_flag",
    "pixelFlags_bad",
    "pixelFlags_cr",
    "pixelFlags_edge",
    "pixelFlags_nodata",
    "pixelFlags_offimage",
    "pixelFlags_saturated",
    "pixelFlags_streak",
)
"""Flags of DiaSource that artefacts have more often than objects do; candidates.*.sql has the same."""

COUNTED = ("psfFlux", "psfFluxErr", "trailLength", "reliability", *ARTEFACT_FLAGS)
"""Columns of DiaSource that are looked at."""

RESOLVED_ARCSEC = 2.0
"""Trails shorter than this look like points: a seeing disc."""

UNRATED = 0.5
"""The probability of being real of a source without a reliability."""

_MILLI = 1000.0
FAINT = 10
"""Signal-to-noise ratio below which the noise of a source is that of the sky: with LSST's noise model (Ivezic et al.
2019, ApJ 873, 111, equation 5, gamma = 0.039) its own photons make it 0.013 mag brighter there."""

_LOWEST_SNR, _SNR_STEP, _N_SNR = 2.0, 10.0**0.05, 16
"""Bins of the signal-to-noise ratio, up to 12.6: the first has what is below, the last what is above."""
_BELOW_THRESHOLD, _ENOUGH = 0.025, 20
"""The share of the sources by which the threshold is told, and how many are needed."""

N_RELIABILITIES = 10
"""Bins of the reliability."""

_N_FAINT, _DEPTHS, _N_FLAGGED, _N_TRAILED = range(N_BINS, N_BINS + 4)
_SNR = slice(N_BINS + 4, N_BINS + 4 + _N_SNR)
_RELIABILITY = slice(_SNR.stop, _SNR.stop + N_RELIABILITIES)
_SCORES = slice(_RELIABILITY.stop, _RELIABILITY.stop + N_BINS)
N_NUMBERS = _SCORES.stop
N_BYTES = 8 * N_NUMBERS


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Those of d detectors."""

    numbers: Integers
    """(d, 86): sources by magnitude, 28 bins; faint sources, the sum of their depths (mmag); flagged ones; trailed
    ones; sources by signal-to-noise ratio, 16 bins; by reliability, 10 bins; by magnitude the sum of reliabilities
    (thousandths, half where unknown), 28 bins."""

    @classmethod
    def unpack(cls, packed: np.ndarray) -> SourceCounts:
        """Of rows of 688 bytes, shape (d,): little-endian int64; zeros where nothing is known."""
        return cls(np.frombuffer(packed.tobytes(), "<i8").reshape(-1, N_NUMBERS).astype(np.int64))

    def pack(self) -> list[bytes]:
        return [row.tobytes() for row in self.numbers.astype("<i8")]

    @property
    def by_magnitude(self) -> Integers:
        """Sources in bins of magnitude, (d, 28); those without a positive flux are in none."""
        return np.maximum(self.numbers[:, :N_BINS], 0)

    @property
    def scores_by_magnitude(self) -> Array:
        """The sums of their reliabilities, (d, 28); 0.5 where one has none."""
        return np.clip(self.numbers[:, _SCORES] / _MILLI, 0.0, self.by_magnitude)

    @property
    def by_reliability(self) -> Integers:
        """Sources in bins of reliability, (d, 10); those without are in none."""
        return np.maximum(self.numbers[:, _RELIABILITY], 0)

    @property
    def known(self) -> Mask:
        """Whether there is anything, (d,): not for the sources of older versions of ssdb."""
        return np.count_nonzero(self.numbers, axis=1) > 0

    @property
    def depth(self) -> Array:
        """AB magnitude of 5 sigma, (d,): the mean over the faint sources; NaN where none has a psfFluxErr."""
        return _ratio(self.numbers[:, _DEPTHS], self.numbers[:, _N_FAINT]) / _MILLI

    @property
    def limit(self) -> Array:
        """AB magnitude at which half of the objects are found, (d,): at the threshold of the detection.

        The threshold is the signal-to-noise ratio from which on there are sources, by how many there are just above:
        those that 2.5 and 5 % of them do not exceed are as far apart as the former and the threshold. It is 5 where
        fewer than 20 have one. NaN where the depth is.
        """
        counts = self.numbers[:, _SNR].astype(float)
        total = counts.sum(axis=1)
        low, high = (_quantiles(counts, share * total) for share in (_BELOW_THRESHOLD, 2.0 * _BELOW_THRESHOLD))
        threshold = _LOWEST_SNR * _SNR_STEP ** (2.0 * low - high)
        return self.depth - 2.5 * np.log10(np.where(total < _ENOUGH, SIGNIFICANCE, threshold) / SIGNIFICANCE)

    @property
    def n_flagged(self) -> Integers:
        """Sources with one of the flags of artefacts, (d,)."""
        return self.numbers[:, _N_FLAGGED]

    @property
    def n_trailed(self) -> Integers:
        """Sources with a trail of 2 arcsec or more, (d,)."""
        return self.numbers[:, _N_TRAILED]


def source_counts(rows: pa.Table, group: Index, n_groups: int) -> SourceCounts:
    """The counts of rows of DiaSource, by the group that each is of, shape (n,)."""
    numbers = np.zeros((n_groups, N_NUMBERS), np.int64)
    flux, error = _numbers(rows, "psfFlux"), _numbers(rows, "psfFluxErr")
    bins = magnitude_bins(ab_magnitudes(flux))
    known = bins >= 0
    of_bins = np.bincount(group[known] * N_BINS + bins[known], minlength=n_groups * N_BINS)
    numbers[:, :N_BINS] = of_bins.reshape(n_groups, N_BINS)
    # Without a flux the error may be of anything.
    faint = np.flatnonzero((error > 0) & (np.abs(flux) < FAINT * error))
    reliability = _numbers(rows, "reliability")
    rated = np.flatnonzero((reliability >= 0) & (reliability <= 1))
    measured = np.flatnonzero((flux > 0) & (error > 0))
    steps = np.log(flux[measured] / error[measured] / _LOWEST_SNR) / np.log(_SNR_STEP)
    place = group[measured] * _N_SNR + np.clip(np.floor(steps), 0, _N_SNR - 1).astype(np.int64)
    numbers[:, _SNR] = np.bincount(place, minlength=n_groups * _N_SNR).reshape(n_groups, _N_SNR)
    place = group[rated] * N_RELIABILITIES + reliability_bins(reliability[rated])
    of_bins = np.bincount(place, minlength=n_groups * N_RELIABILITIES)
    numbers[:, _RELIABILITY] = of_bins.reshape(n_groups, N_RELIABILITIES)
    score = np.where((reliability >= 0) & (reliability <= 1), reliability, UNRATED)
    scores = np.rint(_MILLI * score[known])
    of_bins = np.bincount(group[known] * N_BINS + bins[known], scores, n_groups * N_BINS)
    numbers[:, _SCORES] = of_bins.reshape(n_groups, N_BINS)
    _add(numbers, _N_FAINT, group[faint])
    _add(numbers, _DEPTHS, group[faint], _MILLI * ab_magnitudes(SIGNIFICANCE * error[faint]))
    _add(numbers, _N_FLAGGED, group[is_flagged(rows)])
    _add(numbers, _N_TRAILED, group[_numbers(rows, "trailLength") >= RESOLVED_ARCSEC])
    return SourceCounts(numbers)


def magnitude_bins(magnitude: Array) -> Integers:
    """The bin of each magnitude; -1 where it is NaN."""
    place = np.floor((magnitude - BRIGHTEST_MAG) / BIN_MAG)
    return np.where(np.isnan(place), -1, np.clip(place, 0, N_BINS - 1)).astype(np.int64)


def reliability_bins(reliability: Array) -> Integers:
    """The bin of each reliability, from 0 to 1."""
    return np.clip(reliability * N_RELIABILITIES, 0, N_RELIABILITIES - 1).astype(np.int64)


def is_flagged(rows: pa.Table) -> Mask:
    """Which rows of DiaSource have one of the flags of artefacts."""
    flagged = np.zeros(rows.num_rows, bool)
    for name in ARTEFACT_FLAGS:
        if name in rows.schema.names and rows.column(name).null_count < rows.num_rows:
            flagged |= pc.fill_null(rows.column(name), False).to_numpy()
    return flagged


def _numbers(rows: pa.Table, name: str) -> Array:
    if name not in rows.schema.names:
        return np.full(rows.num_rows, np.nan)
    values = rows.column(name).to_numpy().astype(np.float64)
    # Infinite by SQL, past the door.
    return np.where(np.isfinite(values), values, np.nan)


def _add(numbers: Integers, place: int, group: Index, values: Array | None = None) -> None:
    weights = None if values is None else np.rint(values)
    numbers[:, place] = np.bincount(group, weights, minlength=len(numbers))


def _quantiles(counts: Array, below: Array) -> Array:
    """Where in bins, (d, n), so many are below, shape (d,), as if evenly spread in each."""
    passed = np.cumsum(counts, axis=1) >= np.maximum(below, 1e-9)[:, None]
    place = np.argmax(passed, axis=1)
    rows = np.arange(len(counts))
    here = counts[rows, place]
    before = np.cumsum(counts, axis=1)[rows, place] - here
    return place + np.divide(below - before, here, out=np.zeros_like(here), where=here > 0)


def _ratio(sums: Integers, counts: Integers) -> Array:
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
