"""A training at the command line: its display, its signals, and what to type next."""

import logging
from typing import TYPE_CHECKING

from musicgen.cli.command import Invocation, typed_words
from musicgen.config import composition
from musicgen.config.keys import TrainConfig
from musicgen.config.overrides import as_override, shell
from musicgen.config.registry import naming_plugins
from musicgen.errors import Interrupted, RunError
from musicgen.system.paths import display_path
from musicgen.workflows.resume import resumed

if TYPE_CHECKING:
    from musicgen.workflows.swept import Swept


def run(invocation: Invocation) -> None:
    asked = composition.checked(invocation.cfg, TrainConfig)
    folder = invocation.folder
    chosen = resumed(asked, invocation.overrides, folder) if asked.resume else asked
    # PyTorch and Lightning take seconds to import: only now, when the configuration holds.
    from musicgen.cli.training_display import TrainingDisplay
    from musicgen.training.fit import fit
    from musicgen.training.folder import RunFolder

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    resume = f"resume={as_override(display_path(folder))}"
    command = ["python", "-m", "musicgen.train", *typed_words()]
    again = f"to go on: python -m musicgen.train {shell([resume, *naming_plugins()])}"
    with TrainingDisplay() as display:
        try:
            result = fit(chosen, folder, display, resume=bool(asked.resume), command=command)
        except RuntimeError as error:  # PyTorch's, out of memory among them
            reason = str(error).strip().splitlines()[0]
            raise RunError(f"failed: {reason}; {again}") from error
        display.ended(result, RunFolder(folder))
    if result.status == "interrupted":
        raise Interrupted(f"stopped; {again}")
    if result.status != "completed":
        raise RunError(f"{result.status}: {result.error}")


def sweep(swept: "Swept") -> None:
    """The same with -m."""
    # Optuna takes a moment to import, which a single run does without.
    from musicgen.cli import sweep

    sweep.run(swept)
