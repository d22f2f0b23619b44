"""Commands of musicgen, each in a process of its own."""

import subprocess
import sys

from musicgen.errors import Interrupted, RunError
from musicgen.system.signals import STOPPING, hearing


def run(name: str, *arguments: str) -> None:
    """Run `python -m musicgen.<name>`, which answers Ctrl-C in our place.

    Ends this process, too, unless the command ended well; it has said why, on its one line.
    Raises Interrupted if it was told to stop, RunError if it was killed.
    """
    child: subprocess.Popen[bytes] | None = None
    told: list[int] = []
    early: list[int] = []

    def pass_on(number: int) -> None:
        told.append(number)
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    with hearing(pass_on):
        child = subprocess.Popen(
            [sys.executable, "-m", f"musicgen.{name}", *arguments],
            # A group of its own: the terminal would tell it too, and a second Ctrl-C stops a sweep
            # at once. A process that reads from a terminal out of its group is stopped for good.
            process_group=0,
            stdin=subprocess.DEVNULL,
        )
        for number in early:
            child.send_signal(number)
        code = child.wait()
    if code > 0:
        sys.exit(code)
    if told or -code in STOPPING:  # a sweep that was writing its page has ended well
        raise Interrupted("stopped; the same command goes on")
    if code:
        raise RunError(f"musicgen.{name} {' '.join(arguments)} was killed by signal {-code}")
