"""Write tunes with a trained network: python -m musicgen.generate run=runs/<date>/<time>"""

from musicgen import command, config
from musicgen.command import Invocation
from musicgen.keys import GenerateConfig


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, GenerateConfig)
    # PyTorch takes seconds to import: only now, when the configuration holds.
    from musicgen import generating
    from musicgen.tune_display import TuneDisplay

    with TuneDisplay() as display:
        generating.run(asked, display)


def entry() -> None:
    """Of the console script."""
    command.run("generate", main)


if __name__ == "__main__":
    entry()
