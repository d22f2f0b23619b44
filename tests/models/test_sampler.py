"""Sampling: reproducible to the last bit, whatever is beside a tune; stops; obeys a constraint."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicgen.models.char_rnn import CharRNN
from musicgen.models.sampler import Cut, sample

VOCAB = 9


def model(vocab: int = VOCAB, hidden: int = 6, **settings: object) -> CharRNN:
    torch.manual_seed(0)
    network = CharRNN(vocab, hidden, **settings)
    with torch.no_grad():
        network.head.weight.mul_(4)
    return network


def test_same_seed_same_tunes() -> None:
    def draw(seed: int) -> list[list[int]]:
        return sample(model(), [1], [1.0] * 3, seed=seed, max_chars=30)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert draw(1)[0] != draw(1)[1]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    "hidden", [6, *(pytest.param(h, marks=pytest.mark.slow) for h in (37, 150))]
)
def test_a_tune_hangs_on_seed_number_and_temperature_alone(cell: str, hidden: int) -> None:
    """In batches of any size and make-up, and through those whose tunes end at different times."""
    network = model(40, hidden, cell=cell, layers=2, layer_norm=hidden == 37)
    (tune,) = sample(network, [1, 2], [1.0], seed=0, max_chars=500)
    end = [min(set(tune), key=lambda character: abs(tune.count(character) - 10))]
    hundred = sample(network, [1, 2], [1.0] * 150, seed=3, max_chars=200, end=end)
    assert len({len(tune) for tune in hundred}) > 10
    for n in (1, 2, 3, 8, 13, 128):
        assert sample(network, [1, 2], [1.0] * n, seed=3, max_chars=200, end=end) == hundred[:n]
    assert (
        sample(
            network, [1, 2], [0.5, 1.0, 2.0], seed=3, max_chars=200, end=end, numbers=[4, 140, 0]
        )[1]
        == (hundred[140])
    )
    mixed = sample(network, [1, 2], [0.5, 1.0] * 6, seed=3, max_chars=200, end=end)
    assert mixed[1::2] == hundred[:6]
    # Without an end every tune goes on: the bits must be equal, not just the first characters.
    long = sample(network, [1], [1.0] * 33, seed=4, max_chars=400)
    assert sample(network, [1], [1.0] * 2, seed=4, max_chars=400) == long[:2]


def test_zero_takes_the_likeliest() -> None:
    network = model()
    (tune,) = sample(network, [1, 2], [0.0], seed=0, max_chars=5)
    logits, _ = network(torch.tensor([[1], [2], *[[c] for c in tune[:-1]]]))
    assert tune == logits[1:, 0].argmax(-1).tolist()


def test_stops_each_tune_where_it_ends() -> None:
    tunes = sample(model(), [1], [1.0] * 8, seed=0, max_chars=200, end=[3])
    for tune in tunes:
        assert 3 not in tune[:-1]
        assert tune[-1] == 3 or len(tune) == 200


def test_an_end_of_several_characters() -> None:
    unstopped = sample(model(), [1], [2.0] * 40, seed=0, max_chars=1500)
    stopped = sample(model(), [1], [2.0] * 40, seed=0, max_chars=1500, end=[3, 4, 3])
    for long, short in zip(unstopped, stopped, strict=True):
        windows = [long[i : i + 3] for i in range(len(long) - 2)]
        expected = windows.index([3, 4, 3]) + 3 if [3, 4, 3] in windows else 1500
        assert short == long[:expected]


class EvenThenOdd:
    """Neighbours differ in parity."""

    def __init__(self, tunes: int, last: int) -> None:
        self.last = np.full(tunes, last)

    def allowed(self, tunes: np.ndarray) -> np.ndarray:
        return (np.arange(VOCAB)[None, :] + self.last[tunes, None]) % 2 == 1

    def push(self, tunes: np.ndarray, characters: np.ndarray) -> None:
        self.last[tunes] = characters


def test_what_a_constraint_masks_is_never_drawn() -> None:
    tunes = sample(
        model(), [1], [2.0] * 140, seed=0, max_chars=50, end=[2], constraint=EvenThenOdd(140, 1)
    )
    for tune in tunes:
        assert all((a + b) % 2 == 1 for a, b in zip([1, *tune], tune, strict=False))


def expected(temperature: float) -> np.ndarray:
    logits, _ = model()(torch.tensor([[4]]))
    return torch.softmax(logits[0, 0] / temperature, 0).detach().numpy().astype(np.float64)


def frequencies(temperature: float, n: int, cut: Cut | None = None) -> np.ndarray:
    drawn = sample(model(), [4], [temperature] * n, seed=5, max_chars=1, cut=cut)
    return np.bincount([tune[0] for tune in drawn], minlength=VOCAB) / n


def test_frequencies_are_the_softmax() -> None:
    n, wanted = 4000, expected(1.5)
    # Four standard deviations of a frequency; the seed is fixed, so this never flickers.
    margin = 4 * np.sqrt(wanted * (1 - wanted) / n)
    assert np.all(abs(frequencies(1.5, n) - wanted) < margin)


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (Cut(top_k=3), lambda p: np.sort(p)[::-1] >= np.sort(p)[-3]),
        (Cut(top_p=0.7), lambda p: np.cumsum(np.sort(p)[::-1]) - np.sort(p)[::-1] < 0.7),
        (Cut(min_p=0.8), lambda p: np.sort(p)[::-1] >= 0.8 * p.max()),
    ],
)
def test_cuts_leave_the_likeliest(cut: Cut, kept: object) -> None:
    wanted = expected(1.5)
    order = np.argsort(-wanted)
    wanted[order[~kept(wanted)]] = 0  # type: ignore[operator]
    wanted /= wanted.sum()
    assert 0 < (wanted == 0).sum() < VOCAB - 1
    n = 2000
    margin = 4 * np.sqrt(wanted * (1 - wanted) / n) + 1e-12
    assert np.all(abs(frequencies(1.5, n, cut) - wanted) <= margin)


@given(
    st.lists(st.floats(0, 50), min_size=1, max_size=12),
    st.integers(0, 12),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_a_cut_never_empties_a_row(
    falls: list[float], top_k: int, top_p: float, min_p: float
) -> None:
    weights = np.exp(-np.array([falls]))
    weights /= weights.max()
    before = weights.copy()
    Cut(top_k, top_p, min_p)(weights)
    assert weights.max() == 1
    assert np.all((weights == before) | (weights == 0))


def test_bad_cold_temperatures_do_not_overflow() -> None:
    cold = sample(model(), [1], [0.0, 1e-300], seed=0, max_chars=20)
    assert cold[0] == cold[1]


@pytest.mark.parametrize(("top_k", "temperature"), [(1, 0.0), (1, 1.0), (2, 0.0), (2, 1.0)])
def test_top_1_is_the_likeliest(top_k: int, temperature: float) -> None:
    """Whatever the temperature; and the likeliest is among the top 2."""
    likeliest = sample(model(), [1], [0.0], seed=0, max_chars=20)
    drawn = sample(model(), [1], [temperature], seed=0, max_chars=20, cut=Cut(top_k=top_k))
    assert (drawn == likeliest) == (top_k == 1 or temperature == 0)
