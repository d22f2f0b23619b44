"""A run or a sweep as its folder describes it: finished, running, or half written."""

import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from musicgen.config import record
from musicgen.config.overrides import flatten
from musicgen.errors import InputError, Remedy
from musicgen.sweep.folder import Folder
from musicgen.sweep.plan import Direction
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.results import Row
from musicgen.sweep.space import Space
from musicgen.sweep.table import Table
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result, read_metrics

MAX_TEXT = 300
"""The most characters of a value in a report; a network or a user may have written a megabyte."""
OBJECTIVE = "val_loss"
# The names of folders may contain spaces.
_WORD = r"[^][\s/=\"'(),:{}]+"
_FOLDERS = re.compile(rf"(?<![^[\s=\"'(,:{{])/(?:{_WORD}(?: +{_WORD})*/)+")
BOOKKEEPING = (
    "sweep.",
    "sampler",
    "pruner",
    "corpus ",
    "data.root",
    "data.path",
    "samples.",
    "trainer.threads",
)
"""Settings in which two sources may differ although they train the same network."""


@dataclass(frozen=True)
class Source:
    """The content of one run folder or sweep folder."""

    name: str
    folder: Path
    rows: list[Row]
    """One row per configuration, best first."""
    space: Space
    """The swept keys with their values or ranges, in the order of the sweep; empty for a run."""
    settings: Mapping[str, str | int | float]
    """The other keys and their values: numbers, and everything else as text."""
    objective: str = OBJECTIVE
    direction: Direction = "minimize"
    objectives: Mapping[str, Direction] = field(default_factory=lambda: {OBJECTIVE: "minimize"})
    """All objectives of a sweep; `objective` is the first one."""
    seeds: int = 1
    seeds_for: int | None = None
    """How many configurations get more than one of the seeds; None: all."""
    command: Sequence[str] = ()
    """The words of the command that started the run or the sweep; empty if the folder has none."""
    trial_command: Sequence[str] = ()
    """The words of the command that trains one configuration, without the swept values; empty if
    the folder has none."""
    running: bool = False
    problems: tuple[str, ...] = ()
    """What could not be read, one sentence each."""

    @property
    def is_sweep(self) -> bool:
        return bool(self.space)

    def run_folders(self, row: Row) -> list[Path]:
        """The folders of a configuration's runs, one per seed."""
        if not self.is_sweep:
            return [self.folder]
        trial = self.folder / str(row["number"])
        return [trial / f"seed{n}" for n in range(self.seeds)] if self.seeds > 1 else [trial]

    def common(self, key: str) -> Any:
        """The value of a result that all rows agree on; None if they differ or none has it."""
        values = {row[key] for row in self.rows if row.get(key) is not None}
        return values.pop() if len(values) == 1 else None


def read(folder: Path) -> Source:
    """Read a run folder or a sweep folder.

    Raises InputError if the folder holds neither a run nor a sweep, or no result yet.
    """
    folder = folder.absolute()
    try:
        sweep = SweepRecord.read(folder)
    except InputError as error:
        raise InputError(f"{error}; restore it") from None
    if sweep is not None:
        return _sweep(folder, sweep)
    if (run := RunFolder(folder)).used:
        return _run(run)
    raise InputError(
        f"a report needs the folder of a run or of a sweep, got {folder}", Remedy.LIST_FOLDERS
    )


def _sweep(folder: Path, sweep: SweepRecord) -> Source:
    running = Folder(folder).running
    table = Table.read(folder)
    if not table.rows:
        wait = "wait for its first trial to end" if running else "start it again"
        raise InputError(f"a report needs results, {folder} has none yet; {wait}")
    values = _by_choice(sweep)
    rows = [_shown(row) for row in table.rows]
    for row in rows:
        _add_choices(row, values, sweep.groups)
    objective, direction = next(iter(sweep.objectives.items()))
    return Source(
        folder.name,
        folder,
        rows,
        space=sweep.space,
        settings={
            key: of[()]
            if () in of
            else ", ".join(f"{value} ({'/'.join(choices)})" for choices, value in of.items())
            for key, of in values.items()
        },
        objective=objective,
        direction=direction,
        objectives=sweep.objectives,
        seeds=sweep.seeds,
        seeds_for=sweep.seeds_for,
        command=sweep.command,
        trial_command=sweep.trial_command,
        running=running,
        problems=table.problems,
    )


ByChoice = dict[str, dict[tuple[str, ...], str | int | float]]
"""The value of a setting by key, then by the choices of the groups that have it; () if all do."""


