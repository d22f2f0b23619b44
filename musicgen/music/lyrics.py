"""Lyrics: the syllables of `w:` lines, each at its note (ABC 2.1, section 5.1)."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from musicgen.music.tune import Tune
from musicgen.music.voice import Voice

MAX_VERSES = 16

_TOKENS = re.compile(r"\\-|-+|_|\*|\||[ \t]+|(?:\\-|[^\s\-_*|])+")


class Syllable(NamedTuple):
    """A syllable at a note."""

    text: str
    """Empty where the syllable before is held (`_`)."""
    verse: int
    """From 1."""
    joined: bool
    """Whether the word began before this syllable."""
    goes_on: bool
    """Whether the word continues after it."""


def lyrics(tune: Tune, voice: Voice) -> dict[int, list[Syllable]]:
    """The syllables at each event (by index) of the voice, one for each verse."""
    sung: dict[int, list[Syllable]] = defaultdict(list)
    verses: dict[int, int] = defaultdict(int)
    starts = [event.start for event in voice.events]
    for start, value in _lines(tune, voice):
        place = bisect_left(starts, start)
        if not place:
            continue
        first = bisect_left(starts, _line_start(tune.text, starts[place - 1]))
        verses[first] += 1
        if verses[first] <= MAX_VERSES:
            for event, syllable in _aligned(value, voice, first, place, verses[first]):
                sung[event].append(syllable)
    return sung


def _lines(tune: Tune, voice: Voice) -> Iterator[tuple[int, str]]:
    """(Offset, text) of the `w:` lines below this voice's music."""
    current = tune.voices[0].name
    for field in tune.fields:
        if field.start < tune.body:
            continue
        if field.letter == "V":
            current = (field.value.split() or [current])[0]
        elif field.letter == "w" and current == voice.name:
            yield field.start, field.value


def _line_start(text: str, offset: int) -> int:
    """Offset at which the line of music with this offset begins; a backslash joins lines."""
    start = text.rfind("\n", 0, offset) + 1
    while start > 1 and text[text.rfind("\n", 0, start - 1) + 1 : start - 1].rstrip()[-1:] == "\\":
        start = text.rfind("\n", 0, start - 1) + 1
    return start


def _aligned(
    text: str, voice: Voice, first: int, last: int, verse: int
) -> Iterator[tuple[int, Syllable]]:
    """The syllables of one line over the notes among the events `first` to `last - 1`."""
    notes = [index for index in range(first, last) if voice.events[index].pitches]
    ends = [bar.last for bar in voice.bars]
    at = 0
    found: list[tuple[int, Syllable]] = []
    joined = False
    before = " "
    for token in _TOKENS.findall(text):
        if at >= len(notes):
            break
        if token[0] == "-":
            if found:
                found[-1] = (found[-1][0], found[-1][1]._replace(goes_on=True))
            joined = bool(found)
            # `a--b`, `a -b`: one more note for the syllable before.
            at += len(token) - 1 + before.isspace()
        elif token == "|":
            bar_end = ends[bisect_right(ends, notes[at - 1])] if at else 0
            at = max(bisect_left(notes, bar_end), at)
        elif token == "*":
            at += 1
        elif token == "_":
            found.append((notes[at], Syllable("", verse, False, False)))
            at += 1
        elif not token.isspace():
            sung = token.replace("\\-", "-").replace("~", " ")
            found.append((notes[at], Syllable(sung, verse, joined, False)))
            joined = False
            at += 1
        before = token
    yield from found
