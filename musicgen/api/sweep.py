"""A sweep: started, gone on with, or read from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.errors import InputError

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from musicgen.api.run import Run


class Sweep:
    """A sweep's folder, while it runs too.

    folder: where the sweep keeps its trials.
    """

    folder: Path
    """Absolute. `table.csv`, `study.journal`, and a folder for each trial, by its number."""

    def __init__(self, folder: str | Path) -> None:
        """Raises InputError if the folder holds no sweep."""
        path = Path(folder).absolute()
        if not (path / "sweep.json").is_file():
            raise InputError(
                f"Sweep needs the folder of a sweep, got {folder}, which has no sweep.json; "
                "`ls runs/sweeps` shows what there is"
            )
        self.folder = path

    @classmethod
    def start(cls, *overrides: str, name: str | None = None, workers: int | None = None) -> Sweep:
        """Run a sweep of trainings to its end, or go on with the one that is there."""
        raise NotImplementedError

    @property
    def table(self) -> pd.DataFrame:
        """A row for each configuration, best first."""
        import pandas as pd

        return pd.read_csv(self.folder / "table.csv")

    @property
    def best(self) -> Run:
        """The best trial's run."""
        raise NotImplementedError

    @property
    def study(self) -> optuna.Study:
        """Optuna's own study, to be read; it cannot be written."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"Sweep({str(self.folder)!r})"
