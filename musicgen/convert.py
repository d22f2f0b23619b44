"""Tunes in ABC to other formats: python -m musicgen.convert tune.abc formats=[musicxml,mid,png]"""

from musicgen.cli import command
from musicgen.cli.convert import run


def entry() -> None:
    """Run the console script."""
    command.run("convert", __doc__, run, positional="files")


if __name__ == "__main__":
    entry()
