"""Each example runs as it stands, on small tunes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tunes import ROOT, small

ARGUMENTS = {"first_steps.py": "run", "sweep_and_read.py": "two"}
"""The first argument of each; overrides follow."""
SAYS = {"first_steps.py": "run holds tune.svg and tune.wav", "sweep_and_read.py": "X:1"}


def test_every_example_is_run() -> None:
    """Here, or by a file of its own in tests/examples/."""
    own = (path.stem for path in (ROOT / "tests" / "examples").glob("test_*.py"))
    run = {Path(name).stem for name in ARGUMENTS} | {name.removeprefix("test_") for name in own}
    programs = [*(ROOT / "examples").glob("*.py"), *(ROOT / "examples").glob("*/conf")]
    assert {path.parent.name if path.is_dir() else path.stem for path in programs} == run


@pytest.mark.slow
@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    words = [word for word in small(tmp_path) if not word.startswith("model.hidden")]
    process = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), ARGUMENTS[name], *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert SAYS[name] in process.stdout
