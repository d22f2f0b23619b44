"""The installed program: arguments in, one line and an exit code out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musicgen.training.folder import RunFolder
from tests.cases import a_few_fast
from tests.commands import assert_refused, python, train, unwritable
from tests.tunes import ROOT, small, tunes


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


BAD = [
    (["model.hiden=150"], "there is no key model.hiden; did you mean model.hidden?"),
    (["optimm=adam"], "there is no key optimm; did you mean optim?"),
    (
        ["optim=adagard"],
        "optim must be one of adagrad, adam, adamw, muon, nadam, rmsprop, sgd, got adagard",
    ),
    (["model.hidden=abc"], "model.hidden must be a whole number, got abc; --help"),
    (["model.hidden=[1"], "cannot read the argument 'model.hidden=[1'"),
    (["sweep.storage=pg://me:secret@host/[1"], "'sweep.storage=pg://me:***@host/[1'"),
    (["model.dropout=1.5"], "model.dropout must be at least 0 and below 1, got 1.5"),
    (["model.hidden=0"], "model.hidden must be at least 1, got 0"),
    (["data.seq_len=1"], "data.seq_len must be at least 2, got 1"),
    (["optim=adam", "optim.betas=3"], "optim.betas must be a list such as [1,2], got 3"),
    (["data.stateful=maybe"], "data.stateful must be true or false, got maybe"),
    (["sweep=3"], "sweep is a group of keys and has no value of its own, got 3"),
    (["folder=runs/x"], "there is no key folder; hydra.run.dir=<folder> is that of a run"),
    (["seed=null"], "seed must have a value, got null"),
    (["resume=nowhere"], "resume must be the folder of a run that has begun, got nowhere"),
    (["--experimental-rerun=x.pickle"], "unpickles"),
    (["--multirn"], "there is no flag --multirn; did you mean --multirun?"),
    (["--cfg", "job", "-m", "model.hidden=8,16"], "--multirun and --cfg do not go together"),
    (["--cfg", "job", "hydra.mode=MULTIRUN"], "--cfg shows the configuration of one run"),
    (["model.hidden=8,16", "--cfg", "job"], "of one run; give model.hidden one value"),
    (["--run", "-m", "model.hidden=8,16"], "--run and --multirun do not go together"),
    (["-m", "hydra.mode=RUN", "model.hidden=8,16"], "--multirun and hydra.mode=RUN do not go"),
    (["-m", "model.hidden=8,9", "hydra.sweep.subdir=x"], "hydra.sweep.subdir has no effect here"),
    (["-m", "model.hidden=8,9", "hydra/launcher=basic"], "hydra/launcher has no effect here"),
    (["-m", "model.hidden=8,9", "hydra/sweeper=basic"], "hydra/sweeper has no effect here"),
    (["-m", "model.hidden=8,9", "hydra.run.dir=x"], "hydra.run.dir has no effect here"),
    (["-m", "model.hidden=8,9", "hydra/job_logging=default"], "hydra/job_logging has no effect"),
    (["-m", "hydra.verbose=1,2"], "Sweeping over Hydra's configuration is not supported"),
    (["hydra.job.chdir=true"], "hydra.job.chdir has no effect here"),
    (["hydra.mode=BOTH"], "hydra.mode"),
    (["--config-dir", "nowhere"], "nowhere' not found"),
    (["--config-name", "nope"], "Cannot find primary config 'nope'"),
    (["--config-name", "generate", "run=x"], "--config-name must be of a configuration of this"),
    (["--config-name", "generate", "model.hidden=4"], "there is no key model.hidden"),
    (["--config-path", "nope"], "nope"),
    (["--resolve"], "--resolve is for --cfg job"),
    (["--cfg"], "--cfg"),
    (["--cfg", "everything"], "invalid choice: 'everything'"),
    (["--info", "nothing"], "invalid choice: 'nothing'"),
    (["--shell-completion"], "Expecting one subcommand"),
    (["-m"], "a sweep must vary something"),
    (["--cfg", "job", "-p", "nothing"], "--package must be a part of the configuration"),
    (["--cfg", "job", "-p", "modell"], "did you mean model?"),
    (["hydra.searchpath=[file://nowhere]"], "hydra.searchpath must name folders that exist"),
    (["-m", "seed=1,2", "hydra.searchpath=[nowhere]"], "hydra.searchpath must name folders"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), a_few_fast(BAD, 5), ids=[" ".join(a) for a, _ in BAD]
)
def test_bad_arguments_are_one_line_and_write_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    assert_refused(train(*arguments, cwd=tmp_path), message)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "extra", "message"),
    [
        (None, [], "data.path"),
        ("", [], "data.path"),
        ("no tunes here\n", [], "data.path"),
        (tunes(1), ["data.seq_len=100", "data.batch_size=50"], "data.batch_size must leave"),
        (tunes(1), ["data.seq_len=5000"], "data.batch_size must leave"),
        (tunes(9), ["trainer=gpu"], "trainer.accelerator=gpu needs a GPU"),
        (tunes(9), ["hydra.run.dir={unwritable}"], "hydra.run.dir"),
        (tunes(9), ["data.root={unwritable}"], "data.root"),
    ],
)
def test_bad_files_are_one_line_and_write_nothing(
    content: str | None, extra: list[str], message: str, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    overrides = small(tmp_path)
    if content is None:
        (tmp_path / "tunes.txt").unlink()
    else:
        (tmp_path / "tunes.txt").write_text(content)
    place = unwritable(tmp_path / "file")
    work.mkdir()
    process = train(*overrides, *(e.format(unwritable=place) for e in extra), cwd=work)
    assert_refused(process, message)
    assert not list(work.iterdir())


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_later(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for it: the same OSError at the same places."""

    def limit() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    run = tmp_path / "run"
    overrides = small(tmp_path, "model.hidden=64", f"hydra.run.dir={run}")
    process = train(*overrides, preexec_fn=limit)
    assert process.returncode == 1
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    assert "File too large" in process.stderr
    assert json.loads((run / "result.json").read_text())["status"] == "failed"
    resumed = train(f"resume={run}")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((run / "result.json").read_text())["status"] == "completed"


