"""The layers of our cells: (time, batch, inputs) and a state in, (time, batch, hidden) and one out.

A state is a tuple of tensors of shape (batch, hidden). PyTorch's fused kernels do the work: on a
CPU, oneDNN's LSTM is 3 to 10 times faster than a loop over time steps in Python. PyTorch's GRU is
such a loop there, and training has a faster one in `gru`. On a GPU they are cuDNN's; see `run`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from musicgen.models import gru
from musicgen.models.arithmetic import without_autocast

State = tuple[Tensor, ...]


def run(kernel: nn.RNNBase, x: Tensor, state: State | None) -> Any:
    """What PyTorch's kernel makes of input and state; on a GPU outside autocast.

    Autocast casts input, weights and state of cuDNN's recurrent layers to fp16, whichever type it
    was asked for (ATen/cudnn/AutocastRNN.cpp of PyTorch). Without the scaling of the loss that
    goes with fp16, most of the gradient at the state is subnormal there. So the layer computes in
    the type of its weights, and `arithmetic.products` says how exactly.
    """
    layers = None if state is None else [part.unsqueeze(0) for part in state]
    if on_cpu(x):
        return kernel(x, _given(layers))
    kind = next(kernel.parameters()).dtype
    with without_autocast(x.device):
        return kernel(x.to(kind), _given(layers and [part.to(kind) for part in layers]))


def on_cpu(x: Tensor) -> bool:
    """Whether autocast does what it says for recurrent layers over x."""
    return x.device.type == "cpu"


def _given(layers: list[Tensor] | None) -> Any:
    """The state as PyTorch's kernels take it: a pair, or a tensor where there is one part."""
    if layers is None:
        return None
    return tuple(layers) if len(layers) > 1 else layers[0]


class LSTM(nn.Module):
    """Hochreiter and Schmidhuber (1997), with forget gates. State: (h, c)."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fused = nn.LSTM(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        out, (h, c) = run(self.fused, x, state)
        return out, (h[0], c[0])


class RNN(nn.Module):
    """Elman (1990), tanh. State: (h,)."""

    kernel: type[nn.GRU] | type[nn.RNN] = nn.RNN

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fused = self.kernel(inputs, hidden)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        out, h = run(self.fused, x, state)
        return out, (h[0],)


class GRU(RNN):
    """Cho et al. (2014). State: (h,)."""

    kernel = nn.GRU

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        if not on_cpu(x) or not torch.is_grad_enabled():
            return super().forward(x, state)
        w_ih, w_hh, b_ih, b_hh = self.fused.parameters()
        n = self.fused.hidden_size
        inputs = functional.linear(x, w_ih, b_ih + functional.pad(b_hh[: 2 * n], (0, n)))
        before = w_hh.new_zeros(x.shape[1], n) if state is None else state[0]
        weights, bias = w_hh.to(inputs.dtype), b_hh[2 * n :].to(inputs.dtype)
        out, h = gru.steps(inputs, weights, bias, before)
        return out, (h,)
