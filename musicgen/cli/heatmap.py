"""The command `heatmap`."""

from math import isnan
from typing import TYPE_CHECKING

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import HeatmapConfig
from musicgen.system.paths import display_path

if TYPE_CHECKING:
    from musicgen.workflows.explain import Explained


def run(invocation: Invocation) -> None:
    """Score all units, draw the best ones, and print the results."""
    asked = composition.checked(invocation.cfg, HeatmapConfig)
    # PyTorch takes seconds to import, so it is imported after the configuration is checked.
    from musicgen.workflows import explain

    show(explain.run(asked))


def show(found: "Explained") -> None:
    """Print the best unit for each annotation, and the courses of the best header/body units."""
    from rich.console import Console
    from rich.table import Table

    from musicgen.interpret.annotations import annotations
    from musicgen.interpret.units import score_text

    console = Console(highlight=False)
    table = Table(
        "follows", "unit", "score", "chance", title=f"best units over {found.tunes} held-out tunes"
    )
    for name, annotation in annotations().items():
        if row := found.best.get(name):
            table.add_row(annotation.asks, row.name, score_text(row), f"{row.chance:.2f}")
        else:
            table.add_row(annotation.asks, "", "hardly any in these tunes", "")
    console.print(table)
    for place, (row, course) in enumerate(found.courses):
        if place == 0 or row.state == "hidden":
            jumps = {
                "on the way into a body": course.jump_to_body,
                "into a header": course.jump_to_header,
                "into a new part": course.jump_to_part,
            }
            ways = [f"{jump:.1f} {way}" for way, jump in jumps.items() if not isnan(jump)]
            console.print(
                f"{row.name}: on average {course.header_mean:.2f} in headers, "
                f"{course.body_mean:.2f} in bodies (size {course.header_size:.2f} and "
                f"{course.body_size:.2f}); another sign in {course.turns:.0%} of headers than in "
                f"the body before; changes as a multiple of the usual one: {', '.join(ways)}",
                soft_wrap=True,
            )
    console.print(
        f"{display_path(found.out)} holds the pictures, units.csv and parts.csv",
        soft_wrap=True,
    )
