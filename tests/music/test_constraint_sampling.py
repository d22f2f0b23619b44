"""The constraint beside a network."""

import numpy as np
import pytest
import torch

from musicgen.models.char_rnn import CharRNN
from musicgen.models.sampler import sample
from musicgen.music import parse
from musicgen.music.constraint import BatchConstraint

VOCABULARY = "\n" + "".join(map(chr, range(32, 127)))
START, END = "<start>\n", "<end>"


def draw(temperatures: list[float], bars: bool, max_chars: int = 150) -> list[str]:
    torch.manual_seed(0)
    tunes = sample(
        CharRNN(len(VOCABULARY), 8),
        [VOCABULARY.index(c) for c in START],
        temperatures,
        seed=1,
        max_chars=max_chars,
        end=[VOCABULARY.index(c) for c in END],
        constraint=BatchConstraint(VOCABULARY, len(temperatures), bars=bars, max_chars=max_chars),
    )
    return ["".join(VOCABULARY[number] for number in tune) for tune in tunes]


@pytest.mark.parametrize("bars", [False, True])
def test_an_untrained_network_writes_tunes(bars: bool) -> None:
    for text in draw([0, 0.5, 1, 2], bars):
        assert text.endswith(END)
        tune = parse(text.removesuffix(END))
        assert tune.notes
        assert not (bars and tune.problems), text


def test_a_tune_hangs_on_no_other() -> None:
    assert draw([1, 1, 2], True)[0] == draw([1], True)[0]


def test_likely_characters_stay_likely() -> None:
    """What is allowed keeps its odds: at the start of a tune, against the network's own."""
    constraint = BatchConstraint(VOCABULARY, 1, bars=False, max_chars=500)
    may = constraint.allowed(np.array([0]))[0]
    assert {VOCABULARY[n] for n in np.flatnonzero(may)} == set("XMLQKTCOABDFGHNRSZ")
