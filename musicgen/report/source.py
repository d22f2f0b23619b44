"""A run or a sweep as its folder tells of it: whether finished, under way, or half written."""

import csv
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from musicgen.config.overrides import flatten
from musicgen.errors import InputError
from musicgen.report.command import train_command
from musicgen.sweep.plan import Direction
from musicgen.sweep.results import Row
from musicgen.system.lock import held

MAX_TEXT = 300
"""Characters of a value that a report keeps: a network or a user may have written a megabyte."""
OBJECTIVE = "val_loss"
# Names of folders may have spaces between their words.
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
"""Settings that two sources may have otherwise without being different networks."""


@dataclass(frozen=True)
class Source:
    """What a folder holds."""

    name: str
    folder: Path
    rows: list[Row]
    """One per configuration, best first."""
    space: Mapping[str, str]
    """The swept keys, in the order of the sweep, and what was tried, as text; empty for a run."""
    settings: Mapping[str, str]
    """The other keys and their values as text."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Where a swept key applies, as text; those of the others are everywhere."""
    objective: str = OBJECTIVE
    direction: Direction = "minimize"
    seeds: int = 1
    command: str = ""
    """What starts it again; empty where the folder does not say."""
    trial_command: str = ""
    """What trains one of its configurations, up to the swept values; empty likewise."""
    running: bool = False
    problems: tuple[str, ...] = ()
    """What could not be read."""

    @property
    def is_sweep(self) -> bool:
        return bool(self.space)

    def run_folders(self, row: Row) -> list[Path]:
        """Where the runs of a configuration lie, one per seed."""
        if not self.is_sweep:
            return [self.folder]
        trial = self.folder / str(row["number"])
        return [trial / f"seed{n}" for n in range(self.seeds)] if self.seeds > 1 else [trial]

    def common(self, key: str) -> Any:
        """The value of a result that all rows agree on; None if they differ or none has it."""
        values = {row[key] for row in self.rows if row.get(key) is not None}
        return values.pop() if len(values) == 1 else None


def read(folder: Path) -> Source:
    """Raises InputError if the folder holds neither a run nor a sweep, or no result yet."""
    folder = folder.absolute()
    if (folder / "sweep.json").is_file():
        return _sweep(folder)
    if (folder / "config.yaml").is_file():
        return _run(folder)
    raise InputError(
        f"a report needs the folder of a run or of a sweep, got {folder}; "
        "`ls -d runs/*/* runs/sweeps/*` shows what there is"
    )


def _sweep(folder: Path) -> Source:
    try:
        about = json.loads((folder / "sweep.json").read_text())
        identity = {str(key): _told(value) for key, value in about["sweep"].items()}
        objectives = dict(part.split("=") for part in identity["sweep.objective"].split(", "))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / 'sweep.json'} is damaged ({error}); restore it") from None
    swept = list(identity)[: list(identity).index("sweep.objective")]
    running = held(folder / "lock")
    problems: list[str] = []
    rows = list(_table(folder / "table.csv", problems))
    if not rows:
        wait = "wait for its first trial to end" if running else "start it again"
        raise InputError(f"a report needs results, {folder} has none yet; {wait}")
    texts = _by_choice({key: text for key, text in identity.items() if key not in swept})
    for row in rows:
        _add_choices(row, texts, swept)
    objective, way = next(iter(objectives.items()))
    return Source(
        folder.name,
        folder,
        rows,
        space={key: identity[key].replace('"', "") for key in swept},
        settings={
            key: ", ".join(f"{text} ({choice})" if choice else text for choice, text in of.items())
            for key, of in texts.items()
        },
        objective=objective,
        direction="maximize" if way == "maximize" else "minimize",
        seeds=int(identity.get("sweep.seeds", 1)),
        conditions={
            str(key): f"{only['key']}={','.join(map(str, only['values']))}"
            for key, dimension in about.get("space", {}).items()
            if (only := dimension.get("only"))
        },
        command=without_folders(str(about.get("command", ""))),
        trial_command=without_folders(str(about.get("trial_command", ""))),
        running=running,
        problems=tuple(problems),
    )


