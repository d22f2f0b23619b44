"""The display of `generate`: a progress bar, then a table of the tunes."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from musicgen.cli.training_display import moving, printable
from musicgen.music.measures import MEMORISED, measures
from musicgen.system.paths import display_path
from musicgen.training import packaged
from musicgen.workflows.generate import Watcher, Written

TITLE = 28
"""The most characters of a title in the table."""


class TuneDisplay(Watcher):
    """Shows the progress of `workflows.generate.run`."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._soft = not self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            disable=not moving(self._console),
            transient=True,
        )
        self._tunes: list[Written] = []

    def __enter__(self) -> "TuneDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def began(self, weights: Path, tunes: int) -> None:
        carried = packaged.name_of(weights)
        network = f"{carried}, the package's network" if carried else display_path(weights)
        self._console.print(
            Text(f"writing {tunes} tune{'s' * (tunes != 1)} with {network}"),
            soft_wrap=self._soft,
        )
        self._task = self._progress.add_task("drawing", total=tunes)
        self._progress.start()

    def wrote(self, tune: Written) -> None:
        self._tunes.append(tune)
        self._progress.update(self._task, advance=1, description="writing")

    def ended(self, out: Path, sets: dict[str, dict[str, float]]) -> None:
        self._progress.stop()
        console = Console(highlight=False, width=None if self._console.is_terminal else 140)
        console.print(_table(self._tunes))
        if sets:
            console.print(_comparison(sets))
        for tune in self._tunes:
            for name, why in tune.missing.items():
                self._console.print(
                    Text(f"{tune.drawn.name}.{name} is missing: {why}"), soft_wrap=self._soft
                )
        self._console.print(Text(f"the tunes are in {display_path(out)}"), soft_wrap=self._soft)


def _table(tunes: list[Written]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("tune")
    table.add_column("title", max_width=TITLE, no_wrap=True)
    for name in ("key", "meter"):
        table.add_column(name)
    for name in ("bars", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("valid")
    table.add_column("bars right", justify="right")
    table.add_column("nearest training tune", no_wrap=True)
    for one in tunes:
        tune, measures = one.tune, one.measures
        metered = measures.bars_metered
        cells = (
            one.drawn.name,
            _short(tune.field("T")),
            _short(tune.field("K"), 8),
            tune.meter.text[:8] or "none",
            str(measures.bars),
            f"{one.seconds:.0f}",
            "yes" if measures.parses else "no notes" if not measures.notes else "no",
            f"{measures.bars_right / metered:.0%}" if metered else "-",
            _nearest(one),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _short(text: str, limit: int = TITLE) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _nearest(one: Written) -> str:
    if one.nearest is None:
        return "not compared"
    notes, number, title = one.nearest
    if not notes:
        return "none"
    copy = ", a copy" if notes > MEMORISED else ""
    return f"{notes} notes{copy}: {_short(title or f'number {number}')}"


def _comparison(sets: dict[str, dict[str, float]]) -> Table:
    """A table with a row for each set of tunes, real tunes last. Shares come before other
    measures."""
    table = Table(box=None, header_style="bold")
    table.add_column("tunes at")
    shown = {name: each for name, each in measures().items() if each.headline}
    names = sorted(shown, key=lambda name: not shown[name].percent)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for name, figures in sets.items():
        cells = (f"{figures[n]:{'.0%' if shown[n].percent else '.1f'}}" for n in names)
        table.add_row(name, *cells)
    return table
