"""Train a network: python -m musicgen.train model.hidden=150 optim=adagrad"""

from musicgen.cli import command
from musicgen.cli.train import run, sweep


def entry() -> None:
    """Run the console script."""
    command.run("train", __doc__, run, sweep)


if __name__ == "__main__":
    entry()
