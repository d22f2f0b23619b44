"""A sweep that is started, resumed, or read from its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.api.notebook import guarded, html_table
from musicgen.errors import InputError

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from musicgen.api.run import Run
    from musicgen.sweep.record import SweepRecord
    from musicgen.sweep.space import Dimension
    from musicgen.sweep.trial import Trial


class Sweep:
    """The folder of a sweep; the sweep may still be running.

    folder: the folder in which the sweep keeps its trials.
    """

    folder: Path
    """The absolute path of the folder. It holds `table.csv`, `study.journal`, and a folder for each
    trial, named by its number."""

    def __init__(self, folder: str | Path) -> None:
        """Open the folder of a sweep. Raises InputError if the folder holds no sweep."""
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
        enqueue: Sequence[Mapping[str, Any]] | None = None,
    ) -> Sweep:
        """Run a sweep of trainings to its end, as `python -m musicgen.train -m <overrides>` does.

        overrides: a swept key has several values, "model.dropout=0,0.1", or a range,
            "optim.lr=tag(log,interval(1e-4,1e-1))"; any other key has one value.
        name: the name of the folder in runs/sweeps; None: the experiment's name, or a digest of the
            space if there is no experiment.
        workers: the number of trials at a time, or "auto": as many as there are cores or GPUs.
        enqueue: configurations that are tried first, [{"optim.lr": 0.004}, ...]; keys that one
            lacks are as the other overrides have them.

        The same call, or the same command, resumes a sweep that was stopped or killed. Ctrl-C (a
        notebook's stop button) stops the trials at their checkpoints.
        Raises InputError before anything is created, RunError if too many trials failed,
        Interrupted after Ctrl-C.
        """
        # Hydra and Optuna take a moment to import.
        from musicgen.cli import python_call
        from musicgen.cli import training_sweep as command
        from musicgen.config.overrides import as_override

        settings = {"sweep.name": name, "sweep.workers": workers, "sweep.enqueue": enqueue}
        given = [f"{k}={as_override(v)}" for k, v in settings.items() if v is not None]
        asked = python_call.read([*overrides, *given], multirun=True).with_recipe
        again = f"Sweep.start({', '.join(map(repr, asked.words[1:]))})"
        with guarded(f"to go on: {again}"):
            with python_call.own_hydra():
                swept = python_call.swept(asked)
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

        objective: a function that worker processes call with a `Trial`. It reads `trial.params`
            and, optionally, `trial.seed`. After each step it calls `trial.report(step, value)` with
            the value of the first objective. It stops if `trial.should_stop()` is true. It returns
            a number or a dictionary of results. A trial that resumes after a kill finds its own
            files in `trial.folder`. Functions of scripts and notebook cells are sent to workers by
            value, functions of modules by reference.
        space: what is varied, by name: `Float`, `Int`, `Choice`, or a list of values.
        folder: the folder in which the sweep keeps its trials. The same call resumes the sweep that
            is there.
        settings: objectives={"loss": "minimize"}, n_trials, enqueue, sampler, pruner, seeds, ...
            as `workflows.sweep_settings.SweepSettings` documents them.

        Raises InputError before anything is created, RunError if too many trials failed,
        Interrupted after Ctrl-C.
        """
        from dataclasses import fields

        from musicgen.cli.function_sweep import drive
        from musicgen.config.schema import near
        from musicgen.errors import Interrupted
        from musicgen.system.paths import display_path
        from musicgen.workflows.function_sweep import prepare
        from musicgen.workflows.sweep_settings import SweepSettings

        known = [field.name for field in fields(SweepSettings)]
        if unknown := [name for name in settings if name not in known]:
            advice = near(unknown[0], known) or f"; there are {', '.join(known)}"
            raise InputError(f"there is no setting {unknown[0]} of a sweep{advice}")
        with guarded("the same call goes on"):
            sweep = prepare(objective, space, Path(folder).absolute(), SweepSettings(**settings))
            display, outcome = drive(sweep)
            display.ended(outcome)
            if outcome.interrupted:
                shown = display_path(sweep.folder)
                raise Interrupted(f"stopped; the same call goes on with the sweep in {shown}")
        return cls(sweep.folder)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each configuration, best first; `status` says how the configuration ended.

        Its columns are `number` (the name of the trial's folder), `status`, the swept keys, the
        objectives, and all other results. Raises InputError before the table is first written.
        """
        from musicgen.sweep.table import read_frame

        return read_frame(self.folder)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `table` as dictionaries, best first; empty before it is first written.

        Integers stay integers, and a missing value is None.
        """
        from musicgen.sweep.table import Table

        return list(Table.read(self.folder).rows)

    @property
    def space(self) -> dict[str, Dimension]:
        """What is varied, by key, in the order of the sweep: `Float`, `Int` or `Choice`.

        Raises InputError if sweep.json is damaged.
        """
        return dict(self._record().space)

    @property
    def sampler(self) -> str:
        """The name of the sampler, such as "grid" or "tpe"."""
        return self._record().sampler

    @property
    def best_overrides(self) -> list[str]:
        """The swept keys of the best configuration as overrides: ["model.hidden=150", ...].

        Raises InputError before the table is first written.
        """
        from musicgen.report import about, source

        found = source.read(self.folder)
        return about.swept_values(found, found.rows[0])

    @property
    def best_command(self) -> str:
        """The shell command that trains the best configuration again, without absolute folders.

        Empty if the sweep kept none, as that of a function. Raises InputError before the table is
        first written.
        """
        from musicgen.report import about, source

        found = source.read(self.folder)
        return about.trial_command(found, found.rows[0])

    @property
    def best(self) -> Run:
        """The run of the best trial; with several seeds, its run with the lowest validation loss.

        Raises InputError if no trial has completed. Also raises it for a sweep of a function, which
        has no runs to read: its best row is the first of `table`.
        """
        from musicgen.api.run import Run
        from musicgen.workflows.function_sweep import CODE

        if (self.folder / CODE).exists():
            raise InputError(
                f"best is a run of musicgen.train, and {self.folder} is a sweep of a function; "
                "its best row is table.iloc[0], whose files are in the folder of its number"
            )
        return Run(self.folder)

    @property
    def study(self) -> optuna.Study:
        """Optuna's own study, read-only: any method that would change it raises InputError.

        The study shows new trials while the sweep runs. Raises InputError if the folder holds no
        study.
        """
        from musicgen.sweep.study import read_only

        return read_only(self.folder)

    def __repr__(self) -> str:
        figures = ", ".join(f"{count} {status}" for status, count in self._counts().items())
        return f"Sweep({str(self.folder)!r}): {figures or 'no trial yet'}"

    def _repr_html_(self) -> str:
        """The table as HTML, with escaped cells."""
        try:
            return str(self.table.to_html(index=False, max_rows=20, na_rep=""))
        except InputError:
            return html_table(str(self.folder), {"trials": "none yet"})

    def _record(self) -> SweepRecord:
        from musicgen.sweep.record import SweepRecord

        record = SweepRecord.read(self.folder)
        if record is None:  # it was there when this object was made
            raise InputError(f"{self.folder} holds no sweep any more; restore its sweep.json")
        return record

    def _counts(self) -> dict[str, int]:
        try:
            return {str(k): int(n) for k, n in self.table["status"].value_counts().items()}
        except InputError:
            return {}
