"""Redo the report's studies and write their folders: python -m musicgen.studies path=input.txt

What is finished stays, what was stopped goes on.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from musicgen import command, config
from musicgen.command import Invocation
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.keys import StudiesConfig
from musicgen.paths import shipped
from musicgen.report import study

SWEEPS = Path("runs/sweeps")
TEMPERATURES = "temperature=[0.3,0.5,1,2]"


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, StudiesConfig)
    folders = [shipped("experiments") / name for name in asked.names]
    for folder in folders:
        if not (folder / "README.md").is_file():
            known = sorted(path.parent.name for path in folder.parent.glob("*/README.md"))
            raise InputError(f"names must be of {', '.join(known)}, got {folder.name}")
    for folder in folders:
        if (folder / "experiment.yaml").exists():
            _sweep(folder, asked.path)
        match folder.name:
            case "dropout":
                for number, value in enumerate(("0.0", "0.1", "0.2", "0.3")):
                    run = SWEEPS / "dropout" / str(number) / "seed0"
                    _tunes(run, folder / "tunes" / value, "n=1", "temperature=1")
            case "temperature":
                _tunes(SWEEPS / "best", folder / "tunes", "n=2", TEMPERATURES)
                for constrain in ("off", "bars"):
                    out = Path("runs/studies/temperature") / constrain
                    _run("generate", f"run={SWEEPS / 'best'}", f"out={out}", "n=100", TEMPERATURES,
                         f"constrain={constrain}", "formats=[abc]")  # fmt: skip
                    shutil.copyfile(out / "measures.csv", folder / f"measures_{constrain}.csv")
            case "heatmap":
                _run("heatmap", f"run={SWEEPS / 'best'}", f"out={folder}")


def _sweep(folder: Path, path: str | None) -> None:
    """Run a study's sweep to its end, or what is left of it, and write its folder."""
    reports = "override /data: " in (folder / "experiment.yaml").read_text()
    if reports and path is None:
        raise InputError(
            f"path must be the report's corpus for {folder.name}; add path=<input.txt>"
        )
    corpus = [f"data.path={path}"] if reports else []
    _run("train", "-m", f"experiment={folder.name}", *corpus)
    study.write(folder, SWEEPS / folder.name)


def _tunes(run: Path, out: Path, *options: str) -> None:
    _run("generate", f"run={run}", f"out={out}", *options, "formats=[abc,svg]")


def _run(name: str, *arguments: str) -> None:
    """Another command of ours, in a process of its own, which answers Ctrl-C in our place."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    # A group of its own: the terminal would tell it too, and a second Ctrl-C stops a sweep at once.
    with subprocess.Popen(
        [sys.executable, "-m", f"musicgen.{name}", *arguments], process_group=0
    ) as child:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [(number, signal.signal(number, pass_on)) for number in numbers]
        try:
            code = child.wait()
        finally:
            for number, handler in before:
                signal.signal(number, handler)
    if code == Interrupted.exit_code:
        sys.exit(code)  # it has said so, on its one line
    if -code in numbers:
        raise Interrupted("stopped; the same command goes on")
    if code:
        raise RunError(f"musicgen.{name} {' '.join(arguments)} ended with exit code {code}")


def entry() -> None:
    """Of the console script."""
    command.run("studies", main)


if __name__ == "__main__":
    entry()
