"""Signals that ask a process to stop, heard in one way by all who go on for long."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Signals that ask a sweep to stop: Ctrl-C, the end of a service or of an allocation, a terminal
that closes, a scheduler's warning. The driver hears them, workers are told."""


@contextmanager
def hearing(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` with its number at each signal that asks for an end.

    In a thread that is not the main one nothing is heard: Python lets no other thread hear.
    Of a terminal's or a scheduler's only the first counts: they send several. Those that were
    ignored before, as nohup has it, stay ignored.
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
    """Write to nowhere what would go to terminals that are gone: an error would end the work."""
    for stream in terminals:
        if not os.isatty(stream):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream)
            os.close(nowhere)