def _by_choice(sweep: SweepRecord) -> ByChoice:
    """All settings that are not in the space. A key whose value is the same for all choices has one
    entry."""
    found: ByChoice = {key: {(): _text(text)} for key, text in sweep.described().items()}
    for settings in sweep.settings:
        for key, value in settings.values.items():
            found.setdefault(without_folders(key), {})[settings.choices] = _simple(value)
    found |= {without_folders(key): {(): _text(text)} for key, text in sweep.fingerprint.items()}
    choices = {settings.choices for settings in sweep.settings} - {()}
    for key, values in found.items():
        if len(set(values.values())) == 1 and values.keys() >= choices:
            found[key] = {(): next(iter(values.values()))}
    return found


def _add_choices(row: Row, values: ByChoice, groups: Sequence[str]) -> None:
    """Add the settings that the group choices of a configuration imply; None if the configuration
    has no such key."""
    taken = tuple(str(row.get(group)) for group in groups)
    for key, by_choice in values.items():
        for choices, value in by_choice.items():
            if choices and choices == taken:
                row[key] = value
            elif choices:
                row.setdefault(key, None)


def _run(folder: RunFolder) -> Source:
    """A run as a source, which is a sweep of one trial."""
    problems = []
    row: Row = {"number": 0, "status": "running" if folder.running else "interrupted"}
    try:
        result = asdict(Result.read(folder.result))
        measures = result.pop("measures")
        row |= flatten(result) | measures
    except InputError as error:
        if folder.result.exists():
            reason = error.__cause__
            problems.append(f"result.json is damaged ({reason}); figures are those of metrics.csv")
        row |= _best_epoch(folder.metrics)
    if OBJECTIVE not in row and "error" not in row:
        raise InputError(
            f"a report needs results, {folder.path} has none yet; wait for its first epoch to end"
        )
    try:
        values = flatten(record.plain_values(folder.config))
        settings = {key: _simple(value) for key, value in values.items()}
    except InputError as error:
        problems.append(without_folders(str(error)))
        settings = {}
    return Source(
        folder.path.name,
        folder.path,
        [_shown(row)],
        {},
        settings,
        command=folder.started_by(),
        running=folder.running,
        problems=tuple(problems),
    )


def _best_epoch(path: Path) -> Row:
    """The figures of the best epoch so far, for a run that has not written result.json yet."""
    epochs = read_metrics(path)
    if not epochs:
        return {}
    best = min(range(len(epochs["epoch"])), key=lambda i: epochs["val_loss"][i])
    names = ("val_loss", "val_accuracy", "train_loss", "train_accuracy")
    figures = {name: epochs[name][best] for name in names}
    return figures | {"best_epoch": int(epochs["epoch"][best]), "epochs": len(epochs["epoch"])}


def _shown(row: Row) -> Row:
    """A row with its texts as the page shows them: cut, and without folders."""
    return {key: _text(v) if isinstance(v, str) else v for key, v in row.items()}


def _simple(value: Any) -> str | int | float:
    """A setting as the page shows it: a finite number, or text."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if number else _text(value)


def _text(value: Any) -> str:
    text = without_folders(str(value))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


def without_folders(text: str) -> str:
    """The text with each absolute path replaced by its last name. A page is mailed, and its readers
    must not learn the folders of the machine that made it."""
    return _FOLDERS.sub("", text)


def read_all(folders: Sequence[Path]) -> list[Source]:
    """The sources of the folders, each folder once, each source with a name of its own.

    Raises InputError as `read` does.
    """
    folders = list(dict.fromkeys(path.resolve() for path in folders))
    sources = [read(folder) for folder in folders]
    counts = Counter(source.name for source in sources)
    return [
        replace(source, name=_longer(source.folder, folders)) if counts[source.name] > 1 else source
        for source in sources
    ]


def _longer(folder: Path, others: Sequence[Path]) -> str:
    """The part of the folder's path that differs from the other folders of the same name."""
    parents = [other.parent for other in others if other.name == folder.name]
    return str(folder.relative_to(os.path.commonpath(parents)))


def differing(sources: Sequence[Source]) -> list[str]:
    """The keys that any source sweeps, and those whose setting differs between two sources."""
    keys = dict.fromkeys(key for source in sources for key in source.space)
    first = sources[0].settings
    for source in sources[1:]:
        for key in (*first, *source.settings):
            ours, theirs = first.get(key), source.settings.get(key)
            bookkeeping = key.startswith(BOOKKEEPING)
            if None not in (ours, theirs) and ours != theirs and not bookkeeping:
                keys[key] = None
    return list(keys)
