"""Counts of one tune: what measures of sets of tunes add up."""

from dataclasses import dataclass

from musicgen.music.grammar import read_bar_line
from musicgen.music.melody import melodies
from musicgen.music.structure import Structure, structure
from musicgen.music.tune import Tune
from musicgen.music.voice import Voice
from musicgen.music.voice_builder import misfits


@dataclass(frozen=True)
class TuneMeasures:
    """Counts of one tune, over all its voices, as written: repeats are not played out."""

    parses: bool
    """Nothing is listed in the tune's problems: bars have their length, there are notes."""
    bars: int
    """In the voice that has the most."""
    bars_metered: int
    """Bars of all voices in a meter; in free meter no bar is right or wrong."""
    bars_right: int
    """Of these, bars as long as the meter says, and shorter ones where a bar may be short: next to
    a repeat, a double bar, an ending, a part or an end of the tune."""
    bars_sounding: int
    """Bars of all voices with a note in them."""
    bars_again: int
    """Of these, bars that are in their voice at least twice: the same pitches and lengths."""
    bars_in_loops: int
    """Of these, bars that go on with a loop: the third of A A A, the fifth of A B A B A
    (`structure.Structure.loops`)."""
    parts: int
    """In the voice that has the most bars (`structure.Structure.parts`)."""
    parts_length: float
    """Of all of them together, in bars of the meter: an upbeat is as much of a bar as it is long,
    and of the endings of a repeat only the first one counts."""
    repeats: int
    """Signs that open a repeat (`|:`, `::`)."""
    repeats_closed: int
    """Of these, those after which a repeat closes (`:|`) before another one opens."""
    notes: int
    """Of the melodies (`melody.py`): a chord is one, notes tied together are one."""
    notes_in_key: int
    """Of these, notes of the signature in force: a raised seventh in minor is none."""
    pitches: int
    """Distinct sounding pitches of these."""

    def described(self) -> list[tuple[str, str]]:
        """[name, figure] of each count that says how well formed the tune is."""
        return [
            ("bars", f"{self.bars}"),
            ("of the right length", f"{self.bars_right} of {self.bars_metered}"),
            ("that come again", f"{self.bars_again} of {self.bars_sounding}"),
            ("in loops", f"{self.bars_in_loops} of {self.bars_sounding}"),
            ("parts", f"{self.parts}"),
            ("repeats closed", f"{self.repeats_closed} of {self.repeats}"),
            ("notes", f"{self.notes}"),
            ("in the key", f"{self.notes_in_key} of {self.notes}"),
            ("pitches", f"{self.pitches}"),
        ]


def measure(tune: Tune) -> TuneMeasures:
    """Count what is in a tune."""
    return counted(tune, structure(tune))


def counted(tune: Tune, built: Structure) -> TuneMeasures:
    """The same for a tune whose structure is known."""
    lines = melodies(tune)
    written = [voice for voice in tune.voices if not voice.overlay]
    repeats = [_repeats(voice) for voice in written]
    metered = sum(bar.meter.length is not None for voice in written for bar in voice.bars)
    wrong = sum(1 for voice in tune.voices for _ in misfits(voice, tune.text, tune.ticks))
    return TuneMeasures(
        parses=not tune.problems,
        bars=tune.bars,
        bars_metered=metered,
        bars_right=metered - wrong,
        bars_sounding=built.sounding,
        bars_again=built.again,
        bars_in_loops=built.loops,
        parts=len(built.parts),
        parts_length=float(sum(built.parts)),
        repeats=sum(opened for opened, _ in repeats),
        repeats_closed=sum(closed for _, closed in repeats),
        notes=sum(len(line.pitches) for line in lines),
        notes_in_key=sum(sum(line.in_key) for line in lines),
        pitches=len({pitch for line in lines for pitch in line.pitches}),
    )


def _repeats(voice: Voice) -> tuple[int, int]:
    """How many repeats open, and how many of these close."""
    opened = closed = 0
    inside = False
    for bar in voice.bars:
        if bar.opens:
            opened += 1
            inside = True
        if bar.closes and inside:
            closed += 1
            inside = False
    # No bar tells of a repeat that opens after all of them, but the last bar line does.
    dangling = bool(voice.bars) and read_bar_line(voice.bars[-1].line).opens
    return opened + dangling, closed
