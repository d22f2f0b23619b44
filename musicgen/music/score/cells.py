"""Cells: the bars of a voice, divided into measures of a score."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from musicgen.music.voice import Bar, Voice

MAX_EVENTS = 32
"""Events of a measure: a longer bar is drawn as several measures without lines between them, to fit
the page."""
MAX_ENDING = 4
"""Bars under the bracket of an ending whose end the text does not mark."""


class Cell(NamedTuple):
    """One measure of a voice: a bar, or a part of a bar that is too long to print."""

    bar: Bar
    first: int
    last: int
    """Events `first` to `last - 1` of the voice."""
    begins: bool
    """Whether the bar begins here."""
    ends: bool
    late: bool
    """Whether a short bar lacks its beginning, as a pickup does."""
    rests: int
    """Bars of rest that it stands for (`Z4`); 0 for music."""


def cells(
    voice: Voice, text: str, ticks: int, *, spread_rests: bool, longest: int = MAX_EVENTS
) -> list[Cell]:
    """The cells of a voice, one for each measure.

    ticks: to a whole note. spread_rests: `Z4` takes four measures, not one, because other voices
    have music there. longest: events in one measure.
    """
    found: list[Cell] = []
    late = True
    for bar in voice.bars:
        rests = _bars_of_rest(voice, bar, text, ticks)
        starts = range(bar.first, bar.last, longest)
        count = rests if rests and spread_rests else len(starts)
        for number in range(count):
            first = bar.first if rests else starts[number]
            last = min(first + longest, bar.last)
            here = min(rests, 1) if spread_rests else rests
            found.append(Cell(bar, first, last, number == 0, number + 1 == count, late, here))
        late = bar.section
    return found


def measures(voice: Voice, text: str, ticks: int) -> int:
    """How many measures a voice takes where its rests are spread."""
    return sum(max(_bars_of_rest(voice, bar, text, ticks), 1) for bar in voice.bars)


def _bars_of_rest(voice: Voice, bar: Bar, text: str, ticks: int) -> int:
    event = voice.events[bar.first]
    if bar.last - bar.first > 1 or event.pitches:
        return 0
    full = (bar.meter.length or Fraction(1)) * ticks
    if text[event.start] in "ZX":
        return max(int(event.length / full), 1)
    return int(bar.meter.length is not None and event.length == full)


def endings(cells: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """First and last cell of each ending.

    An ending lasts to the next repeat, double bar, ending or part. Texts seldom mark the end of the
    last ending: one that seems much longer than the ending before it is drawn as long as that.
    """
    usual = MAX_ENDING
    for number, cell in enumerate(cells):
        if not (cell.begins and cell.bar.ending):
            continue
        stop = number
        while stop + 1 < len(cells) and not _ends_ending(cells[stop], cells[stop + 1]):
            stop += 1
        returns = cells[stop].bar.closes and 1 in cell.bar.ending
        if stop - number > usual and not returns:
            stop = number + usual - 1
        usual = stop - number + 1
        yield number, stop


def _ends_ending(cell: Cell, following: Cell) -> bool:
    after = following.bar
    anew = following.begins and bool(after.ending or after.opens or after.part)
    return anew or (cell.ends and bool(cell.bar.closes or cell.bar.section))
