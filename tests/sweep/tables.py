"""Tables of sweeps as tests compare them."""

import csv
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial


def table(folder: Path, name: str = "table.csv") -> list[dict[str, str]]:
    with (folder / name).open() as file:
        return list(csv.DictReader(file))


def by_number(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: int(row["number"]))


def results(folder: Path) -> list[dict[str, str]]:
    """The table without what may differ between two runs of one sweep."""
    with (folder / "table.csv").open() as file:
        return [
            {k: v for k, v in row.items() if not k.startswith("pid")}
            for row in csv.DictReader(file)
        ]


def stored(folder: Path) -> list[FrozenTrial]:
    """The study's trials by Optuna's own reader."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.load_study(study_name=folder.name, storage=storage).trials
