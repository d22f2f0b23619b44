"""Each example runs as it stands, on small tunes."""

from pathlib import Path

import pytest

from tests.commands import python
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
    process = python(str(ROOT / "examples" / name), ARGUMENTS[name], *words, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert SAYS[name] in process.stdout
