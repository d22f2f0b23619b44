"""The figures of a run: metrics.csv, a row per epoch, and result.json."""

import csv
import dataclasses
import json
import math
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import musicgen
from musicgen.errors import InputError
from musicgen.system.files import write_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """A row of metrics.csv. Losses in nats per character; shares from 0 to 1."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the epoch, with dropout, while the weights changed."""
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_bits_per_char: float
    val_perplexity: float
    lr: float
    """At the epoch's last step."""
    seconds: float
    """Wall clock since the start of training, pauses left out."""
    chars_per_s: float
    """Of training alone, without validation."""


COLUMNS = [column.name for column in dataclasses.fields(Epoch)]


def append_epoch(path: Path, row: Epoch) -> None:
    """Add a row to metrics.csv, and have it on the disk before this returns."""
    with path.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(dataclasses.astuple(row))
        file.flush()
        os.fsync(file.fileno())


def read_metrics(path: Path) -> dict[str, list[float]]:
    """The columns of a run's metrics.csv as far as it has come; empty before its first row."""
    try:
        with path.open() as file:
            # A row that is being written may lack its end.
            lines = [line for line in csv.DictReader(file) if None not in line.values()]
        return {key: [float(line[key]) for line in lines] for key in lines[0]}
    except (OSError, IndexError, ValueError, TypeError):
        return {}


def metrics_frame(path: Path) -> "pd.DataFrame":
    """A row for each epoch of a run's metrics.csv. Raises InputError before the first one's end."""
    import pandas as pd  # takes a moment, which a training does without

    if not path.is_file():
        raise InputError(f"{path} does not exist; wait for the first epoch to end")
    return pd.read_csv(path)


Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Figure:
    """What sweeps and pages ask about a figure of a result."""

    direction: Direction | None = None
    """Its better end, if it can be the objective of a sweep."""
    each_epoch: bool = False
    """Whether it is known after each epoch, so that a pruner can judge by it."""
    about: str = ""
    """What it is, for the page's table, which shows figures that have this."""
    heading: str = ""
    """Its heading in the table, unless that is its name."""
    label: str = ""
    """Its name in a sentence, unless that is its name."""
    unit: str = ""
    held_back: bool = False
    """Whether nothing may be selected by it, because it is of the test split."""


def figure(direction: Direction | None = None, *, default: Any = None, **more: Any) -> Any:
    """A field of `Result` that is a `Figure` with these attributes."""
    return field(default=default, metadata={"figure": Figure(direction, **more)})


@dataclass
class Result:
    """result.json. Losses in nats per character; None where there is no such figure."""

    status: str
    """completed, pruned, diverged, paused, failed or interrupted."""
    seed: int
    config_digest: str
    val_loss: float | None = figure(
        "minimize",
        each_epoch=True,
        about="validation loss, nats per character, of the best epoch",
        label="validation loss",
        unit="nats per character",
    )
    """Of the best epoch, the one with the lowest validation loss, like the four below."""
    val_accuracy: float | None = figure(
        "maximize",
        each_epoch=True,
        about="share of validation characters predicted right",
        label="validation accuracy",
    )
    train_loss: float | None = figure(
        "minimize",
        each_epoch=True,
        about="training loss of the best epoch, nats per character",
        label="training loss",
        unit="nats per character",
    )
    train_accuracy: float | None = figure("maximize", each_epoch=True)
    best_epoch: int | None = figure(
        about="the one with the lowest validation loss", heading="best epoch"
    )
    epochs: int = figure("minimize", default=0, about="trained")
    val_loss_last: float | None = None
    val_accuracy_best: float | None = figure("maximize")
    """Highest of all epochs, which need not be the best epoch's."""
    test_loss: float | None = figure(about="nats per character", held_back=True)
    parameters: int | None = figure("minimize", about="weights of the network")
    seconds: float | None = figure("minimize", about="wall clock")
    chars_per_s: float | None = figure("maximize", about="of training", heading="characters/s")
    device: str | None = None
    precision: str | None = None
    arithmetic: dict[str, str] = field(default_factory=dict)
    """What training steps computed in: `recurrent` layers, the `rest`, the `state`'s type as it was
    found, and `devices`, one after the other, if the run went from one kind to another."""
    machine: str | None = None
    """Processor and cores."""
    corpus: dict[str, str] = field(default_factory=dict)
    """name, digest, split."""
    measures: dict[str, float] = field(default_factory=dict)
    """Of tunes that it drew (`music.measures`), by name; empty unless samples.measure."""
    versions: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    def write(self, path: Path) -> None:
        """Replace the file at once. NaN and infinity, which JSON lacks, are written as null."""
        values = {k: _finite(v) for k, v in dataclasses.asdict(self).items()}
        write_text(path, json.dumps(values, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Raises InputError if the file is missing or damaged."""
        try:
            values = json.loads(path.read_text())
            known = {f.name for f in dataclasses.fields(cls)}
            return cls(**{k: v for k, v in values.items() if k in known})
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; name the folder of a run") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error}); run again") from error


FIGURES: dict[str, Figure] = {
    column.name: column.metadata["figure"]
    for column in dataclasses.fields(Result)
    if "figure" in column.metadata
}
"""The figures of a result, by name."""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Of the software on which a result depends."""
    return {
        "musicgen": musicgen.__version__,
        "torch": metadata.version("torch"),
        "pytorch_lightning": metadata.version("pytorch-lightning"),
        "python": platform.python_version(),
    }
