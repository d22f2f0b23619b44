"""Redo the report's studies and write their folders: python -m musicgen.studies path=input.txt

What is finished stays, what was stopped goes on.
"""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from musicgen.cli import command
from musicgen.cli.command import Invocation
from musicgen.config import composition
from musicgen.config.keys import StudiesConfig
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.report import study
from musicgen.report.about import swept_values
from musicgen.report.source import read
from musicgen.system.paths import shipped
from musicgen.system.signals import STOPPING

EXPERIMENTS = Path("experiments")
SWEEPS = Path("runs/sweeps")
SEARCH = SWEEPS / "best"
"""The search whose winner other studies train on, let write and look into."""
PAGE_BYTES = 5_000_000
TEMPERATURES = "temperature=[0.3,0.5,1,2]"


def main(invocation: Invocation) -> None:
    asked = composition.checked(invocation.cfg, StudiesConfig)
    origins = [_origin(name) for name in asked.names]
    # What is missing is said before anything is made, and not when others have run for an hour.
    given = [_corpus(origin, asked.path) for origin in origins]
    try:
        for origin, corpus in zip(origins, given, strict=True):
            _study(_own(origin), corpus)
    except KeyboardInterrupt:  # between two commands
        raise Interrupted("stopped; the same command goes on") from None


def _origin(name: str) -> Path:
    """The study's folder below the current one, else the one that came with the program."""
    own, shipped_one = EXPERIMENTS / name, shipped("experiments") / name
    if own.exists() and not (own / "README.md").is_file():
        raise InputError(
            f"{own} must have a README.md for its results, got none; write one, or move the folder"
        )
    if not own.exists() and not (shipped_one / "README.md").is_file():
        known = sorted(path.parent.name for path in shipped_one.parent.glob("*/README.md"))
        raise InputError(f"names must be of {', '.join(known)}, got {name}")
    return own if own.exists() else shipped_one


def _own(origin: Path) -> Path:
    """The study's folder below the current one; a shipped study is copied there to be written."""
    folder = EXPERIMENTS / origin.name
    if not folder.exists():
        shutil.copytree(origin, folder)
    return folder


def _corpus(folder: Path, path: str | None) -> list[str]:
    """What tells a study's sweep where the report's corpus is, if it reads that."""
    experiment = folder / "experiment.yaml"
    if not experiment.exists():
        return []
    if not re.search(r"override /data: (cse253|files)", experiment.read_text()):
        return []
    if not path:  # as `make studies` without TUNES has it
        raise InputError(
            f"path must be the report's corpus for {folder.name}; add path=<input.txt>"
        )
    return [f"data.path={path}"]


def _study(folder: Path, corpus: list[str]) -> None:
    """Run what a study is made of, or what is left of it, and write its folder."""
    if (folder / "experiment.yaml").exists():
        found = _winner() if folder.name == "whole_data" else []
        _run("train", "-m", f"experiment={folder.name}", *corpus, *found)
        study.write(folder, SWEEPS / folder.name)
    match folder.name:
        case "dropout":
            for number, value in enumerate(("0.0", "0.1", "0.2", "0.3")):
                run = SWEEPS / "dropout" / str(number) / "seed0"
                _tunes(run, folder / "tunes" / value, "n=1", "temperature=1")
        case "best":
            _attach_page(folder)
        case "temperature":
            _tunes(SEARCH, folder / "tunes", "n=2", TEMPERATURES)
            for constrain in ("off", "bars"):
                out = Path("runs/studies/temperature") / constrain
                _run("generate", f"run={SEARCH}", f"out={out}", "n=100", TEMPERATURES,
                     f"constrain={constrain}", "formats=[abc]")  # fmt: skip
                shutil.copyfile(out / "measures.csv", folder / f"measures_{constrain}.csv")
        case "heatmap":
            _run("heatmap", f"run={SEARCH}", f"out={folder}")


def _winner() -> list[str]:
    """The best configuration that was found, as overrides."""
    try:
        source = read(SEARCH)
    except InputError as error:
        raise InputError(f"whole_data trains the winner of best; {error}") from None
    return swept_values(source, source.rows[0])


def _attach_page(folder: Path) -> None:
    """Keep the search's page in its study's folder, unless it would weigh a repository down."""
    page, kept = SEARCH / "report.html", folder / "report.html"
    if page.is_file() and page.stat().st_size < PAGE_BYTES:
        shutil.copyfile(page, kept)
    else:
        kept.unlink(missing_ok=True)  # it is of an older search


def _tunes(run: Path, out: Path, *options: str) -> None:
    _run("generate", f"run={run}", f"out={out}", *options, "formats=[abc,svg]")


def _run(name: str, *arguments: str) -> None:
    """Another command of ours, in a process of its own, which answers Ctrl-C in our place.

    Ends this one, too, unless it ended well; it has said why, on its one line.
    """
    child: subprocess.Popen[bytes] | None = None
    told: list[int] = []
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        told.append(number)
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    # One that is ignored, as nohup has it, the child ignores too.
    heard = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = [(number, signal.signal(number, pass_on)) for number in heard]
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", f"musicgen.{name}", *arguments],
            # A group of its own: the terminal would tell it too, and a second Ctrl-C stops a sweep
            # at once. Whoever reads from a terminal out of its group is stopped for good.
            process_group=0,
            stdin=subprocess.DEVNULL,
        )
        for number in early:
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if code > 0:
        sys.exit(code)
    if told or -code in STOPPING:  # a sweep that was writing its page has ended well
        raise Interrupted("stopped; the same command goes on")
    if code:
        raise RunError(f"musicgen.{name} {' '.join(arguments)} was killed by signal {-code}")


def entry() -> None:
    """Of the console script."""
    command.run("studies", __doc__, main)


if __name__ == "__main__":
    entry()
