"""The steps of our layers in numpy, from a copy of the weights; see `stepper`."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from musicgen.models.product import Floats, Product


class Layer(ABC):
    """A recurrent layer, its norm, and the product that takes its output onward.

    Without a norm, one product serves its own next step and what is above: h @ [recurrent, above].
    """

    def __init__(self, cell: nn.Module, norm: nn.Module) -> None:
        weights = {name: array(value) for name, value in cell.named_parameters()}
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

    def keep(self, texts: NDArray[np.integer]) -> None:
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
        centred *= array(norm.weight)
        np.add(centred, array(norm.bias), out=self.normed)


class LSTM(Layer):
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


class GRU(Layer):
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


class RNN(Layer):
    def advance(self, x: Floats) -> None:
        x += self.carried
        np.tanh(x, out=self.h)


def array(tensor: Tensor) -> Floats:
    """A copy in fp32, for numpy."""
    copy: Floats = tensor.detach().cpu().numpy().astype(np.float32)
    return copy
