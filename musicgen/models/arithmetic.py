"""How numbers are multiplied on a GPU: in true fp32, or in less where training asks for it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

FP32, TF32 = "ieee", "tf32"
"""PyTorch's names for what a product makes of fp32 factors: all of their bits, or 10 of the 23
after the point. cuDNN's recurrent layers take TF32 unless told otherwise."""


@contextmanager
def products(kind: str) -> Iterator[None]:
    """FP32 or TF32 within, in cuBLAS's products and cuDNN's recurrent layers.

    It is looked at when a product is launched, and those of the gradient are launched by
    `backward`. Elsewhere than on an NVIDIA GPU it changes nothing.
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
    """Within, no operation on this device casts what it is given."""
    if not torch.amp.autocast_mode.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """True fp32 within: neither autocast nor TF32."""
    with without_autocast(device), products(FP32):
        yield


def widest(device: torch.device) -> torch.dtype:
    """The type for long sums: fp64, which Apple's GPUs lack."""
    return torch.float32 if device.type == "mps" else torch.float64
