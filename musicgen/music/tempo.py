"""The tempo of a tune, also where its text states none."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise

from musicgen.music.meter import Tempo
from musicgen.music.tune import Tune
from musicgen.music.unfold import play_order

SLOWEST = 20
FASTEST = 600
"""Quarter notes a minute; a tempo outside of these bounds is played at the bound."""

_DOTTED, _QUARTER, _HALF = Fraction(3, 8), Fraction(1, 4), Fraction(1, 2)
_RHYTHMS = {
    "slip jig": Tempo(_DOTTED, 120),
    "double jig": Tempo(_DOTTED, 116),
    "jig": Tempo(_DOTTED, 116),
    "slide": Tempo(_DOTTED, 138),
    "reel": Tempo(_HALF, 100),
    "hornpipe": Tempo(_HALF, 76),
    "strathspey": Tempo(_QUARTER, 126),
    "polka": Tempo(_QUARTER, 124),
    "waltz": Tempo(_QUARTER, 144),
    "mazurka": Tempo(_QUARTER, 138),
    "march": Tempo(_QUARTER, 108),
    "air": Tempo(_QUARTER, 84),
}
"""Tempos to which dancers are used; the first name found in `R:` counts."""


def usual_tempo(tune: Tune) -> Tempo:
    """The tempo at which a tune begins: that of its `Q:`, else by its rhythm (`R:`), else by its
    meter."""
    if tune.tempo:
        return tune.tempo
    meter = tune.meter
    rhythm = tune.field("R").lower()
    known = next((tempo for name, tempo in _RHYTHMS.items() if name in rhythm), None)
    # A march in 6/8 and a reel in 2/4 have other beats than other marches and reels.
    slow = known and known.beat == _HALF and meter.length != 1
    if known and not slow and meter.compound == (known.beat == _DOTTED):
        return known
    if meter.compound:
        return Tempo(Fraction(3, meter.denominator), 112)
    if meter.length == 1 and meter.denominator == 2:
        return Tempo(_HALF, 90)
    if meter.length == 1:
        return Tempo(_QUARTER, 160)
    return Tempo(Fraction(1, max(min(meter.denominator, 8), 2)), 120)


class Clock:
    """The time of each tick of a tune, whose first voice may change the tempo.

    Ticks count from the start of the performance, repeats played out, as in `tune.unfolded()`.
    """

    def __init__(self, tune: Tune) -> None:
        self._ticks: list[int] = []
        self._rates: list[float] = []
        voice = tune.voices[0]
        starts = [event for event, _ in voice.tempos]
        first = usual_tempo(tune)
        now = 0
        for number in play_order(voice.bars, tune.part_order):
            bar = voice.bars[number]
            # A repeat goes back to the tempo that held there.
            low, high = bisect_right(starts, bar.first), bisect_right(starts, bar.last - 1)
            self._change(now, voice.tempos[low - 1][1] if low else first, tune.ticks)
            for event, tempo in voice.tempos[low:high]:
                self._change(now + voice.events[event].onset - bar.onset, tempo, tune.ticks)
            now += bar.length
        spans = zip(pairwise(self._ticks), self._rates, strict=False)
        self._seconds = [0.0]
        for (start, end), rate in spans:
            self._seconds.append(self._seconds[-1] + (end - start) * rate)

    def _change(self, tick: int, tempo: Tempo, ticks: int) -> None:
        quarters = min(max(float(tempo.rate * tempo.beat * 4), SLOWEST), FASTEST)
        rate = 60 / quarters / (ticks / 4)
        if not self._rates or rate != self._rates[-1]:
            self._ticks.append(tick)
            self._rates.append(rate)

    def seconds(self, tick: int) -> float:
        """Since the start of the performance."""
        at = max(bisect_right(self._ticks, tick) - 1, 0)
        return self._seconds[at] + (tick - self._ticks[at]) * self._rates[at]

    def seconds_per_tick(self, tick: int) -> float:
        """Seconds per tick at a place of the performance."""
        return self._rates[max(bisect_right(self._ticks, tick) - 1, 0)]


def duration(tune: Tune) -> float:
    """Seconds of the whole tune, repeats played out; 0 without notes."""
    if not tune.voices:
        return 0.0
    ends = (note.onset + note.length for voice in tune.unfolded() for note in voice)
    return Clock(tune).seconds(max(ends, default=0))
