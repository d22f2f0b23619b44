"""A unit's course: one that is known, and those of a network."""

import numpy as np
import pytest

from musicgen.config.registry import components
from musicgen.corpus import Vocabulary
from musicgen.interpret.annotate import annotate, part_starts
from musicgen.interpret.parts import WINDOW, course, courses
from musicgen.interpret.units import marked, rank
from musicgen.models.char_rnn import CharRNN
from tests.interpret.tune import TUNE

PAIR = TUNE + TUNE


def test_parts_begin_behind_double_bar_lines_and_repeats() -> None:
    (place,) = part_starts(TUNE)
    assert TUNE[:place].endswith("G4||")
    assert part_starts(PAIR) == [place, place + len(TUNE)]


def test_a_unit_that_turns_at_each_header_and_starts_at_each_part() -> None:
    labels = annotate(PAIR)["header"]
    values = np.choose(labels + 1, [0, -1, 2]).astype(np.float32)
    for place in part_starts(PAIR):
        values[place : place + WINDOW] = -5
    found = course([PAIR], values)
    body = values[labels == 0]
    assert found.header_mean == found.header_size == 2
    assert found.body_mean == pytest.approx(body.mean()) == pytest.approx(-found.body_size)
    assert (found.turns, found.pairs) == (1, 1)
    steps = [
        abs(values[k : k + WINDOW].mean() - values[k - WINDOW : k].mean())
        for k in range(WINDOW, len(values) - WINDOW + 1)
    ]
    assert found.usual == pytest.approx(np.mean(steps))
    assert found.jump_to_body == found.jump_to_header == pytest.approx(3 / found.usual)
    assert found.jump_to_part == pytest.approx(4 / found.usual)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_best_unit_of_each_state(cell: str) -> None:
    vocabulary = Vocabulary.of(TUNE)
    network = CharRNN(len(vocabulary), 6, cell=cell, layers=2)
    tunes = marked(TUNE * 5, 5)
    scores = rank(network, vocabulary, tunes, components("cell")[cell].observable, ["header"])
    found = courses(network, vocabulary, tunes, scores)
    assert {(row.layer, row.state) for row, _ in found} == {
        (layer, state) for layer in (1, 2) for state in components("cell")[cell].observable
    }
    assert [row.score for row, _ in found] == sorted((r.score for r, _ in found), reverse=True)
    assert found[0][0] == scores[0]
    assert all(of.pairs == 2 and of.usual > 0 for _, of in found)
    assert courses(network, vocabulary, tunes[:1], scores) == []
