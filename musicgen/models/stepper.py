"""A network read one character at a time, for many texts at once, with nothing kept for training.

On a CPU, calling the module for each character costs far more in PyTorch's bookkeeping than in
arithmetic, so `Stepper` does the same sums in numpy on buffers made once. The scores of a text
depend on its own characters alone, to the last bit, whatever other texts are beside it: a tune
can be drawn again by itself.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen.models.arithmetic import exact
from musicgen.models.char_rnn import CharRNN
from musicgen.models.layers import State
from musicgen.models.numpy_layers import array
from musicgen.models.product import Floats
from musicgen.models.side import Side, row_sums

Ids = NDArray[np.integer[Any]]

MOST = 128
"""Texts that are read at once; a product of more rows is no faster."""


class Steps(Protocol):
    """What reads texts character by character."""

    def step(self, characters: Ids) -> Floats:
        """Read the next character of each text (texts,); scores of what follows (texts, vocab).

        The next step may overwrite them.
        """

    def keep(self, texts: Sequence[int] | Ids) -> None:
        """Go on with these texts, of those there are, in this order; one may come many times."""


def stepper(model: CharRNN) -> Steps:
    """One text, nothing of it read yet. At most MOST texts may be kept from it."""
    weight = model.head.weight
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    known = all(model.cell.in_numpy(layer) is not None for layer in model.cells)
    return Stepper(model) if plain and known else ModuleStepper(model)


class Stepper:
    """In numpy, from a copy of the weights."""

    def __init__(self, model: CharRNN) -> None:
        self._layers = [
            model.cell.in_numpy(layer)(layer, norm)
            for layer, norm in zip(model.cells, model.norms, strict=True)
        ]
        for below, above in pairwise(self._layers):
            below.feed(above.inputs, above.bias)
        ends = [model.head] if model.gate is None else [model.head, model.gate]
        self._layers[-1].feed(
            np.hstack([array(end.weight).T for end in ends]),
            np.hstack([array(end.bias) for end in ends]),
        )
        width = model.vocab_size if model.embedding is None else model.embedding.embedding_dim
        table, beside = np.split(self._layers[0].inputs, [width])
        if model.embedding is not None:
            table = array(model.embedding.weight) @ table
        self._table: Floats = np.ascontiguousarray(table + self._layers[0].bias)
        """What each character adds to the gates of the first layer."""
        self._side = None if model.side is None else _Side(model.side, beside, model.vocab_size)
        self._vocab = model.vocab_size
        self.keep([0])

    def step(self, characters: Ids) -> Floats:
        x = self._table.take(characters, axis=0)
        if self._side is not None:
            x += self._side.push(characters)
        for layer in self._layers:
            x = layer.step(x)
        if self._side is None or x.shape[1] == self._vocab:
            return x
        return self._side.raised(x[:, : self._vocab], x[:, self._vocab :])

    def keep(self, texts: Sequence[int] | Ids) -> None:
        if self._side is not None:
            self._side.keep(texts)
        for layer in self._layers:
            layer.keep(np.asarray(texts))


class _Side:
    """The side inputs of many texts: what they add to the first layer's gates, and to scores."""

    def __init__(self, side: Side, weights: Floats, vocab: int) -> None:
        """weights: from the sum of embeddings to the gates (width, gates)."""
        self._followers, self._vocab = side.follow(), vocab
        self._table = np.ascontiguousarray(array(side.table.weight) @ weights)
        self._suggesting = side.suggesting.numpy()
        self._no_suggestion = side.first_rows[self._suggesting]

    def push(self, characters: Ids) -> Floats:
        """Append each text's next character (texts,); returns (texts, gates)."""
        self._rows = self._followers.push(characters)
        added: Floats
        if len(self._rows) == 1:  # the same sum, without PyTorch's 3 us of bookkeeping
            added = np.add.reduce(self._table.take(self._rows[0], axis=0), axis=0, keepdims=True)
        else:
            added = row_sums(torch.from_numpy(self._table), torch.from_numpy(self._rows)).numpy()
        return added

    def raised(self, scores: Floats, gates: Floats) -> Floats:
        """`char_rnn.raised` by what the last characters suggest: (texts, vocab)."""
        self._scores[:, 1:] = scores
        places = self._rows.take(self._suggesting, axis=1)
        places += self._places
        np.add.at(self._scores.reshape(-1), places.reshape(-1), gates.reshape(-1))
        return self._scores[:, 1:]

    def keep(self, texts: Sequence[int] | Ids) -> None:
        self._followers.keep(texts)
        # The first column takes the gates of suggestions that suggest nothing.
        self._scores = np.zeros((len(texts), 1 + self._vocab), np.float32)
        first = np.arange(len(texts))[:, None] * (1 + self._vocab)
        self._places = first - self._no_suggestion


class ModuleStepper:
    """By the module itself, on whatever device it is.

    It always reads MOST texts, so that the device takes the same way for any number of them.
    """

    def __init__(self, model: CharRNN) -> None:
        self._model = model
        self._device = model.head.weight.device
        self._state: list[State] | None = None
        self._side = None if model.side is None else model.side.follow()

    @torch.no_grad()
    def step(self, characters: Ids) -> Floats:
        read = np.asarray(characters, np.int64)
        if self._side is not None:
            read = np.column_stack([read, self._side.push(read)])
        given = torch.zeros(1, MOST, *read.shape[1:], dtype=torch.int64)
        given[0, : len(read)] = torch.from_numpy(read)
        was_training = self._model.training
        self._model.eval()
        with exact(self._device):
            logits, self._state = self._model(given.to(self._device), self._state)
        self._model.train(was_training)
        scores: Floats = logits[0, : len(characters)].float().cpu().numpy()
        return scores

    def keep(self, texts: Sequence[int] | Ids) -> None:
        if self._side is not None:
            self._side.keep(texts)
        if self._state is not None:
            rows = torch.zeros(MOST, dtype=torch.int64)
            rows[: len(texts)] = torch.as_tensor(np.asarray(texts, np.int64))
            rows = rows.to(self._device)
            self._state = [tuple(part[rows] for part in layer) for layer in self._state]
