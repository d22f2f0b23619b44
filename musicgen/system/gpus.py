"""The GPUs that trainings on this machine can use, found without PyTorch in this process.

PyTorch is asked in a process of its own. What nvidia-smi lists is something else: a build of
PyTorch for CPUs, a driver too old for it, CUDA_VISIBLE_DEVICES=-1 and slices of a GPU (MIG) all
make fewer of them. A process that forks workers must not have asked CUDA itself.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that says which GPUs a process may use. After the first name that is none, those
that follow don't count (CUDA's own rule)."""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
"""A variable and its value: with it cuBLAS gives the same bits each time. To be set before CUDA
starts in a process."""
WITHOUT_CUDA = "PYTORCH_NVML_BASED_CUDA_CHECK", "1"
"""With it PyTorch finds out whether there is a GPU without starting CUDA, which no fork of the
process could use then."""
PATIENCE_S = 120.0

_SIGNS = ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/dxg", "/dev/kfd")
"""Of NVIDIA's driver, of its small boards, of Windows' GPUs in Linux, of AMD's driver."""
_QUESTION = """
import json, warnings
with warnings.catch_warnings(record=True) as told:
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
        said = [str(warning.message) for warning in told]
        why = "this build of PyTorch is for CPUs" if of_cpu else " ".join(said[-1:])
    apple = bool(torch.backends.mps.is_available())
    why = why.strip().splitlines()[0] if why.strip() else ""
    print(json.dumps({"count": count, "apple": apple, "why": why, "torch": torch.__version__}))
"""


@dataclass(frozen=True)
class Gpus:
    """What there is."""

    names: tuple[str, ...] = ()
    """As VISIBLE takes them, in CUDA's order."""
    apple: bool = False
    """One of Apple's is there, which has no name and is not shared out."""
    why: str = ""
    """The reason, where there is none and one is known."""


def find() -> Gpus:
    """Ask PyTorch; takes as long as it takes to import, seconds."""
    # This process's module search path: the other one imports what we would import.
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
    """Whether it is worth the seconds to ask: some driver of a GPU is there."""
    return any(Path(sign).exists() for sign in _SIGNS) or shutil.which("nvidia-smi") is not None


def _names(count: int) -> tuple[str, ...]:
    """Of the first `count` that VISIBLE names, if it is set: those are the ones that count."""
    visible = os.environ.get(VISIBLE)
    names = map(str, range(count)) if visible is None else visible.split(",")
    return tuple(name.strip() for name in names)[:count]
