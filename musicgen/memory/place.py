"""The place in a tune: how full the bar is, which bar and part it is, what earlier bars had there.

A reader of ABC that takes one character at a time and never looks ahead. It accepts any text as
ABC. On well-formed tunes it agrees with `parse`; where `parse` would list a problem, it continues
with a guess.
"""

from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from musicgen.memory.match import Ids
from musicgen.music.meter import Meter, parse_meter, parse_unit

TICKS = 1680
"""Ticks of a unit note length: enough for tuplets of up to eight notes and sixteenths of a unit."""
STEP = TICKS // 2
"""Ticks of one step; places within a step count as one."""
SIZES = (64, 64, 32, 8, 4)
"""How many values each of the five figures of `Place.push` has, from 0 on; a larger figure counts
as the largest."""

BARS_BEFORE = (2, 4, 8)
"""How many bars back `Place.echoes` looks. In the default corpus the bar 4 before is right in 57 %
of the characters for which it suggests one, those 2 and 8 before in 39 and 29 %."""
ECHOES = len(BARS_BEFORE) + 1
LONGEST_PART = 128
"""Bars; the first bars of a longer part are forgotten."""
LONGEST_BAR = 512
"""Characters; a longer bar resembles no other bar."""
LONGEST_LENGTH = 12
"""Characters of a note's length; further ones are ignored."""

_LARGEST = tuple(size - 1 for size in SIZES)
_NO_ECHOES = (0,) * ECHOES
_EVENTS = frozenset("ABCDEFGabcdefgzx")
_LENGTHS = frozenset("0123456789/")
_HIDES = {'"': '"\n', "!": "! |\n", "{": "}\n", "%": "\n"}
"""Signs that begin what is no music (texts, decorations, graces, comments), and the signs that end
it."""
_BLANKS = " \n|:"
"""Characters that a comparison of bars ignores: blanks, line ends and the characters of bar lines.
"""
_IN_THE_TIME_OF = {2: 3, 3: 2, 4: 3, 5: 2, 6: 2, 7: 2, 8: 3, 9: 2}
"""Notes in the time of which a tuplet's notes are played (ABC 2.1, section 4.13, in a simple
meter)."""


