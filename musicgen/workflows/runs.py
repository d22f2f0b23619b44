"""The trained network that a `run=` key names."""

import logging
from pathlib import Path

from musicgen.errors import InputError, Remedy
from musicgen.sweep.trial import COMPLETED
from musicgen.training import packaged
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result

log = logging.getLogger(__name__)


def find(place: str, key: str = "run") -> Path:
    """The run folder or checkpoint file that `place` names. For a sweep it is the best run. A name
    of a network that the package carries stands for that network.

    key: the key with this value, for errors. Raises InputError if it names none of these.
    """
    path = Path(place)
    if (carried := packaged.folder(place)) is not None:
        if path.is_dir():
            log.warning(
                "%s=%s is the network of that name in the package; the folder is %s=./%s",
                *(key, place) * 2,
            )
        return carried
    if path.is_file():
        if path.suffix != ".safetensors":
            raise InputError(
                f"{key} must be a run folder, a sweep's or a .safetensors file, got {place}",
                Remedy.LIST_FOLDERS,
            )
        return path
    from musicgen.sweep.table import TABLE  # imports Optuna

    run = RunFolder(path)
    if run.checkpoints.is_dir() or not (path / TABLE).is_file():
        if not run.best.is_file():
            what = "a folder without a checkpoint" if path.is_dir() else "nothing"
            raise InputError(
                f"{key} must be the folder of a run, got {place}, where there is {what}",
                Remedy.LIST_FOLDERS,
            )
        return path
    return _best(path, key)


def written(path: Path) -> str:
    """A run folder or checkpoint as `run=` names it: a network of the package by its name, so that
    a command that is kept holds on other machines too."""
    return packaged.name_of(path) or str(path)


def beside(place: Path, name: str) -> Path:
    """The folder for what a command writes about a run: `name` in the run folder, or in the current
    folder for a network of the package."""
    return Path(name) if packaged.name_of(place) else place / name


def _best(sweep: Path, key: str) -> Path:
    """The run of the trial at the top of the table; with several seeds, the best of its runs."""
    from musicgen.sweep.table import Table

    rows = [row for row in Table.read(sweep).rows if row.get("status") == COMPLETED]
    trial = sweep / str(rows[0]["number"]) if rows else None
    results = {
        folder: loss
        for folder in ([trial, *trial.glob("seed*")] if trial else [])
        if RunFolder(folder).best.is_file()
        and (loss := Result.read(RunFolder(folder).result).val_loss) is not None
    }
    if trial and not results and not list(trial.glob("**/config.yaml")):
        raise InputError(
            f"{key} must be a sweep of trainings, got {sweep}, which sweeps something else; its "
            f"best result is in {trial}"
        )
    if not results:
        raise InputError(
            f"{key} must be a sweep with a completed trial, got {sweep}, which has none; "
            "let it go on, or name a run folder in it"
        )
    return min(results, key=lambda folder: (results[folder], folder))
