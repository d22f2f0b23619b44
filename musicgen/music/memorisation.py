"""Memorisation: the longest run of notes that a tune shares with the tunes of a collection.

Runs are equal if one is a transposition of the other: the intervals between successive notes are
compared, in semitones. Note lengths, bar lines and rests are ignored; a run stays within its melody
(`melody.py` says which notes a melody has).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.music.melody import Melody

Symbols = NDArray[np.uint8]
Places = NDArray[np.int64]

WORD = 8
"""Symbols compared at once, as one integer of 64 bits."""

_END = 0
"""The symbol after each melody of the collection."""
_QUERY_END = 1
"""The symbol after each melody that is looked up. It differs from _END, so that no match runs over
an end."""
_WIDEST = 126
"""Semitones; wider intervals count as this. Instruments do not have them."""
_UNISON = 2 + _WIDEST
_LEADING_ZEROS = np.array([1 << (8 * byte) for byte in range(1, WORD)], dtype=np.uint64)
"""A word below n of these begins with n bytes of zero."""


@dataclass(frozen=True)
class RunIndex:
    """The intervals of a collection in a suffix array: looking up n notes takes n log size."""

    symbols: Symbols
    """Intervals, each melody followed by _END, and a word of _END at the end."""
    suffixes: NDArray[np.int32]
    """Places in `symbols` in the order of what follows there."""
    bounds: Places
    """(tunes + 1,): index of the first interval of each tune, and the index after the last one."""

    @classmethod
    def of(cls, tunes: Iterable[Sequence[Melody]]) -> "RunIndex":
        """Index the melodies of each tune. Takes about half a second for half a million notes."""
        symbols, bounds = _encode(tunes, _END)
        return cls(symbols, _suffix_array(symbols), bounds)

    def longest_runs(self, tunes: Iterable[Sequence[Melody]]) -> tuple[Places, Places]:
        """For each tune the notes of its longest run, and which tune of the collection has it.

        Both arrays: (tunes,). The second counts from 0; where several tunes of the collection have
        the run, it is any of them. A single note is no run: 0 notes, tune -1.
        """
        symbols, bounds = _encode(tunes, _QUERY_END)
        lengths, found = self._matches(symbols)
        notes = np.zeros(len(bounds) - 1, dtype=np.int64)
        homes = np.full(len(bounds) - 1, -1, dtype=np.int64)
        for tune, (start, end) in enumerate(pairwise(bounds)):
            if lengths[start:end].any():
                best = start + lengths[start:end].argmax()
                notes[tune] = lengths[best] + 1
                homes[tune] = np.searchsorted(self.bounds, found[best], side="right") - 1
        return notes, homes

    def _matches(self, symbols: Symbols) -> tuple[Places, Places]:
        """Symbols in the longest match that begins at each place, and where the match is."""
        mine, theirs = _words(symbols), _words(self.symbols)
        places = np.arange(len(mine))
        lengths = np.zeros(len(mine), dtype=np.int64)
        found = np.zeros(len(mine), dtype=np.int64)
        # All binary searches at once. The longest match is right before or right after the place
        # where
        # the suffix would be inserted, so the search meets it.
        low = np.zeros(len(mine), dtype=np.int64)
        high = np.full(len(mine), len(self.suffixes), dtype=np.int64)
        while len(searching := places[low[places] < high[places]]):
            middle = (low[searching] + high[searching]) // 2
            suffixes = self.suffixes[middle].astype(np.int64)
            common, larger = _compare(mine, searching, theirs, suffixes)
            low[searching[larger]] = middle[larger] + 1
            high[searching[~larger]] = middle[~larger]
            longer = common > lengths[searching]
            lengths[searching[longer]] = common[longer]
            found[searching[longer]] = suffixes[longer]
            places = searching
        return lengths, found


def _encode(tunes: Iterable[Sequence[Melody]], end: int) -> tuple[Symbols, Places]:
    """Symbols and bounds as in RunIndex, with `end` after each melody."""
    pieces: list[Symbols] = []
    bounds = [0]
    size = 0
    for tune in tunes:
        for melody in tune:
            steps = np.diff(np.array(melody.pitches, dtype=np.int64)).clip(-_WIDEST, _WIDEST)
            piece = np.append(steps + _UNISON, end).astype(np.uint8)
            pieces.append(piece)
            size += len(piece)
        bounds.append(size)
    padding = np.full(WORD, end, dtype=np.uint8)
    return np.concatenate([*pieces, padding]), np.array(bounds, dtype=np.int64)


def _words(symbols: Symbols) -> NDArray[np.uint64]:
    """The symbols from each place on as one integer, the first symbol in its highest byte."""
    count = len(symbols) - WORD
    windows: NDArray[Any] = np.ndarray((count,), ">u8", symbols.tobytes(), strides=(1,))
    return windows.astype(np.uint64)


def _suffix_array(symbols: Symbols) -> NDArray[np.int32]:
    """Indices of all symbols but the padding, ordered by what follows, up to the end of the melody.

    Prefix doubling (Manber and Myers, SIAM J. Comput. 22, 1993): suffixes sorted by their first w
    symbols can be sorted by 2w, by the ranks of the suffixes w further on.
    """
    ends = np.flatnonzero(symbols == _END)
    longest = int(np.diff(ends, prepend=-1).max())
    keys: NDArray[Any] = _words(symbols)
    width = WORD
    while True:
        order = np.argsort(keys, kind="stable")
        ranks = np.empty(len(keys), dtype=np.int64)
        ranks[order] = np.cumsum(np.diff(keys[order], prepend=keys[order[:1]]) != 0)
        # Nothing is compared beyond the end of a melody, so equal suffixes need no order there.
        if width >= longest or len(keys) == 0 or ranks[order[-1]] == len(keys) - 1:
            return order.astype(np.int32)
        further = np.zeros_like(ranks)
        further[:-width] = ranks[width:]
        keys = ranks * len(keys) + further
        width *= 2


def _compare(
    mine: NDArray[np.uint64], places: Places, theirs: NDArray[np.uint64], others: Places
) -> tuple[Places, NDArray[np.bool_]]:
    """How many symbols are equal from each place and its other on, and whether it is larger."""
    common = np.zeros(len(places), dtype=np.int64)
    larger = np.zeros(len(places), dtype=np.bool_)
    pairs = np.arange(len(places))
    depth = 0
    while len(pairs):
        left, right = mine[places[pairs] + depth], theirs[others[pairs] + depth]
        differ = left ^ right
        unlike = pairs[differ != 0]
        zeros = (differ[differ != 0, None] < _LEADING_ZEROS).sum(axis=1)
        common[unlike] = depth + zeros
        larger[unlike] = (left > right)[differ != 0]
        pairs = pairs[differ == 0]
        depth += WORD
    return common, larger
