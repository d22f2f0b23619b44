"""Objectives for sweeps in tests: small, deterministic, in a module that workers can import."""

import functools
import hashlib
import json
import math
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.sweep.trial import Decision, Trial


def digest(*parts: Any) -> float:
    """A number in [0, 1) that depends on every bit of its arguments."""
    data = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(data[:7]) / 2**56


def nothing(trial: Trial) -> Mapping[str, Any]:
    return {"status": "completed", "loss": digest(sorted(trial.params.items()))}


def steps(
    trial: Trial, *, count: int = 10, pause_s: float = 0.008, hold: str | None = None
) -> Mapping[str, Any]:
    """A training that keeps a checkpoint per step; its result depends on every step.

    hold: a file; as long as it is there, a trial waits after its fifth step to be stopped.
    """
    checkpoint = trial.folder / "state.json"
    state = {"step": 0, "value": digest(sorted(trial.params.items()), trial.seed)}
    if checkpoint.exists():
        state = json.loads(checkpoint.read_text())
    status = "completed"
    while state["step"] < count:
        if trial.should_stop():
            status = "pruned" if trial.decision is Decision.PRUNE else "interrupted"
            break
        time.sleep(pause_s)
        if state["step"] == 5 and hold and Path(hold).exists():
            continue
        state = {"step": state["step"] + 1, "value": digest(state["value"])}
        draft = checkpoint.with_suffix(".draft")
        draft.write_text(json.dumps(state))
        draft.replace(checkpoint)
        trial.report(state["step"], state["value"])
    return {
        "status": status,
        "loss": state["value"],
        "steps": state["step"],
        "pid": os.getpid(),
    }


slow_steps = functools.partial(steps, count=60_000, pause_s=0.01)
"""Ten minutes of it: whatever else a test waits for comes first."""
six_steps = functools.partial(steps, count=6, pause_s=0.03)
few_steps = functools.partial(steps, count=3, pause_s=0.0)


def travels(trial: Trial) -> Mapping[str, Any]:
    """Steps on a node that dies (`two`), on one that joins (`late`), and on others.

    The file `nodes` gets a line for each node that the trial begins on, with the steps it finds.
    Nothing of it depends on time: `two` never ends its trial, and from the eighth on the trials
    of the others wait for `late`.
    """
    node = os.environ.get("SWEEP_NODE", "head")
    checkpoint = trial.folder / "state.json"
    found = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0
    with (trial.folder / "nodes").open("a") as file:
        file.write(f"{node} {found}\n")
    if node == "two":
        steps(trial, count=5)
        time.sleep(600)
    deadline = time.monotonic() + 240
    while trial.number >= 8 and node != "late" and time.monotonic() < deadline:
        if any("late" in path.read_text() for path in trial.folder.parent.glob("*/nodes")):
            break
        time.sleep(0.05)
    return steps(trial, count=10)


def polls(trial: Trial, *, reports: int = 0) -> Mapping[str, Any]:
    """Only asks whether to stop, for ten minutes at most."""
    for step in range(reports):
        trial.report(step, 0.0)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if trial.should_stop():
            return {"status": "interrupted"}
        time.sleep(0.005)
    return {"status": "failed", "error": "nobody stopped it"}


polls_after_one_report = functools.partial(polls, reports=1)


def curve(trial: Trial) -> Mapping[str, Any]:
    """Loss falls to x over 20 steps; the worst values of x can be told after one step."""
    for step in range(1, 21):
        loss = trial.params["x"] + 1 / step
        if trial.report(step, loss) is Decision.PRUNE:
            return {"status": "pruned", "loss": loss, "steps": step}
    return {"status": "completed", "loss": loss, "steps": 20}


def moody(trial: Trial) -> Mapping[str, Any]:
    """Does what the parameter `mood` says."""
    mood = trial.params["mood"]
    attempts = trial.folder / "attempts"
    attempts.write_text(attempts.read_text() + "x" if attempts.exists() else "x")
    if mood == "raises":
        raise ValueError("no good\nat all")
    if mood == "exits":
        raise SystemExit(3)
    if mood == "memory":
        raise MemoryError
    if mood == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "nan":
        return {"status": "completed", "loss": math.nan}
    if mood == "diverges":
        return {"status": "diverged", "error": "loss is nan at step 3"}
    if mood == "forgets":
        return {"status": "completed", "train_loss": 1.0}
    if mood == "odd":
        return {"status": "splendid", "loss": 1.0}
    if mood == "gives up":
        return {"status": "interrupted"}
    if mood == "second time" and attempts.read_text() == "x":
        raise OSError("not yet")
    print("all is well")
    return {"status": "completed", "loss": 0.5, "device": "cpu", "history": [1, 2]}


def seeded(trial: Trial) -> Mapping[str, Any]:
    """x plus a tenth of the seed; fails for x = 2 and pruned by itself for x = 3."""
    x = trial.params["x"]
    if (x, trial.seed) in {(2, 1), (4, 0)}:
        raise RuntimeError("bad luck")
    status = "pruned" if x == 3 else "completed"
    return {"status": status, "loss": x + trial.seed / 10, "epochs": 7, "seed": trial.seed}


