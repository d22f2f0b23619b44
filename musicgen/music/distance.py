"""The distance between two sets of tunes: histograms of their notes, compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.music.melody import Melody

Counts = NDArray[np.int64]

WIDEST = 13
"""Semitones: an interval wider than an octave counts as one of this width."""
BINS_PER_OCTAVE = 7
"""Bins per doubling of a length: the fewest that keep a plain note, 5/4, 4/3 (in a triplet), 3/2
(dotted) and 7/4 of it apart."""
SHORTEST, LONGEST = -7, 2
"""Binary logarithms of a length in whole notes; lengths outside count in the outermost bins."""


@dataclass(frozen=True)
class Histograms:
    """Histograms of the notes of a set of tunes."""

    degrees: Counts
    """(12,): notes by semitones above the tonic, octaves aside; keys without a tonic are left out.
    Relative to the tonic, so that sets in different keys are not far apart for that reason."""
    intervals: Counts
    """(27,): steps from a note to the next one, from -13 to 13 semitones."""
    lengths: Counts
    """(64,): notes by the logarithm of their length, from 1/128 to 4 whole notes."""

    @classmethod
    def of(cls, tunes: Iterable[tuple[Sequence[Melody], int]]) -> "Histograms":
        """The histograms of the melodies of tunes, each with its tune's ticks to a whole note."""
        degrees = np.zeros(12, dtype=np.int64)
        intervals = np.zeros(2 * WIDEST + 1, dtype=np.int64)
        lengths = np.zeros((LONGEST - SHORTEST) * BINS_PER_OCTAVE + 1, dtype=np.int64)
        for melodies, ticks in tunes:
            for melody in melodies:
                # -1 means that there is no tonic: its bin, the first one, is dropped.
                degrees += np.bincount(np.array(melody.degrees) + 1, minlength=13)[1:]
                steps = np.diff(melody.pitches).clip(-WIDEST, WIDEST)
                intervals += np.bincount(steps + WIDEST, minlength=len(intervals))
                lengths += np.bincount(_bins(melody.lengths, ticks), minlength=len(lengths))
        return cls(degrees, intervals, lengths)


def jensen_shannon(left: Counts, right: Counts) -> float:
    """Jensen-Shannon distance of two histograms with the same bins, from 0 (alike) to 1.

    The square root of the divergence in bits (Lin, IEEE Trans. Inf. Theory 37, 1991, eq. 3.4;
    Endres and Schindelin, 49, 2003, show that the root is a metric). 1 if only one is empty.
    """
    if not left.any() or not right.any():
        return float(left.any() != right.any())
    p, q = left / left.sum(), right / right.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(np.clip(divergence, 0, 1)))


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Relative entropy in bits; q is nowhere 0 where p is not."""
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def _bins(lengths: Sequence[int], ticks: int) -> Counts:
    """Bin of each length in ticks."""
    # A length of 0 (rounded away: `A/4096`) counts as the shortest.
    octaves = np.log2(np.maximum(lengths, 1) / ticks).clip(SHORTEST, LONGEST)
    bins: Counts = np.rint((octaves - SHORTEST) * BINS_PER_OCTAVE).astype(np.int64)
    return bins
