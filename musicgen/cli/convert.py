"""Conversions at the command line."""

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import ConvertConfig


def run(invocation: Invocation) -> None:
    """Convert what was asked for, with a line for each tune."""
    asked = composition.checked(invocation.cfg, ConvertConfig)
    # The engraver and the sound take a moment to import: only now, when the configuration holds.
    from musicgen.workflows import convert

    convert.run(asked, print)
