"""Every command that the program prints runs as it is printed, in a shell, whatever was typed."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.cli import arguments
from tests.commands import assert_refused, train
from tests.tunes import ROOT, SMALL, tunes

FOLDER = "50% ü [a,b]  {c} it's $HOME (1)"
"""A name that a shell or Hydra's grammar would read otherwise, unless it is quoted."""
COMMAND = re.compile(r"(?:python -m musicgen\.\w+|tensorboard --logdir) .*")
QUICK = [*SMALL, "trainer.max_epochs=1", "data=files", "data.split=contiguous"]


def printed(text: str) -> list[str]:
    return COMMAND.findall(text)


def quoted(value: str) -> str:
    """A value as a user would write it in Hydra's grammar."""
    return "'" + value.replace("'", "\\'") + "'"


def in_shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As if it were pasted."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def assert_runs(command: str, cwd: Path) -> str:
    """Run a command of ours; of TensorBoard's, see that it is of a folder that is there."""
    if command.startswith("tensorboard"):
        assert (cwd / shlex.split(command)[2]).is_dir(), command
        return ""
    done = in_shell(command, cwd)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with tunes and a configuration of one's own, all by odd names."""
    (tmp_path / "tünes, 1.txt").write_text(tunes(30))
    optims = tmp_path / "my conf" / "optim"
    optims.mkdir(parents=True)
    (optims / "fast.yaml").write_text("defaults: [adam]\nlr: 0.02\n")
    return tmp_path


DATA = f"data.path={quoted('tünes, 1.txt')}"


def test_where_a_configuration_is_found_is_part_of_a_command() -> None:
    words = ["-m", "hydra.searchpath=[file://my conf]", "optim=fast", "-cd", "conf", "seed=1,2"]
    assert arguments.read(words).search_words == [
        "--config-dir",
        "conf",
        "hydra.searchpath=[file://my conf]",
    ]


@pytest.mark.slow
def test_the_commands_that_a_run_prints_work_as_they_stand(place: Path) -> None:
    """After it has ended, and after Ctrl-C."""
    run = f"hydra.run.dir={quoted(FOLDER)}"
    done = train(*QUICK, DATA, run, "--config-dir", "my conf", "optim=fast", cwd=place)
    assert done.returncode == 0, done.stderr
    logdir, generate = printed(done.stdout)
    assert shlex.split(logdir)[2] == FOLDER
    assert_runs(logdir, place)
    assert_runs(f"{generate} n=1 formats=[abc]", place)
    assert (place / FOLDER / "tunes").is_dir()

    folder = f"{FOLDER} 2"
    words = [*QUICK, DATA, f"hydra.run.dir={quoted(folder)}", "trainer.max_epochs=30"]
    process = subprocess.Popen(
        [sys.executable, "-m", "musicgen.train", *words, "schedule=constant"],
        cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while not re.match(r"epoch +2/", process.stdout.readline()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    (again,) = printed(stderr)
    assert "val" in assert_runs(again, place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [["-m"], ["--multirun"], ["hydra.mode=MULTIRUN"]],
    ids=lambda flags: flags[0],
)
def test_the_commands_that_a_sweep_prints_work_as_they_stand(flags: list[str], place: Path) -> None:
    """Flags before, between and behind; interpolations, lists and conditional keys."""
    words = [
        *QUICK[:3], "--config-dir", "my conf", *QUICK[3:], *flags,
        f"hydra.sweep.dir={quoted(FOLDER)}", DATA.replace("=", "=choice(") + ")",
        "optim=sgd,fast", "optim.momentum=0.9", "samples.temperatures=[0.5],[1.0]",
        "model.embedding=${model.hidden}",
    ]  # fmt: skip
    asked = " ".join(map(shlex.quote, words))
    done = in_shell(f"python -m musicgen.train {asked} report=true", place)
    assert done.returncode == 0, done.stderr
    assert "optim.momentum applies to optim=sgd, and not to fast" in done.stdout
    best, logdir = printed(done.stdout)
    assert shlex.split(logdir)[2] == FOLDER
    assert_runs(logdir, place)
    assert_runs(f"{best} hydra.run.dir=again", place)
    wanted, found = (place / FOLDER / "0" / "config.yaml", place / "again" / "config.yaml")
    sizes = [re.findall("(?:embedding|hidden): .*", path.read_text()) for path in (wanted, found)]
    assert sizes[0] == sizes[1] == ["hidden: 8", "embedding: 8"]
    (page,) = re.findall("report: (.*)", done.stdout)
    assert (place / page).is_file()
    report = f"python -m musicgen.report {shlex.quote(FOLDER)} out=page"
    assert_runs(report, place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["model.hidden=4,5", f"hydra.sweep.dir={quoted(FOLDER)}"],
        ["--run", "model.hidden=4,5", "--config-dir", "my conf", "optim=fast"],
        ["-r", "model.hidden=choice(4,5)", "sweep.name='a\tb'"],
    ],
    ids=lambda words: words[0],
)
def test_a_refused_run_names_the_sweep_that_runs(words: list[str], place: Path) -> None:
    refused = train(*QUICK, DATA, *words, cwd=place)
    assert_refused(refused, "has several values, which needs -m: ")
    (command,) = printed(refused.stderr)
    assert "2 configurations" in assert_runs(command, place)


@pytest.mark.slow
def test_a_stopped_sweep_names_the_command_that_goes_on(place: Path) -> None:
    words = [*QUICK, DATA, f"hydra.sweep.dir={quoted(FOLDER)}", "model.hidden=4,5,6,7", "-m"]
    process = subprocess.Popen(
        [sys.executable, "-m", "musicgen.train", *words, "sweep.workers=1"],
        cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    while not process.stdout.readline().startswith("trial 0"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    (again,) = printed(stderr)
    assert "trial 3" in assert_runs(again, place)


def test_nobody_is_told_to_install_somebody_elses_package() -> None:
    """`musicgen` on the public index is not this program."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "*.md", "*.py", "*.toml", "Makefile", "*.yaml"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        text = (ROOT / name).read_text()
        told = re.findall(r"pip3? install [^\n`]*\bmusicgen\b", text)
        assert not [line for line in told if "--no-deps" not in line], (name, told)
