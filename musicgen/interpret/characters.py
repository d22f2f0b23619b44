"""What each character of a text of tunes is: header, note, length, bar line, mark or other."""

import numpy as np
from numpy.typing import NDArray

from musicgen.interpret.annotate import spans
from musicgen.music import Tune, parse

MARK, HEADER, NOTE, LENGTH, BAR_LINE, OTHER = range(6)
NAMES = ("mark", "header", "note", "length", "bar line", "other")
"""A mark is a character of `<start>` or `<end>`; other are blanks, line ends, chord symbols,
decorations, graces, slurs, tuplets, endings and fields within the music."""

_LENGTHS = frozenset("0123456789/")
_BROKEN = frozenset("<>")
_BAR = frozenset("|:")


def kinds(text: str) -> NDArray[np.int8]:
    """The kind of each character, (characters,), as an index of NAMES. text: `<start>` ... `<end>`
    tunes; what stands outside of tunes is a mark."""
    found = np.full(len(text), MARK, np.int8)
    for start, end, _ in spans(text):
        _mark(parse(text[start:end]), found[start:end])
    return found


def _mark(tune: Tune, kinds: NDArray[np.int8]) -> None:
    """Set the kinds of one tune's characters in place."""
    kinds[: tune.body] = HEADER
    kinds[tune.body :] = OTHER
    for place in range(tune.body, len(tune.text)):
        if tune.text[place] in _BROKEN:
            kinds[place] = LENGTH
        elif tune.text[place] in _BAR:  # also those before the first bar
            kinds[place] = BAR_LINE
    for voice in tune.voices:
        for mark in voice.marks:
            kinds[mark.start : mark.end] = OTHER
        for grace in voice.graces:
            kinds[grace.start : grace.end] = OTHER
        for number, event in enumerate(voice.events):
            if number in voice.fillers:
                continue
            for place in range(event.start, event.end):
                kinds[place] = LENGTH if tune.text[place] in _LENGTHS else NOTE
        for bar in voice.bars:
            line = bar.line.rstrip("0123456789,-")  # the rest is an ending's numbers
            kinds[bar.end : bar.end + len(line)] = BAR_LINE
    for field in tune.fields:
        if field.start >= tune.body:
            kinds[field.start : field.end] = OTHER
