"""Where a sweep trains: its executor, as the configuration asks for it."""

import os
import shutil
import subprocess
from importlib.util import find_spec

from musicgen.errors import InputError
from musicgen.keys import TrainConfig
from musicgen.paths import PACKAGE
from musicgen.sweep.executor import Executor
from musicgen.sweep.local import LocalExecutor, slots

NO_GPU = "trainer.accelerator=gpu needs a GPU, got none {where}; use trainer=cpu"


def make_executor(config: TrainConfig) -> Executor:
    """The executor of sweep.executor, connected if it is on other machines.

    Raises InputError for workers that can't be had.
    """
    workers = _workers(config.sweep.workers)
    return _ray(config, workers) if config.sweep.executor == "ray" else _local(config, workers)


def _local(config: TrainConfig, workers: int | str) -> Executor:
    gpus = [] if config.trainer.accelerator == "cpu" else _gpus()
    if config.trainer.accelerator == "gpu" and not gpus:
        raise InputError(NO_GPU.format(where="on this machine"))
    return LocalExecutor(slots(workers, gpus=gpus, trials_per_gpu=config.sweep.trials_per_gpu))


def _ray(config: TrainConfig, workers: int | str) -> Executor:
    if find_spec("ray") is None:
        raise InputError(
            "sweep.executor=ray needs Ray, which is not installed; pip install -e '.[ray]' in the "
            "clone, or take sweep.executor=local"
        )
    from musicgen.sweep.cluster import Cluster
    from musicgen.sweep.ray import RayExecutor

    asked, accelerator = config.sweep.ray, config.trainer.accelerator
    cluster = Cluster(asked.address, packages=[PACKAGE])
    if accelerator == "gpu" and not cluster.gpus:
        raise InputError(NO_GPU.format(where="in the cluster"))
    num_gpus = asked.num_gpus
    if num_gpus is None:
        wanted = accelerator != "cpu" and cluster.gpus
        num_gpus = 1 / config.sweep.trials_per_gpu if wanted else 0.0
    return RayExecutor(cluster, workers, num_cpus=asked.num_cpus, num_gpus=num_gpus)


def _workers(text: str) -> int | str:
    """Raises InputError."""
    if text == "auto":
        return text
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise InputError(f"sweep.workers must be auto or at least 1, got {text}")
    return count


def _gpus() -> list[str]:
    """GPUs for this process, by the names that CUDA_VISIBLE_DEVICES takes.

    The driver does without PyTorch, which takes seconds to import.
    """
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in visible.split(",") if name]
    if (program := shutil.which("nvidia-smi")) is None:
        return []
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    return [str(index) for index in range(count)]