@dataclass(frozen=True)
class PlaceInput:
    """The place, and what earlier bars suggest, as a side input of a network (`models/side.py`)."""

    characters: str
    """The vocabulary by number."""

    @property
    def sizes(self) -> tuple[int, ...]:
        return *SIZES, *[len(self.characters) + 1] * ECHOES

    @property
    def suggesting(self) -> tuple[int, ...]:
        return tuple(range(len(SIZES), len(SIZES) + ECHOES))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of a suggested character, from 1; 0 stands for no suggestion."""
        return {"|": 0} | {character: n for n, character in enumerate(self.characters, 1)}

    def encode(self, text: Ids) -> NDArray[np.int64]:
        """The row of each character of a text: (characters, columns); `Place` describes the
        columns."""
        follower = self.follow()
        rows = [follower.push(character) for character in text.tolist()]
        return np.array(rows, np.int64).reshape(-1, len(self.sizes))

    def follow(self) -> "PlaceFollower":
        return PlaceFollower(self)


class PlaceFollower:
    """The place in one text that grows."""

    __slots__ = ("_characters", "_kind", "_numbers", "_place")

    def __init__(self, kind: PlaceInput) -> None:
        self._kind = kind
        self._characters, self._numbers = kind.characters, kind.numbers
        self._place = Place()

    def push(self, character: int) -> tuple[int, ...]:
        """Append the next character; returns its row of the side input."""
        place = self._place
        figures = place.push(self._characters[character])
        if not place.alike:
            return figures + _NO_ECHOES
        echoes = [0] * ECHOES
        for column, bar in place.alike:
            echoes[column] = self._numbers[bar[place.read]]
        return figures + tuple(echoes)

    def __copy__(self) -> "PlaceFollower":
        other = PlaceFollower(self._kind)
        other._place = copy(self._place)
        return other


class Place:
    """The place in the last tune of one text. A tune begins after `<start>` on its own line."""

    __slots__ = (
        "_bar", "_base", "_before", "_begun", "_chord", "_done", "_field", "_figures",
        "_first_ending", "_full", "_hidden", "_last", "_last_part", "_left", "_length",
        "_meter", "_open", "_part", "_part_before_last", "_parts", "_repeat", "_time", "_undo",
        "_unit", "_upbeat", "_written", "alike", "read",
    )  # fmt: skip

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a new tune."""
        self._meter = Meter()
        self._unit: Fraction | None = None
        self._full: int | None = None  # length of a whole bar, ticks; None: free meter
        self._done = self._length = 0  # ticks before the last event, and of the last event
        self._parts = self._repeat = 0
        self._upbeat, self._begun = 0, False  # of this part, ticks; whether its length is known
        self._bar, self.read = "", 0  # the bar's text so far, and its length
        self._part: tuple[str, ...] = ()  # complete bars, with `|` behind each: of this part, of
        self._last_part: tuple[str, ...] = ()  # the part before, and of the one before that
        self._part_before_last: tuple[str, ...] = ()
        self.alike: list[tuple[int, str]] = []  # earlier bars that begin like it, by column
        self._first_ending = 0  # bars of the part before its first ending
        self._base, self._written, self._open = TICKS, "", False  # the last event's length
        self._left, self._time = 0, TICKS  # notes to come of a tuplet; ticks of each
        self._chord = 0  # 1: after `[`, 2: after a chord's first note
        self._hidden, self._field = "", ""  # sign that ends what is no music; text of a field
        self._before = self._last = "\n"  # the last two characters
        self._undo = (0, 0)
        self._figures = self._say()

    def push(self, character: str) -> tuple[int, ...]:
        """Read the next character; returns the five figures of the place after it.

        1. Steps left in the bar, plus one; 0 in free meter and where the bar is longer than its
        meter.
        2. The same for a bar that is shorter by the part's upbeat, as the part's last bar is.
        3. Complete bars of this part, the upbeat aside.
        4. Parts so far.
        5. Whether a repeat is open (1), in its first ending (2), in a later ending (3), or none
        (0).
        """
        last = self._last
        ending = last in "|[" and character.isdigit()
        if not (ending or self._field or character in _BLANKS):
            self._extend(character)
        if self._hidden:
            if character in self._hidden:
                self._show()
            elif self._field and len(self._field) < 80:
                self._field += character
        elif character in _EVENTS:
            self._event()
            self._figures = self._say()
        elif self._open and character in _LENGTHS:
            self._written = (self._written + character)[:LONGEST_LENGTH]
            self._length = self._base * _numerator(self._written) // _denominator(self._written)
            self._figures = self._say()
        elif character == " ":
            self._open = False
        else:
            self._open = False
            if character == "|":
                self._bar_line(part=last in "|:[")
                if last == ":" or (last == "|" and self._repeat == 3):
                    self._repeat = 0
            elif character == ":":
                self._colon()
            elif character in _HIDES:
                self._hidden = _HIDES[character]
            else:
                self._sign(character)
            self._figures = self._say()
        self._before, self._last = last, character
        return self._figures

    def echoes(self) -> list[str]:
        """What followed in the bars 2, 4 and 8 before, and in the bar of the same number of the
        part before, as long as this bar equals them so far.

        Each is one character, `|` at the end of the bar, or nothing. Blanks and line ends are
        ignored. Upbeats do not count as bars, and neither do first endings once a later ending has
        begun.
        """
        echoes = [""] * ECHOES
        for column, bar in self.alike:
            echoes[column] = bar[self.read]
        return echoes

    def _extend(self, character: str) -> None:
        """Append to this bar's text, and keep those earlier bars that go on like it."""
        read = self.read
        if read == LONGEST_BAR:
            self.alike = []
            return
        if self.alike:
            self.alike = [like for like in self.alike if like[1][read] == character]
        self._bar += character
        self.read = read + 1

    def _compare(self, bar: str) -> None:
        """Set this bar's text, and find the earlier bars that begin with it."""
        before, number = self._last_part + self._part, len(self._part)
        alike = [(n, before[-back]) for n, back in enumerate(BARS_BEFORE) if back <= len(before)]
        if number < len(self._last_part):
            alike.append((len(BARS_BEFORE), self._last_part[number]))
        # An empty bar suggests nothing.
        self.alike = [like for like in alike if like[1] != "|" and like[1].startswith(bar)]
        self._bar, self.read = bar, len(bar)

    def _say(self) -> tuple[int, ...]:
        left = last = 0
        bars, parts = len(self._part), self._parts
        if self._full is not None:
            room = self._full - self._done - self._length
            left = room // STEP + 1 if room >= 0 else 0
            last = (room - self._upbeat) // STEP + 1 if room >= self._upbeat else 0
        most = _LARGEST
        return (
            left if left < most[0] else most[0],
            last if last < most[1] else most[1],
            bars if bars < most[2] else most[2],
            parts if parts < most[3] else most[3],
            self._repeat,
        )

    def _event(self) -> None:
        if self._chord == 2:
            self._open = False
            return
        self._undo = (self._done, self._length)
        self._done += self._length
        self._base = self._time if self._left else TICKS
        self._left -= self._left > 0
        self._length, self._written, self._open = self._base, "", True
        self._chord *= 2

    def _bar_line(self, *, part: bool) -> None:
        if (length := self._done + self._length) > 0:
            if not self._begun:
                self._upbeat = length if self._full and length < self._full else 0
            if self._begun or not self._upbeat:
                self._part = (*self._part[-LONGEST_PART + 1 :], self._bar + "|")
            self._begun = True
        if part:
            self._end_part()
        self._compare("")
        self._done = self._length = self._left = self._chord = 0

    def _end_part(self) -> None:
        if self._part:
            self._parts += 1
            self._part_before_last = self._last_part
            self._last_part, self._part = self._part, ()
        self._begun = False

    def _begin_ending(self, number: str) -> None:
        if number == "1":
            self._repeat, self._first_ending = 2, len(self._part)
            return
        self._repeat = 3
        if not self._begun and self._parts:  # the part continues from before its first ending
            self._part, self._begun = self._last_part[: self._first_ending], True
            self._last_part = self._part_before_last
            self._parts -= 1
            self._compare("")

    def _colon(self) -> None:
        before, last = self._before, self._last
        if last.isalpha() and before in "\n[":
            self._done, self._length = self._undo if last in _EVENTS else (self._done, self._length)
            self._field, self._chord = f"{last}:", 0
            inline = before == "["
            self._hidden = "]\n" if inline else "\n"
            self._compare(self._bar[: -1 - inline])
        elif last in ":|":
            if last == ":":
                self._bar_line(part=True)
            else:
                self._end_part()
            self._repeat = 1

    def _sign(self, character: str) -> None:
        last = self._last
        if character == "[":
            self._chord = 1
        elif character == "]":
            if self._chord:  # the event's length may follow
                self._base, self._written, self._open = self._length, "", True
                self._chord = 0
            elif last == "|":
                self._end_part()
                self._repeat *= self._repeat < 3
        elif character.isdecimal():  # superscripts are digits (`isdigit`), but no numbers
            if last in "|[":
                self._chord = 0
                self._compare(self._bar.removesuffix("["))
                self._begin_ending(character)
            elif last == "(" and (notes := int(character)) in _IN_THE_TIME_OF:
                self._left, self._time = notes, TICKS * _IN_THE_TIME_OF[notes] // notes
        elif character == "<" and last == "\n":
            self._hidden, self._field = "\n", "<"

    def _show(self) -> None:
        """What is no music ends here."""
        if self._field == "<start>":
            self.begin()
        elif self._field:
            self._take(self._field[:2], self._field[2:])
            self._figures = self._say()
        self._hidden = self._field = ""

    def _take(self, name: str, value: str) -> None:
        if name == "M:":
            self._meter = parse_meter(value)[0]
        elif name == "L:":
            self._unit = parse_unit(value)[0] or self._unit
        else:
            return
        length, unit = self._meter.length, self._unit or self._meter.unit
        self._full = None if length is None else int(length / unit * TICKS)


@lru_cache(maxsize=1024)
def _numerator(length: str) -> int:
    return int(length.partition("/")[0][:4] or 1)


@lru_cache(maxsize=1024)
def _denominator(length: str) -> int:
    """Divisor of a written length: `/` halves, `//` quarters, a number after a slash divides. 0
    counts as 1."""
    _, slash, rest = length.partition("/")
    if not slash:
        return 1
    digits = rest.lstrip("/")
    slashes = 1 + len(rest) - len(digits)
    divisor = max(1, int(digits.partition("/")[0][:4] or 2))
    return divisor << min(slashes - 1, 8)
