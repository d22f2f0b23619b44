"""A set of tunes beside the tunes that its network was trained on, as measures read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musicgen.music.counts import TuneMeasures, counted
from musicgen.music.distance import Counts, Histograms
from musicgen.music.melody import melodies
from musicgen.music.reference import Reference
from musicgen.music.structure import Structure, structure
from musicgen.music.tune import Tune


@dataclass(frozen=True)
class TuneSet:
    """What several measures need is counted once, when the first of them asks for it."""

    tunes: Sequence[Tune]
    reference: Reference
    """The training tunes."""

    def __len__(self) -> int:
        return len(self.tunes)

    @cached_property
    def structures(self) -> list[Structure]:
        """Of each tune."""
        return [structure(tune) for tune in self.tunes]

    @cached_property
    def counts(self) -> list[TuneMeasures]:
        """Of each tune."""
        return [counted(*pair) for pair in zip(self.tunes, self.structures, strict=True)]

    @cached_property
    def runs(self) -> list[int]:
        """Notes of the longest run of each tune that a training tune has too."""
        return [run.notes for run in self.reference.longest_runs(self.tunes)]

    @cached_property
    def histograms(self) -> Histograms:
        """Of the notes of all tunes."""
        return Histograms.of((melodies(tune), tune.ticks) for tune in self.tunes)

    @cached_property
    def returns(self) -> Counts:
        """Bars of all tunes by how many bars ago they were there (`Structure.returns`)."""
        zero = np.zeros_like(self.reference.returns)
        return sum((one.returns for one in self.structures), zero)

    def total(self, count: str) -> float:
        """The sum of a count over all tunes. count: a field of `TuneMeasures`."""
        return float(sum(getattr(one, count) for one in self.counts))

    def mean(self, count: str) -> float:
        """The mean of a count; 0 for no tunes."""
        return share(self.total(count), len(self))

    def ratio(self, part: str, whole: str) -> float:
        """One total as a share of another; 0 where there is nothing to count."""
        return share(self.total(part), self.total(whole))


def share(part: float, whole: float) -> float:
    """part / whole; 0 where there is nothing to count."""
    return part / whole if whole else 0.0
