"""Scores against their definitions, and units that are known to mean something."""

import numpy as np
import pytest

from musicgen.interpret.activations import Activations
from musicgen.interpret.annotations import ABSENT
from musicgen.interpret.score import score


def activations(*rows) -> Activations:
    return Activations(1, "hidden", np.array(rows, np.float32))


@pytest.mark.parametrize("levels", [3, 10_000])
def test_auc_is_the_chance_of_a_right_order(levels: int) -> None:
    """Whatever the signs; ties, of which three levels have many, count half."""
    draw = np.random.default_rng(0)
    labels = draw.integers(-1, 2, 600).astype(np.int8)
    values = (draw.integers(0, levels, 600) + 0.2 * levels * (labels == 0)).astype(np.float32)
    values = np.floor(values) - levels // 2
    (row,) = score(activations(values), {"header": labels})["header"]
    yes, no = values[labels == 1], values[labels == 0]
    difference = yes[:, None] - no[None, :]
    area = (difference > 0).mean() + (difference == 0).mean() / 2
    assert row.score == pytest.approx(max(area, 1 - area))
    assert row.sign == (1 if area > 0.5 else -1)
    assert row.characters == len(yes) + len(no)


def test_what_is_planted_is_found() -> None:
    draw = np.random.default_rng(1)
    header = np.repeat(draw.integers(0, 2, 100), 40).astype(np.int8)
    position = np.tile(np.arange(8), 500).astype(np.int8)
    noise = draw.normal(size=(3, 4000))
    units = [noise[0], noise[1] - 5 * header, position + 0.01 * noise[2]]
    found = score(activations(*units), {"header": header, "bar position": position})
    first = found["header"][0]
    assert (first.unit, first.sign) == (1, -1)
    assert first.score > 0.99 > 0.7 > first.chance >= 0.5
    assert found["header"][-1].score < first.chance + 0.1
    best = found["bar position"][0]
    assert best.unit == 2
    assert best.score == pytest.approx(3, abs=0.05)
    assert best.most == pytest.approx(3)
    assert best.chance < 0.05 or best.chance == pytest.approx(3, abs=0.1)  # a shift by whole bars


def test_nothing_is_asked_where_one_class_is_missing() -> None:
    labels = np.zeros(500, np.int8)
    labels[:5] = 1
    absent = np.full(500, ABSENT, np.int8)
    values = np.arange(500)
    assert score(activations(values), {"header": labels, "accidental": absent}) == {}


def test_a_dead_unit_scores_nothing() -> None:
    labels = np.tile([0, 1], 250).astype(np.int8)
    (row,) = score(activations(np.zeros(500)), {"header": labels})["header"]
    assert row.score == 0.5
