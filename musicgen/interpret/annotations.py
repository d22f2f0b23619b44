"""Annotations: questions about each character of a tune, whose answers units may follow.

Our own parser of ABC gives the answers. Each annotation is a class, registered under its name in
`units.csv`.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from musicgen.config.registry import components, register
from musicgen.memory import Match
from musicgen.music import Bar, Tune, Voice
from musicgen.music.grammar import FIELDS, Kind
from musicgen.music.unfold import sections

Labels = NDArray[np.int8]
"""The index of each character's class, (characters,); ABSENT if the question has no answer."""

ABSENT = -1
EIGHTHS = 8
PHRASE = 4
"""The bars of a phrase."""
MATCH = 2
"""The least length, in characters, of a match with the tune so far."""
DISTANCES = (8, 16, 32, 64, 128)
"""The borders between classes, in characters to the end of the tune."""

_LETTERS = tuple(sorted(FIELDS))


class Annotation(ABC):
    """A question about each character of a text."""

    asks: ClassVar[str]
    """The question in a few words, for tables and pictures."""
    classes: ClassVar[tuple[str, ...]] = ("no", "yes")
    """The answers, at most 127. With two answers, units are scored by AUC; with more, by mutual
    information."""
    whole: ClassVar[bool] = False
    """Whether only complete tunes have labels, not one that the text's end cuts off."""
    watched: ClassVar[bool] = False
    """Whether TensorBoard shows the unit that answers it best."""

    @abstractmethod
    def mark(self, tune: Tune, labels: Labels) -> None:
        """Set the labels of one tune in place. labels: (characters of `tune.text`,), all ABSENT."""

    @property
    def yes_no(self) -> bool:
        return len(self.classes) == 2


@register("annotation", "header")
class Header(Annotation):
    asks = "header or body"
    classes = ("body", "header")
    watched = True

    def mark(self, tune: Tune, labels: Labels) -> None:
        labels[: tune.body] = 1
        labels[tune.body :] = 0


@register("annotation", "field")
class Field(Annotation):
    asks = "which field of the header"
    classes = _LETTERS

    def mark(self, tune: Tune, labels: Labels) -> None:
        for field in tune.fields:
            if field.end <= tune.body and field.letter in _LETTERS:
                labels[field.start : field.end + 1] = _LETTERS.index(field.letter)


@register("annotation", "chord symbol")
class ChordSymbol(Annotation):
    asks = "inside a chord symbol"

    def mark(self, tune: Tune, labels: Labels) -> None:
        labels[tune.body :] = 0
        for voice in tune.voices:
            for mark in voice.marks:
                if mark.kind is Kind.STRING:
                    labels[mark.start : mark.end] = 1


@register("annotation", "bar position")
class BarPosition(Annotation):
    """The position in the bar. A short bar at a section's start counts as the end of a bar."""

    asks = "which eighth of the bar"
    classes = tuple(f"{eighth + 1}/{EIGHTHS}" for eighth in range(EIGHTHS))

    def mark(self, tune: Tune, labels: Labels) -> None:
        for voice in tune.voices:
            for bar, begins in zip(voice.bars, beginnings(voice), strict=True):
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


@register("annotation", "repeated")
class Repeated(Annotation):
    asks = "inside a repeat"

    def mark(self, tune: Tune, labels: Labels) -> None:
        for voice in tune.voices:
            for first, last, passes in sections(voice.bars, 0, len(voice.bars)):
                for bar in voice.bars[first:last]:
                    labels[bar.start : bar.end] = passes > 1


@register("annotation", "ending")
class Ending(Annotation):
    asks = "first or later ending of a repeat"
    classes = ("first", "later")

    def mark(self, tune: Tune, labels: Labels) -> None:
        for voice in tune.voices:
            now = ABSENT
            for bar in voice.bars:
                if bar.ending:
                    now = int(1 not in bar.ending)
                labels[bar.start : bar.end] = now
                if bar.section or bar.closes:
                    now = ABSENT


@register("annotation", "phrase start")
class PhraseStart(Annotation):
    asks = f"first bar of {PHRASE} in its section"

    def mark(self, tune: Tune, labels: Labels) -> None:
        for voice in tune.voices:
            number = 0
            for bar, begins in zip(voice.bars, beginnings(voice), strict=True):
                number = 0 if begins else number + 1
                pickup = bar.meter.length is not None and bar.length < bar.meter.length * tune.ticks
                labels[bar.start : bar.end] = number % PHRASE == 0 and not (begins and pickup)
                if begins and pickup:
                    number = -1


@register("annotation", "accidental")
class Accidental(Annotation):
    asks = "a note with an accidental"

    def mark(self, tune: Tune, labels: Labels) -> None:
        for voice in tune.voices:
            for event in voice.events:
                if event.pitches:
                    signs = set("^_=") & set(tune.text[event.start : event.end])
                    labels[event.start : event.end] = bool(signs)


@register("annotation", "match goes on")
class MatchGoesOn(Annotation):
    asks = "what followed the same characters before comes again"

    def mark(self, tune: Tune, labels: Labels) -> None:
        text = np.array([ord(character) for character in tune.text], np.int64)
        suggested = Match(sys.maxunicode + 1, MATCH).encode(text)[:-1, 0] - 1
        labels[1:] = np.where(suggested < 0, ABSENT, suggested == text[1:])


@register("annotation", "to end")
class ToEnd(Annotation):
    asks = "characters to the end of the tune"
    classes = (
        *(f"{low}-{high - 1}" for low, high in pairwise((0, *DISTANCES))),
        f"{DISTANCES[-1]}-",
    )
    whole = True

    def mark(self, tune: Tune, labels: Labels) -> None:
        distance = np.arange(len(labels) - tune.body, 0, -1)
        labels[tune.body :] = np.digitize(distance, DISTANCES)


def annotations() -> dict[str, Annotation]:
    """All registered annotations by name: first ours, then those of plugins."""
    return {name: kind() for name, kind in components("annotation").items()}


def beginnings(voice: Voice) -> Iterator[bool]:
    """Whether a section begins, for each bar."""
    before: Bar | None = None
    for bar in voice.bars:
        over = before is None or (before.section and not bar.ending)
        yield over or bar.opens or bool(bar.part)
        before = bar
