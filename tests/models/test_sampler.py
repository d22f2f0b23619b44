"""Sampling: reproducible, stops, obeys a constraint, follows the network's distribution."""

import numpy as np
import torch

from musicgen.models import CharRNN, sample

VOCAB = 9


def model() -> CharRNN:
    torch.manual_seed(0)
    network = CharRNN(VOCAB, 6)
    with torch.no_grad():
        network.head.weight.mul_(4)
    return network


def never(tune: list[int]) -> bool:
    return False


def test_same_seed_same_tunes() -> None:
    draw = lambda seed: sample(model(), [1], [1.0] * 3, seed=seed, max_chars=30, stop=never)  # noqa: E731
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert draw(1)[0] != draw(1)[1]


def test_zero_takes_the_likeliest() -> None:
    network = model()
    (tune,) = sample(network, [1, 2], [0.0], seed=0, max_chars=5, stop=never)
    logits, _ = network(torch.tensor([[1], [2], *[[c] for c in tune[:-1]]]))
    assert tune == logits[1:, 0].argmax(-1).tolist()


def test_stops_each_tune_where_it_ends() -> None:
    tunes = sample(model(), [1], [1.0] * 8, seed=0, max_chars=200, stop=lambda tune: tune[-1] == 3)
    for tune in tunes:
        assert 3 not in tune[:-1]
        assert tune[-1] == 3 or len(tune) == 200


def test_a_constraint_masks() -> None:
    def even_then_odd(last: np.ndarray) -> np.ndarray:
        return (np.arange(VOCAB)[None, :] + last[:, None]) % 2 == 1

    for tune in sample(
        model(), [1], [2.0] * 4, seed=0, max_chars=50, stop=never, constraint=even_then_odd
    ):
        assert all((a + b) % 2 == 1 for a, b in zip([1, *tune], tune, strict=False))


def test_frequencies_are_the_softmax() -> None:
    network = model()
    n, temperature = 4000, 1.5
    first = [t[0] for t in sample(network, [4], [temperature] * n, seed=5, max_chars=1, stop=never)]
    logits, _ = network(torch.tensor([[4]]))
    expected = torch.softmax(logits[0, 0] / temperature, 0).detach().numpy()
    counts = np.bincount(first, minlength=VOCAB) / n
    # Four standard deviations of a frequency; the seed is fixed, so this never flickers.
    assert np.all(abs(counts - expected) < 4 * np.sqrt(expected * (1 - expected) / n))
