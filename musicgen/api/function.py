"""A sweep of a user's function, started from Python."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from musicgen.cli.driving import drive
from musicgen.config.schema import near
from musicgen.errors import InputError, Interrupted
from musicgen.sweep.space import Dimension
from musicgen.sweep.trial import Trial
from musicgen.system.paths import display_path
from musicgen.workflows.function import prepare
from musicgen.workflows.settings import SweepSettings


def sweep_function(
    objective: Callable[[Trial], Any],
    space: Mapping[str, Dimension | list[Any]],
    *,
    folder: str | Path,
    **settings: Any,
) -> Path:
    """Sweep a function to the end, or go on with the sweep in the folder; returns the folder.

    See `Sweep.of`. Raises InputError before anything is created, RunError if too many trials
    failed, Interrupted after Ctrl-C.
    """
    known = [field.name for field in fields(SweepSettings)]
    if unknown := [name for name in settings if name not in known]:
        advice = near(unknown[0], known) or f"; there are {', '.join(known)}"
        raise InputError(f"there is no setting {unknown[0]} of a sweep{advice}")
    given = SweepSettings(**settings)
    sweep = prepare(objective, space, Path(folder).absolute(), given)
    display, outcome = drive(sweep)
    display.ended(outcome)
    if outcome.interrupted:
        shown = display_path(sweep.folder)
        raise Interrupted(f"stopped; the same call goes on with the sweep in {shown}")
    return sweep.folder
