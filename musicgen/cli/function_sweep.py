"""A sweep of a function in the terminal or in a notebook: its signals and its display."""

from collections.abc import Sequence

from musicgen.cli.sweep_display import SweepDisplay
from musicgen.sweep.progress import Outcome
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.workflows.function_sweep import FunctionSweep


def drive(sweep: FunctionSweep, notes: Sequence[str] = ()) -> tuple[SweepDisplay, Outcome]:
    """Run or resume a sweep, with a display in the terminal or the notebook.

    notes: lines to print about the swept keys. Raises InputError before anything is created,
    RunError if too many trials failed.
    """
    shown = display_path(sweep.folder)
    notes = [*notes, *sweep.notes]
    display = SweepDisplay(sweep.plan, shown, sweep.executor.workers, notes, step="step")
    driver = sweep.driver(display.observe)
    with hearing(lambda _: driver.request_stop()), display.showing(driver):
        return display, driver.run()
