"""What each character of a tune is, by our own reading of its ABC."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus import END, START
from musicgen.memory import Match
from musicgen.music import Bar, Tune, Voice, parse
from musicgen.music.grammar import FIELDS, Kind
from musicgen.music.unfold import sections

Labels = NDArray[np.int8]
"""(characters,): a class's place, or ABSENT where the question makes no sense."""

ABSENT = -1
EIGHTHS = 8
PHRASE = 4
"""Bars."""
MATCH = 2
"""Least length of a match with the tune so far, in characters."""
DISTANCES = (8, 16, 32, 64, 128)
"""Characters to the end of the tune: where one class ends and the next begins."""

_LETTERS = tuple(sorted(FIELDS))
_TUNE = re.compile(f"{START}\n(.*?)(\n{END}|(?={START})|\\Z)", re.DOTALL)


@dataclass(frozen=True)
class Annotation:
    """A question about each character of a text."""

    name: str
    asks: str
    classes: tuple[str, ...]
    mark: Callable[[Tune, Labels], None]
    """Sets the labels of one whole tune, ABSENT before."""

    @property
    def yes_no(self) -> bool:
        return len(self.classes) == 2


def spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """First character, end, and whether `<end>` follows, of each tune in a text."""
    for found in _TUNE.finditer(text):
        yield *found.span(1), bool(found[2])


def annotate(text: str) -> dict[str, Labels]:
    """The labels of a text of `<start>` ... `<end>` tunes, by the annotation's name.

    The marks themselves have none. A tune that the text's end cuts off is read as far as it goes.
    """
    labels = {name: np.full(len(text), ABSENT, np.int8) for name in ANNOTATIONS}
    for start, end, whole in spans(text):
        tune = parse(text[start:end])
        for name, annotation in ANNOTATIONS.items():
            if whole or annotation.mark is not _to_end:
                annotation.mark(tune, labels[name][start:end])
    return labels


def bar_lines(text: str) -> list[int]:
    """Places of the bar lines in a text of tunes."""
    places = []
    for start, end, _ in spans(text):
        voices = (voice for voice in parse(text[start:end]).voices if not voice.overlay)
        places += [start + bar.end for voice in voices for bar in voice.bars if bar.line]
    return sorted(places)


def part_starts(text: str) -> list[int]:
    """Where in a text of tunes a part begins that is not its tune's first."""
    places = []
    for start, end, _ in spans(text):
        for voice in parse(text[start:end]).voices:
            if voice.overlay:
                continue
            begun = zip(voice.bars, _beginnings(voice), strict=True)
            places += [start + bar.start for bar, begins in begun if begins][1:]
    return sorted(places)


def _header(tune: Tune, labels: Labels) -> None:
    labels[: tune.body] = 1
    labels[tune.body :] = 0


def _field(tune: Tune, labels: Labels) -> None:
    for field in tune.fields:
        if field.end <= tune.body and field.letter in _LETTERS:
            labels[field.start : field.end + 1] = _LETTERS.index(field.letter)


def _chord_symbol(tune: Tune, labels: Labels) -> None:
    labels[tune.body :] = 0
    for voice in tune.voices:
        for mark in voice.marks:
            if mark.kind is Kind.STRING:
                labels[mark.start : mark.end] = 1


def _bar_position(tune: Tune, labels: Labels) -> None:
    """A short bar where a section begins is a pickup: it fills the end of its bar."""
    for voice in tune.voices:
        for bar, begins in zip(voice.bars, _beginnings(voice), strict=True):
            if bar.meter.length is None:
                continue
            whole = int(bar.meter.length * tune.ticks)
            shift = max(0, whole - bar.length) if begins else 0
            start = bar.start
            for index in range(bar.first, bar.last):
                event = voice.events[index]
                if index in voice.fillers:
                    continue
                place = EIGHTHS * (event.onset - bar.onset + shift) // whole
                before = event.start if voice.overlay and start == bar.start else start
                labels[before : event.end] = min(place, EIGHTHS - 1)
                start = event.end


def _beginnings(voice: Voice) -> Iterator[bool]:
    """Whether a section begins with each bar."""
    before: Bar | None = None
    for bar in voice.bars:
        over = before is None or (before.section and not bar.ending)
        yield over or bar.opens or bool(bar.part)
        before = bar


def _repeated(tune: Tune, labels: Labels) -> None:
    for voice in tune.voices:
        for first, last, passes in sections(voice.bars, 0, len(voice.bars)):
            for bar in voice.bars[first:last]:
                labels[bar.start : bar.end] = passes > 1


def _ending(tune: Tune, labels: Labels) -> None:
    for voice in tune.voices:
        now = ABSENT
        for bar in voice.bars:
            if bar.ending:
                now = int(1 not in bar.ending)
            labels[bar.start : bar.end] = now
            if bar.section or bar.closes:
                now = ABSENT


def _phrase_start(tune: Tune, labels: Labels) -> None:
    for voice in tune.voices:
        number = 0
        for bar, begins in zip(voice.bars, _beginnings(voice), strict=True):
            number = 0 if begins else number + 1
            pickup = bar.meter.length is not None and bar.length < bar.meter.length * tune.ticks
            labels[bar.start : bar.end] = number % PHRASE == 0 and not (begins and pickup)
            if begins and pickup:
                number = -1


def _accidental(tune: Tune, labels: Labels) -> None:
    for voice in tune.voices:
        for event in voice.events:
            if event.pitches:
                signs = set("^_=") & set(tune.text[event.start : event.end])
                labels[event.start : event.end] = bool(signs)


def _to_end(tune: Tune, labels: Labels) -> None:
    distance = np.arange(len(labels) - tune.body, 0, -1)
    labels[tune.body :] = np.digitize(distance, DISTANCES)


def _match_goes_on(tune: Tune, labels: Labels) -> None:
    text = np.array([ord(character) for character in tune.text], np.int64)
    suggested = Match(sys.maxunicode + 1, MATCH).of(text)[:-1, 0] - 1
    labels[1:] = np.where(suggested < 0, ABSENT, suggested == text[1:])


_RANGES = [f"{low}-{high - 1}" for low, high in pairwise((0, *DISTANCES))] + [f"{DISTANCES[-1]}-"]

ANNOTATIONS = {
    annotation.name: annotation
    for annotation in (
        Annotation("header", "header or body", ("body", "header"), _header),
        Annotation("field", "which field of the header", _LETTERS, _field),
        Annotation("chord symbol", "inside a chord symbol", ("no", "yes"), _chord_symbol),
        Annotation(
            "bar position",
            "which eighth of the bar",
            tuple(f"{eighth + 1}/{EIGHTHS}" for eighth in range(EIGHTHS)),
            _bar_position,
        ),
        Annotation("repeated", "inside a repeat", ("no", "yes"), _repeated),
        Annotation("ending", "first or later ending of a repeat", ("first", "later"), _ending),
        Annotation(
            "phrase start", f"first bar of {PHRASE} in its section", ("no", "yes"), _phrase_start
        ),
        Annotation("accidental", "a note with an accidental", ("no", "yes"), _accidental),
        Annotation(
            "match goes on",
            "what followed the same characters before comes again",
            ("no", "yes"),
            _match_goes_on,
        ),
        Annotation("to end", "characters to the end of the tune", tuple(_RANGES), _to_end),
    )
}
"""What units are scored against; a new one is one function and one entry."""
