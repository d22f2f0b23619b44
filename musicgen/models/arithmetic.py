"""How a GPU multiplies numbers: in true fp32, or in less where training asks for it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

FP32, TF32 = "ieee", "tf32"
"""PyTorch's names for the precision of products of fp32 factors: all bits of the factors, or 10 of
the 23 after the point. cuDNN's recurrent layers use TF32 unless told otherwise."""


@contextmanager
def products(kind: str) -> Iterator[None]:
    """Within the block, cuBLAS's products and cuDNN's recurrent layers compute in FP32 or in TF32.

    The setting counts when a product is launched; `backward` launches those of the gradient. It has
    an effect on NVIDIA GPUs only.
    """
    settings: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.rnn]
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = kind
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Within the block, no operation on this device casts its inputs."""
    if not torch.amp.autocast_mode.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Within the block, true fp32: neither autocast nor TF32."""
    with without_autocast(device), products(FP32):
        yield


def widest(device: torch.device) -> torch.dtype:
    """The type for long sums: fp64, or fp32 on Apple's GPUs, which lack fp64."""
    return torch.float32 if device.type == "mps" else torch.float64
