"""Every command with components of a package that is not ours."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from musicgen.training.result import Result
from tests.processes import until
from tests.tunes import ROOT, small

ELSEWHERE = "tests.extension.elsewhere"
CELLS = f"plugins=[{ELSEWHERE}.cells]"
ALL = (
    f"plugins=[{','.join(f'{ELSEWHERE}.{name}' for name in ('cells', 'optimizers', 'schedules'))}]"
)


def started(command: str, arguments: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"musicgen.{command}", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(folder: Path, command: str, *arguments: str) -> str:
    """What a command says."""
    process = started(command, arguments, folder)
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    return said


def refused(folder: Path, command: str, *arguments: str) -> str:
    """The one line of a command that refuses its arguments."""
    process = started(command, arguments, folder)
    _, errors = process.communicate()
    assert process.returncode == 2, errors
    (line,) = errors.splitlines()
    return line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of their cell, optimizer and schedule, whose hidden units were drawn on the way."""
    folder = tmp_path_factory.mktemp("elsewhere")
    given = small(folder, "data.split=tunes", "samples.media=true", n=60)
    chosen = ["model=mgu", "model.gate_bias=0", "optim=adamax", "schedule=inverse_sqrt"]
    said = call(folder, "train", *given, *chosen, ALL, "hydra.run.dir=run")
    assert f"musicgen.generate run=run '{ALL}'" in said
    return folder / "run"


NEEDED = (
    "model.cell=mgu, optim.name=adamax, schedule.name=inverse_sqrt need "
    f"{ALL[9:-1].replace(',', ', ')}, which are not loaded; add {ALL}"
)


@pytest.mark.slow
def test_tunes_are_written_and_can_be_written_again(run: Path, tmp_path: Path) -> None:
    given = [f"run={run}", "n=1", "temperature=1", "max_chars=80", "formats=[abc]"]
    assert refused(tmp_path, "generate", *given).endswith(NEEDED)
    call(tmp_path, "generate", *given, f"out={tmp_path / 'one'}", ALL)
    (recipe,) = (tmp_path / "one").glob("*.json")
    command = json.loads(recipe.read_text())["command"]
    assert ALL in command


@pytest.mark.slow
def test_its_own_gate_is_drawn(run: Path, tmp_path: Path) -> None:
    assert refused(tmp_path, "heatmap", f"run={run}").endswith(NEEDED)
    out = f"out={tmp_path / 'out'}"
    call(tmp_path, "heatmap", f"run={run}", "state=forget_gate", "unit=3", out, ALL)
    assert "<svg" in (tmp_path / "out" / "layer1-forget_gate-unit3.svg").read_text()
    with (tmp_path / "out" / "units.csv").open() as file:
        assert {row["state"] for row in csv.DictReader(file)} == {"forget_gate"}
    line = refused(tmp_path, "heatmap", f"run={run}", "state=update_gate", ALL)
    assert "state must be one of hidden" in line


