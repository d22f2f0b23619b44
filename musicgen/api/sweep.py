"""A sweep: started, gone on with, or read from its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.api.notebook import guarded, html_table
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
        from musicgen.sweep.record import SweepRecord

        path = Path(folder).absolute()
        if not SweepRecord.within(path):
            raise InputError(
                f"Sweep needs the folder of a sweep, got {folder}, which has no sweep.json; "
                "name one of those that are below runs/sweeps"
            )
        self.folder = path

    @classmethod
    def start(
        cls,
        *overrides: str,
        name: str | None = None,
        workers: int | str | None = None,
    ) -> Sweep:
        """Run a sweep of trainings to its end, as `python -m musicgen.train -m <overrides>` does.

        overrides: what is swept has several values, "model.dropout=0,0.1", or a range,
            "optim.lr=tag(log,interval(1e-4,1e-1))"; all else has one.
        name: of its folder in runs/sweeps; None: the experiment's, else a digest of the space.
        workers: trials at a time, or "auto": as many as there are cores or GPUs.
        The same call goes on with a sweep that was stopped or killed, and so does the command.
        Ctrl-C (a notebook's stop button) stops the trials at their checkpoints.
        Raises InputError before anything is created, RunError if too many trials failed,
        Interrupted after Ctrl-C.
        """
        # Hydra and Optuna take a moment to import.
        from musicgen.cli import composing
        from musicgen.cli import sweep as command
        from musicgen.config.overrides import as_override

        settings = {"sweep.name": name, "sweep.workers": workers}
        given = [f"{k}={as_override(v)}" for k, v in settings.items() if v is not None]
        asked = composing.read([*overrides, *given], multirun=True)
        again = f"Sweep.start({', '.join(map(repr, asked.words[1:]))})"
        with guarded(f"to go on: {again}"):
            with composing.own_hydra():
                swept = composing.swept(asked)
                prepared, trial_command = command.prepared(swept, asked)
            command.drive(prepared, swept, trial_command, again)
        return cls(prepared.folder)

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

        with guarded("the same call goes on"):
            return cls(sweep_function(objective, space, folder=folder, **settings))

    @property
    def table(self) -> pd.DataFrame:
        """A row for each configuration, best first, whatever became of it (`status`).

        Its columns are `number` (the name of the trial's folder), `status`, the swept keys, the
        objectives, and all other results. Raises InputError before the table is first written.
        """
        from musicgen.sweep.table import read_frame

        return read_frame(self.folder)

    @property
    def best(self) -> Run:
        """The best trial's run; of several seeds the one with the lowest validation loss.

        Raises InputError if no trial has completed, or if the sweep is of a function, which has no
        runs to read: its best row is the first of `table`.
        """
        from musicgen.api.run import Run
        from musicgen.workflows.function import CODE

        if (self.folder / CODE).exists():
            raise InputError(
                f"best is a run of musicgen.train, and {self.folder} is a sweep of a function; "
                "its best row is table.iloc[0], whose files are in the folder of its number"
            )
        return Run(self.folder)

    @property
    def study(self) -> optuna.Study:
        """Optuna's own study, read-only: what would change it raises InputError.

        It follows a sweep that runs. Raises InputError if the folder holds no study.
        """
        from musicgen.sweep.study import read_only

        return read_only(self.folder)

    def __repr__(self) -> str:
        figures = ", ".join(f"{count} {status}" for status, count in self._counts().items())
        return f"Sweep({str(self.folder)!r}): {figures or 'no trial yet'}"

    def _repr_html_(self) -> str:
        """The table, its cells escaped."""
        try:
            return str(self.table.to_html(index=False, max_rows=20, na_rep=""))
        except InputError:
            return html_table(str(self.folder), {"trials": "none yet"})

    def _counts(self) -> dict[str, int]:
        try:
            return {str(k): int(n) for k, n in self.table["status"].value_counts().items()}
        except InputError:
            return {}
