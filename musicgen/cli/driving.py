"""What sweeps at the terminal share: driving a function's sweep, and the command of the best."""

from collections.abc import Sequence

from musicgen.cli.sweep_display import SweepDisplay
from musicgen.config.overrides import as_override, shell
from musicgen.sweep.progress import Outcome
from musicgen.sweep.results import Row
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.workflows.function import PreparedFunction
from musicgen.workflows.swept import Swept


def drive(sweep: PreparedFunction, notes: Sequence[str] = ()) -> tuple[SweepDisplay, Outcome]:
    """Run or resume a sweep, with a display in the terminal or the notebook.

    notes: lines to print about the swept keys. Raises InputError before anything is created,
    RunError if too many trials failed.
    """
    shown = display_path(sweep.folder)
    display = SweepDisplay(sweep.plan, shown, sweep.executor.workers, notes, step="step")
    driver = sweep.driver(display.observe)
    with hearing(lambda _: driver.request_stop()), display.showing(driver):
        return display, driver.run()


def best_command(swept: Swept, rows: Sequence[Row], trial_command: Sequence[str]) -> str:
    """The command that runs the best configuration again; empty without rows.

    trial_command: the words of the command that runs one, up to the swept values.
    """
    if not rows:
        return ""
    values = [f"{key}={as_override(rows[0][key])}" for key in swept.space if key in rows[0]]
    return shell([*trial_command, *values])
