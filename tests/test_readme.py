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
        timeout=300,
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
