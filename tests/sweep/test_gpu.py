"""What a sweep's workers do about GPUs, with stubs of what is on one."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from musicgen.errors import RunError
from musicgen.sweep import fork_server
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Ended
from musicgen.sweep.local import LocalExecutor, slots
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Int
from musicgen.sweep.trial import Job, untrainable
from tests.sweep import objectives
from tests.tunes import ROOT


def on_gpus(*names: str) -> list[dict[str, str]]:
    return [{"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": name} for name in names]


def jobs(folder: Path, count: int) -> list[Job]:
    made = []
    for number in range(count):
        (folder / str(number)).mkdir()
        params = {"x": number, "others": count - 1}
        made.append(Job(number, 0, seed=0, params=params, folder=folder / str(number)))
    return made


def test_out_of_memory_beside_others_is_tried_again_alone(tmp_path: Path) -> None:
    """Each of four trials on a GPU fails for memory unless it is by itself there."""
    executor = LocalExecutor(on_gpus("0", "0", "0", "0"))
    plan = Plan({"x": Int(0, 3)})
    rows = Driver(plan, objectives.needs_it_all, executor, tmp_path).run().rows
    assert {row["status"] for row in rows} == {"completed"}
    attempts = [len((tmp_path / str(n) / "attempts").read_text()) for n in range(4)]
    assert max(attempts) == 2
    assert all("error" not in row and "out_of_memory" not in row for row in rows)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (objectives.NO_MEMORY, "OutOfMemoryError: CUDA out of memory. Tried to allocate 20 TiB"),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
            "out of memory: RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling "
            "cublasCreate",
        ),
    ],
    ids=["torch", "cublas"],
)
def test_out_of_memory_alone_is_a_failure(tmp_path: Path, error: Exception, said: str) -> None:
    """Of a kind that searches learn from, whatever the library's words."""
    executor = LocalExecutor(on_gpus("0", "0"))
    objective = partial(objectives.too_large, error=error)
    rows = Driver(Plan({"x": Int(0, 2)}), objective, executor, tmp_path).run().rows
    by_x = {row["x"]: row for row in rows}
    assert [by_x[x]["status"] for x in range(3)] == ["completed", "failed", "completed"]
    assert by_x[1]["error"] == said
    assert untrainable(by_x[1])
    assert (tmp_path / "1" / "attempts").read_text() == "xx"


@pytest.mark.parametrize("names", [("0", "1"), ("", "")])
def test_out_of_memory_is_final_where_no_gpu_is_shared(
    names: tuple[str, str], tmp_path: Path
) -> None:
    executor = LocalExecutor(on_gpus(*names))
    rows = Driver(Plan({"x": Int(0, 2)}), objectives.too_large, executor, tmp_path).run().rows
    assert sorted(row["status"] for row in rows) == ["completed", "completed", "failed"]
    assert (tmp_path / "1" / "attempts").read_text() == "x"


def test_many_trials_may_fail_at_once(tmp_path: Path) -> None:
    """Each leaves its worker for good, and none of these counts as one that did not start."""
    executor = LocalExecutor(on_gpus(*[""] * 6))
    plan = Plan({"x": Int(1, 24)}, max_failures_in_a_row=None)
    with pytest.raises(RunError, match="none of 24 configurations completed, the last one: Value"):
        Driver(plan, objectives.fails, executor, tmp_path).run()


def test_nothing_else_begins_on_a_gpu_that_a_trial_needs_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = LocalExecutor(on_gpus("0", "0", "1", "1"))
    executor.start(objectives.nothing, tmp_path)
    begun: list[tuple[int, int]] = []
    monkeypatch.setattr(executor, "_begin", lambda job, slot: begun.append((job.number, slot)))
    idle = {0, 1, 2, 3}
    monkeypatch.setattr(executor, "_idle", lambda: sorted(idle))
    first, second, *rest = jobs(tmp_path, 5)

    idle -= {1}  # another trial runs on GPU 0
    assert executor._wants_it_alone(first, "0")
    executor._hand_out()
    assert begun == []
    assert executor.free == 1  # GPU 1 has two places, and one job waits
    executor.submit(second)
    assert begun == [(1, 2)]  # on the other GPU
    idle -= {2}
    idle |= {1}
    executor._hand_out()
    assert begun[1:] == [(0, 0)]
    idle -= {0}
    executor.submit(rest[0])
    assert begun[2:] == [(2, 3)]
    idle -= {3}
    executor.submit(rest[1])
    assert begun[3:] == []  # place 1 is beside the trial that is to be alone
    assert executor.free == 0
    executor.close()


def test_waiting_trials_end_when_the_sweep_stops(tmp_path: Path) -> None:
    executor = LocalExecutor(on_gpus(""), fits=lambda params, slot: False)
    executor.start(objectives.nothing, tmp_path)
    (job,) = jobs(tmp_path, 1)
    executor.submit(job)
    assert executor.free == 0
    executor.stop()
    assert executor.wait(None) == [Ended(job, {"status": "interrupted"})]
    executor.close()


def test_workers_without_a_gpu_take_the_cores_that_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    def names(*args: object, **kwargs: object) -> list[str]:
        return [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(*args, **kwargs)]  # type: ignore[arg-type]

    assert names(gpus=["0", "1"], cpus_too=True) == ["0", "1", *[""] * 6]
    assert names(gpus=["0"], trials_per_gpu=9, cpus_too=True) == ["0"] * 9 + [""]
    assert names(3, gpus=["0"], cpus_too=True) == ["0"] * 3
    assert all("CUDA_VISIBLE_DEVICES" not in slot for slot in slots(cpus_too=True))


@pytest.mark.parametrize(
    "prepare", [objectives.starts_cuda, objectives.opens_cuda], ids=["pytorch", "driver"]
)
def test_workers_are_not_forked_from_a_process_with_cuda(
    prepare: Callable[..., object], tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="CUDA was started before the workers were forked, so none"):
        Driver(Plan({"x": Int(1, 2)}), prepare, LocalExecutor(on_gpus("0")), tmp_path).run()


def test_this_process_has_no_cuda() -> None:
    assert not fork_server.cuda_begun()


NO_CUDA = """
import re, sys
import torch
calls = []
def refuse(name):
    def call(*args, **kwargs):
        calls.append(name)
        raise AssertionError(name)
    return call
source = open(torch.cuda.__file__).read()
names = set(re.findall(r"torch[.]_C[.](_cuda_\\w+|_cudart\\w*)", source))
for name in names | {"_cuda_getCurrentRawStream"}:
    setattr(torch._C, name, refuse(name))
torch.cuda._is_compiled = lambda: True  # as in a build with CUDA
torch.cuda._device_count_nvml = lambda: 1
torch.cuda._is_in_bad_fork = lambda: False
from musicgen.workflows.trial import TrainingObjective
TrainingObjective({}, ()).prepare()
assert torch.cuda.is_available()  # by NVML, which starts nothing
assert not calls, calls
assert not torch.cuda.is_initialized()
try:
    torch.cuda.init()
except AssertionError as error:
    print("refused", error)
"""


@pytest.mark.slow
def test_what_trainings_are_forked_from_makes_no_call_of_cuda(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    said = subprocess.run(
        [sys.executable, "-c", NO_CUDA], env=environment, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("refused")  # the stub is in the way of real calls
