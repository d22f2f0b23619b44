"""What the machine offers: where to train, and in which precision."""

import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from musicgen.config.keys import TrainerConfig
from musicgen.errors import InputError
from musicgen.models import arithmetic
from musicgen.system.gpus import VISIBLE, WORKSPACE, likely

LIGHTNING: dict[str, Any] = {"fp32": "32-true", "tf32": "32-true", "bf16": "bf16-mixed"}
log = logging.getLogger(__name__)

Ability = Callable[[], bool]
UNTRIED = "Apple's GPUs are untried: compare a short run with trainer=cpu"
"""What is said of a training on one."""


def choose(config: TrainerConfig) -> tuple[torch.device, str]:
    """The device, and `fp32`, `tf32` or `bf16`. Raises InputError for what it can't do.

    accelerator=auto takes a GPU that CUDA (or ROCm) finds, and none of Apple's, which are untried.
    """
    device = torch.device(_kind(config.accelerator))
    return device, precision(
        config.precision, device.type, bf16=lambda: _has_bf16(device), tf32=has_tf32
    )


def _kind(accelerator: str) -> str:
    """cpu, cuda or mps. Raises InputError for a GPU where none is that works."""
    if accelerator == "cpu":
        return "cpu"  # CUDA is not even looked for
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
        f"{why and f' ({why})'}; use trainer=cpu or trainer=auto"
    )


def _no_cuda() -> str | None:
    """Why CUDA (or ROCm) can't be used, empty if there is simply none; None if it can.

    It is started to find out: PyTorch's own question may be answered by what counts GPUs (Lightning
    has it so), which knows nothing of a driver that does not fit.
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
    """What trainer.precision comes to on a device of this kind (cpu, cuda, mps).

    bf16, tf32: whether the processor multiplies such numbers in hardware; asked where it matters.
    On a CPU, `auto` is bf16 (autocast: weights stay fp32) where that is not emulated, which would
    be slower than fp32. On a GPU it is fp32: of an LSTM of 150 units cuDNN makes a slice of 32 or
    128 streams no faster in TF32 or bf16 (H200: 3.05 ms in fp32, 3.51 in TF32, 5.37 in bf16).
    Raises InputError for a precision that the device does not have.
    """
    if kind == "mps" and asked in ("tf32", "bf16"):
        raise InputError(
            f"trainer.precision={asked} is not for Apple's GPUs, which train in fp32 here; "
            "use trainer.precision=fp32 or trainer=cpu"
        )
    if asked == "tf32" and not (kind == "cuda" and tf32()):
        raise InputError(
            "trainer.precision=tf32 needs an NVIDIA GPU of the year 2020 or later, got "
            f"{kind}; use trainer.precision=fp32 or auto"
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
    """Whether the GPU that CUDA takes is one of NVIDIA's that multiplies TF32."""
    return torch.version.cuda is not None and torch.cuda.get_device_capability() >= (8, 0)


def products(precision: str) -> str:
    """What `arithmetic.products` is to make of a training step's fp32 factors.

    With bf16 it is TF32: three bits more than bf16 has, and all of fp32's range.
    """
    return arithmetic.FP32 if precision == "fp32" else arithmetic.TF32


def arithmetic_of(kind: str, precision: str, *, tf32: Ability) -> dict[str, str]:
    """What a training step really computes in, for result.json: the recurrent layers, and the
    rest of the network. The type of their state is added by who sees it."""
    recurrent = precision
    if kind != "cpu" and precision == "bf16":
        recurrent = "tf32" if tf32() else "fp32"
    return {"recurrent": recurrent, "rest": precision}


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """Within, a training on the CPU sees no GPU.

    Lightning would start CUDA on it to keep the state of its random numbers: half a gigabyte of
    the GPU for each worker.
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
    """Two trainings within are equal to the last bit, where PyTorch knows how on this device.

    A CPU needs nothing for it. An operation for which a GPU has no such way warns.
    """
    if device.type != "cuda":
        yield
        return
    # Of cuBLAS, which reads it when CUDA starts; its results depend on the size of its workspace.
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
        # It would fill every tensor that is made, to find reads of what was never written.
        filling.fill_uninitialized_memory = False
        try:
            yield
        finally:
            cudnn.deterministic, cudnn.benchmark, filling.fill_uninitialized_memory = before


def threads(config: TrainerConfig) -> int:
    """Threads for the CPU's work: what was asked, else this process' share of the machine
    (OMP_NUM_THREADS, which a sweep gives its workers) or all cores but one, four at most.

    PyTorch's own choice, one for each core, collapses as soon as anything else runs: its threads
    spin while they wait for each other, and 330 thousand characters per second on two idle cores
    became 11 thousand on two busy ones (one thread: 200 thousand on both). More than a few gain
    nothing: the matrices are small.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    return config.threads or max(1, min(4, int(share) if share.isdecimal() else cores() - 1))


def cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def name(device: torch.device) -> str:
    """What stands in result.json: `cpu`, `mps`, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


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
