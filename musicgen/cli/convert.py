"""The command `convert`."""

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import ConvertConfig


def run(invocation: Invocation) -> None:
    """Convert the tunes, and print a line for each."""
    asked = composition.checked(invocation.cfg, ConvertConfig)
    # Engraver and sound are slow to import, so the configuration is checked before.
    from musicgen.workflows import convert

    convert.run(asked, print)
