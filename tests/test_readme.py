"""The README's commands are run, with sizes made small."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tunes import ROOT, SMALL, small, tunes

README = (ROOT / "README.md").read_text()
OTHER = r"python -m musicgen\.(generate|heatmap|report|studies)"
FEW = {
    "generate": ("n=1", "temperature=1"),
    "heatmap": (),
    "report": (),
    "studies": ("names=[]",),
}
"""What makes the commands that look at trained networks small."""
SWEEP = re.compile(r"runs/sweeps/(?:<[^>]*>|\w+)")
RUN = re.compile(r"runs/<date>/<time>|<[^>]*(?:run|folder)[^>]*>")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
]
LINES = {*COMMANDS, *re.findall(r"`(python -m musicgen\.[^`]*)`", README)}
OTHERS = sorted(line for line in LINES if re.match(OTHER, line))
TRAINING = sorted({line for line in COMMANDS if line.startswith("python -m musicgen.train")})


def test_the_first_screen() -> None:
    """One sentence, the two commands, one training command, how to look at the curves."""
    first = README[: README.index("## ")]
    assert len(first.splitlines()) < 30
    for text in ("make train", "make test", "python -m musicgen.train model.hidden=150", "nats"):
        assert text in first
    assert "tensorboard --logdir runs" in first


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in {line.split()[1] for line in COMMANDS if line.startswith("make ")}:
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.slow
@pytest.mark.parametrize("line", TRAINING)
def test_training_commands(line: str, tmp_path: Path) -> None:
    (tmp_path / "my_tunes.abc").write_text(
        tunes(40).replace("<start>\n", "").replace("<end>\n", "\n")
    )
    arguments = shlex.split(line)[1:]
    sizes = [size for size in SMALL if size.split("=")[0] not in line]
    if "data" not in line:
        sizes += ["data=files", "data.path=my_tunes.abc"]
    if "n_trials" in line:
        sizes.append("sweep.n_trials=3")
    run([sys.executable, *arguments, *sizes, "trainer.max_epochs=1"], tmp_path)
    results = [path.read_text() for path in (tmp_path / "runs").rglob("result.json")]
    if "-m" not in arguments[2:]:
        assert len(results) == 1
        assert '"completed"' in results[0]
        return
    (table,) = (tmp_path / "runs" / "sweeps").glob("*/table.csv")
    statuses = [line.split(",")[1] for line in table.read_text().splitlines()[1:]]
    assert len(results) >= len(statuses) > 1
    assert set(statuses) <= {"completed", "pruned"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and a sweep, of tunes that know the letters of the README's titles."""
    here = tmp_path_factory.mktemp("readme")
    jig = README[README.index("T:") : README.index("```", README.index("T:"))]
    (here / "tunes.txt").write_text(tunes(40) + f"<start>\nX:1\n{jig}<end>\n" * 4)
    few = [*small(here), "trainer.max_epochs=1"]
    train = [sys.executable, "-m", "musicgen.train"]
    for command in (
        [*train, *few, "hydra.run.dir=runs/day/time"],
        [*train, "-m", *few, "model.dropout=0,0.1", "hydra.sweep.dir=runs/sweeps/small"],
    ):
        run(command, here)
    return here


def run(command: list[str], cwd: Path) -> None:
    process = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr


def test_all_commands_are_run() -> None:
    """Of those that the README shows in blocks."""
    ours = {line for line in COMMANDS if line.startswith("python -m musicgen.")}
    assert ours == {*TRAINING, *OTHERS} & ours
    assert any("generate" in line for line in OTHERS)


@pytest.mark.slow
@pytest.mark.parametrize("line", OTHERS)
def test_commands_on_trained_networks(line: str, places: Path) -> None:
    filled = RUN.sub("runs/day/time", SWEEP.sub("runs/sweeps/small", line))
    _, _, module, *arguments = shlex.split(filled)
    keys = {argument.split("=")[0] for argument in arguments}
    few = [size for size in FEW[module.rpartition(".")[2]] if size.split("=")[0] not in keys]
    before = {path for path in places.rglob("*") if path.is_file()}
    run([sys.executable, "-m", module, *arguments, *few], places)
    made = {path for path in places.rglob("*") if path.is_file()} - before
    assert made or "studies" in module or "report" in module
