"""Dropout whose random numbers are cheap on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Dropout(nn.Module):
    """Sets a share p of its input to zero while training, and scales the rest to keep the mean.

    On a CPU PyTorch's dropout draws each number separately, which takes an eighth of the training
    time of a 150-unit LSTM. Here four numbers share one draw. p is rounded to a multiple of 2^-16;
    the scale uses the rounded p.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.dropped = min(round(p * 2**16), 2**16 - 1)
        self.scale = 2**16 / (2**16 - self.dropped)

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape and floating type; returns the same."""
        if not self.training or self.dropped == 0:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.p)
        draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), 2**63 - 1)
        quarters = draws.view(torch.int16)[: x.numel()].view(x.shape)
        return x * ((quarters >= self.dropped - 2**15).to(x.dtype) * self.scale)