def meets(trial: Trial) -> Mapping[str, Any]:
    """Steps; the first seed of the last point begins when the second has, and fails for x = 2."""
    if trial.seed == 0 and trial.params["x"] == trial.params["last"]:
        deadline = time.monotonic() + 240
        while not (trial.folder.parent / "seed1" / "state.json").exists():
            assert time.monotonic() < deadline, "the second seed does not begin"
            time.sleep(0.01)
        assert trial.params["x"] != 2, "bad luck"
    # What is void goes on until it is told, however long its first run takes to fail.
    return steps(trial, count=60_000 if trial.seed and trial.params["x"] == 2 else 3)


def tabled(trial: Trial) -> Mapping[str, Any]:
    """Ends when the sweep's table has a line for it."""
    table = trial.folder.parent / "table.csv"
    deadline = time.monotonic() + 240
    while not (table.exists() and f"\n{trial.number}," in table.read_text()):
        assert time.monotonic() < deadline, "the table is not written"
        time.sleep(0.005)
    return {"status": "completed", "loss": float(trial.number)}


def two_objectives(trial: Trial) -> Mapping[str, Any]:
    x, y = trial.params["x"], trial.params["y"]
    return {"status": "completed", "loss": (x - 1) ** 2 + y, "parameters": x**2 + y}


def stubborn(trial: Trial) -> Mapping[str, Any]:
    """Says that it has begun, then holds the interpreter's lock in native code."""
    (trial.folder / "pid").write_text(str(os.getpid()))
    return {"status": "completed", "loss": float(sum(range(10**11)))}


def growing(trial: Trial) -> Mapping[str, Any]:
    """Leaves a cycle that holds 4 MB behind, as trainers do."""
    ring: list[Any] = [bytearray(4_000_000)]
    ring.append(ring)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"status": "completed", "loss": 0.0, "mb": pages * 4096 / 1e6, "pid": os.getpid()}


def environment(trial: Trial) -> Mapping[str, Any]:
    return {
        "status": "completed",
        "loss": 0.0,
        "threads": os.environ["OMP_NUM_THREADS"],
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "pid": os.getpid(),
        "optuna": "optuna" in __import__("sys").modules,
    }


def waits(trial: Trial) -> Mapping[str, Any]:
    """Says which process it is a fork of; the first one never ends, and the others do at once."""
    (trial.folder / "fork_server").write_text(f"{os.getppid()}\n")
    if trial.number == 0:
        time.sleep(600)
    return {"status": "completed", "loss": 0.0}


def cliff(trial: Trial) -> Mapping[str, Any]:
    """Lower for a larger x, but above 0.5 it diverges, or there is no memory."""
    x = trial.params["x"]
    if x > 0.5 and trial.params.get("fails"):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    return {"status": "diverged" if x > 0.5 else "completed", "loss": 1 - x}


def descent(trial: Trial, *, count: int = 9) -> Mapping[str, Any]:
    """Loss falls to x over some steps, the last of which is told as such."""
    for step in range(1, count + 1):
        loss = trial.params["x"] + 1 / step
        if trial.report(step, loss, last=step == count) is Decision.PRUNE:
            return {"status": "pruned", "loss": loss, "steps": step}
    return {"status": "completed", "loss": loss, "steps": count}


_broken = False


def breaks(trial: Trial) -> Mapping[str, Any]:
    """The second point breaks its process for good, as a CUDA error does."""
    global _broken
    _broken |= trial.params["x"] == 2
    if _broken:
        raise RuntimeError("CUDA error: device-side assert triggered")
    return {"status": "completed", "loss": float(trial.params["x"]), "pid": os.getpid()}


def fragile(trial: Trial) -> Mapping[str, Any]:
    """Fails as long as there is the file `disk full` in the sweep's folder."""
    sweep = trial.folder.parent
    if (sweep / "disk full").exists() or (sweep.parent / "disk full").exists():
        raise OSError("[Errno 28] No space left on device")
    return {"status": "completed", "loss": float(trial.params["x"]), "seed": trial.seed}


def fails(trial: Trial) -> Mapping[str, Any]:
    raise ValueError(f"no {trial.number}")


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


def _attempts(trial: Trial) -> int:
    path = trial.folder / "attempts"
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    return len(path.read_text())


def needs_it_all(trial: Trial) -> Mapping[str, Any]:
    """Fails for memory at first, when all four are there; later only if it is not alone.

    Not alone it is beside another trial, and beside a process that failed and is not gone yet.
    """
    top = trial.folder.parent
    if _attempts(trial) == 1:
        (trial.folder / "failed").write_text(str(os.getpid()))
        deadline = time.monotonic() + 240
        while len(list(top.glob("*/attempts"))) < 4:
            assert time.monotonic() < deadline, "the others don't begin"
            time.sleep(0.005)
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
    for failed in top.glob("*/failed"):
        with suppress(ProcessLookupError):
            os.kill(int(failed.read_text()), 0)
            raise OutOfMemoryError("CUDA out of memory: a process that failed is still there")
    taken = top / "taken"
    taken.touch(exist_ok=False)
    time.sleep(0.1)
    taken.unlink()
    return {"status": "completed", "loss": float(trial.params["x"])}


