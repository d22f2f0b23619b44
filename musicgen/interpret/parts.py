"""Values of a unit in headers, bodies and parts, which measure a claim of the 2018 report."""

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
from musicgen.models.char_rnn import CharRNN

WINDOW = 8
"""The number of characters on each side of a border."""


@dataclass(frozen=True)
class Course:
    """The values of a unit over pairs of tunes.

    A jump is the distance between the unit's mean over WINDOW characters and its mean over the next
    WINDOW characters, as a multiple of `usual`. It is nan if no tune has such a border.
    """

    header_mean: float
    body_mean: float
    header_size: float
    """The mean absolute value in headers."""
    body_size: float
    turns: float
    """The share of pairs in which the mean over the second header has another sign than the mean
    over the first body."""
    usual: float
    """The mean distance between such means at any place."""
    jump_to_body: float
    jump_to_header: float
    """The jump from a body to the next tune's header, without the marks between them."""
    jump_to_part: float
    """The jump after a double bar line or a repeat, where the music continues."""
    pairs: int


def courses(
    network: CharRNN, vocabulary: Vocabulary, tunes: Sequence[str], scores: Iterable[Score]
) -> list[tuple[Score, Course]]:
    """The courses of the best header/body unit of each layer and state, best first.

    tunes: the tunes from `units.marked`; every second one is read right after the one before it.
    scores: the scores from `units.rank`.
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
    """The course of a unit. values: (characters,), of all pairs concatenated."""
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
    """(`header` or `body`, first character, end) of each stretch of equal labels."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    for start, end in pairwise([0, *edges.tolist(), len(labels)]):
        if labels[start] >= 0:
            yield ("body", "header")[labels[start]], start, end


def _mean(values: Sequence[float] | NDArray[np.floating]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