def _by_choice(identity: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The texts of each key, by choice: a sweep over groups says `adagrad optim.lr` or, of two
    groups, `gru/adagrad optim.lr`. The choice is empty where all have one and the same text."""
    found: dict[str, dict[str, str]] = {}
    for name, text in identity.items():
        choice, _, key = ("", "", name) if name.startswith("corpus ") else name.rpartition(" ")
        found.setdefault(without_folders(key), {})[choice] = text
    choices = {choice for texts in found.values() for choice in texts if choice}
    for key, texts in found.items():
        if len(set(texts.values())) == 1 and texts.keys() >= choices:
            found[key] = {"": next(iter(texts.values()))}
    return found


def _add_choices(row: Row, texts: Mapping[str, Mapping[str, str]], swept: Sequence[str]) -> None:
    """Say what follows from the groups' choices of a configuration; None: it has no such key."""
    taken = {str(row.get(key)) for key in swept}
    for key, by_choice in texts.items():
        for choice, text in by_choice.items():
            if choice and taken.issuperset(choice.split("/")):
                row[key] = _value(text)
            elif choice:
                row.setdefault(key, None)


def _table(path: Path, problems: list[str]) -> Iterator[Row]:
    """The rows of a sweep's table.csv; adds to `problems` what is amiss with it."""
    try:
        with path.open(newline="", errors="replace") as file:
            csv.field_size_limit(1 << 24)
            for line in csv.DictReader(file):
                if None in line or None in line.values() or not line["number"].isdecimal():
                    problems.append(f"{path.name} has a row that was cut short; it is left out")
                else:
                    yield {key: _value(text) for key, text in line.items()}
    except FileNotFoundError:
        return
    except (OSError, KeyError, csv.Error) as error:
        problems.append(f"{path.name} could not be read to its end ({error})")


def _run(folder: Path) -> Source:
    """A run is a sweep of one trial."""
    problems = []
    running = held(folder / ".lock")
    row: Row = {"number": 0, "status": "running" if running else "interrupted"}
    try:
        result = json.loads((folder / "result.json").read_text())
        measures = result.pop("measures", None) or {}
        row |= flatten(result) | {str(key): value for key, value in measures.items()}
    except FileNotFoundError:
        row |= _best_epoch(folder / "metrics.csv")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        problems.append(f"result.json is damaged ({error}); figures are those of metrics.csv")
        row |= _best_epoch(folder / "metrics.csv")
    if OBJECTIVE not in row and "error" not in row:
        raise InputError(
            f"a report needs results, {folder} has none yet; wait for its first epoch to end"
        )
    command = ""
    try:
        values = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
        assert isinstance(values, dict)
        settings = {key: _told(value) for key, value in flatten(values).items()}
        command = without_folders(train_command(values))
    except Exception as error:  # whatever a YAML reader makes of a damaged file
        problems.append(f"config.yaml is damaged ({str(error).splitlines()[0]})")
        settings = {}
    row = {key: _told(v) if isinstance(v, str) else v for key, v in row.items()}
    return Source(
        folder.name,
        folder,
        [row],
        {},
        settings,
        command=command,
        running=running,
        problems=tuple(problems),
    )


def _best_epoch(path: Path) -> Row:
    """What metrics.csv says of a run that has not written result.json."""
    epochs = metrics(path)
    if not epochs:
        return {}
    best = min(range(len(epochs["epoch"])), key=lambda i: epochs["val_loss"][i])
    names = ("val_loss", "val_accuracy", "train_loss", "train_accuracy")
    figures = {name: epochs[name][best] for name in names}
    return figures | {"best_epoch": int(epochs["epoch"][best]), "epochs": len(epochs["epoch"])}


def metrics(path: Path) -> dict[str, list[float]]:
    """The columns of a run's metrics.csv as far as it has come; empty before its first row."""
    try:
        with path.open() as file:
            # A row that is being written may lack its end.
            lines = [line for line in csv.DictReader(file) if None not in line.values()]
        return {key: [float(line[key]) for line in lines] for key in lines[0]}
    except (OSError, IndexError, ValueError, TypeError):
        return {}


def _value(text: str) -> Any:
    """A cell of table.csv: nothing, a number or text."""
    if not text:
        return None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return _told(text)


def _told(value: Any) -> str:
    text = without_folders(str(value))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


def without_folders(text: str) -> str:
    """With the last name alone of each absolute path: a page is mailed, and where its files lay is
    no reader's business."""
    return _FOLDERS.sub("", text)


def read_all(folders: Sequence[Path]) -> list[Source]:
    """Each folder once, by names of their own. Raises InputError as `read` does."""
    folders = list(dict.fromkeys(path.resolve() for path in folders))
    sources = [read(folder) for folder in folders]
    counts = Counter(source.name for source in sources)
    return [
        replace(source, name=_longer(source.folder, folders)) if counts[source.name] > 1 else source
        for source in sources
    ]


def _longer(folder: Path, others: Sequence[Path]) -> str:
    """The folder's path from where it parts from those of the same name."""
    parents = [other.parent for other in others if other.name == folder.name]
    return str(folder.relative_to(os.path.commonpath(parents)))


def differing(sources: Sequence[Source]) -> list[str]:
    """Keys that are swept in one of the sources, or set otherwise in one than in another."""
    keys = dict.fromkeys(key for source in sources for key in source.space)
    first = sources[0].settings
    for source in sources[1:]:
        for key in (*first, *source.settings):
            ours, theirs = first.get(key), source.settings.get(key)
            bookkeeping = key.startswith(BOOKKEEPING)
            if None not in (ours, theirs) and ours != theirs and not bookkeeping:
                keys[key] = None
    return list(keys)
