"""The characters that a network knows, and their numbers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from musicgen.errors import InputError

Ids = npt.NDArray[np.integer[Any]]
ADDRESS = re.compile(r"[\w.+-]+@[\w-]{2,}(?:\.[\w-]+)*")


@dataclass(frozen=True)
class Vocabulary:
    """Distinct characters in the order of their code points; a character's number is its index."""

    characters: str

    def __post_init__(self) -> None:
        if not self.characters or list(self.characters) != sorted(set(self.characters)):
            raise InputError(
                "vocabulary must hold distinct characters in sorted order (at least one), "
                f"got {self.characters!r}; take it from an undamaged checkpoint or corpus"
            )

    @classmethod
    def of(cls, *texts: str) -> "Vocabulary":
        """The vocabulary of all characters of the texts."""
        return cls("".join(sorted(set().union(*texts))))

    @classmethod
    def from_json(cls, characters: Iterable[str]) -> "Vocabulary":
        """The inverse of `to_json`. Raises InputError if the list is damaged."""
        listed = list(characters)
        if not all(isinstance(character, str) and len(character) == 1 for character in listed):
            raise InputError(
                f"vocabulary must be a list of single characters, got {listed!r:.60}; "
                "take it from an undamaged checkpoint"
            )
        return cls("".join(listed))

    def to_json(self) -> list[str]:
        return list(self.characters)

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return isinstance(character, str) and len(character) == 1 and character in self.characters

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The smallest of uint8, uint16 and int32 that numbers every character."""
        for kind in (np.uint8, np.uint16):
            if len(self) - 1 <= np.iinfo(kind).max:
                return np.dtype(kind)
        return np.dtype(np.int32)

    @cached_property
    def _points(self) -> npt.NDArray[np.uint32]:
        return _code_points(self.characters)

    @cached_property
    def _table(self) -> npt.NDArray[np.int32]:
        """Number by code point, -1 where there is none; one entry more than the last character."""
        table = np.full(int(self._points[-1]) + 2, -1, np.int32)
        table[self._points] = np.arange(len(self), dtype=np.int32)
        return table

    def encode(self, text: str) -> Ids:
        """Numbers of the characters: (len(text),), of `dtype`.

        Raises InputError at the first unknown character, with its place.
        """
        points = _code_points(text)
        ids = self._table[np.minimum(points, len(self._table) - 1)]
        if unknown := np.flatnonzero(ids < 0)[:1].tolist():
            place = unknown[0]
            line = text.count("\n", 0, place) + 1
            column = place - text.rfind("\n", 0, place)
            raise InputError(
                f"text must use only the {len(self)} characters of the vocabulary, got "
                f"{text[place]!r} (U+{ord(text[place]):04X}) at character {place + 1:,} "
                f"(line {line:,}, column {column:,}); replace it, or train on a corpus that has it"
            )
        return ids.astype(self.dtype)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Text of the numbers, of any integer type and any shape, read in C order.

        Raises ValueError if a number is outside the vocabulary.
        """
        numbers = np.asarray(ids).ravel()
        if not numbers.size:
            return ""
        if numbers.min() < 0 or numbers.max() >= len(self):
            raise ValueError(f"numbers must lie in 0 .. {len(self) - 1}")
        points: bytes = self._points[numbers].astype("<u4").tobytes()
        return points.decode("utf-32-le", "surrogatepass")

    def written(self, ids: npt.ArrayLike) -> str:
        """Text that a network wrote: decoded, with e-mail addresses in x's.

        Collections of tunes name their transcribers; networks learn that by heart, and their tunes
        are passed on. The text keeps its length and all other characters.
        """
        x = "x" if "x" in self else "@"
        return ADDRESS.sub(lambda found: re.sub(r"\w", x, found[0]), self.decode(ids))


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
