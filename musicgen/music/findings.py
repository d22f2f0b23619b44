"""Fields and problems, collected while a text is read."""

import re
from bisect import bisect_right
from typing import TypeVar

from musicgen.music.grammar import FIELDS
from musicgen.music.tune import Field, Problem

_T = TypeVar("_T")
MAX_VALUE = 200
"""Characters of a key, meter or the like that are read; titles have no limit."""

_COMMENT = re.compile(r"(?<!\\)%.*")


class Findings:
    """Collects fields and problems, in any order."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self._problems: list[tuple[int, str]] = []

    def complain(self, start: int, message: str) -> None:
        """List a problem at offset `start`; an empty message says that nothing is wrong."""
        if message:
            self._problems.append((start, message))

    def field(self, letter: str, written: str, start: int, end: int) -> str:
        """Record a field; returns its value without comment and white space, at most MAX_VALUE
        characters."""
        value = _COMMENT.sub("", written).strip()
        self.fields.append(Field(letter, value, start, end))
        if letter not in FIELDS:
            self.complain(start, f"unknown field {letter}:")
        return value[:MAX_VALUE]

    def understood(self, start: int, result: tuple[_T, str]) -> _T:
        """The first of a (value, complaint) pair; the complaint is recorded."""
        self.complain(start, result[1])
        return result[0]

    def problems(self, text: str) -> tuple[Problem, ...]:
        """The problems in the order of the text, with line and column."""
        if not self._problems:
            return ()
        breaks = [-1, *(match.start() for match in re.finditer("\n", text))]
        located = []
        for start, message in sorted(self._problems):
            line = bisect_right(breaks, start - 1)
            located.append(Problem(line, start - breaks[line - 1], start, message))
        return tuple(located)
