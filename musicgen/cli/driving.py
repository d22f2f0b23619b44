"""Runs a prepared sweep of a function with its display and its signals."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext

from musicgen.cli.sweep_display import SweepDisplay
from musicgen.sweep.progress import Outcome
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.workflows.function import PreparedFunction


def drive(sweep: PreparedFunction, notes: Sequence[str] = ()) -> tuple[SweepDisplay, Outcome]:
    """Run or resume a sweep, with a display in the terminal or the notebook.

    notes: lines to print about the swept keys. Raises InputError before anything is created,
    RunError if too many trials failed.
    """
    shown = display_path(sweep.folder)
    display = SweepDisplay(sweep.plan, shown, sweep.executor.workers, notes, step="step")
    driver = sweep.driver(display.observe)
    main = threading.current_thread() is threading.main_thread()  # only it can handle signals
    with (
        hearing(lambda _: driver.request_stop()) if main else nullcontext(),
        display.showing(driver),
    ):
        return display, driver.run()
