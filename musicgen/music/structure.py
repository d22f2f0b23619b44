"""How a tune is built: bars that come again, loops, parts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.music.tune import Tune
from musicgen.music.voice import Voice

Content = tuple[tuple[int, tuple[int, ...]], ...]
"""Of a bar: (length in ticks, MIDI pitches) of its events."""

DISTANCES = (1, 2, 4, 8, 16)
"""Bars after which phrases come again."""
LOOPS = (1, 2)
"""Bars of the patterns that are looked for in a row."""


class Structure(NamedTuple):
    """Of one tune; bars are counted in all its voices, as written, and only where they sound."""

    sounding: int
    """Bars with a note in them."""
    again: int
    """Of these, bars that are in their voice at least twice: the same pitches and lengths."""
    loops: int
    """Of these, bars that go on with a loop: for p = 1 or 2, the bar and the p bars before it are
    each what the bar p before is. So the third of A A A, and the fifth of A B A B A; A A and A B A
    B are none. Of the default corpus's bars, 0.05 % are in loops."""
    returns: NDArray[np.int64]
    """(7,): bars by how many bars ago the last one like them was: each of DISTANCES, another
    distance, or none."""
    parts: tuple[Fraction, ...]
    """Lengths of the parts of the longest voice, in bars of their meter. A part ends in a double or
    thick bar line, in a repeat sign, before a labelled part, and with the tune; the endings of a
    repeat belong to one part, of which those behind the first do not count."""


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
    """What each bar says; None where nothing sounds."""
    events = [(event.length, event.pitches) for event in voice.events]
    bars = (tuple(events[bar.first : bar.last]) for bar in voice.bars)
    return [bar if any(pitches for _, pitches in bar) else None for bar in bars]


def _looping(bars: Sequence[Content | None]) -> int:
    """How many bars go on with a loop."""
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
            # Where nothing says how long a bar is, each is one.
            whole = bar.meter.length
            length += Fraction(bar.length, ticks) / whole if whole else 1
        following = voice.bars[number + 1] if number + 1 < len(voice.bars) else None
        ends = following is None or bar.section or following.opens or following.part
        another = following is not None and following.ending and 1 not in following.ending
        # An upbeat before a repeat sign belongs to the part behind it.
        if ends and not another and (length >= 1 or following is None):
            yield length
            length, other = Fraction(0), False
