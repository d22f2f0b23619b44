"""What asks for an end: Ctrl-C, a service's end, a closed terminal, a scheduler's warning."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands import COMMAND, sweep, table, train
from tests.processes import descendants, unfinished
from tests.tunes import ROOT

SWEPT = ["model.dropout=0,0.2", "trainer.max_epochs=40", "sweep.name=n", "sweep.workers=2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "executor", "group"),
    [
        (signal.SIGTERM, "local", False),
        (signal.SIGTERM, "local", True),
        (signal.SIGTERM, "ray", False),  # sent to Ray's own processes it ends them
        (signal.SIGHUP, "local", False),
        (signal.SIGHUP, "local", True),
        (signal.SIGHUP, "ray", True),
        (signal.SIGUSR1, "local", False),
        (signal.SIGUSR1, "local", True),
        (signal.SIGUSR1, "ray", True),
    ],
)
def test_a_sweep_stops_at_checkpoints(
    number: signal.Signals, executor: str, group: bool, tmp_path: Path
) -> None:
    """group: all processes of the job get it, twice, as from a scheduler or a dying shell."""
    arguments = sweep(tmp_path, *SWEPT, f"sweep.executor={executor}")

    def start(environment: dict[str, str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND[:3], *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    with unfinished(start, tmp_path / "s", tmp_path / "hold") as process:
        if group:
            os.killpg(process.pid, number)
            for child in descendants(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, number)
            if number != signal.SIGTERM:
                os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert stderr.startswith("error: stopped; to go on: python -m musicgen.train -m ")
    assert {row["status"] for row in table(tmp_path / "s")} == {"interrupted"}
    resumed = train(*arguments, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert {row["status"] for row in table(tmp_path / "s")} == {"completed"}


@pytest.mark.slow
def test_nohup_stays_nohup(tmp_path: Path) -> None:
    arguments = sweep(tmp_path, *SWEPT)

    def start(environment: dict[str, str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["nohup", *COMMAND[:3], *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    with unfinished(start, tmp_path / "s", tmp_path / "hold") as process:
        process.send_signal(signal.SIGHUP)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert {row["status"] for row in table(tmp_path / "s")} == {"completed"}


@pytest.mark.slow
def test_a_terminal_that_closes_costs_no_result(tmp_path: Path) -> None:
    arguments = sweep(tmp_path, *SWEPT)
    ours, theirs = pty.openpty()

    def start(environment: dict[str, str]) -> "subprocess.Popen[str]":
        # A session of its own whose terminal this is: its end is heard as SIGHUP.
        own = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        own += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        return subprocess.Popen(
            [sys.executable, "-c", own, *COMMAND[1:3], *arguments],
            cwd=ROOT,
            env={**environment, "TERM": "xterm"},
            text=True,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )

    with unfinished(start, tmp_path / "s", tmp_path / "hold") as process:
        os.close(theirs)
        os.close(ours)
    assert process.wait(timeout=300) == 130
    assert {row["status"] for row in table(tmp_path / "s")} == {"interrupted"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_stops_a_training_at_its_checkpoint(
    number: signal.Signals, tmp_path: Path
) -> None:
    given = [a for a in sweep(tmp_path)[1:] if not a.startswith(("hydra", "trainer.max_epochs"))]
    process = subprocess.Popen(
        [*COMMAND[:3], *given, "trainer.max_epochs=100000", "hydra.run.dir=run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch"):
        assert process.poll() is None
    process.send_signal(number)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stderr.startswith("error: stopped; to go on: python -m musicgen.train resume=run")
