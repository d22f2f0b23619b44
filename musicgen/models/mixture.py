"""Several networks as one: the mean of their probabilities, with weights."""

import numpy as np
from numpy.typing import NDArray

Losses = NDArray[np.float64]

STEPS = 200
"""Steps of expectation maximization."""


def mixed(losses: Losses, weights: Losses) -> Losses:
    """The losses (characters,) of a mixture. losses: (networks, characters), nats. weights:
    (networks,), with sum 1."""
    least = losses.min(axis=0)
    found: Losses = least - np.log(weights @ np.exp(least - losses))
    return found


def fitted_weights(losses: Losses) -> Losses:
    """The weights (networks,) with the lowest mean loss of the mixture, by expectation maximization
    (Dempster, Laird and Rubin 1977). losses: (networks, characters), nats."""
    likely = np.exp(losses.min(axis=0) - losses)
    weights = np.full(len(losses), 1 / len(losses))
    for _ in range(STEPS):
        shares = weights[:, None] * likely
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return weights
