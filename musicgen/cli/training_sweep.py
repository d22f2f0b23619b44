"""A sweep at the command line: its signals, its display, and the commands to type next."""

import logging
from pathlib import Path

from musicgen.cli.arguments import Arguments
from musicgen.cli.sweep_display import SweepDisplay
from musicgen.cli.train import COMMAND
from musicgen.config.overrides import shell
from musicgen.config.registry import naming_plugins
from musicgen.errors import InputError, Interrupted, RunError, settings_of
from musicgen.sweep.folder import AnotherSweepError
from musicgen.sweep.results import describe_failures
from musicgen.sweep.worker import one_line
from musicgen.system.paths import display_path
from musicgen.system.signals import hearing
from musicgen.workflows.composed_sweep import ComposedSweep
from musicgen.workflows.training_sweep import DRIVERS, TrainingSweep, prepare

log = logging.getLogger(__name__)


def run(swept: ComposedSweep, given: Arguments) -> None:
    """Run the sweep of a command line to its end.

    Raises InputError before anything is created, RunError if too many trials failed, Interrupted
    after Ctrl-C.
    """
    sweep, trial_command = prepared(swept, given)
    drive(sweep, swept, trial_command, again=shell(sweep.plan.commands["command"]))


@settings_of("sweep.")
def prepared(swept: ComposedSweep, given: Arguments) -> tuple[TrainingSweep, list[str]]:
    """The sweep, and the words of the command that trains one configuration, without the swept
    values.

    Raises InputError before anything is created.
    """
    trial_command = _trial_command(swept, given)
    command = [*COMMAND, *given.shown_words]
    return prepare(swept, {"command": command, "trial_command": trial_command}), trial_command


@settings_of("sweep.")
def drive(sweep: TrainingSweep, swept: ComposedSweep, trial_command: list[str], again: str) -> None:
    """Run or resume a sweep, and show its progress.

    again: the command that resumes it. Raises InputError, RunError and Interrupted as `run` does.
    """
    shown = display_path(sweep.folder)
    display = SweepDisplay(sweep.plan, shown, sweep.executor.workers, sweep.notes)
    driver = sweep.driver(display.observe)
    reports = sweep.settings.report
    try:
        with hearing(lambda _: driver.request_stop()), display.showing(driver):
            outcome = driver.run()
    except AnotherSweepError as error:
        raise InputError(
            f"{error}; with sweep.shelf=<folder> in both, it takes over what the other has trained",
            error.remedy,
        ) from None
    except RunError:
        display.ranking(sweep.latest)
        if reports:
            display.reported(_report(sweep.folder))
        raise
    display.ended(outcome, swept.best_command(outcome.rows, trial_command))
    failures = outcome.failures
    why = f"({describe_failures(failures)})"
    if outcome.interrupted:
        failed = f"{failures.total():,} failed {why}; " if failures else ""
        raise Interrupted(f"stopped; {failed}to go on: {again}")
    if reports:
        display.reported(_report(sweep.folder))
    if outcome.timed_out:
        display.timed_out(str(sweep.settings.sweep.timeout), again)
    else:
        sweep.remove_checkpoints(outcome.rows)
    if failures:
        raise RunError(
            f"{failures.total():,} of {sweep.plan.total:,} configurations failed {why}; "
            f"to try them again: {again}"
        )


def _trial_command(swept: ComposedSweep, given: Arguments) -> list[str]:
    """The words of the command that trains one configuration, without the swept values."""
    kept = [o for o in swept.fixed if not o.lstrip("+").startswith(DRIVERS)]
    threads = [] if any(o.startswith("trainer.threads=") for o in kept) else ["trainer.threads=1"]
    return [*COMMAND, *given.search_words, *naming_plugins(), *kept, *threads]


def _report(folder: Path) -> Path | None:
    """Write the sweep's page; None if that failed, which must not make the sweep fail."""
    again = f"python -m musicgen.report {shell([display_path(folder), *naming_plugins()])}"
    try:
        from musicgen.workflows.report import write

        return write([folder])
    except Exception as error:
        log.warning("no report this time: %s; %s", one_line(error), again)
    except KeyboardInterrupt:
        log.warning("no report; %s makes one", again)
    return None
