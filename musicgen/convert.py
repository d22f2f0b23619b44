"""Tunes in ABC to other formats: python -m musicgen.convert tune.abc formats=[musicxml,mid,png]"""

from musicgen import command, config
from musicgen.command import Invocation
from musicgen.keys import ConvertConfig


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, ConvertConfig)
    # The engraver and the sound take a moment to import: only now, when the configuration holds.
    from musicgen import converting

    converting.run(asked, print)


def entry() -> None:
    """Of the console script."""
    command.run("convert", main, positional="files")


if __name__ == "__main__":
    entry()
