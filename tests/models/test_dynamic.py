"""Adaptive scoring: it learns from what it has scored, and from nothing else."""

import numpy as np
import pytest
import torch

from musicgen.models.char_rnn import CharRNN
from musicgen.models.dynamic import adaptive_losses
from musicgen.models.evaluation import character_losses, evaluate
from musicgen.models.mixture import fitted_weights, mixed


def network(seed: int = 0) -> CharRNN:
    torch.manual_seed(seed)
    return CharRNN(5, 12, dropout=0.5, embedding=4)


def text(n: int = 200, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 5, n))


def test_the_losses_of_characters_have_the_mean_loss() -> None:
    model = network()
    losses = character_losses(model, text())
    assert losses.shape == (199,)
    assert float(losses.mean()) == pytest.approx(evaluate(model, text())[0], abs=1e-12)


def test_the_first_slice_is_scored_as_it_always_is() -> None:
    model = network()
    static = character_losses(model, text())
    adaptive = adaptive_losses(model, text(), lr=0.5, chars=30)
    torch.testing.assert_close(adaptive[:30], static[:30], atol=1e-5, rtol=0)
    assert (adaptive[30:] - static[30:]).abs().max() > 1e-3


@pytest.mark.parametrize("place", [1, 29, 30, 31, 95, 199])
def test_no_character_changes_a_loss_before_its_own(place: int) -> None:
    """Neither does one of the same slice change the weights before it is scored."""
    changed = text()
    changed[place] = (changed[place] + 1) % 5
    before, after = (
        adaptive_losses(network(), each, lr=0.5, chars=30) for each in (text(), changed)
    )
    assert torch.equal(before[: place - 1], after[: place - 1])
    assert before[place - 1] != after[place - 1]


def test_the_network_stays_as_it_is_and_learns_what_comes_again() -> None:
    model = network()
    weights = [weight.clone() for weight in model.parameters()]
    again = text(20).repeat(30)
    adaptive = adaptive_losses(model, again, lr=0.5, chars=10)
    assert adaptive[-100:].mean() < character_losses(model, again)[-100:].mean() - 0.1
    assert all(map(torch.equal, weights, model.parameters()))


def test_a_mixture_is_the_mean_of_probabilities() -> None:
    losses = -np.log(np.array([[0.5, 0.25, 0.9], [0.1, 0.75, 0.1]]))
    found = mixed(losses, np.array([0.25, 0.75]))
    assert np.exp(-found) == pytest.approx([0.2, 0.625, 0.3])
    assert mixed(losses + 2000, np.array([0.25, 0.75])) == pytest.approx(found + 2000)


def test_no_other_weights_make_a_better_mixture() -> None:
    losses = -np.log(np.random.default_rng(0).uniform(0.01, 1, (3, 500)))
    losses[0] -= 0.3
    weights = fitted_weights(losses)
    assert weights.sum() == pytest.approx(1)
    best = mixed(losses, weights).mean()
    for a in np.linspace(0, 1, 21):
        for b in np.linspace(0, 1 - a, 21):
            assert mixed(losses, np.array([a, b, 1 - a - b])).mean() >= best - 1e-6
