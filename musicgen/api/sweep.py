"""A sweep: started, gone on with, or read from its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import InputError

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from musicgen.api.run import Run
    from musicgen.sweep.space import Dimension
    from musicgen.sweep.trial import Trial


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

    @classmethod
    def of(
        cls,
        objective: Callable[[Trial], Any],
        space: Mapping[str, Dimension | list[Any]],
        *,
        folder: str | Path,
        **settings: Any,
    ) -> Sweep:
        """Sweep any function to its end, or go on with the sweep in the folder.

        objective: called with a `Trial` in worker processes. It reads `trial.params` (and, if it
        likes, `trial.seed`), calls `trial.report(step, value)` after each step with the first
        objective's value, stops if `trial.should_stop()`, and returns a number, or a dictionary of
        results. A trial that goes on after a kill finds its own files in `trial.folder`. Functions
        of scripts and notebook cells travel by value, functions of modules by reference.
        space: what is varied, by name: `Float`, `Int`, `Choice`, or a list of values.
        folder: where the sweep keeps its trials. The same call goes on with what is there.
        settings: objectives={"loss": "minimize"}, n_trials, sampler, pruner, seeds, workers, ... as
        `workflows.settings.SweepSettings` says.
        Raises InputError before anything is created, RunError if too much failed, Interrupted
        after Ctrl-C.
        """
        from musicgen.api.function import sweep_function

        return cls(sweep_function(objective, space, folder=folder, **settings))

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
