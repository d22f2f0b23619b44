"""Loss of a text under one network or several: python -m musicgen.evaluate run=folk data=folk"""

from musicgen.cli import command
from musicgen.cli.evaluate import run


def entry() -> None:
    """Run the command."""
    command.run("evaluate", __doc__, run)


if __name__ == "__main__":
    entry()
