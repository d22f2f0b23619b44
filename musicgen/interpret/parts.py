"""How a unit behaves in headers, bodies and parts: a claim of the 2018 report, measured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus import Vocabulary
from musicgen.interpret.activations import Floats, record
from musicgen.interpret.annotate import annotate, part_starts
from musicgen.interpret.annotations import Labels
from musicgen.interpret.score import Score
from musicgen.models import CharRNN

WINDOW = 8
"""Characters on either side of a border."""


@dataclass(frozen=True)
class Course:
    """A unit over pairs of tunes.

    A jump is the distance between a unit's mean over WINDOW characters and that over the next
    WINDOW, as a multiple of `usual`; nan where no tune has such a place.
    """

    header_mean: float
    body_mean: float
    header_size: float
    """Mean of the absolute value."""
    body_size: float
    turns: float
    """Share of the pairs in which the second header's mean has another sign than the first body's
    mean."""
    usual: float
    """Mean distance at any place."""
    jump_to_body: float
    jump_to_header: float
    """From a body to the next tune's header, the marks between them left out."""
    jump_to_part: float
    """Behind a double bar line or a repeat, where the music continues."""
    pairs: int


def courses(
    network: CharRNN, vocabulary: Vocabulary, tunes: Sequence[str], scores: Iterable[Score]
) -> list[tuple[Score, Course]]:
    """The courses of the best header/body unit of each layer and state, best first.

    tunes: from `units.marked`; each second one is read right after the one before it. scores: from
    `units.rank`.
    """
    pairs = ["".join(pair) for pair in zip(tunes[::2], tunes[1::2], strict=False)]
    best: dict[tuple[int, str], Score] = {}
    for row in scores:
        if row.annotation == "header":
            best.setdefault((row.layer, row.state), row)
    if not pairs or not best:
        return []
    texts = [vocabulary.encode(pair) for pair in pairs]
    found = {}
    for one in record(network, texts, list(dict.fromkeys(state for _, state in best))):
        row = best[one.layer, one.state]
        found[row] = course(pairs, one.values[row.unit])
    return [(row, found[row]) for row in best.values()]


def course(pairs: Sequence[str], values: Floats) -> Course:
    """The course from values (characters,) of all pairs, concatenated."""
    labels = [annotate(pair, ["header"])["header"] for pair in pairs]
    ends = np.cumsum([len(pair) for pair in pairs])
    every: list[NDArray[np.float64]] = []
    jumps: dict[str, list[float]] = {"body": [], "header": [], "part": []}
    turned: list[bool] = []
    for pair, of, here in zip(pairs, labels, np.split(values, ends[:-1]), strict=True):
        means = np.convolve(here.astype(np.float64), np.full(WINDOW, 1 / WINDOW), "valid")
        every.append(np.abs(means[WINDOW:] - means[:-WINDOW]))
        borders = [("part", place, place) for place in part_starts(pair)]
        for (_, first, end), (kind, start, last) in pairwise(_stretches(of)):
            borders.append((kind, end, start))
            if kind == "header":
                turned.append(here[first:end].mean() * here[start:last].mean() < 0)
        for kind, end, start in borders:
            if end >= WINDOW and start + WINDOW <= len(here):
                jumps[kind].append(abs(means[start] - means[end - WINDOW]))
    header, body = (values[np.concatenate(labels) == label] for label in (1, 0))
    usual = _mean(np.concatenate(every))
    return Course(
        header_mean=_mean(header),
        body_mean=_mean(body),
        header_size=_mean(np.abs(header)),
        body_size=_mean(np.abs(body)),
        turns=_mean(turned),
        usual=usual,
        jump_to_body=_mean(jumps["body"]) / (usual or np.nan),
        jump_to_header=_mean(jumps["header"]) / (usual or np.nan),
        jump_to_part=_mean(jumps["part"]) / (usual or np.nan),
        pairs=len(pairs),
    )


def _stretches(labels: Labels) -> Iterator[tuple[str, int, int]]:
    """(header or body, first character, end) of each stretch in a text."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    for start, end in pairwise([0, *edges.tolist(), len(labels)]):
        if labels[start] >= 0:
            yield ("body", "header")[labels[start]], start, end


def _mean(values: Sequence[float] | NDArray[np.floating]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
