"""Trials that do to a GPU what goes wrong on one; workers import them."""

import os
import time
from collections.abc import Mapping
from typing import Any

from musicgen.sweep.trial import Trial


class _Ready:
    """What workers are forks of has PyTorch in it, as with a training."""

    def prepare(self) -> None:
        import torch  # noqa: F401


class Breaks(_Ready):
    """The first of three trials reads behind the end of a tensor: its CUDA context is lost."""

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        import torch

        index = 1000 if trial.params["x"] == 1 else 1
        table = torch.zeros(10, 3, device="cuda")
        value = float(
            torch.nn.functional.embedding(torch.tensor([index], device="cuda"), table).sum()
        )
        return {"status": "completed", "loss": value, "pid": os.getpid()}


class Crowds(_Ready):
    """Two trials, each of which needs more than half of the GPU's memory for two seconds."""

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        import torch

        (trial.folder / "attempts").open("a").write("x")
        begun = trial.folder.parent / f"begun {trial.params['x']}"
        begun.touch()
        # Both try at the same time at first, so that the second one finds too little.
        deadline = time.monotonic() + 20
        while len(list(trial.folder.parent.glob("begun *"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        total = torch.cuda.get_device_properties(0).total_memory
        most = torch.empty(int(0.6 * total), dtype=torch.uint8, device="cuda")
        time.sleep(2)
        del most
        torch.cuda.empty_cache()
        return {"status": "completed", "loss": float(trial.params["x"])}


class Greedy(_Ready):
    """Needs more than there is."""

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        import torch

        (trial.folder / "attempts").open("a").write("x")
        if trial.params["x"] == 1:
            torch.empty(10**13, dtype=torch.uint8, device="cuda")
        return {"status": "completed", "loss": 1.0}


class StartsCuda:
    """Its prepare() does what it must not."""

    def prepare(self) -> None:
        import torch

        torch.cuda.init()

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        return {"status": "completed", "loss": 1.0}


class OpensCuda(StartsCuda):
    """The same without PyTorch's knowledge."""

    def prepare(self) -> None:
        import ctypes

        ctypes.CDLL("libcuda.so.1").cuInit(0)


class Counts(_Ready):
    """Its prepare() asks whether there is a GPU, as Lightning does, with which nothing is lost."""

    def prepare(self) -> None:
        import torch

        assert torch.cuda.is_available()

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        import torch

        return {"status": "completed", "loss": float(torch.ones(3, device="cuda").sum())}