def test_help_explains_every_key_without_torch() -> None:
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "musicgen.train", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for text in ("model.hidden", "optim.lr", "adagrad, adam, adamw", "early_stopping.patience"):
        assert text in process.stdout
    imported = {line.split("|")[-1].strip() for line in process.stderr.splitlines()}
    assert "hydra" in imported
    assert not imported & {"torch", "pytorch_lightning", "numpy", "pandas", "matplotlib"}


@pytest.mark.slow
def test_a_run_from_the_command_line(tmp_path: Path) -> None:
    overrides = small(tmp_path, "trainer.max_epochs=2")
    process = train(*overrides, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert lines[0].startswith("training ")
    assert sum(line.startswith("epoch ") for line in lines) == 2
    (result,) = (tmp_path / "runs").rglob("result.json")
    where = result.parent.relative_to(tmp_path)
    assert f"tensorboard --logdir {where}" in lines
    assert lines[-1] == f"python -m musicgen.generate run={where}"
    assert "a tune at temperature 0.5" in process.stdout

    again = train(f"resume={result.parent}", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    other = train(f"resume={result.parent}", "model.hidden=9", cwd=tmp_path)
    assert_refused(other, "model.hidden must stay 8")
    occupied = train(*overrides, f"hydra.run.dir={result.parent}", cwd=tmp_path)
    assert_refused(occupied, "holds a run already")


@pytest.mark.slow
def test_diverging_is_exit_code_1(tmp_path: Path) -> None:
    extra = ["optim=sgd", "optim.lr=1e38", "schedule=constant", "trainer.grad_clip=0"]
    process = train(*small(tmp_path, *extra), cwd=tmp_path)
    assert process.returncode == 1
    assert re.fullmatch(
        r"error: diverged: the \w+ loss became \w+ .*step [\d,]+.*\n", process.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_how_to_go_on(number: int, tmp_path: Path) -> None:
    arguments = small(tmp_path, "trainer.max_epochs=100000", "schedule=constant")
    process = subprocess.Popen(
        [sys.executable, "-m", "musicgen.train", *arguments, f"hydra.run.dir={tmp_path / 'run'}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while not re.match(r"epoch +3/", process.stdout.readline()):
        assert process.poll() is None
    process.send_signal(number)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert stderr == (
        f"error: stopped; to go on: python -m musicgen.train resume={tmp_path / 'run'}\n"
    )
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "interrupted"
    assert result["epochs"] >= 3


@pytest.mark.slow
def test_a_run_keeps_what_was_typed_to_start_it(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    asked = [*small(tmp_path, "trainer.max_epochs=1"), f"hydra.run.dir={folder}"]
    done = train(*asked, "sweep.storage=postgresql://me:secret@host/name")
    assert done.returncode == 0, done.stderr
    begun = (
        "python",
        "-m",
        "musicgen.train",
        *asked,
        "sweep.storage=postgresql://me:***@host/name",
    )
    assert RunFolder(folder).started_by() == begun
    done = train(f"resume={folder}")
    assert done.returncode == 0, done.stderr
    assert RunFolder(folder).started_by() == begun


@pytest.mark.slow
def test_an_installed_wheel_works_from_any_folder(tmp_path: Path) -> None:
    """Build it, install it without dependencies beside this environment's, train with it."""
    built, site, work = (tmp_path / name for name in ("built", "site", "work"))
    work.mkdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # A copy, so that the build sees what a checkout holds and leaves nothing in this one.
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, tracked):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source" / name)
    wheel = ["wheel", "--no-deps", "-w", str(built), str(tmp_path / "source")]
    subprocess.run([*pip, *wheel], check=True, timeout=300)
    (archive,) = built.glob("*.whl")
    sizes = {each.filename: each.compress_size for each in zipfile.ZipFile(archive).infolist()}
    names = list(sizes)
    carried = {name for name in names if name.startswith("musicgen/experiments/")}
    ours = (ROOT / "experiments").glob("*/experiment.yaml")
    assert carried == {f"musicgen/{path.relative_to(ROOT)}" for path in ours}
    network = sum(size for name, size in sizes.items() if name.startswith("musicgen/networks/"))
    assert archive.stat().st_size - network < 1_000_000
    assert 0 < network < 3_000_000
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(archive)], check=True)
    process = python(
        "-m", "musicgen.train", *small(tmp_path, "trainer.max_epochs=1"), cwd=work, path=site
    )
    assert process.returncode == 0, process.stderr
    process = python("-m", "musicgen.generate", "n=1", "formats=[abc]", cwd=work, path=site)
    assert process.returncode == 0, process.stderr
    assert len(list((work / "tunes").glob("*.abc"))) == 3
    where = subprocess.run(
        [sys.executable, "-c", "import musicgen; print(musicgen.__file__)"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(site))
    scripts = (site / "bin").iterdir()
    assert "musicgen-train" in {path.name for path in scripts}
