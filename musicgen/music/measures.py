"""Measures of sets of tunes: how well they are formed, how like the training tunes, how far copied.

Each is one class, registered under the name that `measures.csv`, `result.json` and objectives of
sweeps have for it. Shares are from 0 to 1, of all tunes or bars or notes of the set counted
together, and 0 where there is nothing to count.
"""

import csv
import io
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from musicgen.config.registry import components, register
from musicgen.errors import RunError
from musicgen.music.distance import jensen_shannon
from musicgen.music.reference import Reference
from musicgen.music.tune import Tune
from musicgen.music.tune_set import TuneSet, share

Direction = Literal["minimize", "maximize"]
MEMORISED = 32
"""A tune with a longer run of notes (about four bars of quavers) from one training tune is a copy.
"""


class Measure(ABC):
    """A figure of a set of tunes; the first line of its documentation explains it to readers."""

    direction: ClassVar[Direction | None] = None
    """Its better end, which makes it an objective of sweeps. None: a network should come near what
    real tunes have."""
    percent: ClassVar[bool] = False
    """It is a share, which tables for people show in percent."""
    headline: ClassVar[bool] = False
    """The table in the terminal has it."""
    heading: ClassVar[str] = ""
    """Of its column in reports; empty: reports have it where it is an objective."""

    @abstractmethod
    def of(self, tunes: TuneSet) -> float:
        """The figure, finite."""


@register("measure", "tunes")
class Tunes(Measure):
    """How many were measured."""

    def of(self, tunes: TuneSet) -> float:
        return len(tunes)


@register("measure", "parses")
class Parses(Measure):
    """Share of tunes that parse to notes without a problem."""

    direction = "maximize"
    percent = headline = True
    heading = "tunes that parse"

    def of(self, tunes: TuneSet) -> float:
        return tunes.mean("parses")


@register("measure", "bars_right")
class BarsRight(Measure):
    """Share of metered bars that are as long as the meter says (`TuneMeasures.bars_right`)."""

    direction = "maximize"
    percent = headline = True
    heading = "bars right"

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("bars_right", "bars_metered")


@register("measure", "repeats_closed")
class RepeatsClosed(Measure):
    """Share of opened repeats that close; 1 if none opens."""

    direction = "maximize"
    percent = headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("repeats_closed", "repeats") if tunes.total("repeats") else 1.0


@register("measure", "in_key")
class InKey(Measure):
    """Share of notes in the key. Near that of real tunes: accidentals are music too."""

    percent = headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("notes_in_key", "notes")


@register("measure", "bars")
class Bars(Measure):
    """Mean length of a tune, in bars as written. Near that of real tunes."""

    headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.mean("bars")


@register("measure", "pitches")
class Pitches(Measure):
    """Mean number of distinct pitches in a tune. Near that of real tunes."""

    def of(self, tunes: TuneSet) -> float:
        return tunes.mean("pitches")


@register("measure", "bars_again")
class BarsAgain(Measure):
    """Share of sounding bars that come again in their tune (form). Near that of real tunes."""

    percent = headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("bars_again", "bars_sounding")


@register("measure", "loops")
class Loops(Measure):
    """Share of sounding bars that repeat one of the two before them more often than real tunes do.

    See `structure.Structure.loops`. Real tunes have few.
    """

    direction = "minimize"
    percent = headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("bars_in_loops", "bars_sounding")


@register("measure", "returns_distance")
class ReturnsDistance(Measure):
    """Jensen-Shannon distance (0 to 1) to the training tunes, of bars by how long ago they came.

    Of sounding bars, by how many bars ago they were there: 1, 2, 4, 8, 16, another number, never.
    """

    direction = "minimize"

    def of(self, tunes: TuneSet) -> float:
        return jensen_shannon(tunes.returns, tunes.reference.returns)


@register("measure", "parts")
class Parts(Measure):
    """Mean number of parts of a tune (`structure.Structure.parts`). Near that of real tunes."""

    headline = True

    def of(self, tunes: TuneSet) -> float:
        return tunes.mean("parts")


