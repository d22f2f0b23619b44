"""How far melodies leap."""

from musicgen.config.registry import register
from musicgen.music.measures import Measure
from musicgen.music.tune_set import TuneSet, share

FIFTH = 7
"""Semitones."""


@register("measure", "leaps")
class Leaps(Measure):
    """Share of melodic steps that are wider than a fifth."""

    direction = "minimize"
    percent = headline = True
    heading = "leaps"

    def of(self, tunes: TuneSet) -> float:
        steps = tunes.histograms.intervals
        middle = len(steps) // 2
        near = steps[middle - FIFTH : middle + FIFTH + 1].sum()
        return share(float(steps.sum() - near), float(steps.sum()))
