"""Find out what a network's units follow: python -m musicgen.heatmap run=runs/<date>/<time>"""

from typing import TYPE_CHECKING

from musicgen import command, config
from musicgen.command import Invocation, shown
from musicgen.keys import HeatmapConfig

if TYPE_CHECKING:
    from musicgen.explaining import Explained


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, HeatmapConfig)
    # PyTorch takes seconds to import: only now, when the configuration holds.
    from musicgen import explaining

    show(explaining.run(asked))


def show(found: "Explained") -> None:
    """The best unit for each annotation."""
    from rich.console import Console
    from rich.table import Table

    from musicgen.interpret.annotate import ANNOTATIONS

    console = Console(highlight=False)
    title = f"best units over {found.tunes} held-out tunes"
    table = Table("follows", "unit", "score", "chance", "best possible", title=title)
    for name, row in found.best.items():
        unit = "AUC" if row.measure == "auc" else "bits"
        scores = f"{row.score:.3f} {unit}", f"{row.chance:.3f}", f"{row.most:.2f}"
        table.add_row(ANNOTATIONS[name].asks, row.name, *scores)
    console.print(table)
    console.print(f"{shown(found.out)} holds the pictures and units.csv", soft_wrap=True)


def entry() -> None:
    """Of the console script."""
    command.run("heatmap", main)


if __name__ == "__main__":
    entry()
