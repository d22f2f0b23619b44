"""Sweeps of real trainings from the command line: composed, run, killed, resumed."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from musicgen.config.record import load
from tests.commands import COMMAND, assert_refused, sweep, table, train
from tests.processes import descendants, unfinished
from tests.tunes import ROOT, composed, small, tunes

BAD = [
    (["model.droput=0,0.1"], "there is no key model.droput; did you mean model.dropout?"),
    (["model.dropout=0,1.5"], "model.dropout must be at least 0 and below 1, got 1.5"),
    (["model.hidden=8,x"], "model.hidden must be a whole number, got x"),
    (["optim=adam,adagard"], "optim must be one of adagrad"),
    (
        ["optim=adam,adagrad", "optim.momentum=0,0.9"],
        "optim.momentum needs optim to be one of muon, rmsprop",
    ),
    (["optim.lr=interval(0.001,0.1)"], "sampler=grid"),
    (["optim.lr=tag(log,interval(0,1))", "sampler=random", "sweep.n_trials=3"], "above 0"),
    (["model.hidden=choice()"], "model.hidden"),
    (["model.hidden=4,5", "sweep.workers=0"], "sweep.workers must be auto or at least 1, got 0"),
    (["model.hidden=4,5", "sweep.workers=many"], "sweep.workers must be auto or at least 1"),
    (["model.hidden=4,5", "sampler=tpe"], "sweep.n_trials"),
    (
        ["model.hidden=interval(4,8)", "sampler=random", "sweep.n_trials=3"],
        "whole numbers are int(interval(...))",
    ),
    (["model.hidden=4,5", "sweep.objective=[val_los]"], "got val_los; did you mean val_loss?"),
    (["model.hidden=4,5", "trainer=gpu"], "trainer.accelerator=gpu needs a GPU"),
    (["model.hidden=4,5", "sweep.objective=[seconds]", "pruner=asha"], "known after each epoch"),
    (["experiment=dropout,dropout2"], "experiment"),
    (["model.hidden=4,5", "sweep.seeds=1,2"], "sweep.seeds is not a trial's"),
    (["model.hidden=4,5", "sweep.objective=val_loss,parameters"], "several are a list: [a,b]"),
    (["model.hidden=4,5", "sweep.objective=[epochs,epochs]"], "each name once, got epochs again"),
    (["model.hidden=4,5", "hydra.sweep.dir="], "hydra.sweep.dir must be a folder, got an empty"),
    (["model.hidden=4,5", "sweep.objective=3"], "sweep.objective must be a name or a list"),
    (["model.hidden=4,5", "sweep.timeout=soon"], "sweep.timeout must be a time such as 2h"),
    (["model.hidden=4,5", "trainer.max_time=-5"], "trainer.max_time must be a time such as 2h"),
    (["model.hidden=4,5", "sweep.keep=some"], "sweep.keep must be all or a number"),
    (["seed=1,2", "sweep.seeds=2"], "seed=[1, 2] and sweep.seeds=2 must not give two"),
    (["seed=range(1,9)", "sweep.seeds=3"], "and sweep.seeds=3 must not give two"),
    (
        [
            "model.hidden=4,5",
            "sampler=nsgaii",
            "sweep.n_trials=4",
            "pruner=asha",
            "sweep.objective=[val_loss,parameters]",
        ],
        "pruner=asha needs one objective",
    ),
    (
        ["model.hidden=4,5", "sweep.storage=postgresql+psycopg2://me:secret@127.0.0.1:9/x"],
        "sweep.storage=postgresql+psycopg2://127.0.0.1/x",
    ),
    (
        ["model.hidden=4,5", "sweep.enqueue=[{model.hidden: 6}]"],
        "sweep.enqueue, point 1: model.hidden must be of [4, 5], got 6",
    ),
    (
        ["model.hidden=4,5", "sweep.enqueue=[{model.hidden: 4},{model.hidden: x}]"],
        "sweep.enqueue, point 2: model.hidden must be a whole number, got x",
    ),
    (
        ["model.hidden=4,5", "sweep.enqueue=[{model.hiden: 4}]"],
        "sweep.enqueue, point 1: keys must be swept ones (model.hidden), got model.hiden",
    ),
    (
        ["model.hidden=4,5", "optim=adam,adagrad", "sweep.enqueue=[{model.hidden: 4}]"],
        f'optim must be of ["adam", "adagrad"], got {composed().optim.name}, as the configuration',
    ),
    (["model.hidden=4,5", "sweep.enqueue=4"], "sweep.enqueue must be a list"),
    (["model.hidden=4,5", "sweep.enqueue=[4]"], "sweep.enqueue must have points such as"),
    (
        ["model.hidden=4,5", 'sweep.constraints=["parameters<=9"]'],
        "sweep.constraints need sampler=tpe, gp, nsgaii, got grid",
    ),
    (
        ["model.hidden=4,5", 'sweep.constraints=["parameters=9"]'],
        "sweep.constraints must be results with bounds (<=, >=, <, >) in quotes",
    ),
    (
        ["model.hidden=4,5", 'sweep.constraints=["second<=9"]'],
        "got second<=9; did you mean seconds?",
    ),
    (
        ["model.hidden=4,5", 'sweep.constraints=["test_loss<=9"]'],
        "sweep.constraints must be of val_loss, val_accuracy",
    ),
    (["data.path=nowhere.txt", "model.hidden=4,5"], "data.path"),
    (["model.hidden=4,5", "sweep.executor=rya"], "sweep.executor must be one of local, ray"),
    (
        ["model.hidden=4,5", "sweep.executor=ray", "sweep.ray.address=127.0.0.1:9"],
        "sweep.ray.address=127.0.0.1:9 must be a Ray cluster that answers: ",
    ),
    (
        ["model.hidden=4,5", "sweep.executor=ray", "sweep.ray.num_gpus=4"],
        "sweep.ray.num_gpus must be at most",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("extra", "message"), BAD, ids=[" ".join(e) for e, _ in BAD])
def test_bad_sweeps_are_refused_before_anything_is_written(
    extra: list[str], message: str, tmp_path: Path
) -> None:
    process = train(*sweep(tmp_path, *extra), cwd=tmp_path)
    assert_refused(process, message)
    assert "secret" not in process.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_what_is_known_goes_in_first(tmp_path: Path) -> None:
    """The configuration's own values, the list of an experiment's file, and what joins it later."""
    (tmp_path / "experiments" / "known").mkdir(parents=True)
    (tmp_path / "experiments" / "known" / "experiment.yaml").write_text(
        """
        # @package _global_
        defaults: [{override /sampler: random}, {override /optim: adamw}]
        sweep: {name: known, n_trials: 3, enqueue: [{model.hidden: 9, optim: sgd}]}
        hydra: {sweeper: {params: {
          model.hidden: 'int(interval(4,12))', optim: 'sgd,adamw', optim.momentum: '0,0.9'}}}
        """
    )
    arguments = ["-m", *small(tmp_path, "trainer.max_epochs=1"), "experiment=known"]
    arguments.remove("model.hidden=8")
    own = "own values are not tried first: model.hidden must be of 4 to 12, got 150, as the"
    process = train(*arguments, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert own in process.stdout
    folder = tmp_path / "runs" / "sweeps" / "known"
    rows = {row["number"]: row for row in table(folder)}
    known = rows["0"]
    assert (known["model.hidden"], known["optim"], known["optim.momentum"]) == ("9", "sgd", "0.9")
    more = "sweep.enqueue=[{model.hidden:9,optim:sgd},{model.hidden:5}]"
    process = train(*arguments, more, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "own values" not in process.stdout
    grown = {row["number"]: row for row in table(folder)}
    assert {number: grown[number] for number in rows} == rows
    assert (grown["3"]["model.hidden"], grown["3"]["optim"]) == ("5", "adamw")
    assert len(grown) == 4


@pytest.mark.slow
def test_the_best_keeps_the_constraints(tmp_path: Path) -> None:
    """A network of 40 units learns more in two epochs than one of 4, and has too many weights."""
    bound = 'sweep.constraints=["parameters<=50000"]'
    words = ["model.hidden=4,40", "optim.lr=0.02", "sampler=tpe", "sweep.n_trials=2", bound]
    arguments = [*sweep(tmp_path, *words), "trainer.max_epochs=2"]
    process = train(*arguments, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    small_one, large_one = table(tmp_path / "s")
    assert (small_one["model.hidden"], large_one["model.hidden"]) == ("4", "40")
    assert float(large_one["val_loss"]) < float(small_one["val_loss"])
    assert large_one["breaks"].startswith("parameters<=50000: ")
    assert small_one["breaks"] == ""
    assert (
        f"best: val_loss {float(small_one['val_loss']):.4f} with model.hidden=4" in process.stdout
    )


@pytest.mark.slow
def test_a_search_starts_from_the_trials_of_another(tmp_path: Path) -> None:
    """Of an earlier grid, whose folder is gone when the search goes on."""
    grid = [*sweep(tmp_path, "optim.lr=0.003,0.01,0.03", name="grid"), "trainer.max_epochs=1"]
    process = train(*grid, "model.layers=1,2", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    space = ["optim.lr=tag(log,interval(1e-3,1e-1))", "sampler=tpe", "sampler.n_startup_trials=3"]
    words = [*sweep(tmp_path, *space), "trainer.max_epochs=1", "sweep.warm_start=grid", "seed=2"]
    refused = train(*words, "sweep.n_trials=2", "model.hidden=9", cwd=tmp_path)
    assert_refused(refused, "sweep.warm_start must be a sweep with finished trials that are config")
    assert "(6 by model.hidden)" in refused.stderr
    assert not (tmp_path / "s").exists()
    process = train(*words, "sweep.n_trials=2", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    said = "tpe knows 3 finished trials of grid; not those that are no configurations here (3 by "
    assert f"{said}model.layers)" in process.stdout
    shutil.rmtree(tmp_path / "grid")
    process = train(*words, "sweep.n_trials=3", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert f"{said}model.layers)" in process.stdout
    assert [row["status"] for row in table(tmp_path / "s")] == ["completed"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
def test_a_search_begins_with_the_configuration_as_it_is(tmp_path: Path, first: bool) -> None:
    space = ["optim.lr=tag(log,interval(1e-4,1e-1))", "model.hidden=8,150"]
    words = ["sampler=random", "sweep.n_trials=2", "sweep.enqueue=[{model.hidden: 8}]"]
    arguments = [*sweep(tmp_path, *space, *words), "trainer.max_epochs=1"]
    process = train(*arguments, *([] if first else ["sweep.defaults_first=false"]), cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert ("own values are tried first: optim.lr=" in process.stdout) == first
    rows = {row["number"]: row for row in table(tmp_path / "s")}
    lr = composed().optim.lr
    own = (float(rows["0"]["optim.lr"]), rows["0"]["model.hidden"])
    assert own == (lr, "150" if first else "8")
    assert (float(rows["1"]["optim.lr"]) == lr) == first


def test_several_values_need_m(tmp_path: Path) -> None:
    process = train("model.dropout=0,0.1", cwd=tmp_path)
    assert_refused(process, "python -m musicgen.train -m model.dropout=0,0.1")


@pytest.mark.slow
def test_the_command_that_sweeps_leaves_out_another_mode(tmp_path: Path) -> None:
    """Hydra would refuse it there."""
    process = train("hydra.mode=multirun", "model.dropout=0,0.1", cwd=tmp_path)
    assert_refused(process, "python -m musicgen.train -m model.dropout=0,0.1")


@pytest.mark.slow
def test_an_experiment_that_sweeps_needs_m(tmp_path: Path) -> None:
    process = train("experiment=dropout", "data.path=x", cwd=tmp_path)
    assert_refused(process, "python -m musicgen.train -m experiment=dropout data.path=x")
    assert not list(tmp_path.iterdir())
    one = train("experiment=dropout", "data.path=x", "model.dropout=0.1", cwd=tmp_path)
    assert_refused(one, "data.path")


@pytest.mark.slow
def test_measures_of_tunes_are_objectives(tmp_path: Path) -> None:
    """Those that no other trial beats in both are at the top of the table, with the measures."""
    arguments = [
        "sampler=nsgaii",
        "sweep.n_trials=3",
        "sweep.workers=1",
        "sweep.objective=[bars_right,val_loss]",
        "model.hidden=int(interval(2,12))",
    ]
    refused = train(*sweep(tmp_path, *arguments), cwd=tmp_path)
    assert_refused(refused, "sweep.objective=bars_right needs samples.measure=true")
    process = train(*sweep(tmp_path, *arguments, "samples.measure=true"), cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    rows = table(tmp_path / "s")
    assert [row["status"] for row in rows] == ["completed"] * 3
    for row in rows:
        result = json.loads((tmp_path / "s" / row["number"] / "result.json").read_text())
        for name in ("bars_right", "parses", "memorised"):
            assert float(row[name]) == result["measures"][name]
    places = [(float(row["val_loss"]), -float(row["bars_right"])) for row in rows]
    assert not any(
        a <= places[0][0] and b <= places[0][1] for a, b in places[1:] if (a, b) != places[0]
    )


@pytest.mark.slow
def test_a_grid_of_groups_and_values(tmp_path: Path) -> None:
    arguments = sweep(tmp_path, "model.dropout=0,0.2", "optim=adam,adagrad", "model.hidden=8")
    process = train(*arguments, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    folder = tmp_path / "s"
    rows = sorted(table(folder), key=lambda row: int(row["number"]))
    places = [(float(row["model.dropout"]), row["optim"]) for row in rows]
    assert places == [(0, "adam"), (0, "adagrad"), (0.2, "adam"), (0.2, "adagrad")]
    assert {row["status"] for row in rows} == {"completed"}
    ranked = [float(row["val_loss"]) for row in table(folder)]
    assert ranked == sorted(ranked)
    for row in rows:
        result = json.loads((folder / row["number"] / "result.json").read_text())
        assert float(row["val_loss"]) == result["val_loss"]
    for name in ("table.md", "curves.csv", "curves.png", "curves.svg", "sweep.json"):
        assert (folder / name).stat().st_size > 0
    assert len(table(folder, "curves.csv")) == 4 * 2

    # The best configuration's command trains the same network again.
    (line,) = re.findall(r"^python -m musicgen\.train .*", process.stdout, re.M)
    again = train(*shlex.split(line)[3:], f"hydra.run.dir={tmp_path / 'again'}", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    result = json.loads((tmp_path / "again" / "result.json").read_text())
    assert result["val_loss"] == ranked[0]

    # The same command again finds everything done; another configuration is refused.
    before = (folder / "table.csv").read_text()
    assert train(*arguments, cwd=tmp_path).returncode == 0
    assert (folder / "table.csv").read_text() == before
    changed = [a if a != "model.hidden=8" else "model.hidden=9" for a in arguments]
    refused = train(*changed, cwd=tmp_path)
    for part in ("adam model.hidden was 8, now 9;", "with sweep.shelf=<folder> in both, it takes"):
        assert_refused(refused, part)


@pytest.mark.slow
def test_an_experiment_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "mine"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text("hydra: {sweeper: {params: {model.hidden: '4,5'}}}")
    given = small(tmp_path, "trainer.max_epochs=1")
    given = [a for a in given if not a.startswith(("data.path", "model.hidden"))]
    for name in ("a,b.txt", "c's d.txt"):
        (tmp_path / name).write_text(tunes(30))
    swept = r"data.path='a,b.txt','c\'s d.txt'"
    done = train("-m", "experiment=mine", *given, swept, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(table(tmp_path / "runs/sweeps/mine")) == 4
    (again,) = re.findall(r"^python -m musicgen.train (.*)$", done.stdout, re.MULTILINE)
    done = train(*shlex.split(again), "hydra.run.dir=again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    (folder / "experiment.yaml").write_text("hydra: [")
    assert_refused(train("--cfg", "job", cwd=tmp_path), "experiment.yaml can't be read")


@pytest.mark.slow
def test_a_file_whose_keys_follow_swept_ones(tmp_path: Path) -> None:
    """Below hydra.sweeper.params, among the other keys, and of the other keys' own groups."""
    folder = tmp_path / "experiments" / "mine"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(
        """
model: {embedding: "${model.hidden}"}
trainer: {max_epochs: "${early_stopping.patience}"}
early_stopping: {patience: "${model.layers}"}
hydra: {sweeper: {params: {
    model.hidden: "4,5", optim: "sgd,adam", optim.momentum: 0.5, data.seq_len: "${model.hidden}"}}}
"""
    )
    left_out = ("model.hidden", "trainer.max_epochs", "early_stopping", "data.seq_len")
    given = [a for a in small(tmp_path) if not a.startswith(left_out)]
    done = train("-m", "experiment=mine", *given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "optim.momentum applies to optim=sgd, and not to adam" in done.stdout
    for path in (tmp_path / "runs/sweeps/mine").glob("*/config.yaml"):
        config = load(path)
        assert config.model.embedding == config.model.hidden == config.data.seq_len
        assert config.trainer.max_epochs == config.model.layers == 1
    (again,) = re.findall(r"^python -m musicgen.train (.*)$", done.stdout, re.MULTILINE)
    done = train(*shlex.split(again), "hydra.run.dir=again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    best = table(tmp_path / "runs/sweeps/mine")[0]
    assert load(tmp_path / "again" / "config.yaml").data.seq_len == int(best["model.hidden"])


@pytest.mark.slow
def test_tpe_with_asha_and_seeds(tmp_path: Path) -> None:
    arguments = sweep(
        tmp_path,
        "optim.lr=tag(log,interval(1e-5,1e-1))",
        "model.hidden=int(interval(2,8))",
        "sampler=tpe",
        "sampler.n_startup_trials=3",
        "pruner=asha",
        "pruner.reduction_factor=2",
        "sweep.n_trials=6",
        "sweep.seeds=2",
        "trainer.max_epochs=4",
    )
    process = train(*arguments, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    rows = table(tmp_path / "s")
    assert len(rows) == 6
    assert {row["status"] for row in rows} <= {"completed", "pruned"}
    assert "pruned" in {row["status"] for row in rows}
    for row in rows:
        folder = tmp_path / "s" / row["number"]
        assert (folder / "seed0" / "result.json").exists()
        assert (folder / "seed1").exists() == (row["status"] == "completed")
        if row["status"] == "completed":
            runs = [json.loads((folder / f"seed{k}" / "result.json").read_text()) for k in (0, 1)]
            assert float(row["val_loss"]) == sum(run["val_loss"] for run in runs) / 2
            assert [run["seed"] for run in runs] == [1, 2]


@pytest.mark.slow
def test_a_diverged_configuration_is_a_row(tmp_path: Path) -> None:
    arguments = sweep(
        tmp_path, "optim=sgd", "optim.lr=0.1,1e38", "trainer.grad_clip=0", "schedule=constant"
    )
    process = train(*arguments, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert [row["status"] for row in table(tmp_path / "s")] == ["completed", "diverged"]
    assert "loss became" in table(tmp_path / "s")[1]["error"]


@pytest.mark.slow
def test_a_failure_is_exit_code_1_until_it_is_mended(tmp_path: Path) -> None:
    """The end says how many failed and why; the command that it names tries them again."""
    broken = tmp_path / "broken"
    broken.mkdir()
    module = "import musicgen.training.fit as f\nfit = f.fit\ndef bad(config, *a, **k):\n"
    module += "    if config.model.hidden < 6: raise OSError('disk full')\n"
    module += "    return fit(config, *a, **k)\nf.fit = bad\n"
    hook = "import sys\nif 'musicgen.sweep.fork_server' in sys.orig_argv:\n"
    (broken / "sitecustomize.py").write_text(hook + textwrap.indent(module, "    "))
    arguments = sweep(
        tmp_path, "model.hidden=4,5,6", "sweep.objective=val_accuracy", "sweep.workers=1"
    )
    failed = subprocess.run(
        [*COMMAND[:3], *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{broken}{os.pathsep}{ROOT}"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "2 of 3 configurations failed (2 x OSError: disk full); to try" in failed.stderr
    states = [row["status"] for row in table(tmp_path / "s")]
    assert states == ["completed", "failed", "failed"]
    (_, again) = failed.stderr.split("to try them again: python -m musicgen.train ")
    mended = train(*shlex.split(again), cwd=tmp_path)
    assert mended.returncode == 0, mended.stderr
    rows = table(tmp_path / "s")
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert sum(row["earlier_errors"] == "OSError: disk full" for row in rows) == 2
    best = [float(row["val_accuracy"]) for row in rows]
    assert best == sorted(best, reverse=True)


@pytest.mark.slow
def test_a_sweep_keeps_as_many_last_checkpoints_as_it_is_told(tmp_path: Path) -> None:
    arguments = sweep(
        tmp_path, "optim=sgd", "optim.lr=0.1,0.2,0.3,1e38", "trainer.grad_clip=0", "sweep.keep=2"
    )
    process = train(*arguments, "schedule=constant", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    rows = table(tmp_path / "s")
    kept = {path.parts[-3] for path in (tmp_path / "s").glob("*/checkpoints/last.safetensors")}
    assert kept == {row["number"] for row in rows[:2]}
    assert len(list((tmp_path / "s").glob("*/checkpoints/best.safetensors"))) == 3
    again = train(*arguments, "schedule=constant", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert table(tmp_path / "s") == rows


@pytest.mark.slow
def test_a_time_budget_ends_a_sweep_and_says_how_to_go_on(tmp_path: Path) -> None:
    swept = ["model.dropout=0,0.1,0.2,0.3", "trainer.max_epochs=100000", "sweep.workers=1"]
    arguments = sweep(tmp_path, *swept, "trainer.max_time=2", "sweep.timeout=1s")
    begun = train(*arguments, cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    assert "sweep.timeout=1s is over; to go on:" in begun.stdout
    assert len(table(tmp_path / "s")) < 4
    arguments[-1] = "sweep.timeout=1h"
    done = train(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["status"] for row in table(tmp_path / "s")] == ["completed"] * 4
    assert "is over" not in done.stdout


@pytest.mark.slow
def test_all_failing_is_exit_code_1(tmp_path: Path) -> None:
    arguments = sweep(tmp_path, "optim=sgd", "optim.lr=1e37,1e38", "trainer.grad_clip=0")
    process = train(*arguments, "schedule=constant", cwd=tmp_path)
    assert process.returncode == 1
    assert "none of 2 configurations completed" in process.stderr
    assert len(table(tmp_path / "s")) == 2


@pytest.mark.slow
def test_ctrl_c_stops_at_checkpoints(tmp_path: Path) -> None:
    swept = ["model.dropout=0,0.2", "trainer.max_epochs=40", "sweep.name=n", "sweep.workers=2"]
    swept += ["sweep.retries=9"]
    arguments = sweep(tmp_path, *swept)

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND[:3], *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    with unfinished(start, tmp_path / "s", tmp_path / "hold") as process:
        process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert stderr.startswith("error: stopped; to go on: python -m musicgen.train -m ")
    resumed = train(*arguments, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert {row["status"] for row in table(tmp_path / "s")} == {"completed"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        ["sweep.workers=2"],
        # Which trials go on depends on who reports first; with one worker on nothing.
        ["sweep.workers=1", "pruner=asha", "pruner.reduction_factor=2"],
    ],
    ids=["plain", "rungs"],
)
def test_sweeps_survive_kills(tmp_path: Path, how: list[str]) -> None:
    """Driver, worker or both are killed at random moments; nothing is lost, doubled or changed.

    ROUNDS (default 5) kills; SEED repeats a run.
    """
    rounds = int(os.environ.get("ROUNDS", "5"))
    seed = int(os.environ.get("SEED", time.time()))
    draw = random.Random(seed)
    print("SEED", seed)
    space = ["model.dropout=0,0.1,0.2", "optim=adam,rmsprop", "trainer.max_epochs=8"]
    settings = [*space, "sweep.retries=1000", *how]
    begun = time.monotonic()
    whole = train(*sweep(tmp_path, *settings, name="whole"), cwd=tmp_path)
    took = time.monotonic() - begun
    assert whole.returncode == 0, whole.stderr
    arguments = sweep(tmp_path, *settings, name="killed")
    folder = tmp_path / "killed"
    kills: list[str] = []
    while True:
        process = subprocess.Popen(
            [*COMMAND[:3], *arguments],
            cwd=tmp_path,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while len(kills) < rounds and process.poll() is None:
            # From the driver's first steps to a sweep's last.
            time.sleep(draw.uniform(0.05, 1) * took)
            victims = descendants(process.pid)
            if process.poll() is not None:
                break
            whom = draw.choice(["driver", "worker", "both"])
            if whom != "driver" and not victims:
                continue
            kills.append(whom)
            victim = draw.choice(victims or [0])
            for pid in victims if whom != "driver" else []:
                if whom == "both" or pid == victim:
                    with suppress(ProcessLookupError):  # it went with the one before
                        os.kill(pid, signal.SIGKILL)
            if whom != "worker":
                process.kill()
        _, stderr = process.communicate(timeout=600)
        if process.returncode == -signal.SIGKILL:
            continue
        assert process.returncode == 0, (kills, stderr)
        if kills:
            break
        shutil.rmtree(folder)  # it was over before its first moment came
    assert table(folder) == table(tmp_path / "whole")
    assert sorted(p.name for p in folder.iterdir() if p.name.isdigit()) == [
        str(k) for k in range(6)
    ]
    for number in range(6):
        one, other = (tmp_path / name / str(number) for name in ("whole", "killed"))
        best = "checkpoints/best.safetensors"
        assert (one / best).read_bytes() == (other / best).read_bytes()
        assert table(one, "metrics.csv") == table(other, "metrics.csv")
