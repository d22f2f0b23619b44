"""Repeats played out: the order in which bars sound, and the resulting notes."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from musicgen.music.voice import Bar, Voice

MAX_PASSES = 16
"""Most times that a repeat is played, for any number of colons and endings."""
MAX_PARTS = 256
"""Most parts that a `P:` order is expanded to."""
MAX_EVENTS = 500_000
"""Notes at which playing out stops: `P:(((A9)9)9)9` is 6,561 parts."""

_PART_ITEM = re.compile(r"([A-Za-z])|(\()|(\))|([0-9]{1,3})")


class Sounding(NamedTuple):
    """A note that sounds, ties joined."""

    onset: int
    """Ticks since the start of the performance."""
    length: int
    """Ticks."""
    pitch: int
    """MIDI pitch."""
    event: int
    """Index in the voice of the event that begins it."""


def unfold(voice: Voice, order: str = "") -> tuple[Sounding, ...]:
    """The notes of a voice as they sound, by onset.

    order: parts in the order of play, from the header's `P:`; ignored if it names an unknown one.
    """
    notes: list[Sounding] = []
    held: dict[int, int] = {}  # pitch tied from the event before, to its index in notes
    now = 0
    for number in play_order(voice.bars, order):
        bar = voice.bars[number]
        shift = now - bar.onset
        now += bar.length
        for index in range(bar.first, bar.last):
            _, _, onset, length, pitches = voice.events[index]
            onset += shift
            ties = voice.ties.get(index)
            if not (held or ties):
                for pitch in pitches:
                    notes.append(Sounding(onset, length, pitch, index))
                continue
            before, held = held, {}
            for pitch in pitches:
                at = before.get(pitch)
                if at is None:
                    at = len(notes)
                    notes.append(Sounding(onset, length, pitch, index))
                else:
                    notes[at] = notes[at]._replace(length=onset + length - notes[at].onset)
                if ties and pitch in ties:
                    held[pitch] = at
    return tuple(notes)


def play_order(bars: Sequence[Bar], order: str = "") -> list[int]:
    """Indices of the bars in the order in which they sound.

    order: as for `unfold`.
    """
    played: list[int] = []
    left = max(MAX_EVENTS, bars[-1].last + len(bars)) if bars else 0
    for number in _in_parts(bars, order):
        left -= bars[number].last - bars[number].first + 1
        if left < 0:
            break
        played.append(number)
    return played


def _in_parts(bars: Sequence[Bar], order: str) -> Iterator[int]:
    bounds = [number for number, bar in enumerate(bars) if bar.part] + [len(bars)]
    ranges: dict[str, tuple[int, int]] = {}
    for first, last in pairwise(bounds):
        ranges.setdefault(bars[first].part, (first, last))
    labels = expand_parts(order)
    if labels and all(label in ranges for label in labels):
        for label in labels:
            yield from _repeated(bars, *ranges[label])
    else:
        yield from _repeated(bars, 0, len(bars))


def expand_parts(order: str) -> str:
    """`A(BA)2` written out as `ABABA`; a bracket without a partner is ignored."""
    stack = [""]
    last = ""
    for label, opening, closing, times in _PART_ITEM.findall(order):
        if opening:
            stack.append("")
            last = ""
        elif closing and len(stack) > 1:
            last = stack.pop()
            stack[-1] += last
        elif times:
            stack[-1] += (last * (int(times) - 1))[:MAX_PARTS]
        elif label:
            last = label
            stack[-1] += label
        stack[-1] = stack[-1][:MAX_PARTS]
        if len(stack) > MAX_PARTS:
            break
    return "".join(stack)[:MAX_PARTS]


def _repeated(bars: Sequence[Bar], first: int, last: int) -> Iterator[int]:
    """Bars `first` to `last - 1` with their repeats and endings played out."""
    for start, end, passes in sections(bars, first, last):
        for time in range(1, passes + 1):
            wanted = True
            for here in range(start, end):
                bar = bars[here]
                if bar.ending:
                    wanted = time in bar.ending
                if wanted:
                    yield here
                elif bar.section and here + 1 < last and not bars[here + 1].ending:
                    wanted = True  # the ending of another time is over


def sections(bars: Sequence[Bar], first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """(first bar, bar after the last one, times to play) of each repeat and of the bars between
    repeats.

    A missing `|:` counts as written where the last repeat ended, or at the beginning: tune books
    leave it out. A repeat sign after the last ending does not go back once more.
    """
    start = first
    endings: set[int] = set()
    closes = 0
    for here in range(first, last):
        bar = bars[here]
        endings.update(bar.ending)
        closes = max(closes, bar.closes)
        following = bars[here + 1] if here + 1 < last else None
        over = bar.closes or (endings and bar.section)
        if following is None or following.opens or (over and not following.ending):
            passes = max(endings, default=1)
            yield start, here + 1, min(passes if passes > 1 else closes + 1, MAX_PASSES)
            start, endings, closes = here + 1, set(), 0
