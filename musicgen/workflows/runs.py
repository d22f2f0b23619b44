"""Which trained network a `run=` key names."""

import csv
from pathlib import Path

from musicgen.errors import InputError
from musicgen.training.result import Result


def find(place: str) -> Path:
    """The run folder, or the checkpoint file, that `place` names; of a sweep, its best run.

    Raises InputError if it names none.
    """
    path = Path(place)
    if path.is_file():
        if path.suffix != ".safetensors":
            raise InputError(
                f"run must be a run folder, a sweep's or a .safetensors file, got {place}; "
                "`ls runs/*` shows what there is"
            )
        return path
    if (path / "checkpoints").is_dir() or not (path / "table.csv").is_file():
        if not (path / "checkpoints" / "best.safetensors").is_file():
            what = "a folder without a checkpoint" if path.is_dir() else "nothing"
            raise InputError(
                f"run must be the folder of a run, got {place}, where there is {what}; "
                "`ls runs/*` shows what there is"
            )
        return path
    return _best(path)


def _best(sweep: Path) -> Path:
    """Of the trial at the top of the table; where it has several seeds, the best of these."""
    with (sweep / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("status") == "completed"]
    number = rows[0].get("number", "") if rows else ""
    folders = [sweep / number, *(sweep / number).glob("seed*")] if number.isdecimal() else []
    results = {
        folder: loss
        for folder in folders
        if (folder / "checkpoints" / "best.safetensors").is_file()
        and (loss := Result.read(folder / "result.json").val_loss) is not None
    }
    if not results:
        raise InputError(
            f"run must be a sweep with a completed trial, got {sweep}, which has none; "
            "let it go on, or name a run folder in it"
        )
    return min(results, key=lambda folder: (results[folder], folder))
