"""Measures of tunes: how well they are formed, how like the training tunes, and how far copied."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np

from musicgen.music.distance import Histograms, jensen_shannon
from musicgen.music.grammar import read_bar_line
from musicgen.music.melody import melodies
from musicgen.music.reference import Reference
from musicgen.music.structure import Structure, structure
from musicgen.music.tune import Tune
from musicgen.music.voice import Voice
from musicgen.music.voice_builder import misfits

MEMORISED = 32
"""A tune with a longer run of notes (about four bars of quavers) from one training tune is a copy.
"""


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
    """Of these, those behind which a repeat closes (`:|`) before another one opens."""
    notes: int
    """Of the melodies (`melody.py`): a chord is one, notes tied together are one."""
    notes_in_key: int
    """Of these, notes of the signature in force: a raised seventh in minor is none."""
    pitches: int
    """Distinct sounding pitches of these."""


@dataclass(frozen=True)
class SetMeasures:
    """Measures of a set of tunes; its field names are those of `measures.csv` and of objectives.

    Shares are from 0 to 1, of all tunes or bars or notes of the set counted together, and 0 where
    there is nothing to count. Those without a direction in `DIRECTIONS` have no better end: a
    network should come near what real tunes have.
    """

    tunes: int
    """How many were measured."""
    parses: float
    """Share of tunes that parse to notes without a problem. Higher is better."""
    bars_right: float
    """Share of metered bars of the right length (`TuneMeasures.bars_right`). Higher is better."""
    repeats_closed: float
    """Share of opened repeats that close; 1 if none opens. Higher is better."""
    in_key: float
    """Share of notes in the key. Near that of real tunes: accidentals are music too."""
    bars: float
    """Mean length of a tune, in bars as written. Near that of real tunes."""
    pitches: float
    """Mean number of distinct pitches in a tune. Near that of real tunes."""
    bars_again: float
    """Share of sounding bars that come again in their tune (form). Near that of real tunes."""
    loops: float
    """Share of sounding bars that repeat the bar before them, or the one before that, more often in
    a row than real tunes do (`structure.Structure.loops`). Lower is better; real tunes have few."""
    returns_distance: float
    """Jensen-Shannon distance (0 to 1) to the training tunes, of sounding bars by how many bars ago
    they were there: 1, 2, 4, 8, 16, another number, or never. Lower is better."""
    parts: float
    """Mean number of parts of a tune (`structure.Structure.parts`). Near that of real tunes."""
    part_bars: float
    """Mean length of a part in bars of its meter. Near that of real tunes."""
    longer: float
    """Share of tunes with more bars than any training tune. Lower is better."""
    run: float
    """Mean over tunes of the longest run also found in a training tune, in notes from 0. Near that
    of real tunes that were not trained on: folk tunes share phrases."""
    run_max: int
    """The longest of these runs, in notes."""
    memorised: float
    """Share of tunes with a run of more than MEMORISED notes. Lower is better."""
    degree_distance: float
    """Jensen-Shannon distance (0 to 1) to the training tunes, of notes by semitones above the
    tonic. Lower is better, as with the next two."""
    interval_distance: float
    """The same, of steps from note to note in semitones."""
    length_distance: float
    """The same, of note lengths in whole notes."""


DIRECTIONS: dict[str, Literal["minimize", "maximize"]] = {
    "parses": "maximize",
    "bars_right": "maximize",
    "repeats_closed": "maximize",
    "loops": "minimize",
    "returns_distance": "minimize",
    "longer": "minimize",
    "memorised": "minimize",
    "degree_distance": "minimize",
    "interval_distance": "minimize",
    "length_distance": "minimize",
}
"""Measures that have a better end, and where it is: those that an objective of a sweep can be."""


def measure(tune: Tune) -> TuneMeasures:
    """Count what is in a tune."""
    return _measure(tune, structure(tune))


def _measure(tune: Tune, built: Structure) -> TuneMeasures:
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


def summarise(tunes: Sequence[Tune], reference: Reference) -> SetMeasures:
    """Measures of a set of tunes against the tunes that the network was trained on."""
    built = [structure(tune) for tune in tunes]
    each = [_measure(*pair) for pair in zip(tunes, built, strict=True)]
    runs = [run.notes for run in reference.longest_runs(tunes)]
    ours = Histograms.of((melodies(tune), tune.ticks) for tune in tunes)
    theirs = reference.histograms

    def total(name: str) -> float:
        return float(sum(getattr(one, name) for one in each))

    repeats, sounding, parts = total("repeats"), total("bars_sounding"), total("parts")
    returns = sum((one.returns for one in built), np.zeros_like(reference.returns))
    return SetMeasures(
        tunes=len(tunes),
        parses=_share(total("parses"), len(tunes)),
        bars_right=_share(total("bars_right"), total("bars_metered")),
        repeats_closed=_share(total("repeats_closed"), repeats) if repeats else 1.0,
        in_key=_share(total("notes_in_key"), total("notes")),
        bars=_share(total("bars"), len(tunes)),
        pitches=_share(total("pitches"), len(tunes)),
        bars_again=_share(total("bars_again"), sounding),
        loops=_share(total("bars_in_loops"), sounding),
        returns_distance=jensen_shannon(returns, reference.returns),
        parts=_share(parts, len(tunes)),
        part_bars=_share(total("parts_length"), parts),
        longer=_share(sum(one.bars > reference.longest for one in each), len(tunes)),
        run=_share(sum(runs), len(tunes)),
        run_max=max(runs, default=0),
        memorised=_share(sum(run > MEMORISED for run in runs), len(tunes)),
        degree_distance=jensen_shannon(ours.degrees, theirs.degrees),
        interval_distance=jensen_shannon(ours.intervals, theirs.intervals),
        length_distance=jensen_shannon(ours.lengths, theirs.lengths),
    )


def measures_csv(sets: Mapping[str, SetMeasures]) -> str:
    """The text of `measures.csv`: a row for each set, its name first.

    The set of real tunes goes in as one of them, and so stands beside the others.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", *(field.name for field in fields(SetMeasures))])
    for name, measures in sets.items():
        writer.writerow([name, *(f"{value:.6g}" for value in asdict(measures).values())])
    return text.getvalue()


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


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
    # No bar tells of a repeat that opens behind all of them, but the last bar line does.
    dangling = bool(voice.bars) and read_bar_line(voice.bars[-1].line).opens
    return opened + dangling, closed
