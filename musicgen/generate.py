"""Write tunes with a trained network: python -m musicgen.generate run=runs/<date>/<time>"""

from musicgen.cli import command
from musicgen.cli.generate import run


def entry() -> None:
    """Run the console script."""
    command.run("generate", __doc__, run)


if __name__ == "__main__":
    entry()
