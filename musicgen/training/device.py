"""What the machine offers: where to train and in which precision."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from musicgen.errors import InputError
from musicgen.keys import TrainerConfig

LIGHTNING: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}


def choose(config: TrainerConfig) -> tuple[torch.device, str]:
    """The device, and `fp32` or `bf16`. Raises InputError for a GPU where none is.

    bf16 (autocast: weights stay fp32) where the processor multiplies it in hardware; elsewhere
    it would be emulated, and slower than fp32.
    """
    gpu = torch.cuda.is_available()
    if config.accelerator == "gpu" and not gpu:
        raise InputError(
            "trainer.accelerator=gpu needs a GPU that PyTorch can use, got none; "
            "use trainer=cpu or trainer=auto"
        )
    device = torch.device("cuda" if gpu and config.accelerator != "cpu" else "cpu")
    if config.precision != "auto":
        return device, config.precision
    return device, "bf16" if _has_bf16(device) else "fp32"


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def threads(config: TrainerConfig) -> int:
    """Threads for the CPU's work: what was asked, else all cores but one, four at most.

    PyTorch's own choice, one for each core, collapses as soon as anything else runs: its threads
    spin while they wait for each other, and 330 thousand characters per second on two idle cores
    became 11 thousand on two busy ones (one thread: 200 thousand on both). More than a few gain
    nothing: the matrices are small.
    """
    return config.threads or max(1, min(4, cores() - 1))


def cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def name(device: torch.device) -> str:
    """What stands in result.json: `cpu`, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def machine() -> str:
    """The processor and how many of its cores there are to use: `AMD EPYC, 2 cores`."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        processor = next(names, "")
    except OSError:  # not Linux
        processor = platform.processor()
    count = cores()
    return f"{processor or platform.machine()}, {count} core{'s' if count > 1 else ''}"
