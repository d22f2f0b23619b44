"""Train a network: python -m musicgen.train model.hidden=150 optim=adagrad"""

import logging
from typing import TYPE_CHECKING

from musicgen import command, config
from musicgen.command import Invocation, shown
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.keys import Config, TrainConfig
from musicgen.overrides import flatten, shell, spelled

if TYPE_CHECKING:
    from musicgen.swept import Swept


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, TrainConfig)
    folder = invocation.folder
    chosen = asked if asked.resume is None else _resumed(asked, invocation)
    # PyTorch and Lightning take seconds to import: only now, when the configuration holds.
    from musicgen.console import TrainingDisplay
    from musicgen.training.fit import fit
    from musicgen.training.folder import RunFolder

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    resume = f"resume={spelled(shown(folder))}"
    again = f"to go on: python -m musicgen.train {shell([resume])}"
    with TrainingDisplay() as display:
        try:
            result = fit(chosen, folder, display, resume=asked.resume is not None)
        except RuntimeError as error:  # PyTorch's, out of memory among them
            reason = str(error).strip().splitlines()[0]
            raise RunError(f"failed: {reason}; {again}") from error
        display.ended(result, RunFolder(folder))
    if result.status == "interrupted":
        raise Interrupted(f"stopped; {again}")
    if result.status != "completed":
        raise RunError(f"{result.status}: {result.error}")


def _resumed(asked: Config, invocation: Invocation) -> Config:
    """The configuration of the run to go on with; what the command says must agree with it."""
    stored = config.load(invocation.folder / "config.yaml")
    now, before = (flatten(config.to_dict(c)) for c in (asked, stored))
    for override in invocation.overrides:
        key = override.split("=")[0].lstrip("+")
        for name in before:
            covered = key == "experiment" or f"{name}.".startswith(f"{key}.")
            if covered and now.get(name) != before[name]:
                raise InputError(
                    f"{name} must stay {before[name]} in {shown(invocation.folder)}, got "
                    f"{now.get(name)}; leave {override} out, or start a new run without resume"
                )
    return stored


def sweep(swept: "Swept") -> None:
    from musicgen import sweeping

    sweeping.run(swept)


def entry() -> None:
    """Of the console script."""
    command.run("train", main, sweep)


if __name__ == "__main__":
    entry()
