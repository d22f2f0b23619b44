"""The structure of a tune: bars that come again, loops, parts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.music.tune import Tune
from musicgen.music.voice import Voice

Content = tuple[tuple[int, tuple[int, ...]], ...]
"""(length in ticks, MIDI pitches) of each event of a bar."""

DISTANCES = (1, 2, 4, 8, 16)
"""Distances in bars after which phrases come again."""
LOOPS = (1, 2)
"""Lengths in bars of the patterns whose loops are counted."""


class Structure(NamedTuple):
    """The structure of one tune; bars of all its voices count, as written, if they sound."""

    sounding: int
    """Bars with a note in them."""
    again: int
    """Of these, bars that are in their voice at least twice: the same pitches and lengths."""
    loops: int
    """Of these, bars that continue a loop: for p = 1 or 2, the bar and the p bars before it each
    equal the bar p before. So the third of A A A, and the fifth of A B A B A; A A and A B A B have
    none. Of the default corpus' bars, 0.05 % continue loops."""
    returns: NDArray[np.int64]
    """(7,): bars by the distance to their last equal bar: each of DISTANCES, another distance, or
    none."""
    parts: tuple[Fraction, ...]
    """Lengths of the parts of the longest voice, in bars of their meter. A part ends in a double or
    thick bar line, in a repeat sign, before a labelled part, and with the tune; the endings of a
    repeat belong to one part, of which only the first one counts."""


def structure(tune: Tune) -> Structure:
    """Takes time linear in the length of the tune."""
    sounding = again = loops = 0
    returns = np.zeros(len(DISTANCES) + 2, np.int64)
    for voice in tune.voices:
        bars = contents(voice)
        heard = [bar for bar in bars if bar is not None]
        counts = Counter(heard)
        sounding += len(heard)
        again += sum(count for count in counts.values() if count > 1)
        loops += _looping(bars)
        returns += _returns(bars)
    longest = max(tune.voices, key=lambda voice: len(voice.bars), default=None)
    return Structure(
        sounding, again, loops, returns, tuple(_parts(longest, tune.ticks)) if longest else ()
    )


def contents(voice: Voice) -> list[Content | None]:
    """The content of each bar; None where nothing sounds."""
    events = [(event.length, event.pitches) for event in voice.events]
    bars = (tuple(events[bar.first : bar.last]) for bar in voice.bars)
    return [bar if any(pitches for _, pitches in bar) else None for bar in bars]


def _looping(bars: Sequence[Content | None]) -> int:
    """How many bars continue a loop."""
    inside: set[int] = set()
    for pattern in LOOPS:
        row = 0
        for number in range(pattern, len(bars)):
            alike = bars[number] is not None and bars[number] == bars[number - pattern]
            row = row + 1 if alike else 0
            if row > pattern:
                inside.add(number)
    return len(inside)


def _returns(bars: Sequence[Content | None]) -> NDArray[np.int64]:
    counts = np.zeros(len(DISTANCES) + 2, np.int64)
    last: dict[Content, int] = {}
    for number, bar in enumerate(bars):
        if bar is None:
            continue
        place = len(DISTANCES) + 1
        if bar in last:
            ago = number - last[bar]
            place = DISTANCES.index(ago) if ago in DISTANCES else len(DISTANCES)
        counts[place] += 1
        last[bar] = number
    return counts


def _parts(voice: Voice, ticks: int) -> Iterable[Fraction]:
    length, other = Fraction(0), False
    for number, bar in enumerate(voice.bars):
        other = other or bool(bar.ending and 1 not in bar.ending)
        if not other:
            # In free meter each bar counts as one.
            whole = bar.meter.length
            length += Fraction(bar.length, ticks) / whole if whole else 1
        following = voice.bars[number + 1] if number + 1 < len(voice.bars) else None
        ends = following is None or bar.section or following.opens or following.part
        another = following is not None and following.ending and 1 not in following.ending
        # An upbeat before a repeat sign belongs to the part after it.
        if ends and not another and (length >= 1 or following is None):
            yield length
            length, other = Fraction(0), False