NO_MEMORY = OutOfMemoryError("CUDA out of memory. Tried to allocate 20 TiB\nof memory")


def too_large(trial: Trial, *, error: Exception = NO_MEMORY) -> Mapping[str, Any]:
    _attempts(trial)
    if trial.params["x"] == 1:
        raise error
    return {"status": "completed", "loss": 0.0}


class _StartsCuda:
    """Its prepare() leaves PyTorch's sign of a CUDA that has begun, or the driver's."""

    def __init__(self, by_pytorch: bool) -> None:
        self.by_pytorch = by_pytorch

    def prepare(self) -> None:
        import sys
        import types

        if self.by_pytorch:
            cuda = types.ModuleType("torch.cuda")
            cuda.is_initialized = lambda: True  # type: ignore[attr-defined]
            sys.modules["torch.cuda"] = cuda
        else:
            readlink = os.readlink

            def uvm(path: Any, **kwargs: Any) -> Any:
                return "/dev/nvidia-uvm" if "/fd/" in str(path) else readlink(path, **kwargs)

            os.readlink = uvm

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        return {"status": "completed", "loss": 0.0}


starts_cuda, opens_cuda = _StartsCuda(True), _StartsCuda(False)


class Climber:
    """Steps with a checkpoint each, at which it can pause; reports the value after each.

    The file `starts` of a trial gets a line for each time that a worker begins with it: the steps
    that it finds done.
    """

    pauses = True

    def __init__(self, count: int = 9, pause_s: float = 0.0) -> None:
        self.count, self.pause_s = count, pause_s

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        checkpoint = trial.folder / "state.json"
        state = {"step": 0, "value": self.values(trial.params, 0)[-1]}
        if checkpoint.exists():
            state = json.loads(checkpoint.read_text())
        with (trial.folder / "starts").open("a") as file:
            file.write(f"{state['step']}\n")
        if state["step"]:
            self.told(trial, state)  # the report may have been lost
        while state["step"] < self.count and not trial.should_stop():
            time.sleep(self.pause_s)
            state = {"step": state["step"] + 1, "value": self._next(state["value"])}
            draft = checkpoint.with_suffix(".draft")
            draft.write_text(json.dumps(state))
            draft.replace(checkpoint)
            self.told(trial, state)
        ends = {Decision.PRUNE: "pruned", Decision.PAUSE: "paused", Decision.STOP: "interrupted"}
        status = "completed" if state["step"] == self.count else ends[trial.decision]
        return {"status": status, "loss": state["value"], "steps": state["step"]}

    def told(self, trial: Trial, state: Mapping[str, Any]) -> None:
        trial.report(state["step"], state["value"], last=state["step"] == self.count)

    @classmethod
    def values(cls, params: Mapping[str, Any], steps: int) -> list[float]:
        """The values before the first step and after each."""
        found = [digest(sorted(params.items()))]
        for _ in range(steps):
            found.append(cls._next(found[-1]))
        return found

    @staticmethod
    def _next(value: float) -> float:
        return value * 0.9 + digest(value) * 0.01


class _Roamer(Climber):
    """A climber whose file `nodes` gets a line for each node that it begins on, with the steps it
    finds. From the eighth on the trials wait for the node `late`."""

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        node = os.environ.get("SWEEP_NODE", "head")
        checkpoint = trial.folder / "state.json"
        found = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0
        with (trial.folder / "nodes").open("a") as file:
            file.write(f"{node} {found}\n")
        deadline = time.monotonic() + 240
        while trial.number >= 8 and node != "late" and time.monotonic() < deadline:
            if any("late" in path.read_text() for path in trial.folder.parent.glob("*/nodes")):
                break
            time.sleep(0.05)
        return super().__call__(trial)


roams = _Roamer()
climbs = Climber()
climbs_slowly = Climber(pause_s=0.01)
climbs_for_ten_minutes = Climber(count=60_000, pause_s=0.01)


def descends(trial: Trial) -> Mapping[str, Any]:
    """The same without a checkpoint: nothing says that it can pause."""
    return Climber()(trial)


class _DiesPausing(Climber):
    """A climber of which some are killed as soon as they are told to pause."""

    def told(self, trial: Trial, state: Mapping[str, Any]) -> None:
        super().told(trial, state)
        if trial.decision is Decision.PAUSE and trial.number % 2:
            os.kill(os.getpid(), signal.SIGKILL)


dies_pausing = _DiesPausing()


def chancy(trial: Trial) -> Mapping[str, Any]:
    """x; but 1 only looks better than 2 in its first run."""
    x = trial.params["x"]
    return {"status": "completed", "loss": float(x + 2 * (x == 1 and trial.run > 0))}


def chancy_once(trial: Trial) -> Mapping[str, Any]:
    """The same; a further seed of 1 fails the first time."""
    if (trial.params["x"], trial.run) == (1, 2) and _attempts(trial) == 1:
        raise OSError("not yet")
    return chancy(trial)
