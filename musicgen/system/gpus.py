"""The GPUs that trainings on this machine can use, found without PyTorch in this process.

Another process imports PyTorch and counts. The output of nvidia-smi would not do: a build of
PyTorch for CPUs, a driver too old for it, CUDA_VISIBLE_DEVICES=-1 and slices of a GPU (MIG) all
change the number. A process that forks workers must not start CUDA itself.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that says which GPUs a process may use. CUDA ignores every name after the first
invalid one."""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
"""A variable and its value that make cuBLAS deterministic. They must be set before CUDA starts in a
process."""
WITHOUT_CUDA = "PYTORCH_NVML_BASED_CUDA_CHECK", "1"
"""A variable and its value with which PyTorch looks for a GPU without starting CUDA. A process
whose CUDA has started cannot fork workers that use CUDA."""
PATIENCE_S = 120.0

_SIGNS = ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/dxg", "/dev/kfd")
"""Devices of NVIDIA's driver, of NVIDIA's small boards, of Windows' GPUs in Linux, of AMD's driver.
"""
_QUESTION = """
import json, warnings
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    import torch
    count, why = 0, ""
    try:
        if torch.cuda.is_available():
            torch.cuda.init()  # from here on PyTorch counts what CUDA has, not what NVML lists
            count = torch.cuda.device_count()
    except Exception as error:
        why = str(error)
    if not count and not why:
        of_cpu = not (torch.version.cuda or getattr(torch.version, "hip", None))
        said = [str(warning.message) for warning in warned]
        why = "this build of PyTorch is for CPUs" if of_cpu else " ".join(said[-1:])
    apple = bool(torch.backends.mps.is_available())
    why = why.strip().splitlines()[0] if why.strip() else ""
    print(json.dumps({"count": count, "apple": apple, "why": why, "torch": torch.__version__}))
"""


@dataclass(frozen=True)
class Gpus:
    """The GPUs of this machine."""

    names: tuple[str, ...] = ()
    """Names as VISIBLE takes them, in CUDA's order."""
    apple: bool = False
    """Whether the machine has an Apple GPU, which has no name and is not shared between trials."""
    why: str = ""
    """Why there is no GPU, if there is none and the reason is known."""


def find() -> Gpus:
    """Ask PyTorch in another process; takes some seconds, the time of its import."""
    # The other process has this one's module search path, so both import the same packages.
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop(WITHOUT_CUDA[0], None)
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-c", _QUESTION],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        found = json.loads(asked.stdout.splitlines()[-1])
        return Gpus(_names(int(found["count"])), bool(found["apple"]), str(found["why"]))
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        return Gpus(why=f"PyTorch could not be asked: {last}")
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError) as error:
        return Gpus(why=f"PyTorch could not be asked: {type(error).__name__}")


def likely() -> bool:
    """Whether there is a driver of a GPU, so that `find` is worth its seconds."""
    return any(Path(sign).exists() for sign in _SIGNS) or shutil.which("nvidia-smi") is not None


def _names(count: int) -> tuple[str, ...]:
    """Names of the first `count` GPUs that VISIBLE lists, if it is set."""
    visible = os.environ.get(VISIBLE)
    names = map(str, range(count)) if visible is None else visible.split(",")
    return tuple(name.strip() for name in names)[:count]
