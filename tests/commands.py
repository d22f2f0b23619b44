"""The commands as tests run them, and what they leave."""

import csv
import os
import subprocess
import sys
from pathlib import Path

from tests.tunes import ROOT, small

COMMAND = [sys.executable, "-m", "musicgen.train", "-m"]
TIMES = {"seconds", "chars_per_s"}


def python(
    *words: str, cwd: Path, path: Path = ROOT, timeout: float = 900, **settings
) -> subprocess.CompletedProcess[str]:
    """A program that runs to its end. words: behind `python`. path: where it finds musicgen."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **settings,
    )


def command(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return python("-m", f"musicgen.{name}", *arguments, cwd=cwd)


def train(*arguments: str, cwd: Path = ROOT, **settings) -> subprocess.CompletedProcess[str]:
    return python("-m", "musicgen.train", *arguments, cwd=cwd, **settings)


def assert_refused(process: subprocess.CompletedProcess[str], message: str, code: int = 2) -> None:
    assert process.returncode == code, process.stderr
    assert process.stdout == ""
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    assert message in process.stderr


def unwritable(path: Path) -> Path:
    """A place where not even root can make a folder."""
    path.write_text("a file")
    return path / "run"


def sweep(tmp_path: Path, *extra: str, name: str = "s") -> list[str]:
    corpus = small(tmp_path, "trainer.max_epochs=2")
    kept = [o for o in corpus if o.split("=")[0] not in {e.split("=")[0] for e in extra}]
    return ["-m", *kept, f"hydra.sweep.dir={tmp_path / name}", *extra]


def table(folder: Path, name: str = "table.csv") -> list[dict[str, str]]:
    with (folder / name).open() as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if not k.startswith(tuple(TIMES))} for row in rows]
