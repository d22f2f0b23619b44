"""The trial that runs in this process, for code that gets no trial as an argument."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musicgen.sweep.trial import Decision, Job, Trial

_running: list[Trial] = []


def current_trial() -> Trial:
    """The trial that this process runs.

    Outside of a sweep it is a trial whose `in_sweep` is false. Its number, run and seed are 0, it
    has no params, its folder is the current one, and its reports have no effect. So a program that
    reports also runs unchanged outside of a sweep.
    """
    return _running[-1] if _running else Alone()


@contextmanager
def running(trial: Trial) -> Iterator[None]:
    """Make a trial the current one."""
    _running.append(trial)
    try:
        yield
    finally:
        _running.pop()


class Alone(Trial):
    """The trial of a program that runs outside of a sweep."""

    in_sweep = False

    def __init__(self) -> None:
        job = Job(number=0, run=0, seed=0, params={}, folder=Path.cwd())
        super().__init__(job, lambda step, value, last: Decision.CONTINUE)
