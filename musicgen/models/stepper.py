"""A network read one character at a time, for many texts at once, with nothing kept for training.

On a CPU, calling the module for each character costs far more in PyTorch's bookkeeping than in
arithmetic, so `Stepper` does the same sums in numpy on buffers made once. What a text's scores
are hangs on its own characters alone, to the last bit, whatever other texts are beside it: a tune
can be drawn again by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musicgen.models.arithmetic import exact
from musicgen.models.cells import GRU, LSTM, RNN, State
from musicgen.models.char_rnn import CharRNN, raised
from musicgen.models.product import Floats, Product
from musicgen.models.side import row_sums

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
    known = all(type(cell) in _LAYERS for cell in model.cells)
    return Stepper(model) if plain and known else ModuleStepper(model)


class Stepper:
    """In numpy, from a copy of the weights."""

    def __init__(self, model: CharRNN) -> None:
        self._layers = [
            _LAYERS[type(cell)](cell, norm)
            for cell, norm in zip(model.cells, model.norms, strict=True)
        ]
        for below, above in pairwise(self._layers):
            below.feed(above.inputs, above.bias)
        ends = [model.head] if model.gate is None else [model.head, model.gate]
        self._layers[-1].feed(
            np.hstack([_array(end.weight).T for end in ends]),
            np.hstack([_array(end.bias) for end in ends]),
        )
        width = model.vocab_size if model.embedding is None else model.embedding.embedding_dim
        table, beside = np.split(self._layers[0].inputs, [width])
        if model.embedding is not None:
            table = _array(model.embedding.weight) @ table
        self._table: Floats = np.ascontiguousarray(table + self._layers[0].bias)
        """What each character adds to the gates of the first layer."""
        self._side, self._vocab = None, model.vocab_size
        if model.side is not None:
            self._side, self._suggested = model.side.follow(), model.side.suggested
            table = _array(model.side.table.weight) @ beside
            self._side_table = torch.from_numpy(np.ascontiguousarray(table))
        self.keep([0])

    def step(self, characters: Ids) -> Floats:
        x = self._table.take(characters, axis=0)
        if self._side is not None:
            rows = torch.from_numpy(self._side.push(characters))
            x += row_sums(self._side_table, rows).numpy()
        for layer in self._layers:
            x = layer.step(x)
        if x.shape[1] == self._vocab:
            return x
        scores, gates = torch.from_numpy(x).tensor_split([self._vocab], dim=1)
        with_suggestions: Floats = raised(scores, self._suggested(rows), gates).numpy()
        return with_suggestions

    def keep(self, texts: Sequence[int] | Ids) -> None:
        if self._side is not None:
            self._side.keep(texts)
        for layer in self._layers:
            layer.keep(np.asarray(texts))


class _Layer(ABC):
    """A recurrent layer, its norm, and the product that takes its output onward.

    Without a norm, one product serves its own next step and what is above: h @ [recurrent, above].
    """

    def __init__(self, cell: nn.Module, norm: nn.Module) -> None:
        weights = {name: _array(value) for name, value in cell.named_parameters()}
        self.inputs: Floats = weights["fused.weight_ih_l0"].T
        self.recurrent: Floats = weights["fused.weight_hh_l0"].T
        self.inner_bias = weights["fused.bias_hh_l0"]
        self.bias: Floats = weights["fused.bias_ih_l0"] + self.inner_bias
        self.hidden, self.gates = self.recurrent.shape
        self.norm = norm if isinstance(norm, nn.LayerNorm) else None
        self.h = np.zeros((1, self.hidden), np.float32)
        self.c = np.zeros((1, self.hidden), np.float32)
        self.carried: Floats = np.zeros((1, self.gates), np.float32)
        """h @ recurrent, from the last step for the next."""

    def feed(self, weights: Floats, bias: Floats) -> None:
        """Set what its output goes through: the input weights above, or the head's."""
        unbiased = np.zeros(self.gates, np.float32)
        if self.norm is None:
            weights = np.hstack([self.recurrent, weights])
            self.product = Product(weights, np.hstack([unbiased, bias]))
        else:
            self.product = Product(self.recurrent, unbiased)
            self.above = Product(weights, bias)

    def keep(self, texts: Ids) -> None:
        h = self.h[texts]
        self.c, self.carried = self.c[texts], self.carried[texts]
        self.h = self.product.prepare(len(texts))
        self.h[:] = h
        if self.norm is not None:
            self.normed = self.above.prepare(len(texts))

    def step(self, x: Floats) -> Floats:
        """x: what the input adds to the gates (texts, gates), biases included; overwritten.

        Returns the same for the layer above, or the scores of characters.
        """
        self.advance(x)
        out = self.product.multiply()
        self.carried = out[:, : self.gates]
        if self.norm is not None:
            self._normalise(self.norm)
            return self.above.multiply()
        return out[:, self.gates :]

    @abstractmethod
    def advance(self, x: Floats) -> None:
        """From the gates' input to the new state."""

    def _normalise(self, norm: nn.LayerNorm) -> None:
        centred = self.h - self.h.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        centred /= np.sqrt(variance + np.float32(norm.eps))
        centred *= _array(norm.weight)
        np.add(centred, _array(norm.bias), out=self.normed)


class _LSTMLayer(_Layer):
    """sigmoid(x) = (1 + tanh(x / 2)) / 2, so that one tanh does all four gates. The halves inside
    are in the weights: exact, as they are powers of two."""

    def __init__(self, cell: nn.Module, norm: nn.Module) -> None:
        super().__init__(cell, norm)
        n = self.hidden
        order = np.r_[: 2 * n, 3 * n : 4 * n, 2 * n : 3 * n]  # input, forget, output, cell
        halves = np.repeat(np.array([0.5, 1], np.float32), [3 * n, n])
        self.inputs = self.inputs[:, order] * halves
        self.recurrent = self.recurrent[:, order] * halves
        self.bias = self.bias[order] * halves

    def advance(self, x: Floats) -> None:
        n, c = self.hidden, self.c
        x += self.carried
        np.tanh(x, out=x)
        gates, new = x[:, : 3 * n], x[:, 3 * n :]
        gates *= 0.5
        gates += 0.5
        new *= gates[:, :n]
        c *= gates[:, n : 2 * n]
        c += new
        np.tanh(c, out=self.h)
        self.h *= gates[:, 2 * n :]


class _GRULayer(_Layer):
    """Gates: reset, update, new. The new one's recurrent bias is within the reset."""

    def __init__(self, cell: nn.Module, norm: nn.Module) -> None:
        super().__init__(cell, norm)
        self.inner_bias = self.inner_bias[2 * self.hidden :]
        self.bias[2 * self.hidden :] -= self.inner_bias

    def advance(self, x: Floats) -> None:
        n, h = self.hidden, self.h
        gates, new = x[:, : 2 * n], x[:, 2 * n :]
        gates += self.carried[:, : 2 * n]
        gates *= 0.5
        np.tanh(gates, out=gates)
        gates += 1
        gates *= 0.5
        inner = self.carried[:, 2 * n :] + self.inner_bias
        inner *= gates[:, :n]
        new += inner
        np.tanh(new, out=new)
        h -= new
        h *= gates[:, n:]
        h += new


class _RNNLayer(_Layer):
    def advance(self, x: Floats) -> None:
        x += self.carried
        np.tanh(x, out=self.h)


_LAYERS: dict[type[nn.Module], type[_Layer]] = {LSTM: _LSTMLayer, GRU: _GRULayer, RNN: _RNNLayer}


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


def _array(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().cpu().numpy().astype(np.float32)
    return array
