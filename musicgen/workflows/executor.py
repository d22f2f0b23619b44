"""The executor of a sweep, made as its configuration says."""

import logging
import os
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from typing import Any, Protocol

from musicgen.config.keys import RayConfig, TrainConfig
from musicgen.errors import InputError, Remedy, SettingError
from musicgen.sweep.executor import Executor
from musicgen.sweep.local import GPU, LocalExecutor, slots
from musicgen.system import gpus
from musicgen.system.paths import PACKAGE

NEEDS_GPU = "trainer.accelerator=gpu needs a GPU, got none"
ON_GPU = dict([gpus.WORKSPACE, gpus.WITHOUT_CUDA])
"""Environment variables of a worker that may use a GPU, and of its parent process. They must be set
before CUDA or PyTorch starts."""
Accelerator = Callable[[Mapping[str, Any]], str]
"""Returns trainer.accelerator of a trial with these params."""
log = logging.getLogger(__name__)


class Place(Protocol):
    """The place where trials run; the keys `sweep.*` explain each attribute."""

    executor: str
    workers: str
    trials_per_gpu: int
    ray: RayConfig


def make_executor(
    config: TrainConfig,
    accelerators: Collection[str] | None = None,
    accelerator: Accelerator | None = None,
) -> Executor:
    """The executor that sweep.executor names, connected if it uses other machines.

    accelerators: the accelerators of all trials. accelerator: returns that of one trial. Both
    default to that of `config`. Raises InputError for workers that are not available.
    """
    one = config.trainer.accelerator
    return executor_at(config.sweep, accelerators or {one}, accelerator or (lambda params: one))


def executor_at(place: Place, accelerators: Collection[str], accelerator: Accelerator) -> Executor:
    """The executor of a place. Raises InputError for workers that are not available."""
    workers = _workers(place.workers)
    if place.executor == "ray":
        return _ray(place, workers, accelerators)
    return _local(place, workers, accelerators, accelerator)


def _local(
    place: Place,
    workers: int | str,
    accelerators: Collection[str],
    accelerator: Accelerator,
) -> Executor:
    found = _found(accelerators)
    if "gpu" in accelerators and not (found.names or found.apple):
        reason = f" ({found.why})" if found.why else ""
        raise InputError(f"{NEEDS_GPU} on this machine{reason}", Remedy.NO_GPU)
    shared = place.trials_per_gpu
    if found.apple and not found.names and accelerators == {"gpu"}:
        workers = shared if workers == "auto" else workers  # there is one GPU without a name
    environments = slots(
        workers, gpus=found.names, trials_per_gpu=shared, cpus_too="cpu" in accelerators
    )
    if found.names:
        environments = [{**environment, **ON_GPU} for environment in environments]
    kinds = {bool(environment.get(GPU)) for environment in environments}

    def fits(params: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
        return len(kinds) == 1 or (accelerator(params) != "cpu") == bool(environment[GPU])

    return LocalExecutor(environments, fits=fits)


def _found(accelerators: Collection[str]) -> gpus.Gpus:
    """The GPUs of this machine, if any trial may use one; looking for them takes seconds."""
    if "gpu" in accelerators or ("auto" in accelerators and gpus.likely()):
        found = gpus.find()
        if found.why and "gpu" not in accelerators:
            log.warning("no GPU is used: %s", found.why)
        return found
    return gpus.Gpus()


def _ray(place: Place, workers: int | str, accelerators: Collection[str]) -> Executor:
    if find_spec("ray") is None:
        raise SettingError(
            "executor=ray needs Ray, which is not installed; pip install -e '.[ray]' in the clone, "
            "or take executor=local"
        )
    from musicgen.sweep.cluster import Cluster
    from musicgen.sweep.ray import RayExecutor

    asked = place.ray
    # An existing cluster has counted its own GPUs.
    ours = asked.address is None and "RAY_ADDRESS" not in os.environ
    found = _found(accelerators) if ours else gpus.Gpus()
    count = len(found.names) if ours else None
    cluster = Cluster(asked.address, packages=[PACKAGE], gpus=count)
    if "gpu" in accelerators and not cluster.gpus:
        reason = f" ({found.why})" if found.why else ""
        raise InputError(f"{NEEDS_GPU} in the cluster{reason}", Remedy.NO_GPU)
    num_gpus = asked.num_gpus
    if num_gpus is None:
        wanted = set(accelerators) != {"cpu"} and cluster.gpus
        num_gpus = 1 / place.trials_per_gpu if wanted else 0.0
    environment = ON_GPU if num_gpus else {}
    return RayExecutor(
        cluster, workers, num_cpus=asked.num_cpus, num_gpus=num_gpus, environment=environment
    )


def _workers(text: str) -> int | str:
    """The value of sweep.workers. Raises InputError if it is neither auto nor at least 1."""
    if text == "auto":
        return text
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise SettingError(f"workers must be auto or at least 1, got {text}")
    return count
