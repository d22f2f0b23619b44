"""Recurrent layers by name. A new cell is one class here and one file in conf/model/.

A cell is a module built as `Cell(inputs, hidden)` whose forward takes (time, batch, inputs) and
a state or None, and gives (time, batch, hidden) and the state after the last character. A state
is a tuple of tensors of shape (batch, hidden). PyTorch's fused kernels do the work: on a CPU,
oneDNN's LSTM is 3 to 10 times faster than a loop over time steps in Python.
"""

from torch import Tensor, nn

State = tuple[Tensor, ...]


class LSTM(nn.Module):
    """Hochreiter and Schmidhuber (1997), with forget gates. State: (h, c)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fused = nn.LSTM(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        given = None if state is None else (state[0].unsqueeze(0), state[1].unsqueeze(0))
        out, (h, c) = self.fused(x, given)
        return out, (h[0], c[0])


class GRU(nn.Module):
    """Cho et al. (2014). State: (h,)."""

    kernel: type[nn.GRU] | type[nn.RNN] = nn.GRU

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fused = self.kernel(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        out, h = self.fused(x, None if state is None else state[0].unsqueeze(0))
        return out, (h[0],)


class RNN(GRU):
    """Elman (1990), tanh. State: (h,)."""

    kernel = nn.RNN


CELLS: dict[str, type[nn.Module]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
