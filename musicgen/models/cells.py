"""Recurrent layers by name. A new cell is one class here and one file in conf/model/.

A cell is a module built as `Cell(inputs, hidden)` whose forward takes (time, batch, inputs) and
a state or None, and gives (time, batch, hidden) and the state after the last character. A state
is a tuple of tensors of shape (batch, hidden). PyTorch's fused kernels do the work: on a CPU,
oneDNN's LSTM is 3 to 10 times faster than a loop over time steps in Python.
"""

from typing import Any

from torch import Tensor, nn

State = tuple[Tensor, ...]


class LSTM(nn.LSTM):
    """Hochreiter and Schmidhuber (1997), with forget gates. State: (h, c)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]
        hx = None if state is None else (state[0].unsqueeze(0), state[1].unsqueeze(0))
        out, (h, c) = super().forward(x, hx)
        return out, (h[0], c[0])


class _Single:
    """Mixed into cells whose state is one tensor."""

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        hx = None if state is None else state[0].unsqueeze(0)
        run: Any = super()
        out, h = run.forward(x, hx)
        return out, (h[0],)


class GRU(_Single, nn.GRU):
    """Cho et al. (2014). State: (h,)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        nn.GRU.__init__(self, inputs, hidden)


class RNN(_Single, nn.RNN):
    """Elman (1990), tanh. State: (h,)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        nn.RNN.__init__(self, inputs, hidden)


CELLS: dict[str, type[nn.Module]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
