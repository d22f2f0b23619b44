"""The longest match: an earlier place in this tune that looks like the present one.

This is the match model of data compression (Mahoney 2005, "Adaptive weighing of context models for
lossless data compression", section 2.3), given to the network as an input. A recurrent network of
some hundred units cannot carry a bar through the sixteen after it, but it can learn when to copy.

The match of a character is an earlier place of the same tune. At least `shortest` characters before
that place equal the characters before this one; the place with the most such characters (counted up
to LONGEST) wins, then the nearest. It lies at most WINDOW characters back. The match suggests the
character that follows there. A tune begins behind its start mark.
"""

from collections.abc import Sequence
from copy import copy
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
    """The mark behind which a tune begins; empty if the texts have no marks."""

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
    """Whether a tune begins at each character: at the first, and behind each start mark."""
    found = np.zeros(len(text), np.bool_)
    found[:1] = True
    if start and len(text) > len(start):
        windows = np.lib.stride_tricks.sliding_window_view(text, len(start))
        found[len(start) :] = (windows[:-1] == start).all(axis=1)
    return found


class MatchFollower:
    """The matches of one text that grows."""

    __slots__ = ("_longest", "_mark")

    def __init__(self, start: Sequence[int], shortest: int) -> None:
        self._longest = Longest(shortest)
        self._mark = StartMark(start)

    def push(self, character: int) -> tuple[int, int]:
        """Append the next character; returns its match."""
        found = self._longest.push(chr(character))
        if self._mark.push(character):
            self._longest.forget()
        return found

    def __copy__(self) -> "MatchFollower":
        other = object.__new__(MatchFollower)
        other._longest, other._mark = copy(self._longest), copy(self._mark)
        return other


class StartMark:
    """Finds the marks behind which tunes begin, in a text that grows.

    A mark's first character must not occur again in the mark.
    """

    __slots__ = ("_read", "_start")

    def __init__(self, start: Sequence[int]) -> None:
        self._start = (*start, -1)
        self._read = 0

    def push(self, character: int) -> bool:
        """Append the next character; returns whether a mark ends there."""
        if character != self._start[self._read]:
            self._read = int(character == self._start[0])
            return False
        self._read += 1
        if ended := self._read == len(self._start) - 1:
            self._read = 0
        return ended


class Longest:
    """The longest matches in a text that grows by one symbol at a time.

    A match that goes on stays the longest and the nearest: a place that is nearer and as long now
    was as long before. So the text is searched only where the match breaks off, or is LONGEST and
    others catch up. Python's own search of strings does it.
    """

    __slots__ = ("_length", "_next", "_shortest", "_text")

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest
        self.forget()

    def forget(self) -> None:
        """Start afresh: nothing read so far is matched."""
        self._text = ""
        self._next = self._length = 0  # the place behind the match, and the match's length

    def push(self, symbol: str) -> tuple[int, int]:
        """Append the next symbol; returns its match."""
        length = self._length
        goes_on = length > 0 and self._text[self._next] == symbol
        self._text += symbol
        if goes_on and length < LONGEST:
            self._next += 1
            self._length = length = length + 1
        elif not (length := self._search(LONGEST if goes_on else self._shortest)):
            return 0, 0
        return ord(self._text[self._next]) + 1, length

    def _search(self, length: int) -> int:
        """Find the longest match of at least this length; returns its length, or 0."""
        text = self._text
        if len(text) > 2 * (WINDOW + LONGEST):
            self._text = text = text[-WINDOW - LONGEST :]
        behind = len(text) - 1
        farthest, self._length = behind - WINDOW, 0
        while length <= LONGEST:
            # Places that are nearer than the nearest shorter match are not this long.
            found = text.rfind(text[-length:], 0, behind)
            if found < 0 or found + length <= farthest:
                break
            behind = self._next = found + length
            self._length = length
            length += 1
        return self._length
