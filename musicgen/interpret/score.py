"""Scores of how much a unit's value says about the class of a character."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.interpret.activations import Activations, Floats
from musicgen.interpret.annotations import ABSENT, Annotation, Labels, annotations

BINS = 16
"""The number of bins of equal count, for mutual information."""
SHIFTS = 4
"""The number of shifts of the labels against the text, which give the score of chance."""
MIN_SAMPLES = 20
"""The least number of characters of a class; a rarer class counts as absent."""


@dataclass(frozen=True)
class Score:
    """The score of a unit for an annotation: a row of units.csv."""

    annotation: str
    measure: str
    """`auc` for two classes (0.5 to 1), or `information` for more (bits)."""
    layer: int
    state: str
    unit: int
    """The index of the unit, from 0, as in the network's weights."""
    score: float
    sign: int
    """1 if the unit is higher for the second class, -1 if lower; 0 for more classes."""
    chance: float
    """The highest score of any unit of this layer and state with shifted labels."""
    most: float
    """The score of a perfect unit: 1, or the entropy of the classes."""
    characters: int
    """Number of characters that the annotation labels."""

    @property
    def name(self) -> str:
        """The name of the unit, such as `layer 1, forget gate, unit 21`."""
        return f"layer {self.layer}, {self.state.replace('_', ' ')}, unit {self.unit}"


class Question:
    """An annotation of a text, prepared for many units."""

    def __init__(self, name: str, annotation: Annotation, labels: Labels, seed: int) -> None:
        self.name = name
        self.annotation = annotation
        counts = np.bincount(labels[labels != ABSENT], minlength=len(annotation.classes))
        self.asked = (labels != ABSENT) & (counts >= MIN_SAMPLES)[labels]
        self.labels = labels[self.asked]
        self.classes = int((counts >= MIN_SAMPLES).sum())
        # A shift preserves the similarity of neighbours. A permutation of single characters would
        # destroy it, and chance would look smaller than it is.
        quarter = len(self.labels) // 4
        offsets = np.random.default_rng(seed).integers(quarter, 3 * quarter + 1, SHIFTS)
        self.shifted = [self.labels, *(np.roll(self.labels, int(offset)) for offset in offsets)]
        if annotation.yes_no:
            self.yes = np.stack(self.shifted).astype(np.float64)

    def auc(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that the value at a `yes` is above the value at a `no`, for the labels
        and for each shift of them.

        It is computed from the rank sum (Mann and Whitney 1947).
        """
        yes = float(self.yes[0].sum())
        no = len(ranks) - yes
        sums = self.yes @ ranks
        areas: NDArray[np.float64] = (sums - yes * (yes - 1) / 2) / (yes * no)
        return areas

    def information(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mutual information of BINS equal bins and the classes, in bits, for the labels and
        for each shift of them."""
        bins = np.minimum(ranks * (BINS / len(ranks)), BINS - 1).astype(np.int16)
        size = len(self.annotation.classes)
        tables = [
            np.bincount(bins * size + labels, minlength=BINS * size).reshape(BINS, size)
            for labels in self.shifted
        ]
        return _information(np.stack(tables))

    @property
    def most(self) -> float:
        """The best possible score."""
        if self.annotation.yes_no:
            return 1.0
        counts = np.bincount(self.labels)
        return float(_information(np.diag(counts)))


class Rising:
    """The characters in the order of one unit's activation, prepared for many annotations."""

    def __init__(self, values: Floats) -> None:
        self._order = _order(values)
        rising = values[self._order]
        steps = np.flatnonzero(rising[1:] != rising[:-1]) + 1
        edges = np.concatenate([[0], steps, [len(rising)]])
        sizes = np.diff(edges)
        shared = sizes > 1
        self._firsts, self._ends, self._sizes = edges[:-1][shared], edges[1:][shared], sizes[shared]
        self._tied = np.flatnonzero(np.repeat(shared, sizes))

    def ranks(self, asked: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The ranks, from 0, of the labelled characters among themselves, in the order of the text.
        Equal values have the mean of their ranks.

        asked: whether each character is labelled, (all characters,).
        """
        below = np.concatenate([[0], np.cumsum(asked[self._order])])
        rising = below[:-1].astype(np.float64)
        means = (below[self._firsts] + below[self._ends] - 1) / 2
        rising[self._tied] = np.repeat(means, self._sizes)
        ranks = np.empty(len(rising))
        ranks[self._order] = rising
        return np.compress(asked, ranks)


def score(
    recorded: Activations, labels: Mapping[str, Labels], seed: int = 0
) -> dict[str, list[Score]]:
    """The scores of every unit for every annotation that occurs, best first.

    labels: the labels of the recorded characters, from `annotate`. seed: the seed of the shifts.
    """
    known = annotations()
    questions = [Question(name, known[name], found, seed) for name, found in labels.items()]
    questions = [question for question in questions if question.classes > 1]
    table = {q.name: np.empty((len(recorded.values), SHIFTS + 1)) for q in questions}
    for unit, values in enumerate(recorded.values):
        rising = Rising(values)
        for question in questions:
            measured = question.auc if question.annotation.yes_no else question.information
            table[question.name][unit] = measured(rising.ranks(question.asked))
    return {q.name: _rows(recorded, q, table[q.name]) for q in questions}


def _rows(recorded: Activations, question: Question, table: NDArray[np.float64]) -> list[Score]:
    yes_no = question.annotation.yes_no
    strength = np.maximum(table, 1 - table) if yes_no else table
    signs = np.where(table[:, 0] >= 0.5, 1, -1) if yes_no else np.zeros(len(table), int)
    most, chance = question.most, float(strength[:, 1:].max())
    rows = [
        Score(
            annotation=question.name,
            measure="auc" if yes_no else "information",
            layer=recorded.layer,
            state=recorded.state,
            unit=unit,
            score=float(strength[unit, 0]),
            sign=int(signs[unit]),
            chance=chance,
            most=most,
            characters=len(question.labels),
        )
        for unit in range(len(table))
    ]
    return sorted(rows, key=lambda row: -row.score)


def _order(values: Floats) -> NDArray[np.intp]:
    """np.argsort of fp32 values in a third of the time: NumPy sorts 16-bit integers by counting."""
    bits = values.view(np.int32)
    # The bits of positive floats, read as integers, are in the same order; those of negative floats
    # are in the reverse order.
    keys = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    low = np.argsort(keys.astype(np.uint16), kind="stable")
    return low[np.argsort((keys >> 16).astype(np.int16)[low], kind="stable")]


def _information(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mutual information, in bits, of tables of counts, (..., bins, classes), by Cover and
    Thomas, eq. 2.28."""
    joint = tables / tables.sum(axis=(-2, -1), keepdims=True)
    independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    bits: NDArray[np.float64] = (joint * np.log2(ratio)).sum(axis=(-2, -1))
    return bits
