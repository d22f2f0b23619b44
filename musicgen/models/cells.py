"""Recurrent layers by name. A new cell is one class here and one file in conf/model/.

A cell is a module built as `Cell(inputs, hidden)` whose forward takes (time, batch, inputs) and
a state or None, and gives (time, batch, hidden) and the state after the last character. A state
is a tuple of tensors of shape (batch, hidden). PyTorch's fused kernels do the work: on a CPU,
oneDNN's LSTM is 3 to 10 times faster than a loop over time steps in Python. PyTorch's GRU is such
a loop there, and training has a faster one in `gru`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from musicgen.models import gru

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


class RNN(nn.Module):
    """Elman (1990), tanh. State: (h,)."""

    kernel: type[nn.GRU] | type[nn.RNN] = nn.RNN

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fused = self.kernel(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        out, h = self.fused(x, None if state is None else state[0].unsqueeze(0))
        return out, (h[0],)


class GRU(RNN):
    """Cho et al. (2014). State: (h,)."""

    kernel = nn.GRU

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        if x.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(x, state)
        w_ih, w_hh, b_ih, b_hh = self.fused.parameters()
        n = self.fused.hidden_size
        inputs = functional.linear(x, w_ih, b_ih + functional.pad(b_hh[: 2 * n], (0, n)))
        before = w_hh.new_zeros(x.shape[1], n) if state is None else state[0]
        weights, bias = w_hh.to(inputs.dtype), b_hh[2 * n :].to(inputs.dtype)
        out, h = gru.steps(inputs, weights, bias, before)
        return out, (h,)


CELLS: dict[str, type[nn.Module]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
