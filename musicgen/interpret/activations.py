"""What every unit of a network does at every character of a text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from musicgen.models import CharRNN
from musicgen.models.arithmetic import exact
from musicgen.models.cells import CELLS

Floats = NDArray[np.float32]

STATES = {
    "lstm": ("hidden", "cell", "input_gate", "forget_gate", "output_gate", "candidate"),
    "gru": ("hidden", "reset_gate", "update_gate", "candidate"),
    "rnn": ("hidden",),
}
"""What a unit of each kind of cell has. Gates lie between 0 and 1, hidden and candidate between -1
and 1."""

BATCH = 50
"""Texts that are read at once."""


@dataclass(frozen=True)
class Activations:
    """One quantity of all units of a layer."""

    layer: int
    """From 1."""
    state: str
    """One of STATES."""
    values: Floats
    """(units, characters), the texts one behind the other."""


def record(
    network: CharRNN, texts: Sequence[NDArray[np.integer]], states: Sequence[str]
) -> Iterator[Activations]:
    """The given states of each layer, as they are once each character has been read.

    texts: characters of each, (length,), read from a zero state. states: of STATES; those that
    the network's cells lack are passed over. Layer norm acts behind the cell: `hidden` is the
    cell's own. Neither the network nor a random generator is left changed.
    """
    was_training = network.training
    network.eval()
    order = np.argsort([-len(text) for text in texts], kind="stable")  # alike in length together
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]
    device = network.head.weight.device
    try:
        with torch.no_grad(), exact(device):
            inputs = [_embedded(network, [texts[place] for place in batch]) for batch in batches]
            for layer, (cell, norm) in enumerate(zip(network.cells, network.norms, strict=True), 1):
                hidden = [cell(x)[0] for x in inputs]
                kind = _kind(cell)
                for state in states:
                    if state in STATES[kind]:
                        pairs = zip(inputs, hidden, strict=True)
                        parts = [_state(cell, kind, state, x, h) for x, h in pairs]
                        yield Activations(layer, state, _joined(parts, batches, texts))
                inputs = [norm(h) for h in hidden]
    finally:
        network.train(was_training)


def _embedded(network: CharRNN, texts: Sequence[NDArray[np.integer]]) -> Tensor:
    """What the first layer reads: (time, texts, inputs), short texts filled up at their end."""
    read = [network.read(torch.from_numpy(np.asarray(text, np.int64))) for text in texts]
    return network.embedded(pad_sequence(read).to(network.head.weight.device))


def _kind(cell: nn.Module) -> str:
    (kind,) = (name for name, made in CELLS.items() if type(cell) is made)
    return kind


def _state(cell: nn.Module, kind: str, state: str, x: Tensor, hidden: Tensor) -> Tensor:
    """One state of a layer from its input and its output, each (time, texts, ...).

    PyTorch's fused kernels keep the gates to themselves. With the whole output known they are
    plain matrix products (the order of their weights is that of torch.nn.LSTM and torch.nn.GRU).
    """
    if state == "hidden":
        return hidden
    before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
    weights = {name.removeprefix("fused."): value for name, value in cell.named_parameters()}

    def part(number: int, source: Tensor, name: str) -> Tensor:
        rows = slice(number * hidden.shape[2], (number + 1) * hidden.shape[2])
        weight, bias = weights[f"weight_{name}_l0"], weights[f"bias_{name}_l0"]
        return source @ weight[rows].T + bias[rows]

    def gate(number: int) -> Tensor:
        return part(number, x, "ih") + part(number, before, "hh")

    if kind == "gru":
        if state != "candidate":
            return torch.sigmoid(gate(("reset_gate", "update_gate").index(state)))
        reset = torch.sigmoid(gate(0))
        return torch.tanh(part(2, x, "ih") + reset * part(2, before, "hh"))
    if state == "candidate":
        return torch.tanh(gate(2))
    if state != "cell":
        numbers = {"input_gate": 0, "forget_gate": 1, "output_gate": 3}
        return torch.sigmoid(gate(numbers[state]))
    added = torch.sigmoid(gate(0)) * torch.tanh(gate(2))
    kept = torch.sigmoid(gate(1))
    cells = torch.empty_like(added)
    now = torch.zeros_like(added[0])
    for time in range(len(added)):
        now = kept[time] * now + added[time]
        cells[time] = now
    return cells


def _joined(
    parts: Sequence[Tensor],
    batches: Sequence[NDArray[np.intp]],
    texts: Sequence[NDArray[np.integer]],
) -> Floats:
    """(units, characters) of all texts in their order, what filled them up left out."""
    units = parts[0].shape[2]
    ends = np.cumsum([0, *map(len, texts)])
    values = np.empty((units, ends[-1]), np.float32)
    for part, batch in zip(parts, batches, strict=True):
        array = part.float().cpu().numpy()
        for column, place in enumerate(batch):
            values[:, ends[place] : ends[place + 1]] = array[: len(texts[place]), column].T
    return values
