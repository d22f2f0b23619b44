"""The display of a sweep: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from musicgen.config.overrides import shell
from musicgen.sweep.constraints import BREAKS
from musicgen.sweep.driver import Driver, Outcome
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Finished, Judged, Progress, Started
from musicgen.sweep.results import Row, may_be_best
from musicgen.sweep.table import cell, pivot, pivoted

SHOWN = 20
"""The most rows of the ranked table; table.md has all."""


class SweepDisplay:
    """Shows a driver's events."""

    def __init__(
        self,
        plan: Plan,
        folder: str,
        workers: int,
        notes: Sequence[str] = (),
        *,
        step: str = "epoch",
    ) -> None:
        """folder: the sweep's folder as the user would type it. notes: lines about the swept keys.

        step: the word for the unit after which trials report.
        """
        self.step = step
        self.plan, self.folder, self.workers, self.notes = plan, folder, workers, notes
        self.console = Console(highlight=False)
        self.objective = next(iter(plan.objectives))
        self.running: dict[tuple[int, int], str] = {}
        self.latest: dict[tuple[int, int], tuple[str, str]] = {}
        self.introduced = False
        self.driver: Driver | None = None
        """The driver while it is shown."""

    def observe(self, event: Started | Judged | Finished) -> None:
        """Show an event; the driver calls it."""
        key = event.job.key
        name = self._name(event.job.number, event.job.run)
        values = " ".join(f"{key}={cell(value)}" for key, value in event.job.params.items())
        if isinstance(event, Started):
            self._introduce()
            self.running[key] = values
        elif isinstance(event, Judged):
            self.latest[key] = f"{self.step} {event.step}", self._judged(event.value)
        else:
            self.running.pop(key, None)
            self.latest.pop(key, None)
            if not self.console.is_terminal:
                self._say(f"{name} {values}: {self._outcome(event)}")

    def _introduce(self) -> None:
        """Print what is swept. It is called when the first trial starts, as the driver then holds
        the folder."""
        if self.introduced:
            return
        self.introduced = True
        total = (self.driver or self).plan.total  # enqueued points may have made it larger
        seeds = f" x {self.plan.seeds} seeds" if self.plan.seeds > 1 else ""
        if self.plan.seeds_for is not None:
            seeds = f", {self.plan.seeds} seeds for the best {self.plan.seeds_for}"
        self._say(
            f"sweeping {', '.join(self.plan.space)}: {total:,} configurations{seeds}, "
            f"{self.workers} worker{'s' if self.workers > 1 else ''}, in {self.folder}"
        )
        for note in self.notes:
            self._say(note)

    def _name(self, number: int, run: int) -> str:
        return f"trial {number}" + (f" seed{run}" if self.plan.seeds > 1 else "")

    def _outcome(self, event: Finished) -> str:
        result = event.result
        value = result.get(self.objective)
        figure = f" {self._judged(value)}" if isinstance(value, float) else ""
        error = f" ({result['error']})" if result.get("error") else ""
        return f"{result['status']}{figure}{error}{', tried again' if event.again else ''}"

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style), soft_wrap=not self.console.is_terminal)

    def _command(self, text: str) -> None:
        """Print a command that can be copied: the terminal may wrap its line, but no line breaks
        are printed."""
        self.console.print(Text(text, "bold"), soft_wrap=True)

    @contextmanager
    def showing(self, driver: Driver) -> Iterator[None]:
        """Show the live table while the sweep runs."""
        self.driver = driver
        if not self.console.is_terminal:
            yield
            return
        over = Event()
        with Live(console=self.console, auto_refresh=False, transient=True) as live:

            def refresh() -> None:
                while not over.wait(0.25):
                    with suppress(OSError):  # the terminal was closed; the driver gets a signal
                        live.update(self.picture(driver.progress()), refresh=True)

            thread = Thread(target=refresh, daemon=True)
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()

    def picture(self, progress: Progress) -> Group:
        """The present live table."""
        counts = f"{progress.done:,} of {progress.total:,} done, {progress.running} running"
        for name in ("paused", "pruned", "diverged", "failed"):
            if count := getattr(progress, name):
                counts += f", {count:,} {name}"
        left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
        table = self._running_table()
        best = Text("best so far: none yet")
        if progress.best is not None:
            best = Text(f"best so far: {self._described(progress.best)}", "green")
        bar = ProgressBar(total=progress.total, completed=progress.done, width=40)
        line = Table.grid()
        line.add_row(bar)
        return Group(Text(counts + left), line, best, table)

    def _judged(self, value: float) -> str:
        """The objective's value to four decimals, or three digits if that would show 0.0000."""
        return f"{self.objective} {value:{'.3g' if 0 < abs(value) < 0.001 else '.4f'}}"

    def _running_table(self) -> Table:
        """The running trials. A narrow terminal cuts off configurations first and the loss last."""
        runs = list(self.running.items())[:SHOWN]
        names = [self._name(*key).removeprefix("trial ") for key, _ in runs]
        losses = [self.latest.get(key, ("", "starting")) for key, _ in runs]
        gap = "  "
        nows = [gap.join(filter(None, loss)) for loss in losses]
        name_width = max(map(cell_len, ["trial", *names]))
        room = self.console.width - name_width - max(map(cell_len, ["now", *nows])) - 2 * len(gap)
        if room < 0:
            nows = [loss for _, loss in losses]
        table = Table(box=None, padding=(0, len(gap), 0, 0), pad_edge=False)
        table.add_column("trial", no_wrap=True, min_width=name_width)
        if room > 0:
            table.add_column("configuration", overflow="ellipsis", no_wrap=True, max_width=room)
        table.add_column("now", no_wrap=True)
        for name, (_, values), now in zip(names, runs, nows, strict=True):
            table.add_row(*([name, values, now] if room > 0 else [name, now]))
        return table

    def _described(self, row: Row) -> str:
        values = " ".join(f"{key}={cell(row[key])}" for key in self.plan.space if key in row)
        return f"{self._judged(row[self.objective])} with {values} (trial {row['number']})"

    def ranking(self, rows: list[Row]) -> None:
        """Print the table, best first."""
        objectives = list(self.plan.objectives)
        spread = [f"{name}_std" for name in objectives if self.plan.seeds > 1]
        columns = ["number", "status", *self.plan.space, *objectives, *spread]
        found = {key for row in rows for key in row}
        columns += [k for k in ("val_accuracy", "best_epoch", "seconds", BREAKS) if k in found]
        table = Table(title="configurations, best first", title_justify="left", box=None)
        for column in columns:
            table.add_column(column.rsplit(".", 1)[-1])
        for row in rows[:SHOWN]:
            table.add_row(*(Text(cell(row.get(column))) for column in columns))
        self.console.print(table, soft_wrap=not self.console.is_terminal)
        if len(rows) > SHOWN:
            self._say(f"... and {len(rows) - SHOWN:,} more in {self.folder}/table.md")

    def ended(self, outcome: Outcome, command: str = "") -> None:
        """Print the ranked table, the pivot, the importances, and the best configuration.

        command: the command that trains the best configuration, which is printed if given.
        """
        self.ranking(outcome.rows)
        asked, total = self.plan.n_trials or 0, self.plan.total
        if asked > total == len(outcome.rows):
            self._say(
                f"all {total:,} configurations were tried: sweep.n_trials={asked} has no more"
            )
        if keys := pivoted(self.plan.space):
            self._pivot(outcome.rows, *keys)
        for key, share in outcome.importances.items():
            self._say(f"importance of {key}: {share:.0%}")
        if outcome.rows and may_be_best(outcome.rows[0]):
            self._say(f"best: {self._described(outcome.rows[0])}")
            if command:
                self._say("to train it again:")
                self._command(command)
        elif outcome.rows and outcome.rows[0].get(BREAKS):
            self._say(f"no configuration keeps {' and '.join(map(str, self.plan.constraints))}")
        curves = next(Path(self.folder).glob("**/events.out.tfevents.*"), None)
        self._say(f"tables{', curves' if curves else ''} and runs: {self.folder}")
        if curves:
            self._command(shell(["tensorboard", "--logdir", self.folder]))

    def timed_out(self, timeout: str, command: str) -> None:
        """Print how to resume the sweep after its time is over."""
        self._say(f"sweep.timeout={timeout} is over; to go on:")
        self._command(command)

    def reported(self, page: Path | None) -> None:
        """Print where the report is, if there is one."""
        if page is not None:
            self._say(f"report: {self.folder}/{page.name}", "bold")

    def _pivot(self, rows: list[Row], down: str, across: str) -> None:
        made = pivot(rows, down, across, self.objective)
        table = Table(title=self.objective, title_justify="left", box=None)
        table.add_column(f"{down} \\ {across}")
        for value in made.across_values:
            table.add_column(cell(value))
        for value, line in zip(made.down_values, made.cells, strict=True):
            table.add_row(cell(value), *(cell(figure) for figure in line))
        self.console.print(table)


def duration(seconds: float) -> str:
    """3725 s as `1 h 2 min`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