@pytest.mark.slow
def test_the_page_has_its_tunes_with_the_plugin_and_says_so_without(
    run: Path, tmp_path: Path
) -> None:
    without, out = tmp_path / "without", tmp_path / "with"
    call(tmp_path, "report", str(run), f"out={without}")
    assert "which are not loaded; add plugins=" in (without / "report.html").read_text()
    call(tmp_path, "report", str(run), f"out={out}", ALL)
    assert "which are not loaded; add plugins=" not in (out / "report.html").read_text()
    assert (run / "tunes" / "units.json").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(run: Path) -> None:
    folder, other = run.parent, run.parent / "other"
    given = small(folder, "data.split=tunes", "samples.media=true", "model.gate_bias=0", ALL, n=60)
    chosen = ["model=mgu", "optim=adamax", "schedule=inverse_sqrt"]
    process = started("train", [*given, *chosen, f"hydra.run.dir={other}"], folder)
    until((other / "checkpoints" / "last.safetensors").exists, process)
    process.kill()
    process.communicate()
    assert "which are not loaded; add plugins=" in refused(folder, "train", f"resume={other}")
    call(folder, "train", f"resume={other}", ALL)
    losses = [Result.read(place / "result.json").val_loss for place in (run, other)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_a_sweep_goes_on_with_all_that_is_theirs(tmp_path: Path) -> None:
    names = ("cells", "samplers", "pruners")
    plugins = f"plugins=[{','.join(f'{ELSEWHERE}.{name}' for name in names)}]"
    given = [*small(tmp_path, "trainer.max_epochs=1"), "sweep.name=two", "sweep.workers=1"]
    given += ["model=lstm,mgu", "model.gate_bias=-2,0", "optim.lr=interval(0.01,0.02)"]
    given += ["sampler=middle_first", "pruner=threshold", "report=true"]
    said = call(tmp_path, "train", "-m", *given, plugins, "sweep.n_trials=1")
    assert "model.gate_bias applies to model=mgu, and not to lstm" in said
    call(tmp_path, "train", "-m", *given, plugins, "sweep.n_trials=4")
    folder = tmp_path / "runs" / "sweeps" / "two"
    with (folder / "table.csv").open() as file:
        rows = {row["number"]: row for row in csv.DictReader(file)}
    assert len(rows) == 4
    assert float(rows["0"]["optim.lr"]) == 0.015
    assert {(row["model"], row["model.gate_bias"] != "") for row in rows.values()} <= {
        ("lstm", False),
        ("mgu", True),
    }
    assert {row["status"] for row in rows.values()} == {"completed"}
    assert (folder / "report.html").exists()


@pytest.mark.slow
def test_a_worker_loads_the_plugins_of_its_objective(tmp_path: Path) -> None:
    """As all do, forked, spawned or on another node: by `sweep.worker.load`."""
    code = f"""
import pickle, sys
from musicgen.config import composition, record
from musicgen.workflows.trial import TrainingObjective
from tests.tunes import composed, small
from pathlib import Path
composition.use_plugins([{CELLS!r}])
config = record.to_dict(composed(*small(Path({str(tmp_path)!r}), "model=mgu")))
objective = TrainingObjective({{(): config}}, ())
Path({str(tmp_path / "packed")!r}).write_bytes(pickle.dumps(objective))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=tmp_path)
    code = f"""
from pathlib import Path
from musicgen.sweep.worker import load
print(load(Path({str(tmp_path / "packed")!r}).read_bytes()).config({{}}).model)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("MGU(cell='mgu'")


def test_help_lists_them_where_they_are_named(tmp_path: Path) -> None:
    said = call(tmp_path, "train", "--help", CELLS)
    assert "  model          gru, lstm, mgu, rnn" in said
    assert "What the forget gates' biases begin with (at least -5 and at most 5)" in said
    assert "mgu" not in call(tmp_path, "train", "--help")


def test_a_file_of_the_users_counts_more_than_the_class(tmp_path: Path) -> None:
    own = ["--config-dir", str(ROOT / "tests" / "extension" / "elsewhere" / "conf")]
    plugin = f"plugins=[{ELSEWHERE}.optimizers]"
    said = call(tmp_path, "train", "--cfg", "job", "-p", "optim", "optim=adamax", plugin, *own)
    assert said == "# @package optim\nname: adamax\nlr: 0.004\nweight_decay: 0.0\nbeta: 0.8\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["model=mgv", CELLS], "model must be one of gru, lstm, mgu, rnn, got mgv; did you mean"),
        (["model.gate_bias=1", CELLS], "model.gate_bias needs model to be one of mgu"),
        (["model=mgu", "model.gate_bias=x", CELLS], "model.gate_bias must be a number, got x"),
        ([f"plugins={ELSEWHERE}.cells"], f"plugins must be a list of modules, got {ELSEWHERE}"),
        (["plugins=[__main__]"], "plugins must name modules that other processes can import, got"),
        (["plugins=[nowhere.at.all]"], "plugins must name modules that can be imported, got nowh"),
        (["-m", "plugins=[a],[b]"], "plugins must be a list of modules, got [a],[b]"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    assert f"error: {says}" in refused(tmp_path, "train", *arguments)
    assert not list(tmp_path.iterdir())


def test_plugins_of_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "experiments" / "mine").mkdir(parents=True)
    (tmp_path / "experiments" / "mine" / "experiment.yaml").write_text("plugins: [os.path]\n")
    line = refused(tmp_path, "train", "experiment=mine")
    assert "plugins must be given on the command line, got os.path in a file" in line


def test_an_installed_package_needs_no_naming(tmp_path: Path) -> None:
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[musicgen]\ncells = {ELSEWHERE}.cells\n")
    process = subprocess.run(
        [sys.executable, "-m", "musicgen.train", "--cfg", "job", "-p", "model", "model=mgu"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "gate_bias: -1.0" in process.stdout


@pytest.mark.slow
def test_a_broken_package_leaves_the_others_alone(tmp_path: Path) -> None:
    """A process that asks twice is warned once; an error about a missing component says why."""
    for name, module in {"broken": "broken_cells", "cells": f"{ELSEWHERE}.cells"}.items():
        info = tmp_path / f"a_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a_{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[musicgen]\n{name} = {module}\n")
    (tmp_path / "broken_cells.py").write_text("raise OSError('no library')\n")
    code = (
        "from musicgen import Config\n"
        "for _ in range(2):\n"
        "    print(Config.compose('model=mgu').model.gate_bias)\n"
        "for words in ('model=mgv', 'model.cell=mgv'):\n"
        "    try:\n"
        "        Config.compose(words)\n"
        "    except Exception as error:\n"
        "        print(error)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = "the entry point broken, broken_cells, is broken (no library)"
    assert process.stderr.splitlines() == [f"{broken}; mend or remove the package that has it"]
    *biases, group, key = process.stdout.splitlines()
    assert biases == ["-1.0", "-1.0"]
    assert group.endswith(f"did you mean mgu?; {broken}")
    assert key.startswith("model.cell must be one of lstm, gru, rnn, mgu, got mgv")
    assert key.endswith(broken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        "Run.train(*words, 'optim=mysgd', folder='run')",
        "Run.train(*words, 'optim.name=mysgd', folder='run')",
        "Sweep.start(*words, 'optim=muon,mysgd')",
        "Sweep.start(*words, 'optim.name=muon,mysgd')",
    ],
)
def test_what_a_program_declares_itself_is_refused(call: str, tmp_path: Path) -> None:
    """No other process could import it: a worker, a command that reads the folder."""
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from musicgen import Run, Sweep\n"
        "from musicgen.config.registry import components, register\n"
        "@register('optimizer', 'mysgd')\n"
        "@dataclass\n"
        "class Mine(components('optimizer')['muon']):\n"
        "    momentum: float = 0.9\n"
        "    betas: tuple[float, float] = (0.9, 0.99)\n"
        "    eps: float = 1e-8\n"
        "words = sys.argv[1:]\n"
        f"try:\n    {call}\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    words = small(tmp_path)
    before = sorted(tmp_path.iterdir())
    process = subprocess.run(
        [sys.executable, "program.py", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout == (
        "InputError optim=mysgd is declared in the program itself, which no other process can "
        "import; move it into a module and name that with plugins=[...]\n"
    ), process.stderr
    assert sorted(tmp_path.iterdir()) == before
