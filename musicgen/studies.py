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

from musicgen import command, config
from musicgen.command import Invocation
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.keys import StudiesConfig
from musicgen.paths import shipped
from musicgen.report import study
from musicgen.report.about import swept_values
from musicgen.report.source import read

SWEEPS = Path("runs/sweeps")
SEARCH = SWEEPS / "best"
"""The search whose winner other studies train on, let write and look into."""
PAGE_BYTES = 5_000_000
TEMPERATURES = "temperature=[0.3,0.5,1,2]"


def main(invocation: Invocation) -> None:
    asked = config.typed(invocation.cfg, StudiesConfig)
    for folder in [_folder(name) for name in asked.names]:
        if (folder / "experiment.yaml").exists():
            _sweep(folder, asked.path)
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


def _folder(name: str) -> Path:
    """The study's folder below the current one; a shipped study is copied there to be written."""
    folder, origin = Path("experiments") / name, shipped("experiments") / name
    if not (folder / "README.md").is_file():
        if not (origin / "README.md").is_file():
            known = sorted(path.parent.name for path in origin.parent.glob("*/README.md"))
            raise InputError(f"names must be of {', '.join(known)}, got {name}")
        shutil.copytree(origin, folder, dirs_exist_ok=True)
    return folder


def _sweep(folder: Path, path: str | None) -> None:
    """Run a study's sweep to its end, or what is left of it, and write its folder."""
    fixed = []
    if re.search(r"override /data: (cse253|files)", (folder / "experiment.yaml").read_text()):
        if path is None:
            raise InputError(
                f"path must be the report's corpus for {folder.name}; add path=<input.txt>"
            )
        fixed.append(f"data.path={path}")
    if folder.name == "whole_data":
        fixed += _winner()
    _run("train", "-m", f"experiment={folder.name}", *fixed)
    study.write(folder, SWEEPS / folder.name)


def _winner() -> list[str]:
    """The best configuration that was found, as overrides."""
    try:
        source = read(SEARCH)
    except InputError as error:
        raise InputError(f"whole_data trains the winner of best; {error}") from None
    return swept_values(source, source.rows[0])


def _attach_page(folder: Path) -> None:
    """Keep the search's page in its study's folder, unless it would weigh a repository down."""
    page = SEARCH / "report.html"
    if page.stat().st_size < PAGE_BYTES:
        shutil.copyfile(page, folder / page.name)


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
