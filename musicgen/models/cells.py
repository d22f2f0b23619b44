"""Our cells. A new one is a class here, or in a plugin, and a file in conf/model/.

A class says what of its units can be seen and how that follows from a layer's input and output:
PyTorch's fused kernels keep the gates to themselves, but with the whole output known they are
plain matrix products. It imports PyTorch only when it builds or observes a layer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.config.components import Cell, register

if TYPE_CHECKING:
    from torch import Tensor, nn


@register("cell", "lstm")
@dataclass
class LSTM(Cell):
    """Hochreiter and Schmidhuber (1997), with forget gates."""

    observable = ("hidden", "cell", "input_gate", "forget_gate", "output_gate", "candidate")

    def build(self, inputs: int, hidden: int) -> "nn.Module":
        from musicgen.models.layers import LSTM

        return LSTM(inputs, hidden)

    def observe(self, layer: "nn.Module", state: str, x: "Tensor", hidden: "Tensor") -> "Tensor":
        gates = _Gates(layer, x, hidden)
        if state == "candidate":
            return gates.whole(2).tanh()
        if state != "cell":
            return gates.whole(
                {"input_gate": 0, "forget_gate": 1, "output_gate": 3}[state]
            ).sigmoid()
        added = gates.whole(0).sigmoid() * gates.whole(2).tanh()
        kept = gates.whole(1).sigmoid()
        cells = added.new_empty(added.shape)
        now = added.new_zeros(added.shape[1:])
        for time in range(len(added)):
            now = kept[time] * now + added[time]
            cells[time] = now
        return cells

    def in_numpy(self, layer: "nn.Module") -> Any:
        from musicgen.models import layers, numpy_layers

        return numpy_layers.LSTM if type(layer) is layers.LSTM else None


@register("cell", "gru")
@dataclass
class GRU(Cell):
    """Cho et al. (2014)."""

    observable = ("hidden", "reset_gate", "update_gate", "candidate")

    def build(self, inputs: int, hidden: int) -> "nn.Module":
        from musicgen.models.layers import GRU

        return GRU(inputs, hidden)

    def observe(self, layer: "nn.Module", state: str, x: "Tensor", hidden: "Tensor") -> "Tensor":
        gates = _Gates(layer, x, hidden)
        if state != "candidate":
            return gates.whole(("reset_gate", "update_gate").index(state)).sigmoid()
        reset = gates.whole(0).sigmoid()
        return (gates.of_input(2) + reset * gates.of_state(2)).tanh()

    def in_numpy(self, layer: "nn.Module") -> Any:
        from musicgen.models import layers, numpy_layers

        return numpy_layers.GRU if type(layer) is layers.GRU else None


@register("cell", "rnn")
@dataclass
class RNN(Cell):
    """Elman (1990), tanh."""

    def build(self, inputs: int, hidden: int) -> "nn.Module":
        from musicgen.models.layers import RNN

        return RNN(inputs, hidden)

    def in_numpy(self, layer: "nn.Module") -> Any:
        from musicgen.models import layers, numpy_layers

        return numpy_layers.RNN if type(layer) is layers.RNN else None


class _Gates:
    """What goes into the gates of one of PyTorch's layers, whose weights lie one after the other
    in the order of torch.nn.LSTM and torch.nn.GRU."""

    def __init__(self, layer: "nn.Module", x: "Tensor", hidden: "Tensor") -> None:
        """x, hidden: what the layer read from a zero state, and gave, (time, batch, ...)."""
        from torch.nn import functional

        self._x, self._units = x, hidden.shape[2]
        self._before = functional.pad(hidden[:-1], (0, 0, 0, 0, 1, 0))
        named = layer.named_parameters()
        self._weights = {name.removeprefix("fused."): value for name, value in named}

    def of_input(self, number: int) -> "Tensor":
        """A gate's share from the input, its bias included."""
        return self._share(number, self._x, "ih")

    def of_state(self, number: int) -> "Tensor":
        """A gate's share from the hidden state before, its bias included."""
        return self._share(number, self._before, "hh")

    def whole(self, number: int) -> "Tensor":
        return self.of_input(number) + self.of_state(number)

    def _share(self, number: int, source: "Tensor", name: str) -> "Tensor":
        rows = slice(number * self._units, (number + 1) * self._units)
        weight, bias = self._weights[f"weight_{name}_l0"], self._weights[f"bias_{name}_l0"]
        return source @ weight[rows].T + bias[rows]
