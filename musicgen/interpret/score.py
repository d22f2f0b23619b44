"""How well one number tells what a character is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.interpret.activations import Activations, Floats
from musicgen.interpret.annotate import ABSENT, ANNOTATIONS, Annotation, Labels

BINS = 16
"""Of equal count, into which an activation is put for mutual information."""
SHIFTS = 4
"""Of the labels against the text, for what chance alone would score."""
LEAST = 20
"""Characters of a class; below this it counts as absent."""


@dataclass(frozen=True)
class Score:
    """A unit against an annotation: a row of units.csv."""

    annotation: str
    measure: str
    """auc (yes or no; 0.5 to 1) or information (bits)."""
    layer: int
    state: str
    unit: int
    """From 0, as in the network's weights."""
    score: float
    sign: int
    """1 if the unit is higher where the answer is the second class, -1 if lower; 0 for more
    classes."""
    chance: float
    """The most that any unit of this layer and state scores if the labels are shifted."""
    most: float
    """What a perfect unit would score: 1, or the entropy of the classes."""
    characters: int
    """Those that the annotation asks about."""

    @property
    def name(self) -> str:
        """As in `layer 1, forget gate, unit 21`."""
        return f"layer {self.layer}, {self.state.replace('_', ' ')}, unit {self.unit}"


class Question:
    """An annotation of a text, made ready for many units."""

    def __init__(self, annotation: Annotation, labels: Labels, seed: int) -> None:
        self.annotation = annotation
        counts = np.bincount(labels[labels != ABSENT], minlength=len(annotation.classes))
        asked = (labels != ABSENT) & (counts >= LEAST)[labels]
        self.asked = None if asked.all() else asked
        self.labels = labels[asked]
        self.places = np.cumsum(asked, dtype=np.int32) - 1
        self.classes = int((counts >= LEAST).sum())
        # A shift keeps what makes neighbours alike, which a permutation of single characters
        # would destroy: chance would look smaller than it is.
        quarter = len(self.labels) // 4
        offsets = np.random.default_rng(seed).integers(quarter, 3 * quarter + 1, SHIFTS)
        self.shifted = [self.labels, *(np.roll(self.labels, int(offset)) for offset in offsets)]
        if annotation.yes_no:
            self.yes = np.stack(self.shifted).astype(np.float64)

    def ranks(self, order: NDArray[np.intp], values: Floats) -> NDArray[np.float64]:
        """Ranks of the characters asked about, from 0, equal values sharing their mean.

        order, values: of all characters, by rising activation.
        """
        if self.asked is not None:
            kept = self.asked[order]
            order, values = self.places[order[kept]], values[kept]
        ranks = np.empty(len(order))
        ranks[order] = _mid_ranks(values)
        return ranks

    def auc(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance that a `yes` lies above a `no`, for the labels and for each shift of them.

        By the rank sum (Mann and Whitney 1947).
        """
        yes = float(self.yes[0].sum())
        no = len(ranks) - yes
        sums = self.yes @ ranks
        areas: NDArray[np.float64] = (sums - yes * (yes - 1) / 2) / (yes * no)
        return areas

    def information(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mutual information of BINS equal bins and the classes in bits, and for each shift."""
        bins = np.minimum(ranks * (BINS / len(ranks)), BINS - 1).astype(np.int16)
        size = len(self.annotation.classes)
        tables = [
            np.bincount(bins * size + labels, minlength=BINS * size).reshape(BINS, size)
            for labels in self.shifted
        ]
        return np.array([_information(table) for table in tables])

    @property
    def most(self) -> float:
        """The best possible score."""
        if self.annotation.yes_no:
            return 1.0
        counts = np.bincount(self.labels)
        return _information(np.diag(counts))


def score(
    recorded: Activations, labels: Mapping[str, Labels], seed: int = 0
) -> dict[str, list[Score]]:
    """Every unit against every annotation that has something to ask about, best first.

    labels: of `annotate`, for the characters that were recorded. seed: of the shifts.
    """
    questions = [Question(ANNOTATIONS[name], found, seed) for name, found in labels.items()]
    questions = [question for question in questions if question.classes > 1]
    table = {q.annotation.name: np.empty((len(recorded.values), SHIFTS + 1)) for q in questions}
    for unit, values in enumerate(recorded.values):
        order = np.argsort(values)
        rising = values[order]
        for question in questions:
            ranks = question.ranks(order, rising)
            measured = question.auc if question.annotation.yes_no else question.information
            table[question.annotation.name][unit] = measured(ranks)
    return {q.annotation.name: _rows(recorded, q, table[q.annotation.name]) for q in questions}


def _rows(recorded: Activations, question: Question, table: NDArray[np.float64]) -> list[Score]:
    yes_no = question.annotation.yes_no
    strength = np.maximum(table, 1 - table) if yes_no else table
    signs = np.where(table[:, 0] >= 0.5, 1, -1) if yes_no else np.zeros(len(table), int)
    rows = [
        Score(
            annotation=question.annotation.name,
            measure="auc" if yes_no else "information",
            layer=recorded.layer,
            state=recorded.state,
            unit=unit,
            score=float(strength[unit, 0]),
            sign=int(signs[unit]),
            chance=float(strength[:, 1:].max()),
            most=question.most,
            characters=len(question.labels),
        )
        for unit in range(len(table))
    ]
    return sorted(rows, key=lambda row: -row.score)


def _mid_ranks(rising: Floats) -> NDArray[np.float64]:
    """Places from 0 of sorted values; equal ones get the mean of theirs."""
    first = np.flatnonzero(rising[1:] != rising[:-1]) + 1
    if len(first) == len(rising) - 1:
        return np.arange(len(rising), dtype=np.float64)
    edges = np.concatenate([[0], first, [len(rising)]])
    sizes = np.diff(edges)
    return np.repeat(edges[:-1] + (sizes - 1) / 2, sizes)


def _information(table: NDArray[np.int64]) -> float:
    """Mutual information in bits of a table of counts (Cover and Thomas, eq. 2.28)."""
    joint = table / table.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    present = joint > 0
    return float((joint[present] * np.log2(joint[present] / independent[present])).sum())
