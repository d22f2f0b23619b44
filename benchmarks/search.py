"""How soon a search finds the best: python -m benchmarks.search FOLDER [full|live|replay] ...

24 configurations (the space of `experiments/best`, plain networks of at most 128 units), 9 epochs,
two workers. A search has found the best when a configuration's reported validation loss is within
0.02 of the best that the full run of all 24 reaches. Its time until then is compared with the time
of the full run.

    full            trains all of them, and keeps their curves; goes on where it was stopped
    live ORDER ...  searches in these orders (0 to 4), each timed from its start; kept in the folder
    replay [N]      searches in N orders (default 200), with the curves and epochs' times of the
                    full run instead of trainings: the rules compared in seconds

Trainings are deterministic, so the curves of the full run are those of every search. A table of
all that is in the folder follows.
"""

import argparse
import heapq
import json
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from musicgen import corpus
from musicgen.config import record
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Ended, Event, Reported
from musicgen.sweep.local import LocalExecutor, slots
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Finished, Judged, Started
from musicgen.sweep.space import Choice
from musicgen.sweep.table import read_frame
from musicgen.sweep.trial import Decision, Job, Trial
from musicgen.workflows.trial import TrainingObjective
from tests.tunes import composed

COUNT, EPOCHS, WORKERS, ORDERS = 24, 9, 2, 5
CHARACTERS = 120_000
NEAR = 0.02
ASHA = {"min_resource": 1, "reduction_factor": 3}
RULES: dict[str, dict[str, Any]] = {
    "promotion": {**ASHA, "max_resource": EPOCHS, "rule": "promotion"},
    "promotion, 1/4": {
        "min_resource": 1,
        "reduction_factor": 4,
        "max_resource": EPOCHS,
        "rule": "promotion",
    },
    "stopping": {**ASHA, "rule": "stopping"},
    "stopping, 1/4": {"min_resource": 1, "reduction_factor": 4, "rule": "stopping"},
}
"""The settings of pruner=asha by the names in the table."""


def drawn() -> list[dict[str, Any]]:
    """The configurations, always the same ones."""
    chance = random.Random(17)
    return [
        {
            "model": chance.choice(["lstm", "gru"]),
            "optim": chance.choice(["adam", "rmsprop", "adagrad"]),
            "optim.lr": 10 ** chance.uniform(-3, -0.523),
            "model.hidden": chance.randint(64, 128),
            "model.layers": chance.choice([1, 2]),
            "model.dropout": chance.uniform(0, 0.4),
            "data.batch_size": chance.choice([25, 50, 100]),
        }
        for _ in range(COUNT)
    ]


@dataclass(frozen=True)
class Configured:
    """Trains one of the drawn configurations; its only parameter is the configuration's index."""

    training: TrainingObjective
    points: Sequence[Mapping[str, Any]]
    pauses: ClassVar[bool] = True

    def prepare(self) -> None:
        self.training.prepare()

    def __call__(self, trial: Trial) -> Mapping[str, Any]:
        trial.params = dict(self.points[trial.params["index"]])
        return self.training(trial)


def objective(folder: Path) -> Configured:
    text = folder / "tunes.txt"
    if not text.exists():
        text.write_text(corpus.load("folk").train[:CHARACTERS])
    plain = ["model.match=0", "model.melody=0", "model.place=false"]
    extras = ["samples.temperatures=[]", "samples.measure=false", "samples.media=false"]
    data = ["data=files", f"data.path={text}", "data.split=contiguous"]
    run = [f"trainer.max_epochs={EPOCHS}", "trainer=cpu", "trainer.threads=1"]
    points = drawn()
    groups = ("model", "optim")
    bases = {
        choices: composed(
            *plain, *extras, *data, *run, f"model={choices[0]}", f"optim={choices[1]}"
        )
        for choices in {tuple(point[group] for group in groups) for point in points}
    }
    training = TrainingObjective(
        {choices: record.to_dict(base) for choices, base in bases.items()},
        groups,
        judged="val_loss",
    )
    first = next(iter(bases.values()))
    training.corpora.update({training.label(first.data): corpus.of(first.data)})  # type: ignore[attr-defined]
    return Configured(training, points)


