"""GPUs are counted by asking PyTorch: here a stub of it, in the process that is asked."""

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import torch

from musicgen.config.keys import TrainConfig
from musicgen.errors import InputError, Remedy
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.trial import Job
from musicgen.system import gpus
from musicgen.system.gpus import Gpus, find
from musicgen.workflows import executor
from tests.tunes import composed

STUB = """
import os, warnings
{before}
class version:
    cuda, hip = {cuda!r}, None
__version__ = "2.99"
class cuda:
    started = False
    def is_available():
        # Of what counts GPUs without CUDA, it is not to be asked here.
        assert os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK") != "1"
        {warns}
        return {available}
    def init():
        cuda.started = True
        {init}
    def device_count():
        return {count} if cuda.started else 8
class backends:
    class mps:
        def is_available():
            return {apple}
"""

Stub = Callable[..., None]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Makes a `torch` that a new process finds first."""

    def make(**values: Any) -> None:
        plain = {"before": "", "cuda": "13.0", "warns": "", "available": True, "init": "pass"}
        text = STUB.format(**{**plain, "count": 0, "apple": False, **values})
        (tmp_path / "torch.py").write_text(text)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # As in a driver that has loaded what sets it for itself.
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    return make


@pytest.mark.parametrize(
    ("visible", "count", "names"),
    [
        (None, 2, ("0", "1")),
        ("3,1", 2, ("3", "1")),
        (" 3 , 1", 2, ("3", "1")),
        # What follows the first name that is none does not count, as CUDA has it.
        ("2,0,-1,1", 2, ("2", "0")),
        ("0,99,1", 1, ("0",)),
        ("MIG-12ab,MIG-34cd", 1, ("MIG-12ab",)),
        ("GPU-8932f937,GPU-no-such", 1, ("GPU-8932f937",)),
        (None, 1, ("0",)),  # of a GPU cut into slices without a name given
    ],
)
def test_names_are_those_that_cuda_counts(
    visible: str | None,
    count: int,
    names: tuple[str, ...],
    stub: Stub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    stub(count=count)
    assert find() == Gpus(names)


@pytest.mark.parametrize("visible", ["-1", "none", "NoDevFiles", ""])
def test_nothing_visible_is_no_gpu(
    visible: str, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    stub(available=False)
    assert find() == Gpus()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"cuda": None, "available": False}, "this build of PyTorch is for CPUs"),
        (
            {"available": False, "warns": "warnings.warn('The driver is too old (found 11000)')"},
            "The driver is too old (found 11000)",
        ),
        ({"init": "raise RuntimeError('No CUDA GPUs are available\\nat all')"}, "No CUDA GPUs are"),
        ({"before": "raise ImportError('libcudart.so.13 is missing')"}, "could not be asked: "),
        ({"before": "import os; os._exit(3)"}, "PyTorch could not be asked: exit code 3"),
        ({"before": "import os; os.kill(os.getpid(), 9)"}, "PyTorch could not be asked: exit"),
    ],
)
def test_no_gpu_says_why(values: dict[str, Any], why: str, stub: Stub) -> None:
    stub(**values)
    found = find()
    assert found.names == ()
    assert why in found.why
    assert "\n" not in found.why


def test_apples_gpu_has_no_name(stub: Stub) -> None:
    stub(cuda=None, available=False, apple=True)
    assert (find().names, find().apple) == ((), True)


def test_what_is_asked_prints_does_not_matter(stub: Stub) -> None:
    stub(count=1, before="print('A library says hello')")
    assert find() == Gpus(("0",))


# -- the workers of a sweep


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(64), raising=False)
    monkeypatch.setattr("sys.platform", "linux")


def made(
    monkeypatch: pytest.MonkeyPatch, found: Gpus, asked: Collection[str], *overrides: str
) -> LocalExecutor:
    monkeypatch.setattr(gpus, "find", lambda: found)
    monkeypatch.setattr(gpus, "likely", lambda: True)
    config: TrainConfig = composed(*overrides)

    def accelerator(params: Any) -> str:
        return str(params["trainer.accelerator"])

    made = executor.make_executor(config, set(asked), accelerator)
    assert isinstance(made, LocalExecutor)
    return made


@pytest.mark.usefixtures("cores")
def test_a_gpu_that_pytorch_cannot_use_leaves_all_cores_to_train(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    executor = made(monkeypatch, Gpus(why="this build of PyTorch is for CPUs"), ["auto"])
    assert executor.workers == 64
    assert "no GPU is used: this build of PyTorch is for CPUs" in caplog.text
    with pytest.raises(InputError, match=r"none on this machine \(the driver .* old\)$") as caught:
        made(monkeypatch, Gpus(why="the driver is too old"), ["gpu"])
    assert caught.value.remedy is Remedy.NO_GPU


@pytest.mark.usefixtures("cores")
def test_workers_on_a_gpu_have_what_must_be_there_before_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor = made(monkeypatch, Gpus(("0", "1")), ["gpu"], "sweep.trials_per_gpu=2")
    environments = executor._environments
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments] == ["0", "1", "0", "1"]
    for environment in environments:
        assert environment["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert environment["PYTORCH_NVML_BASED_CUDA_CHECK"] == "1"


def job(number: int, accelerator: str) -> Job:
    params = {"trainer.accelerator": accelerator}
    return Job(number, 0, seed=0, params=params, folder=Path())


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("on_gpu", ["gpu", "auto"])
def test_each_trial_gets_the_worker_it_needs(on_gpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = made(monkeypatch, Gpus(("0", "1")), ["cpu", on_gpu])
    environments = executor._environments
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments] == ["0", "1", *[""] * 62]
    begun: list[tuple[str, str]] = []
    monkeypatch.setattr(
        executor,
        "_begin",
        lambda job, slot: begun.append(
            (job.params["trainer.accelerator"], environments[slot]["CUDA_VISIBLE_DEVICES"])
        ),
    )
    executor.submit(job(0, "cpu"))
    executor.submit(job(1, on_gpu))
    assert begun == [("cpu", ""), (on_gpu, "0")]


@pytest.mark.usefixtures("cores")
def test_so_many_workers_as_were_asked_for_take_any_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor = made(monkeypatch, Gpus(("0",)), ["cpu", "gpu"], "sweep.workers=3")
    assert [e["CUDA_VISIBLE_DEVICES"] for e in executor._environments] == ["0"] * 3
    assert all(executor._slot(job(0, kind)) == 0 for kind in ("cpu", "gpu"))


@pytest.mark.usefixtures("cores")
def test_nobody_is_asked_for_gpus_that_no_trial_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> Gpus:
        raise AssertionError("PyTorch was asked")

    monkeypatch.setattr(gpus, "find", asked)
    assert executor.make_executor(composed("trainer=cpu")).workers == 64
    monkeypatch.setattr(gpus, "likely", lambda: False)
    assert executor.make_executor(composed("trainer=auto")).workers == 64


@pytest.mark.parametrize(
    ("address", "accelerator", "count"),
    [(None, "gpu", 2), (None, "auto", 2), (None, "cpu", 0), ("head:6379", "gpu", None)],
)
def test_a_cluster_that_a_sweep_starts_has_the_gpus_that_pytorch_has(
    address: str | None, accelerator: str, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int | None] = []

    class Cluster:
        gpus = 2.0

        def __init__(self, address: str | None, packages: Any, *, gpus: int | None) -> None:
            made.append(gpus)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(gpus, "find", lambda: Gpus(("0", "1")))
    monkeypatch.setattr(gpus, "likely", lambda: True)
    monkeypatch.setattr("musicgen.sweep.cluster.Cluster", Cluster)
    monkeypatch.setattr("musicgen.sweep.ray.RayExecutor", lambda *args, **kwargs: kwargs)
    overrides = ["sweep.executor=ray", f"trainer.accelerator={accelerator}"]
    overrides += [f"sweep.ray.address={address}"] if address else []
    sizes: Any = executor.make_executor(composed(*overrides))
    assert made == [count]
    assert sizes["num_gpus"] == (0 if accelerator == "cpu" else 1)
    assert sizes["environment"] == ({} if accelerator == "cpu" else executor.ON_GPU)


@pytest.mark.slow
def test_the_question_is_answered_by_the_pytorch_that_is_here() -> None:
    found = find()
    assert len(found.names) == torch.cuda.device_count()
    assert found.names or found.why
