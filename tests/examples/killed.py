"""Examples in processes of their own, killed while they sweep."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.processes import descendants, until
from tests.tunes import ROOT

LIMIT_S = 600
Rows = dict[str, dict[str, str]]


def start(*command: str | Path, cwd: Path) -> "subprocess.Popen[str]":
    """`python <command>` in a folder, with the checkout on its path."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """What a process has printed, when it has ended with this code."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == code, f"{out}\n{err}"
    return out + err


def kill(process: "subprocess.Popen[str]", when: Path) -> None:
    """Kill a process, and wait for its workers to go with it, as soon as a file is there."""
    until(when.exists, process)
    workers = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    for worker in workers:
        while _alive(worker):
            assert time.monotonic() < deadline, f"{worker} outlives its driver"
            time.sleep(0.01)


def ended(folder: Path) -> list[int]:
    """Numbers of the trials that have ended, by Optuna's own reader."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    (study,) = storage.get_all_studies()
    trials = storage.get_all_trials(study._study_id)
    return [trial.number for trial in trials if trial.state.is_finished()]


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    return False


def table(folder: Path) -> Rows:
    """A sweep's rows by their numbers."""
    with (folder / "table.csv").open(newline="") as file:
        return {row["number"]: row for row in csv.DictReader(file)}
