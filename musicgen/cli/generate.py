"""The command `generate`."""

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import GenerateConfig


def run(invocation: Invocation) -> None:
    """Write tunes, and show a progress bar and a table of them."""
    asked = composition.checked(invocation.cfg, GenerateConfig)
    # PyTorch takes seconds to import, so it is imported after the configuration is checked.
    from musicgen.cli.tune_display import TuneDisplay
    from musicgen.workflows import generate

    with TuneDisplay() as display:
        generate.run(asked, display)
