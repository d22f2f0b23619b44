"""A study's folder, which the program writes: its table, its curves, the results in its README."""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicgen import Sweep
from musicgen.errors import InputError
from musicgen.system.files import write_text

Row = dict[str, Any]
TABLE, COMPLETED = "table.csv", "completed"
BEGIN = "<!-- results: written by python -m experiments -->"
END = "<!-- end of results -->"
_BEGINS = re.compile(r"<!-- results: written by python -m \S+ -->")
"""The mark before the results, also as earlier versions wrote it."""
KEPT = (
    "val_loss",
    "val_loss_std",
    "val_loss_last",
    "val_loss_last_std",
    "val_accuracy",
    "val_accuracy_std",
    "val_accuracy_best",
    "train_loss",
    "train_loss_std",
    "train_accuracy",
    "train_accuracy_std",
    "best_epoch",
    "epochs",
    "parameters",
    "seconds",
    "seconds_std",
    "chars_per_s",
    "device",
    "precision",
    "machine",
    "corpus",
    "corpus.digest",
    "corpus.split",
    "versions.torch",
)
"""The columns of a sweep's table that hold on any machine, or say which machine it was."""
SHOWN = 12
"""The most configurations in the README; table.csv has all."""


def write(study: Path, sweep: Path) -> None:
    """Update a study's folder from the folder of its sweep.

    study: a folder with a README.md, in which the results between two marks are replaced.
    Raises InputError if the sweep has no table yet, or if the README has no marks.
    """
    readme = study / "README.md"
    try:
        before, rest = _BEGINS.split(readme.read_text())
        _, after = rest.split(END)
    except (OSError, ValueError):
        raise InputError(f"{readme} must have the lines {BEGIN} and {END} once each") from None
    found = Sweep(sweep)
    rows = found.rows
    if not rows:
        raise InputError(f"{sweep} has no {TABLE} yet; run the sweep first")
    again = found.best_command if found.sampler != "grid" else ""
    swept = list(found.space)
    columns = [c for c in ("number", "status", *swept, "n", *KEPT, "error") if c in rows[0]]
    write_text(study / TABLE, _csv(rows, columns))
    shutil.copyfile(sweep / "curves.svg", study / "curves.svg")
    write_text(readme, before + "\n".join([BEGIN, *_results(rows, swept, again), END]) + after)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _results(rows: Sequence[Row], swept: Sequence[str], again: str) -> list[str]:
    """The lines of the results. rows: the table, best first. again: the command that trains the
    best configuration of a search again; empty for a grid."""
    done = [row for row in rows if row["status"] == COMPLETED]
    listed = rows[:SHOWN] if again or len(rows) > SHOWN else _grid_order(rows)
    counts = {status: sum(r["status"] == status for r in rows) for status in _statuses(rows)}
    seconds = sum(_number(row.get("seconds")) * max(1, row.get("n") or 1) for row in rows)
    told = done[0] if done else rows[0]
    return [
        "",
        _markdown(listed, swept),
        f"{', '.join(f'{n} {status}' for status, n in counts.items())}; mean ± standard deviation "
        f"over the seeds; losses in nats per character; corpus {told['corpus']} "
        f"({told['corpus.digest']}), split {told['corpus.split']}; {told['device']}, "
        f"{told['precision']}, PyTorch {told['versions.torch']}; "
        f"{seconds / 60:.0f} minutes of training in all, on one thread each "
        "(about half of that on two cores).",
        "",
        *(["The best one again:", "", f"    {again}", ""] if again else []),
        "![loss and accuracy against epoch](curves.svg)",
        "",
    ]


def _statuses(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["status"] for row in rows))


def _grid_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["number"])


def _markdown(rows: Sequence[Row], swept: Sequence[str]) -> str:
    heads = [
        *swept,
        "validation loss",
        "at the last epoch",
        "validation accuracy",
        "training loss",
        "training accuracy",
        "best epoch",
        "seconds/epoch",
    ]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    best = min((_number(r["val_loss"]) for r in rows if r["status"] == COMPLETED), default=None)
    for row in rows:
        loss = _spread(row, "val_loss")
        if row["status"] != COMPLETED:
            loss += f" ({row['status']})"
        elif _number(row["val_loss"]) == best:
            loss = f"**{loss}**"
        cells = [
            *(_short(row.get(key)) for key in swept),
            loss,
            _spread(row, "val_loss_last"),
            _spread(row, "val_accuracy", percent=True),
            _spread(row, "train_loss"),
            _spread(row, "train_accuracy", percent=True),
            f"{_number(row['best_epoch']):.0f} of {_number(row['epochs']):.0f}",
            f"{_number(row['seconds']) / max(1.0, _number(row['epochs'])):.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _spread(row: Row, key: str, *, percent: bool = False) -> str:
    if row.get(key) is None:
        return ""
    scale, digits = (100, 1) if percent else (1, 3)
    deviation = row.get(f"{key}_std")
    text = f"{scale * row[key]:.{digits}f}"
    text += f" ± {scale * deviation:.{digits}f}" if deviation is not None else ""
    return text + (" %" if percent else "")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _short(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
