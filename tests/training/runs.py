"""Runs as tests stop them, read them and compare them."""

import csv
import json
from pathlib import Path

from musicgen.training import checkpoint
from musicgen.training.watcher import Watcher

TIMES = {"seconds", "chars_per_s"}
"""Wall-clock fields, the only ones that may differ between equal runs."""


class StopAt(Watcher):
    """Stops after a step of an epoch, as Ctrl-C does."""

    def __init__(self, epoch: int, step: int) -> None:
        self.at, self.now = (epoch, step), False

    def step(self, epoch: int, step: int, steps: int) -> None:
        self.now = (epoch, step) == self.at

    def should_stop(self) -> bool:
        return self.now


def assert_equal_runs(one: Path, other: Path) -> None:
    assert rows(one) == rows(other)
    assert figures(one) == figures(other)
    assert weights(one) == weights(other)
    assert scalars(one) == scalars(other)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def figures(folder: Path) -> dict:
    return {
        k: v for k, v in json.loads((folder / "result.json").read_text()).items() if k not in TIMES
    }


def weights(folder: Path) -> list[bytes]:
    last = checkpoint.load(folder / "checkpoints" / "last.safetensors")["state_dict"]
    final = [weight.numpy().tobytes() for weight in last.values()]
    return [(folder / "checkpoints" / "best.safetensors").read_bytes(), *final]


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found = []
    for path in sorted(folder.glob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag.startswith(("loss/", "accuracy/")):
                    found.append((value.tag, event.step, float(make_ndarray(value.tensor))))
    return sorted(found)
