"""The tunes that a network was trained on, to measure its own tunes against."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from musicgen.music.distance import Counts, Histograms
from musicgen.music.melody import Melody, melodies
from musicgen.music.memorisation import RunIndex
from musicgen.music.structure import DISTANCES, structure
from musicgen.music.tune import Tune

VERSION = 3
"""Increased when the same tunes give other arrays, for example because they are parsed differently.
"""


class Run(NamedTuple):
    """A run of notes that a training tune has too, transposition aside."""

    notes: int
    """How many notes; 0 where not even two notes in a row are found."""
    number: int
    """Number of that tune among the training tunes, from 1; 0 without a run."""
    title: str
    """Its title; empty without one."""


@dataclass(frozen=True)
class Reference:
    """Training tunes: indexed once, kept in a file, read by everything that measures tunes."""

    titles: tuple[str, ...]
    histograms: Histograms
    index: RunIndex
    returns: Counts
    """Bars of all tunes by the distance to their last equal bar (`structure.Structure.returns`)."""
    longest: int
    """Bars of the longest tune, as written."""

    @classmethod
    def of(cls, tunes: Iterable[Tune]) -> "Reference":
        """Index the training tunes, in their order."""
        titles: list[str] = []
        lines: list[tuple[Sequence[Melody], int]] = []
        returns = np.zeros(len(DISTANCES) + 2, np.int64)
        longest = 0
        for tune in tunes:
            returns += structure(tune).returns
            longest = max(longest, tune.bars)
            titles.append(tune.field("T"))
            lines.append((melodies(tune), tune.ticks))
        index = RunIndex.of(line for line, _ in lines)
        return cls(tuple(titles), Histograms.of(lines), index, returns, longest)

    def longest_runs(self, tunes: Iterable[Tune]) -> list[Run]:
        """The longest run of each tune that a training tune has too; faster for many at once."""
        notes, homes = self.index.longest_runs(melodies(tune) for tune in tunes)
        return [
            Run(count, home + 1, self.titles[home] if count else "")
            for count, home in zip(notes.tolist(), homes.tolist(), strict=True)
        ]

    def save(self, file: IO[bytes]) -> None:
        """Write it to a file that `load` reads: arrays of numbers, no code."""
        titles = np.frombuffer("\n".join(self.titles).encode(errors="replace"), dtype=np.uint8)
        arrays = {"titles": titles, **asdict(self.histograms), **asdict(self.index)}
        arrays |= {"returns": self.returns, "longest": np.array(self.longest)}
        np.savez(file, version=np.array(VERSION), **arrays)

    @classmethod
    def load(cls, path: Path) -> "Reference | None":
        """What was saved at `path`; None if it is missing, damaged or of another version."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if arrays["version"] != VERSION:
                    return None
                index = RunIndex(arrays["symbols"], arrays["suffixes"], arrays["bounds"])
                histograms = Histograms(arrays["degrees"], arrays["intervals"], arrays["lengths"])
                titles = arrays["titles"].tobytes().decode().split("\n")
                returns, longest = arrays["returns"], int(arrays["longest"])
                titles = titles[: len(index.bounds) - 1]
                return cls(tuple(titles), histograms, index, returns, longest)
        except Exception:  # damaged bytes raise a dozen kinds of errors in zipfile and numpy
            return None
