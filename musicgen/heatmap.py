"""Find out what a network's units follow: python -m musicgen.heatmap run=runs/<date>/<time>"""

from musicgen.cli import command
from musicgen.cli.heatmap import run


def entry() -> None:
    """Run the console script."""
    command.run("heatmap", __doc__, run)


if __name__ == "__main__":
    entry()
