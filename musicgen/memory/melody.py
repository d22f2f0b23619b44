"""The longest match over melodic steps, which finds a phrase that comes again a fourth higher.

Each note letter is replaced by its step from the note letter before it, in degrees of the scale
(`C` to `b` are two octaves; octave marks and accidentals stay characters). The match is found in
the resulting text. A suggested step is translated back into a note letter, from the last one.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.memory.match import (
    LONGEST,
    Ids,
    Longest,
    StartMark,
    Suggestions,
    begins,
    suggestions,
)

DEGREES = "CDEFGABcdefgab"
_WIDEST = len(DEGREES) - 1


@dataclass(frozen=True)
class Melody:
    """The melodic match as a side input of a network (`models/side.py`)."""

    characters: str
    """The vocabulary by number."""
    shortest: int
    """Least length of a match, in characters."""
    start: tuple[int, ...] = ()
    """The mark after which a tune begins; empty if the texts have no marks."""

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.characters) + 1, LONGEST + 1

    @property
    def suggesting(self) -> tuple[int, ...]:
        return (0,)

    @cached_property
    def degree(self) -> NDArray[np.int64]:
        """Degree of each character; -1 for all but note letters."""
        return np.array([DEGREES.find(character) for character in self.characters])

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Number of each note letter, plus one; 0 for letters that the vocabulary lacks."""
        return np.array([self.characters.find(letter) + 1 for letter in DEGREES])

    def symbols(self, text: Ids, before: Ids) -> NDArray[np.int64]:
        """Characters as they are, note letters as steps. before: degree of the last note letter."""
        degree = self.degree[text]
        return np.where(degree < 0, text, len(self.characters) + _WIDEST + degree - before)

    def as_characters(self, found: Suggestions, last: Ids) -> Suggestions:
        """Matches of symbols as matches of characters. last: degree of the last note letter.

        A step beyond the letters suggests nothing.
        """
        step = found[..., 0] - 1 - len(self.characters)
        degree = last + step - _WIDEST
        inside = (degree >= 0) & (degree <= _WIDEST)
        letter = np.where(inside, self.numbers[np.clip(degree, 0, _WIDEST)], 0)
        suggested = np.where(step < 0, found[..., 0], letter)
        return np.stack([suggested, np.where(suggested > 0, found[..., 1], 0)], axis=-1)

    @cached_property
    def symbol_of(self) -> list[list[tuple[str, int]]]:
        """The symbol of each character, as a sign, and the degree of the last note letter behind
        it; by the degree of the last note letter before it, and the character."""
        before = np.arange(len(DEGREES))[:, None]
        symbols = self.symbols(np.arange(len(self.characters)), before)
        after = np.where(self.degree < 0, before, self.degree)
        signs = [list(map(chr, row)) for row in symbols.tolist()]
        return [list(zip(*rows, strict=True)) for rows in zip(signs, after.tolist(), strict=True)]

    @cached_property
    def character_of(self) -> list[list[int]]:
        """What a suggested symbol suggests: a character's number plus one, or 0; by the degree of
        the last note letter, and the symbol's number plus one."""
        suggested = np.arange(len(self.characters) + 2 * _WIDEST + 2)
        every = np.stack(np.broadcast_arrays(suggested, 1), axis=-1)
        found = self.as_characters(every, np.arange(len(DEGREES))[:, None])[..., 0]
        listed: list[list[int]] = found.tolist()
        return listed

    def encode(self, text: Ids) -> Suggestions:
        """The match of each character of a text: (characters, 2)."""
        text = np.asarray(text, np.int64)
        tunes = begins(text, self.start)
        # The last note letter of the same tune; before the first letter, C.
        known = np.where(tunes | (self.degree[text] >= 0), np.arange(len(text)), 0)
        last = np.maximum(self.degree[text[np.maximum.accumulate(known)]], 0)
        before = np.where(tunes, 0, np.append(0, last)[: len(text)])
        found = suggestions(self.symbols(text, before), tunes, self.shortest)
        return self.as_characters(found, last)

    def follow(self) -> "MelodyFollower":
        return MelodyFollower(self)


class MelodyFollower:
    """The melodic matches of one text that grows."""

    __slots__ = ("_kind", "_last", "_longest", "_mark")

    def __init__(self, kind: Melody) -> None:
        self._kind = kind
        self._longest = Longest(kind.shortest)
        self._mark = StartMark(kind.start)
        self._last = 0

    def push(self, character: int) -> tuple[int, int]:
        """Append the next character; returns its match."""
        kind = self._kind
        symbol, self._last = kind.symbol_of[self._last][character]
        found, length = self._longest.push(symbol)
        suggested = kind.character_of[self._last][found]
        if self._mark.push(character):
            self._longest.forget()
            self._last = 0
        return suggested, length if suggested else 0

    def __copy__(self) -> "MelodyFollower":
        other = object.__new__(MelodyFollower)
        other._kind, other._last = self._kind, self._last
        other._longest, other._mark = copy(self._longest), copy(self._mark)
        return other
