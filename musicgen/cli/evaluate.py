"""The command `evaluate`."""

from typing import TYPE_CHECKING

from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import EvaluateConfig
from musicgen.system.paths import display_path

if TYPE_CHECKING:
    from musicgen.workflows.evaluate import Evaluation


def run(invocation: Invocation) -> None:
    """Score a text under the networks, and print a table by kind of character."""
    asked = composition.checked(invocation.cfg, EvaluateConfig)
    # PyTorch takes seconds to import, so it is imported after the configuration is checked.
    from musicgen.workflows import evaluate

    show(evaluate.run(asked), adaptive=asked.adapt)


def show(found: "Evaluation", *, adaptive: bool) -> None:
    """Print the losses by kind of character, and the weights of a mixture."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=140)
    how = "adaptive" if adaptive else "static"
    table = Table(title=f"{how} losses of {found.text}, nats per character", title_justify="left")
    names = [name for name in found.kinds[0] if name not in ("kind", "characters")]
    table.add_column("characters")
    table.add_column("share", justify="right")
    for name in names:
        table.add_column(Text(name), justify="right")
    total = found.kinds[0]["characters"]
    for row in found.kinds:
        cells = (f"{row[name]:.4f}" for name in names)
        table.add_row(row["kind"], f"{row['characters'] / total:.1%}", *cells)
    console.print(table)
    if found.weights:
        shares = ", ".join(f"{name} {share:.3f}" for name, share in found.weights.items())
        where = "fitted on the validation text" if found.fitted else "equal: part=test fits them"
        console.print(Text(f"weights in the mixture ({where}): {shares}"), soft_wrap=True)
    console.print(Text(f"{display_path(found.out)} holds tunes.csv and kinds.csv"), soft_wrap=True)
