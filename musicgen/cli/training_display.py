"""The display of a training: a progress bar in a terminal, plain lines in a log file."""

import importlib.util
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from musicgen.config.overrides import as_override, shell
from musicgen.config.registry import naming_plugins
from musicgen.sweep.trial import Decision
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.training.folder import RunFolder
from musicgen.training.result import Epoch, Result
from musicgen.training.watcher import Start, Watcher


class TrainingDisplay(Watcher):
    """Shows a progress bar with the time left, a line per epoch and a summary, and handles Ctrl-C.

    Within its context, the first signal that asks for an end (Ctrl-C, SIGTERM, SIGHUP, SIGUSR1)
    stops the training after its current step.
    """

    def __init__(self, at_once: Callable[[int], None] | None = None) -> None:
        """at_once: called with the number of a second SIGINT or SIGTERM; None ends the process."""
        self.at_once = at_once or _end_process
        # Without a terminal, rich would fold plain lines at 80 characters.
        self.console = Console(highlight=False)
        self.soft = not self.console.is_terminal
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not moving(self.console),
            transient=True,
        )
        self.max_epochs = 0
        self.stopping = False
        self.drawn = 0.0

    def __enter__(self) -> "TrainingDisplay":
        self.listening = ExitStack()
        self.listening.enter_context(hearing(self._stop))
        self.task = self.progress.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()
        self.listening.close()

    def _stop(self, number: int) -> None:
        if self.stopping:
            self.at_once(number)
        self.stopping = True

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style), soft_wrap=self.soft)

    def _command(self, *words: str) -> None:
        """Print a command that can be copied: the terminal may wrap its line, but no line breaks
        are printed."""
        self.console.print(Text(shell(words), "bold"), soft_wrap=True)

    def started(self, start: Start) -> None:
        self.max_epochs = start.max_epochs
        resumed = f", going on after epoch {start.epoch}" if start.epoch else ""
        self._say(
            f"training {start.parameters:,} parameters on {start.train_chars:,} characters of "
            f"{start.corpus} ({start.device}, {start.precision}, seed {start.seed}{resumed}) "
            f"in {display_path(start.folder)}"
        )
        self.progress.start()

    def step(self, epoch: int, step: int, steps: int) -> None:
        now = time.monotonic()
        if now - self.drawn < 0.1:
            return
        self.drawn = now
        self.progress.update(
            self.task,
            description=f"epoch {epoch}/{self.max_epochs}",
            completed=(epoch - 1) * steps + step,
            total=self.max_epochs * steps,
        )

    def epoch(self, row: Epoch) -> Decision:
        self._say(
            f"epoch {row.epoch:>{len(str(self.max_epochs))}}/{self.max_epochs}  "
            f"train {row.train_loss:.3f} ({row.train_accuracy:.1%})  "
            f"val {row.val_loss:.3f} ({row.val_accuracy:.1%}, {row.val_bits_per_char:.2f} bits)  "
            f"lr {row.lr:.2g}  {row.chars_per_s:,.0f} characters/s  {row.seconds:.0f} s"
        )
        return Decision.CONTINUE

    def should_stop(self) -> bool:
        return self.stopping

    def ended(self, result: Result, folder: RunFolder) -> None:
        """Print the summary: tunes, results, and commands to type next."""
        self.progress.stop()
        for path in sorted(folder.samples.glob("*.abc")):
            self.console.rule(f"a tune at temperature {path.stem.removeprefix('T')}", align="left")
            self._say(printable(path.read_text(encoding="utf-8").rstrip()), "cyan")
        table = Table(show_header=False, box=None)
        for name, value in _summary(result):
            table.add_row(name, value)
        self.console.rule(align="left")
        self.console.print(table, soft_wrap=self.soft)
        where = display_path(folder.path)
        self._say(f"\n{where} holds the run. To see its curves:")
        self._command("tensorboard", "--logdir", where)
        if folder.best.exists():
            self._say("for more tunes, with score and sound:")
            run = [f"run={as_override(where)}", *naming_plugins()]
            self._command("python", "-m", "musicgen.generate", *run)


def _end_process(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def moving(console: Console) -> bool:
    """Whether the console can show a moving progress bar: it is a terminal, or a notebook with
    widgets."""
    return console.is_terminal or (
        console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    )


def printable(text: str) -> str:
    """A network's text without control characters, which would command the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _summary(result: Result) -> list[tuple[str, str]]:
    def loss(value: float | None) -> str:
        return "none" if value is None else f"{value:.4f} nats/character"

    accuracy = "" if result.val_accuracy is None else f", {result.val_accuracy:.1%} right"
    rows: list[tuple[str, Any]] = [
        ("status", result.status + (f": {result.error}" if result.error else "")),
        ("validation loss", f"{loss(result.val_loss)}{accuracy} (epoch {result.best_epoch})"),
        ("training loss", loss(result.train_loss)),
        ("test loss", loss(result.test_loss)),
        ("epochs", f"{result.epochs} in {result.seconds or 0:.0f} s"),
        (
            "speed",
            f"{result.chars_per_s or 0:,.0f} characters/s ({result.device}, {result.precision})",
        ),
    ]
    return rows
