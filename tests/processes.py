"""Processes of a sweep, as tests find them, kill them and hold them up."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from musicgen.training.folder import RunFolder
from tests.tunes import ROOT

HELD_S = 240.0
HOLD = """import pathlib, sys, time
end = time.monotonic() + {seconds}
while {module!r} in sys.orig_argv and not pathlib.Path({until!r}).exists():
    if time.monotonic() > end:
        sys.exit("nobody lets it go")
    time.sleep(0.01)
"""


def descendants(pid: int) -> list[int]:
    """The fork server of a driver, and the workers forked from it."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [c for child in map(int, children) for c in (child, *descendants(child))]
    return []


def marked(pid: int) -> list[int]:
    """Fork servers and workers of a driver wherever they run: their environment names it."""
    mark = f"SWEEP_DRIVER={pid}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process does while it runs."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def held_up(folder: Path, module: str, until: Path) -> dict[str, str]:
    """An environment in which `python -m <module>` begins when the file `until` is there.

    folder: for what does that; it is made.
    """
    folder.mkdir()
    text = HOLD.format(module=module, until=str(until), seconds=HELD_S)
    (folder / "sitecustomize.py").write_text(text)  # Python runs it before anything else
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


@contextlib.contextmanager
def unfinished(
    start: Callable[[dict[str, str]], subprocess.Popen[str]], sweep: Path, hold: Path
) -> Iterator[subprocess.Popen[str]]:
    """A sweep of two trials on two workers, when the first one trains.

    It can't end within the block, however fast its trainings are: the second trial waits for its
    folder, as for an earlier worker of its (for a minute, then again if the sweep retries).
    start: starts the sweep in an environment. sweep: its folder. hold: a folder to make.
    """
    process = start(held_up(hold, "musicgen.sweep.fork_server", hold / "go"))
    try:
        until((sweep / "1").exists, process)
        with RunFolder(sweep / "1").locked():
            (hold / "go").touch()
            metrics = sweep / "0" / "metrics.csv"
            until(lambda: metrics.exists() and metrics.stat().st_size > 150, process)
            yield process
    except BaseException:
        process.kill()
        process.wait()
        raise
