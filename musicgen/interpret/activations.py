"""The values of every unit of a network at every character of a text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from musicgen.models.arithmetic import exact
from musicgen.models.char_rnn import CharRNN

Floats = NDArray[np.float32]

BATCH = 50
"""The number of texts that are read at once."""


@dataclass(frozen=True)
class Activations:
    """The values of one state of all units of a layer."""

    layer: int
    """The number of the layer, from 1."""
    state: str
    """One of the observable states of its cell, such as hidden or update_gate."""
    values: Floats
    """The values, (units, characters); the texts are concatenated."""


def record(
    network: CharRNN, texts: Sequence[NDArray[np.integer]], states: Sequence[str]
) -> Iterator[Activations]:
    """The given states of each layer after each character has been read.

    texts: the characters of each text as integers, (length,). Each text is read from a zero state.
    states: the states to record; a state that the network's cell lacks is skipped. `hidden` is the
    output of the cell before layer norm. The network and all random generators stay unchanged.
    """
    was_training = network.training
    network.eval()
    order = np.argsort([-len(text) for text in texts], kind="stable")  # similar lengths together
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
    device = network.head.weight.device
    try:
        with torch.no_grad(), exact(device):
            inputs = [_embedded(network, [texts[place] for place in batch]) for batch in batches]
            for number, (layer, norm) in enumerate(
                zip(network.cells, network.norms, strict=True), 1
            ):
                hidden = [layer(x)[0] for x in inputs]
                for state in states:
                    if state in network.cell.observable:
                        parts = [
                            h if state == "hidden" else network.cell.observe(layer, state, x, h)
                            for x, h in zip(inputs, hidden, strict=True)
                        ]
                        yield Activations(number, state, _joined(parts, batches, texts))
                inputs = [norm(h) for h in hidden]
    finally:
        network.train(was_training)


def _embedded(network: CharRNN, texts: Sequence[NDArray[np.integer]]) -> Tensor:
    """The input of the first layer, (time, texts, inputs). Short texts are padded at their end."""
    read = [network.read(torch.from_numpy(np.asarray(text, np.int64))) for text in texts]
    return network.embedded(pad_sequence(read).to(network.head.weight.device))


def _joined(
    parts: Sequence[Tensor],
    batches: Sequence[NDArray[np.intp]],
    texts: Sequence[NDArray[np.integer]],
) -> Floats:
    """The values (units, characters) of all texts in their order, without the padding."""
    units = parts[0].shape[2]
    ends = np.cumsum([0, *map(len, texts)])
    values = np.empty((units, ends[-1]), np.float32)
    for part, batch in zip(parts, batches, strict=True):
        array = part.float().cpu().numpy()
        for column, place in enumerate(batch):
            values[:, ends[place] : ends[place + 1]] = array[: len(texts[place]), column].T
    return values
