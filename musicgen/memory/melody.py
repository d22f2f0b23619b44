"""The longest match over melodic steps, which finds a phrase that comes again a fourth higher.

Each note letter is replaced by its step from the note letter before it, in degrees of the scale
(`C` to `b` are two octaves; octave marks and accidentals stay characters). The match is found in
the resulting text. A suggested step is translated back into a note letter, from the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.memory.match import (
    LONGEST,
    Ids,
    Longest,
    StartMarks,
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
    """The melodic matches of many texts that grow in parallel."""

    def __init__(self, kind: Melody) -> None:
        self._kind = kind
        self._longest = Longest(kind.shortest)
        self._marks = StartMarks(kind.start)
        self._last = np.zeros(1, np.int64)

    def push(self, characters: Ids) -> Suggestions:
        """Append each text's next character (texts,); returns their matches (texts, 2)."""
        kind, degree = self._kind, self._kind.degree[characters]
        found = self._longest.push(kind.symbols(characters, self._last))
        self._last = np.where(degree < 0, self._last, degree)
        suggested = kind.as_characters(found, self._last)
        ended = self._marks.push(characters)
        self._longest.forget(ended)
        self._last[ended] = 0
        return suggested

    def keep(self, texts: Sequence[int] | Ids) -> None:
        """Keep these texts, in this order; one may occur many times."""
        self._longest.keep(texts)
        self._marks.keep(texts)
        self._last = self._last[texts]
