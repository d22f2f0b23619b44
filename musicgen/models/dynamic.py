"""Dynamic evaluation: a network that goes on learning from the text that it has been scored on.

Krause, Kahembwe, Murray and Renals, "Dynamic Evaluation of Neural Sequence Models" (2018), with
plain gradient descent on each slice after it was scored.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.layers import State

LARGEST_GRADIENT = 1.0
"""Norm at which a slice's gradient is clipped."""


def adaptive_losses(model: CharRNN, text: Tensor, *, lr: float, chars: int) -> Tensor:
    """The loss (nats) of each character but the first, (characters - 1,) float64.

    text: the network's input (`CharRNN.read`), at least two characters. It is read as one stream in
    slices of `chars`. Each slice is scored with the weights that the slices before it left, then
    one step of gradient descent with step size `lr` is taken on it. So no character has changed
    the weights before it is scored. The model itself stays as it is.
    """
    model = copy.deepcopy(model).eval()
    parameters = list(model.parameters())
    targets = text if text.dim() == 1 else text[:, 0]
    losses = torch.zeros(len(text) - 1, dtype=torch.float64)
    state: list[State] | None = None
    for first in range(0, len(text) - 1, chars):
        last = min(first + chars, len(text) - 1)
        logits, state = model(text[first:last].unsqueeze(1), state)
        scored = functional.cross_entropy(
            logits[:, 0], targets[first + 1 : last + 1], reduction="none"
        )
        losses[first:last] = scored.detach().cpu().double()
        gradients = torch.autograd.grad(scored.mean(), parameters)
        size = nn.utils.get_total_norm(gradients)
        share = min(1.0, LARGEST_GRADIENT / max(float(size), 1e-12))
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=lr * share)
        state = detach(state)
    return losses
