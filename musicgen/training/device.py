"""Where to train, and in which precision."""

import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from musicgen.config.keys import TrainerConfig
from musicgen.errors import InputError, Remedy
from musicgen.models import arithmetic
from musicgen.system.gpus import VISIBLE, WORKSPACE, likely

LIGHTNING: dict[str, Any] = {"fp32": "32-true", "tf32": "32-true", "bf16": "bf16-mixed"}
log = logging.getLogger(__name__)

Ability = Callable[[], bool]
UNTRIED = "Apple's GPUs are untried: compare a short run with one on the CPU"
"""Warning for a training on an Apple GPU."""


def choose(config: TrainerConfig) -> tuple[torch.device, str]:
    """The device, and `fp32`, `tf32` or `bf16`. Raises InputError for what the machine cannot do.

    accelerator=auto takes a GPU that CUDA (or ROCm) finds, but no Apple GPU: those are untried.
    """
    device = torch.device(_kind(config.accelerator))
    return device, precision(
        config.precision, device.type, bf16=lambda: _has_bf16(device), tf32=has_tf32
    )


def _kind(accelerator: str) -> str:
    """cpu, cuda or mps. Raises InputError if a GPU was asked for and none works."""
    if accelerator == "cpu":
        return "cpu"  # without looking for CUDA
    why = _no_cuda()
    if why is None:
        return "cuda"
    if accelerator == "auto":
        if why and likely():
            log.warning("training on the CPU, as no GPU can be used: %s", why)
        return "cpu"
    if torch.backends.mps.is_available():
        return "mps"
    raise InputError(
        f"trainer.accelerator=gpu needs a GPU that PyTorch {torch.__version__} can use, got none"
        f"{why and f' ({why})'}",
        Remedy.NO_GPU,
    )


def _no_cuda() -> str | None:
    """Why CUDA (or ROCm) cannot be used; empty if there is no such GPU; None if it can be used.

    CUDA is started to find out. PyTorch's own check may use NVML (Lightning sets this), which
    counts GPUs without noticing that the driver does not fit.
    """
    if not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        return "" if built else "this build of PyTorch is for CPUs"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return None


def precision(asked: str, kind: str, *, bf16: Ability, tf32: Ability) -> str:
    """What trainer.precision means on a device of this kind (cpu, cuda, mps).

    bf16, tf32: functions that say whether the processor multiplies such numbers in hardware; called
    where it matters. On a CPU, `auto` is bf16 (autocast: weights stay fp32) where hardware
    multiplies it; emulated bf16 would be slower than fp32. On a GPU `auto` is fp32: cuDNN computes
    a slice of an LSTM of 150 units with 32 or 128 streams no faster in TF32 or bf16 (H200: 3.05 ms
    in fp32, 3.51 in TF32, 5.37 in bf16). Raises InputError for a precision that the device does not
    have.
    """
    if kind == "mps" and asked in ("tf32", "bf16"):
        raise InputError(
            f"trainer.precision={asked} is not for Apple's GPUs, which train in fp32 here; "
            "take fp32, or the CPU"
        )
    if asked == "tf32" and not (kind == "cuda" and tf32()):
        raise InputError(
            "trainer.precision=tf32 needs an NVIDIA GPU of the year 2020 or later, got "
            f"{kind}; take fp32 or auto"
        )
    if asked != "auto":
        return asked
    return "bf16" if kind == "cpu" and bf16() else "fp32"


def _has_bf16(device: torch.device) -> bool:
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def has_tf32() -> bool:
    """Whether CUDA's GPU is an NVIDIA GPU that multiplies TF32."""
    return torch.version.cuda is not None and torch.cuda.get_device_capability() >= (8, 0)


def products(precision: str) -> str:
    """The precision of products of fp32 factors in a training step, for `arithmetic.products`.

    With bf16 it is TF32: three more bits than bf16, and all of fp32's range.
    """
    return arithmetic.FP32 if precision == "fp32" else arithmetic.TF32


def arithmetic_of(kind: str, precision: str, *, tf32: Ability) -> dict[str, str]:
    """What a training step really computes in, for result.json: the recurrent layers, and the rest
    of the network. The training adds the type of their state."""
    recurrent = precision
    if kind != "cpu" and precision == "bf16":
        recurrent = "tf32" if tf32() else "fp32"
    return {"recurrent": recurrent, "rest": precision}


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """Within the block, a training on the CPU sees no GPU.

    Lightning would start CUDA to save the state of its random numbers, which takes half a gigabyte
    of GPU memory for each worker.
    """
    before = os.environ.get(VISIBLE)
    if device.type == "cpu":
        os.environ[VISIBLE] = ""
    try:
        yield
    finally:
        if before is not None:
            os.environ[VISIBLE] = before
        elif device.type == "cpu":
            os.environ.pop(VISIBLE, None)


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Within the block, equal trainings give equal results, bit for bit, where PyTorch can do that
    on this device.

    A CPU needs nothing for it. A GPU operation that has no deterministic version warns.
    """
    if device.type != "cuda":
        yield
        return
    # cuBLAS reads this variable when CUDA starts; its results depend on the size of its workspace.
    os.environ.setdefault(*WORKSPACE)
    cudnn: Any = torch.backends.cudnn
    filling: Any = torch.utils.deterministic
    before = cudnn.deterministic, cudnn.benchmark, filling.fill_uninitialized_memory
    algorithms = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    with ExitStack() as stack:
        stack.callback(torch.use_deterministic_algorithms, algorithms[0], warn_only=algorithms[1])
        torch.use_deterministic_algorithms(True, warn_only=True)
        cudnn.deterministic, cudnn.benchmark = True, False
        # It would fill every new tensor, to detect reads of uninitialized memory.
        filling.fill_uninitialized_memory = False
        try:
            yield
        finally:
            cudnn.deterministic, cudnn.benchmark, filling.fill_uninitialized_memory = before


def threads(config: TrainerConfig) -> int:
    """Threads for work on the CPU: those asked for, else this process' share of the machine
    (OMP_NUM_THREADS, which a sweep gives its workers), else all cores but one, four at most.

    PyTorch's default, one thread per core, collapses beside other work, because its threads spin
    while they wait for each other: 330 thousand characters per second on two idle cores became 11
    thousand on two busy ones (one thread: 200 thousand on both). Threads that sleep instead
    (OMP_WAIT_POLICY=PASSIVE) are half as fast as one on two idle cores. More than a few threads
    gain nothing: the matrices are small.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    return config.threads or max(1, min(4, int(share) if share.isdecimal() else cores() - 1))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def name(device: torch.device) -> str:
    """The device's name in result.json: `cpu`, `mps`, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def machine() -> str:
    """The processor and the number of usable cores, such as `AMD EPYC, 2 cores`."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        processor = next(names, "")
    except OSError:  # not Linux
        processor = platform.processor()
    count = cores()
    return f"{processor or platform.machine()}, {count} core{'s' if count > 1 else ''}"
