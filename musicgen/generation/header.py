"""The given header, and how far a tune has written it."""

import re
from collections.abc import Callable, Mapping

from musicgen.corpus import END, START, Vocabulary
from musicgen.corpus.tunebook import written_field
from musicgen.errors import InputError
from musicgen.music.key import parse_key
from musicgen.music.meter import parse_meter, parse_unit

LETTERS = {"title": "T", "rhythm": "R", "meter": "M", "unit": "L", "key": "K"}
"""Fields that can be given, in the order of a header."""
_OTHERS = "ABCDFGHINOPQSUVZ"
"""Letters of the other fields of a header; `X` comes first or not at all."""
_FIELD_LINE = re.compile(r"([A-Za-z]):(.*)")
_PARSERS: dict[str, Callable[[str], tuple[object, str]]] = {
    "M": parse_meter,
    "L": parse_unit,
    "K": parse_key,
}


def asked_for(header: Mapping[str, str | None], vocabulary: Vocabulary) -> dict[str, str]:
    """The given values by the letters of their fields. Raises InputError for a value that no header
    can have, or that the network cannot write."""
    given = {}
    for name, letter in LETTERS.items():
        if (value := header.get(name)) is None:
            continue
        key = f"header.{name}"
        value = value.strip()
        if not value or not value.isprintable() or any(m in value for m in ("%", START, END)):
            raise InputError(
                f"{key} must be one line of text without %, {START} and {END}, got {value!r}; "
                "change it"
            )
        if (parse := _PARSERS.get(letter)) and (complaint := parse(value)[1]):
            raise InputError(
                f"{key} must be as an ABC {letter}: field has it, got {value!r:.60} "
                f"({complaint}); change it"
            )
        if letter == "K":  # as cleaned corpora write it: a network has never seen `Gminor`
            value = written_field("K", value).removeprefix("K:")
        try:
            vocabulary.encode(f"{letter}:{value}\n")
        except InputError as error:
            raise InputError(f"{key}: its line's {error}") from None
        given[letter] = value
    return given


class Cursor:
    """How far one tune has written its header: which characters may come next, and which must."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._missing = dict(given)
        self._begun = False
        """Whether a line of the header is complete."""
        self._letter = ""
        """Letter of the field on this line; empty at its start."""
        self._colon = False
        self.rest = ""
        """Characters of a given value that must come next, and the line's end."""
        self.done = not given
        """Whether the music has begun, so that no given field can come any more."""

    @property
    def hidden(self) -> bool:
        """Whether the next character belongs to a given title or rhythm, which binds nothing behind
        it."""
        return self._letter in "TR" and len(self.rest) > 1

    def allowed(self) -> str:
        """The characters that may come next; empty: all."""
        if self.rest:
            return self.rest[0]
        if self._letter:
            return "" if self._colon else ":"
        free = (
            letter for letter in "TRMLK" if letter in self._missing or letter not in self._given
        )
        return _OTHERS + "".join(free) + ("" if self._begun else "X")

    def instead(self, character: str) -> str:
        """The character that the tune gets where the network drew this one: a skipped field goes
        first."""
        if self._letter or character == "X":
            return character
        if "T" in self._missing:
            return "T"
        if character == "K":
            return next(iter(self._missing), "K")
        return character

    def push(self, character: str) -> None:
        """Append a character to the tune."""
        if not self._letter:
            self._letter = character
        elif not self._colon:
            self._colon = True
            if self._letter in self._missing:
                self.rest = self._missing.pop(self._letter) + "\n"
        else:
            self.rest = self.rest[1:]
            if character == "\n":
                self.done = self._letter == "K"
                self._begun, self._letter, self._colon = True, "", False

    def read(self, prime: str) -> None:
        """Read a prime. Raises InputError where it contradicts a given value."""
        *lines, last = prime.split("\n")
        for line in lines:
            field = _FIELD_LINE.match(line)
            if field is None and line.strip() and line[0] != "%":
                self.done = True
            if field is None or self.done:
                continue
            self._begun = True
            letter, value = field[1], field[2].split("%")[0].strip()
            if value != self._given.get(letter, value):
                self._contradicted(letter, line)
            self._missing.pop(letter, None)
            self.done = letter == "K"
        if not self.done:
            self._read_unfinished(last)
        if self.done and self._missing:
            self._contradicted(next(iter(self._missing)), "its header already complete")

    def _read_unfinished(self, line: str) -> None:
        if not line:
            return
        field = _FIELD_LINE.match(line)
        if field is None:
            self.done = len(line) > 1 or not line.isupper()
            self._letter = line
            return
        self._letter, self._colon = field[1], True
        if self._letter in self._missing:
            value, begun = self._missing.pop(self._letter), field[2].lstrip()
            if not value.startswith(begun):
                self._contradicted(self._letter, line)
            self.rest = value[len(begun) :] + "\n"

    def _contradicted(self, letter: str, got: str) -> None:
        name = next(name for name, known in LETTERS.items() if known == letter)
        raise InputError(
            f"header.{name}={self._given[letter]} must agree with the prime, which has "
            f"{got!r:.80}; leave header.{name} out or change the prime"
        )