@register("measure", "part_bars")
class PartBars(Measure):
    """Mean length of a part in bars of its meter. Near that of real tunes."""

    def of(self, tunes: TuneSet) -> float:
        return tunes.ratio("parts_length", "parts")


@register("measure", "longer")
class Longer(Measure):
    """Share of tunes with more bars than any training tune."""

    direction = "minimize"

    def of(self, tunes: TuneSet) -> float:
        longest = tunes.reference.longest
        return share(sum(one.bars > longest for one in tunes.counts), len(tunes))


@register("measure", "run")
class MeanRun(Measure):
    """Mean over tunes of the longest run also found in a training tune, in notes from 0.

    Near that of real tunes that were not trained on: folk tunes share phrases.
    """

    headline = True

    def of(self, tunes: TuneSet) -> float:
        return share(sum(tunes.runs), len(tunes))


@register("measure", "run_max")
class LongestRun(Measure):
    """The longest of these runs, in notes."""

    def of(self, tunes: TuneSet) -> float:
        return max(tunes.runs, default=0)


@register("measure", "memorised")
class Memorised(Measure):
    __doc__ = f"""Share of tunes with a run of over {MEMORISED} notes of a training tune."""

    direction = "minimize"
    percent = headline = True
    heading = "memorised"

    def of(self, tunes: TuneSet) -> float:
        return share(sum(run > MEMORISED for run in tunes.runs), len(tunes))


@register("measure", "degree_distance")
class DegreeDistance(Measure):
    """Jensen-Shannon distance (0 to 1) to the training tunes, of notes by degree of the key.

    Degrees are counted in semitones above the tonic.
    """

    direction = "minimize"

    def of(self, tunes: TuneSet) -> float:
        return jensen_shannon(tunes.histograms.degrees, tunes.reference.histograms.degrees)


@register("measure", "interval_distance")
class IntervalDistance(Measure):
    """Jensen-Shannon distance (0 to 1) to the training tunes, of steps in semitones."""

    direction = "minimize"

    def of(self, tunes: TuneSet) -> float:
        return jensen_shannon(tunes.histograms.intervals, tunes.reference.histograms.intervals)


@register("measure", "length_distance")
class LengthDistance(Measure):
    """Jensen-Shannon distance (0 to 1) to the training tunes, of note lengths in whole notes."""

    direction = "minimize"

    def of(self, tunes: TuneSet) -> float:
        return jensen_shannon(tunes.histograms.lengths, tunes.reference.histograms.lengths)


def measures() -> dict[str, Measure]:
    """All that are registered, by name: ours, then those of plugins."""
    return {name: kind() for name, kind in components("measure").items()}


def directions() -> dict[str, Direction]:
    """The better end of each measure that has one: of those that can be objectives."""
    found = {name: each.direction for name, each in measures().items()}
    return {name: direction for name, direction in found.items() if direction is not None}


def summarise(tunes: Sequence[Tune], reference: Reference) -> dict[str, float]:
    """All measures of a set of tunes against the tunes that the network was trained on, by name.

    Raises RunError for a plugin's measure that fails, or gives no finite number.
    """
    measured = TuneSet(tunes, reference)
    return {name: _figure(name, each, measured) for name, each in measures().items()}


def _figure(name: str, measure: Measure, tunes: TuneSet) -> float:
    """A measure as JSON has it: a plugin may count with NumPy's numbers."""
    try:
        figure = measure.of(tunes)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise RunError(f"measure {name} failed ({reason}); mend its plugin") from error
    if not math.isfinite(figure):
        raise RunError(f"measure {name} must be a finite number, got {figure}; mend its plugin")
    return figure if isinstance(figure, int | float) else float(figure)


def measures_csv(sets: Mapping[str, Mapping[str, float]]) -> str:
    """The text of `measures.csv`: a row for each set, its name first.

    The set of real tunes goes in as one of them, and so stands beside the others.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(measures())
    writer.writerow(["set", *names])
    for name, figures in sets.items():
        writer.writerow([name, *(f"{figures[each]:.6g}" for each in names)])
    return text.getvalue()
