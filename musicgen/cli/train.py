"""A training at the command line: its display, its signals, and the commands to type next."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicgen.cli.arguments import Arguments
from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import Config, TrainConfig
from musicgen.config.overrides import as_override, shell
from musicgen.config.registry import naming_plugins
from musicgen.errors import Interrupted, RunError
from musicgen.system.paths import display_path
from musicgen.workflows.resume import resumed

if TYPE_CHECKING:
    from musicgen.workflows.composed_sweep import ComposedSweep

COMMAND = ("python", "-m", "musicgen.train")


def run(invocation: Invocation) -> None:
    """Train the composed configuration. Raises RunError if that fails, Interrupted after Ctrl-C."""
    asked = composition.checked(invocation.cfg, TrainConfig)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    resume = f"resume={as_override(display_path(invocation.folder))}"
    again = f"to go on: python -m musicgen.train {shell([resume, *naming_plugins()])}"
    command = [*COMMAND, *invocation.given.shown_words]
    train(asked, invocation.overrides, invocation.folder, again, command=command)


def train(
    asked: TrainConfig,
    overrides: Iterable[str],
    folder: Path,
    again: str,
    *,
    command: Sequence[str] = (),
    at_once: Callable[[int], None] | None = None,
) -> None:
    """Train into a folder, and show the progress.

    overrides: the overrides from which `asked` was composed.
    again: text that says how to resume the training if it stops or fails.
    command: the words of the command that trains, which the run's folder keeps.
    at_once: called with the signal's number at a second Ctrl-C; None ends the process.
    Raises InputError before anything is written, RunError, Interrupted.
    """
    overrides = list(overrides)
    chosen: Config = asked
    initial = None  # a run that is resumed has a copy of it
    if asked.resume:
        chosen = resumed(asked, overrides, folder)
    elif asked.init is not None:
        # Imports NumPy, which --help does without.
        from musicgen.workflows.initial import begun, find, given_keys

        initial = find(asked.init)
        chosen = begun(asked, initial, given_keys(overrides))
    # PyTorch and Lightning take seconds to import, so the configuration is checked before.
    from musicgen.cli.training_display import TrainingDisplay
    from musicgen.training.fit import fit
    from musicgen.training.folder import RunFolder

    with TrainingDisplay(at_once) as display:
        try:
            result = fit(
                chosen,
                folder,
                display,
                resume=bool(asked.resume),
                initial=initial,
                command=command,
            )
        except RuntimeError as error:  # an error of PyTorch, such as running out of memory
            reason = str(error).strip().splitlines()[0]
            raise RunError(f"failed: {reason}; {again}") from error
        display.ended(result, RunFolder(folder))
    if result.status == "interrupted":
        raise Interrupted(f"stopped; {again}")
    if result.status != "completed":
        raise RunError(f"{result.status}: {result.error}")


def sweep(swept: "ComposedSweep", given: Arguments) -> None:
    """Run the command with -m."""
    # Optuna is slow to import, and a single run does not need it.
    from musicgen.cli import training_sweep

    training_sweep.run(swept, given)
