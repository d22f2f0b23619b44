"""The README's commands are run, with sizes made small."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tunes import ROOT, SMALL, tunes

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
]
TRAINING = sorted({line for line in COMMANDS if line.startswith("python -m musicgen.train")})
AFTERWARDS = sorted({line for line in COMMANDS if "musicgen." in line} - set(TRAINING))
"""Commands about a run or a sweep that is there."""


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
    process = subprocess.run(
        [sys.executable, *arguments, *sizes, "trainer.max_epochs=1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, process.stderr
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
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and the sweep `dropout`, both small."""
    folder = tmp_path_factory.mktemp("readme")
    alphabet = "T:The Two Slow Cores, a jig for quick brown foxes in 6/8\nR:jig\n"
    (folder / "input.txt").write_text(tunes(40).replace("T:Tune 1\n", alphabet))
    (folder / "tune.abc").write_text('X:1\nT:One\nM:4/4\nL:1/8\nK:G\n"G"GABc dedB|G8|]\n')
    sizes = [*SMALL, "trainer.max_epochs=1", "data=files", "data.path=input.txt"]
    swept = ["-m", "model.dropout=0,0.1", "hydra.sweep.dir=runs/sweeps/dropout"]
    for extra in (["hydra.run.dir=runs/now"], swept):
        subprocess.run(
            [sys.executable, "-m", "musicgen.train", *sizes, *extra],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("line", AFTERWARDS)
def test_commands_on_what_is_trained(line: str, trained: Path) -> None:
    named = re.sub(r"runs/(<date>|[0-9-]+)/(<time>|[0-9-]+)", "runs/now", line)
    small = ["n=1", "formats=[abc,mid]"] if "generate" in line else []
    process = subprocess.run(
        [sys.executable, *shlex.split(named)[1:], *small],
        cwd=trained,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, process.stderr
