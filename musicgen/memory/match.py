"""The longest match: an earlier place in this tune that looks like the present one.

This is the match model of data compression (Mahoney 2005, "Adaptive weighing of context models for
lossless data compression", section 2.3), given to the network as an input. A recurrent network of
some hundred units cannot carry a bar through the sixteen after it, but it can learn when to copy.

The match of a character is an earlier place of the same tune. At least `shortest` characters before
that place equal the characters before this one; the place with the most such characters (counted up
to LONGEST) wins, then the nearest. It lies at most WINDOW characters back. The match suggests the
character that follows there. A tune begins after its start mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer[Any]]
Suggestions = NDArray[np.int64]
"""(..., 2): the suggested character's number plus one, and the match's length; 0 and 0 without a
match."""

LONGEST = 32
WINDOW = 4096


@dataclass(frozen=True)
class Match:
    """The match as a side input of a network."""

    vocab_size: int
    shortest: int
    start: tuple[int, ...] = ()
    """The mark after which a tune begins; empty if the texts have no marks."""

    @property
    def sizes(self) -> tuple[int, int]:
        return self.vocab_size + 1, LONGEST + 1

    @property
    def suggesting(self) -> tuple[int, ...]:
        return (0,)

    def encode(self, text: Ids) -> Suggestions:
        return suggestions(text, begins(text, self.start), self.shortest)

    def follow(self) -> "MatchFollower":
        return MatchFollower(self.start, self.shortest)


def suggestions(text: Ids, begins: NDArray[np.bool_], shortest: int) -> Suggestions:
    """The match of each character of a text (characters,), in time linear in its length.

    begins: whether a tune begins at each character.

    Places with the same characters before them form groups: first by `shortest` characters, then
    each group of several places is divided by one more character at a time. The match of a place is
    the place before it in its group.
    """
    n = len(text)
    text = np.asarray(text, np.int64)
    found = np.zeros((n, 2), np.int64)
    tune = np.cumsum(begins)
    within = np.arange(n) - np.maximum.accumulate(np.where(begins, np.arange(n), 0))
    size = int(text.max(initial=0)) + 1
    places = np.flatnonzero(within >= shortest - 1)
    keys = tune[places]
    for back in reversed(range(shortest)):
        keys = np.unique(keys * size + text[places - back], return_inverse=True)[1]
    for length in range(shortest, LONGEST + 1):
        order = np.argsort(keys, kind="stable")
        places, keys = places[order], keys[order]
        again = np.append(False, keys[1:] == keys[:-1])
        before = np.append(0, places[:-1])
        near = again & (places - before <= WINDOW)
        # The last place has nothing to suggest, but no place follows it either.
        found[places[near], 0] = text[np.minimum(before[near] + 1, n - 1)] + 1
        found[places[near], 1] = length
        several = (again | np.append(again[1:], False)) & (within[places] >= length)
        places = places[several]
        keys = np.cumsum(~again)[several] * size + text[places - length]
        if not len(places):
            break
    return found


def begins(text: Ids, start: Sequence[int]) -> NDArray[np.bool_]:
    """Whether a tune begins at each character: at the first, and after each start mark."""
    found = np.zeros(len(text), np.bool_)
    found[:1] = True
    if start and len(text) > len(start):
        windows = np.lib.stride_tricks.sliding_window_view(text, len(start))
        found[len(start) :] = (windows[:-1] == start).all(axis=1)
    return found


class MatchFollower:
    """The matches of many texts that grow in parallel."""

    def __init__(self, start: Sequence[int], shortest: int) -> None:
        self._longest = Longest(shortest)
        self._marks = StartMarks(start)

    def push(self, characters: Ids) -> Suggestions:
        """Append each text's next character (texts,); returns their matches (texts, 2)."""
        found = self._longest.push(characters)
        self._longest.forget(self._marks.push(characters))
        return found

    def keep(self, texts: Sequence[int] | Ids) -> None:
        """Keep these texts, in this order; one may occur many times."""
        self._longest.keep(texts)
        self._marks.keep(texts)


class StartMarks:
    """Finds the marks after which tunes begin, in texts that grow in parallel.

    A mark's first character must not occur again in the mark.
    """

    def __init__(self, start: Sequence[int]) -> None:
        self._start = np.array([*start, -1])
        self._read = np.zeros(1, np.int64)

    def push(self, characters: Ids) -> NDArray[np.bool_]:
        """Append each text's next character (texts,); returns whether a mark ends there."""
        self._read = np.where(
            characters == self._start[self._read], self._read + 1, characters == self._start[0]
        )
        ended: NDArray[np.bool_] = self._read == len(self._start) - 1
        self._read[ended] = 0
        return ended & (len(self._start) > 1)

    def keep(self, texts: Sequence[int] | Ids) -> None:
        self._read = self._read[texts]


class Longest:
    """The longest matches in many texts that grow in parallel, one symbol at a time.

    For each distance back it counts how many of the last symbols equal those at that distance.
    """

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest
        self._read = 0
        # Newest first, from _first on: the index of a place is its distance from the newest.
        self._text = np.full((1, 2 * WINDOW), -1, np.int16)
        self._first = 2 * WINDOW
        self._same = np.zeros((1, WINDOW), np.uint8)

    def push(self, symbols: Ids) -> Suggestions:
        """Append each text's next symbol (texts,), below 2^15; returns their matches (texts, 2)."""
        self._first -= 1
        if self._first < 0:
            self._first = WINDOW - 1
            self._text[:, WINDOW:] = self._text[:, :WINDOW]
        self._text[:, self._first] = symbols
        found = np.zeros((len(self._text), 2), np.int64)
        far = min(self._read, WINDOW)
        self._read += 1
        if far:
            earlier = self._text[:, self._first + 1 : self._first + 1 + far]
            same = self._same[:, :far]
            np.minimum(same, LONGEST - 1, out=same)
            same += 1
            same *= earlier == self._text[:, self._first, None]
            place = same.argmax(axis=1)
            rows = np.arange(len(place))
            length = same[rows, place]
            long = length >= self._shortest
            found[:, 0] = (self._text[rows, self._first + place] + 1) * long
            found[:, 1] = length * long
        return found

    def forget(self, texts: NDArray[np.bool_]) -> None:
        """Start these texts afresh: nothing read so far is matched."""
        if texts.any():
            self._text[texts] = -1
            self._same[texts] = 0

    def keep(self, texts: Sequence[int] | Ids) -> None:
        self._text, self._same = self._text[texts], self._same[texts]
