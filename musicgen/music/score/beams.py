"""Beams: which of a bar's short notes are joined."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from musicgen.music.meter import Meter
from musicgen.music.voice import Bar, Event, Voice

Span = tuple[int, int]
"""First event inside, first event after."""

MAX_GAP = 200
"""Characters between two notes, above which no space is looked for between them."""
_LOOSE = 8
"""Pairs of short notes after which it counts that a writer never joined any two."""

_INVISIBLE = re.compile(r'"[^"]*"|![^!]*!|\{[^}]*\}|\[[A-Za-z]:[^\]]*\]')
"""Signs that may contain a space which does not end a beam."""


def adjoining(text: str, event: Event, following: Event) -> bool:
    """Whether there is no white space between two events: then the writer wants them under one
    beam."""
    if following.start <= event.end:
        return True
    if following.start - event.end > MAX_GAP:
        return False
    return not any(map(str.isspace, _INVISIBLE.sub("", text[event.end : following.start])))


def is_loose(text: str, voice: Voice, flagged: Sequence[bool]) -> bool:
    """Whether the voice has white space between all its notes, and so says nothing about beams."""
    pairs = [
        (voice.events[here], voice.events[here + 1])
        for bar in voice.bars
        for here in range(bar.first, bar.last - 1)
        if flagged[here] and flagged[here + 1]
    ]
    return len(pairs) >= _LOOSE and not any(adjoining(text, *pair) for pair in pairs)


def beams(
    text: str,
    events: Sequence[Event],
    flagged: Sequence[bool],
    bar: Bar,
    ticks: int,
    *,
    loose: bool = False,
    late: bool = False,
) -> Iterator[Span]:
    """The beams of a bar, as the spacing of the text asks, but none longer than a beat group.

    flagged: by event, whether a beam can take it. ticks: to a whole note. loose: ignore the
    spacing. late: a bar that is too short lacks its beginning, as a pickup does. Where a text has
    no white space inside a bar, as in `ABcdefga`, beams end at the beats.
    """
    inside = range(bar.first, bar.last - 1)
    joins = [loose or adjoining(text, events[here], events[here + 1]) for here in inside]
    by_beat = loose or all(joins)
    length = bar.meter.length
    shift = max(int(length * ticks) - bar.length, 0) if late and length else 0
    for first, last in _runs(bar, flagged, joins):
        run = events[first:last]
        group = _group(bar.meter, ticks, max(event.length for event in run))
        long = run[-1].onset + run[-1].length - run[0].onset > group
        if not by_beat and not long:
            yield first, last
            continue
        beats = [(event.onset - bar.onset + shift) // group for event in run]
        start = 0
        for here in range(1, len(run) + 1):
            if here == len(run) or beats[here] != beats[start]:
                if here - start > 1:
                    yield first + start, first + here
                start = here


def _runs(bar: Bar, flagged: Sequence[bool], joins: Sequence[bool]) -> Iterator[Span]:
    """Longest runs of short notes that are joined in the text."""
    start = bar.first
    for here in range(bar.first, bar.last):
        if not flagged[here]:
            start = here + 1
        elif here + 1 == bar.last or not (flagged[here + 1] and joins[here - bar.first]):
            if here > start:
                yield start, here + 1
            start = here + 1


def _group(meter: Meter, ticks: int, longest: int) -> int:
    """Ticks of the longest beam: half a bar of 4/4, a beat of 6/8, a beat where notes are fast."""
    if meter.compound:
        return int(Fraction(3, meter.denominator) * ticks)
    fast = longest < ticks // 8
    if fast or meter.length is None:
        return ticks // 4
    if meter.length <= Fraction(3, 4):
        return max(int(meter.length * ticks), 1)
    return ticks // 2