def plan(order: Sequence[int], rule: str | None) -> Plan:
    pruner = {} if rule is None else {"pruner": "asha", "pruner_settings": RULES[rule]}
    return Plan({"index": Choice(tuple(order))}, objectives={"val_loss": "minimize"}, **pruner)


def order_of(number: int) -> list[int]:
    return random.Random(number).sample(range(COUNT), COUNT)


class Watch:
    """The clock of a search, which also counts epochs."""

    def __init__(self, clock: Any = time.perf_counter) -> None:
        self._clock, self._begun = clock, clock()
        self.reports: list[tuple[float, int, float]] = []
        """Seconds since the start, configuration and validation loss of each report."""

    def __call__(self, event: Started | Judged | Finished) -> None:
        if isinstance(event, Judged):
            now = self._clock() - self._begun
            self.reports.append((now, event.job.params["index"], event.value))

    def found_s(self, goal: float) -> float | None:
        """Seconds until a configuration was as good as that; None if none was."""
        return next((when for when, _, value in self.reports if value <= goal), None)


class Full:
    """The full run: the curves of all configurations, and the seconds that it took."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "full"

    def train(self, made: Configured) -> None:
        workers = LocalExecutor(slots(WORKERS))
        Driver(plan(range(COUNT), None), made, workers, self._path).run()

    def read(self) -> None:
        """The curves by configuration: the validation loss and the seconds of each epoch."""
        frame = read_frame(self._path)
        assert list(frame["status"].unique()) == ["completed"], "the full run is not complete"
        self.curves: list[list[tuple[float, float]]] = []
        for number in range(COUNT):
            lines = (self._path / str(number) / "metrics.csv").read_text().splitlines()
            heads = lines[0].split(",")
            rows = [dict(zip(heads, line.split(","), strict=True)) for line in lines[1:]]
            ends = [float(row["seconds"]) for row in rows]
            each = [b - a for a, b in zip([0.0, *ends], ends, strict=False)]
            losses = [float(row["val_loss"]) for row in rows]
            self.curves.append(list(zip(losses, each, strict=True)))
        self.best = min(loss for curve in self.curves for loss, _ in curve)
        # As a search with these epochs' times would have taken it.
        self.seconds = max(when for when, _, _ in replayed(self, range(COUNT), None).reports)

    @property
    def goal(self) -> float:
        return self.best + NEAR


class Replay:
    """An executor in simulated time: trials report the full run's curves, after its epochs' times.

    A resumption costs RESUME_S.
    """

    RESUME_S = 0.2

    def __init__(self, full: Full) -> None:
        self._curves = full.curves
        self.now = 0.0
        self._due: list[tuple[float, int, Event]] = []
        """What happens next: the time, a number that tells equal times apart, the event."""
        self._count = 0
        self._busy = 0
        self._done: dict[int, int] = {}
        """The epochs that each trial has behind it."""

    def start(self, objective: Any, folder: Path) -> None: ...

    @property
    def workers(self) -> int:
        return WORKERS

    @property
    def free(self) -> int:
        return WORKERS - self._busy

    def submit(self, job: Job) -> None:
        self._busy += 1
        resumed = self.RESUME_S if job.number in self._done else 0.0
        if job.decision is Decision.PRUNE:
            self._end(job, "pruned", resumed)
        else:
            self._epoch(job, resumed)

    def wait(self, timeout_s: float | None) -> list[Event]:
        self.now, _, event = heapq.heappop(self._due)
        self._busy -= isinstance(event, Ended)
        return [event]

    def decide(self, job: Job, decision: Decision) -> None:
        ends = {Decision.PRUNE: "pruned", Decision.PAUSE: "paused", Decision.STOP: "interrupted"}
        if decision in ends:
            self._end(job, ends[decision])
        elif self._done[job.number] == len(self._curve(job)):
            self._end(job, "completed")
        else:
            self._epoch(job)

    def _curve(self, job: Job) -> list[tuple[float, float]]:
        return self._curves[job.params["index"]]

    def _epoch(self, job: Job, more_s: float = 0.0) -> None:
        done = self._done[job.number] = self._done.get(job.number, 0) + 1
        loss, seconds = self._curve(job)[done - 1]
        event = Reported(job, done, loss, last=done == len(self._curve(job)))
        self._push(seconds + more_s, event)

    def _end(self, job: Job, status: str, after_s: float = 0.0) -> None:
        best = min(loss for loss, _ in self._curve(job)[: self._done[job.number]])
        self._push(after_s, Ended(job, {"status": status, "val_loss": best}))

    def _push(self, after_s: float, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now + after_s, self._count, event))

    def stop(self) -> None: ...
    def wake(self) -> None: ...
    def close(self, *, kill: bool = False) -> None: ...


def replayed(full: Full, order: Sequence[int], rule: str | None) -> Watch:
    """A search in simulated time."""
    executor = Replay(full)
    watch = Watch(lambda: executor.now)
    made = Configured(None, ())  # type: ignore[arg-type] - never called
    with tempfile.TemporaryDirectory() as folder:
        Driver(plan(order, rule), made, executor, Path(folder), observe=watch).run()
    return watch


def live(full: Full, made: Configured, folder: Path, number: int, rule: str) -> None:
    """Time a search, and keep what it reported."""
    kept = folder / f"{rule.replace(', 1/', '-')}-{number}.json"
    if kept.exists():
        return
    watch = Watch()
    with tempfile.TemporaryDirectory() as place:
        workers = LocalExecutor(slots(WORKERS))
        Driver(plan(order_of(number), rule), made, workers, Path(place), observe=watch).run()
    kept.write_text(json.dumps({"rule": rule, "order": number, "reports": watch.reports}))


def line(full: Full, name: str, watches: Sequence[Watch], full_s: float) -> str:
    """One line of the table: shares of the full run's time, and of its epochs."""
    shares = [(watch.found_s(full.goal) or full_s) / full_s for watch in watches]
    never = sum(watch.found_s(full.goal) is None for watch in watches)
    whole = statistics.median(watch.reports[-1][0] for watch in watches) / full_s
    epochs = statistics.median(len(watch.reports) for watch in watches)
    return (
        f"| {name} | {len(watches)} | {statistics.median(shares):.3f} | {min(shares):.3f} to "
        f"{max(shares):.3f} | {never} | {whole:.3f} | {epochs:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=["full", "live", "replay"])
    parser.add_argument("numbers", type=int, nargs="*")
    given = parser.parse_args()
    logging.disable(logging.INFO)
    given.folder.mkdir(parents=True, exist_ok=True)
    full, made = Full(given.folder), objective(given.folder)
    if given.what == "full":
        full.train(made)
    full.read()
    print(f"best {full.best:.4f}; the full run takes {full.seconds:.0f} s of two workers")
    print(
        "| asha | orders | time until found / full run, median | range | never found | whole "
        "search / full run | epochs of it |"
    )
    print("|---|---|---|---|---|---|---|")
    if given.what == "replay":
        orders = range(given.numbers[0] if given.numbers else 200)
        for rule in RULES:
            watches = [replayed(full, order_of(number), rule) for number in orders]
            print(line(full, rule, watches, full.seconds), flush=True)
    if given.what == "live":
        for number in given.numbers or range(ORDERS):
            for rule in ("promotion", "stopping"):
                live(full, made, given.folder, number, rule)
    for rule in RULES:
        found = [json.loads(path.read_text()) for path in sorted(given.folder.glob("*-*.json"))]
        watches = []
        for kept in (kept for kept in found if kept["rule"] == rule):
            watches.append(Watch())
            watches[-1].reports = [(w, i, v) for w, i, v in kept["reports"]]
        if watches:
            print(line(full, f"{rule}, live", watches, full.seconds))


if __name__ == "__main__":
    main()
