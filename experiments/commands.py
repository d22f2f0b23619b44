"""Commands of musicgen, each in a process of its own.

The studies could call `Sweep.start` and `Run.generate` instead. They start commands, as a user may
type them: each shows its own progress and answers Ctrl-C itself, and nothing that one study loaded
stays in memory for the next. What the commands leave is read through the library's `Sweep`.
"""

import subprocess
import sys

from musicgen.errors import Interrupted, RunError
from musicgen.system.signals import STOPPING, hearing


def run(name: str, *arguments: str) -> None:
    """Run `python -m musicgen.<name>`. The command handles Ctrl-C instead of this process.

    If the command fails, this process ends with its exit code; the command has printed its error.
    Raises Interrupted if the command was told to stop, RunError if it was killed.
    """
    child: subprocess.Popen[bytes] | None = None
    passed: list[int] = []
    early: list[int] = []

    def pass_on(number: int) -> None:
        passed.append(number)
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    with hearing(pass_on):
        child = subprocess.Popen(
            [sys.executable, "-m", f"musicgen.{name}", *arguments],
            # The command has its own process group, so that Ctrl-C reaches it only through
            # `pass_on`: a second one would stop a sweep at once. It has no stdin, because a process
            # of another group that reads from the terminal is suspended.
            process_group=0,
            stdin=subprocess.DEVNULL,
        )
        for number in early:
            child.send_signal(number)
        code = child.wait()
    if code > 0:
        sys.exit(code)
    if passed or -code in STOPPING:  # a sweep told to stop while writing its page exits with 0
        raise Interrupted("stopped; the same command goes on")
    if code:
        raise RunError(f"musicgen.{name} {' '.join(arguments)} was killed by signal {-code}")
