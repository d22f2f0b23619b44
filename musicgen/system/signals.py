"""The signals that ask a process to stop, handled in one way by all commands that run for long."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Signals that ask a sweep to stop: Ctrl-C, the end of a service or of an allocation, a closed
terminal, a scheduler's warning. The driver handles them and tells the workers."""


@contextmanager
def hearing(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` with the signal's number at each signal that asks for an end.

    In a thread that is not the main one nothing is heard: Python lets no other thread hear.
    Of the signals of a terminal or a scheduler only the first one counts, because they send
    several. Signals that were ignored before (by nohup) stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and number not in (signal.SIGINT, signal.SIGTERM):
            return
        asked = True
        if number == signal.SIGHUP:
            _let_go(terminals)
        stop(number)

    urgent = (signal.SIGINT, signal.SIGTERM)
    heard = [n for n in STOPPING if n in urgent or signal.getsignal(n) != signal.SIG_IGN]
    before = [(number, signal.signal(number, hear)) for number in heard]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _let_go(terminals: Iterable[int]) -> None:
    """Redirect output to closed terminals to nowhere: an error there would end the work."""
    for stream in terminals:
        if not os.isatty(stream):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream)
            os.close(nowhere)
