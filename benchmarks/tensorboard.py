"""What TensorBoard's tunes, scores, sound and heat map cost: python -m benchmarks.tensorboard

Trains the default network (overrides may follow: data=cse253 data.path=input.txt) and tells the
share of its seconds that went into showing; then 250 trials of such a training in a real server:
seconds until all are listed and answer, and memory.
"""

import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musicgen import corpus
from musicgen.config import record
from musicgen.config.overrides import flatten
from musicgen.training import fit as training
from musicgen.training.checkpoint import load_model
from musicgen.training.events import EventLog
from musicgen.training.result import Epoch
from musicgen.training.samples import Samples
from tests.training.tensorboard_server import ask, hparams, tensorboard
from tests.tunes import composed

TRIALS = 250


class Timed(Samples):
    """Keeps the seconds of each showing."""

    shows: list[float] = []  # noqa: RUF012 - of the one training

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.shows.append(time.perf_counter() - began)

    def show(self, epoch: int) -> None:
        with self._clocked():
            super().show(epoch)

    def write(self, folder: Path, epoch: int) -> None:
        with self._clocked():
            super().write(folder, epoch)


def trial(run: Path, folder: Path) -> None:
    """The event file of a sweep's trial that trained as `run` did."""
    trained = load_model(run)
    events = EventLog(folder, flatten(record.to_dict(trained.config)), one_of_many=True)
    events.open()
    validation = corpus.of(trained.config.data).validation
    samples = Samples(
        trained.model, trained.vocabulary, trained.config, validation, events, one_of_many=True
    )
    every = trained.config.samples.every
    with (run / "metrics.csv").open(newline="") as file:
        rows = [Epoch(**{k: float(v) for k, v in row.items()}) for row in csv.DictReader(file)]
    for number, row in enumerate(rows, 1):
        events.add_epoch(row)
        if every and number % every == 0 and number < len(rows):
            samples.show(number)
    samples.write(folder / "samples", len(rows))
    events.close()


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


def serve(sweep: Path, *options: str) -> str:
    """How a server does with a folder of trials."""
    began = time.perf_counter()
    with tensorboard(sweep, *options) as (address, server):
        while len(json.loads(ask(address, "plugin/images/tags"))) < TRIALS:
            time.sleep(0.5)
        listed = time.perf_counter() - began
        (tag, *_) = json.loads(ask(address, "plugin/scalars/tags"))["0"]
        times = {}
        for name, question in {
            "a curve of each trial": lambda: [
                ask(address, "plugin/scalars/scalars", run=str(number), tag=tag)
                for number in range(TRIALS)
            ],
            "the HParams table": lambda: hparams(address),
        }.items():
            began = time.perf_counter()
            assert len(question()) == TRIALS, name
            times[name] = time.perf_counter() - began
        told = ", ".join(f"{name} in {seconds:.1f} s" for name, seconds in times.items())
        return f"all listed after {listed:.1f} s, {told}, {resident(server) / 1e6:.0f} MB in memory"


def main(overrides: list[str]) -> None:
    training.Samples = Timed  # type: ignore[misc]
    asked = composed(*overrides)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        began = time.perf_counter()
        result = training.fit(asked, folder / "run")
        seconds = time.perf_counter() - began
        print(
            f"{result.epochs} epochs of {asked.data.name} in {seconds:.0f} s, of which "
            f"{len(Timed.shows)} showings took {sum(Timed.shows):.1f} s "
            f"({sum(Timed.shows) / seconds:.1%}; "
            f"{', '.join(f'{shown:.1f}' for shown in Timed.shows)}), "
            f"{size(folder / 'run') / 1e6:.2f} MB"
        )
        sweep = folder / "sweep"
        trial(folder / "run", sweep / "0")
        for number in range(1, TRIALS):
            shutil.copytree(sweep / "0", sweep / str(number))
        print(f"{TRIALS} trials, {TRIALS * size(sweep / '0') / 1e6:.0f} MB:")
        for options in ((), ("--samples_per_plugin", "images=1,text=3")):
            print(f"{' '.join(('tensorboard', *options))}: {serve(sweep, *options)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
