"""A prepared sweep of a function, driven with its display and its signals."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext

from musicgen.cli.sweep_display import SweepDisplay
from musicgen.sweep.progress import Outcome
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.workflows.function import PreparedFunction


def drive(sweep: PreparedFunction, notes: Sequence[str] = ()) -> tuple[SweepDisplay, Outcome]:
    """Run a sweep, or go on with it, in the terminal or the notebook that is there.

    notes: lines to say of what is swept. Raises InputError before anything is created, RunError if
    too much failed.
    """
    shown = display_path(sweep.folder)
    display = SweepDisplay(sweep.plan, shown, sweep.executor.workers, notes, step="step")
    driver = sweep.driver(display.observe)
    main = threading.current_thread() is threading.main_thread()  # signals are heard only there
    with (
        hearing(lambda _: driver.request_stop()) if main else nullcontext(),
        display.showing(driver),
    ):
        return display, driver.run()
