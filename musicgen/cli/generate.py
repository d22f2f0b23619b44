"""Tunes at the command line."""

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import GenerateConfig


def run(invocation: Invocation) -> None:
    """Write what was asked for, with a progress bar and a table of the tunes."""
    asked = composition.checked(invocation.cfg, GenerateConfig)
    # PyTorch takes seconds to import: only now, when the configuration holds.
    from musicgen.cli.tune_display import TuneDisplay
    from musicgen.workflows import generate

    with TuneDisplay() as display:
        generate.run(asked, display)
