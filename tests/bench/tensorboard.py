"""What TensorBoard's tunes, scores, sound and heat map cost: python -m tests.bench.tensorboard RUN

Seconds and bytes of one showing beside the run's own training time, then a sweep of 250 such runs
in a real server: time until all are listed, and memory. RUN: the folder of a completed run.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from musicgen import corpus
from musicgen.config import replaced
from musicgen.training import device
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.training.events import EventLog
from musicgen.training.result import Result
from musicgen.training.samples import Samples
from tests.training.test_samples import ask, tensorboard

TRIALS = 250


def showing(trained: TrainedModel, validation: str, folder: Path, *, many: bool) -> float:
    """Median seconds of what the end of a run shows; leaves one showing's event file."""
    seconds = []
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)
        events = EventLog(folder, {})
        events.open()
        config = replaced(trained.config, {"samples.media": True})
        samples = Samples(
            trained.model, trained.vocabulary, config, validation, events, one_of_many=many
        )
        began = time.perf_counter()
        samples.write(folder / "samples", 1)
        seconds.append(time.perf_counter() - began)
        events.close()
    return statistics.median(seconds)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("events.*"))


def resident(root: int) -> int:
    """Bytes in memory of a process and its children."""
    table = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    family = {root}
    for _ in range(3):
        family |= {pid for pid, parent, _ in rows if parent in family}
    return 1024 * sum(rss for pid, _, rss in rows if pid in family)


def main(run: Path) -> None:
    trained, result = load_model(run), Result.read(run / "result.json")
    torch.set_num_threads(device.threads(trained.config.trainer))
    validation = corpus.of(trained.config.data).validation
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, many in (("a run", False), ("a sweep's trial", True)):
            seconds = showing(trained, validation, folder / name, many=many)
            print(
                f"{name}: {seconds:.2f} s a showing, {size(folder / name) / 1e6:.2f} MB; the "
                f"training took {result.seconds or 0:.0f} s for {result.epochs} epochs"
            )
        for number in range(TRIALS):
            trial = folder / "sweep" / str(number)
            trial.mkdir(parents=True)
            for part in (run, folder / "a sweep's trial"):
                for path in part.glob("events.*"):
                    shutil.copy(path, trial / path.name)
        began = time.perf_counter()
        with tensorboard(folder / "sweep") as (address, server):
            while len(json.loads(ask(address, "plugin/images/tags"))) < TRIALS:
                time.sleep(0.5)
            loaded = time.perf_counter() - began
            began = time.perf_counter()
            ask(address, "plugin/hparams/experiment", {"experimentName": ""})
            table = time.perf_counter() - began
            memory = resident(server)
        print(
            f"{TRIALS} trials: {size(folder / 'sweep' / '0') / 1e6:.2f} MB each, listed after "
            f"{loaded:.1f} s, HParams in {table:.1f} s, {memory / 1e6:.0f} MB in memory"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
