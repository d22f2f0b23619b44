"""A sweep's end writes its page, with tunes and units of its networks."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.report.source import read
from musicgen.report.tunes import playables, weights_digest
from tests.tunes import ROOT, small


@pytest.mark.slow
def test_a_sweep_ends_with_its_page(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    overrides = [o for o in small(tmp_path) if not o.startswith("report=")]
    command = [sys.executable, "-m", "musicgen.train", "-m", *overrides]
    asked = ["model.dropout=0,0.1", f"hydra.sweep.dir={folder}", "trainer.max_epochs=2"]
    done = subprocess.run(
        [*command, *asked], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"report: {folder}/report.html" in done.stdout
    assert "<script" in (folder / "report.html").read_text()
    source = read(folder)
    assert list(source.command[:5]) == ["python", "-m", "musicgen.train", "-m", "data=files"]
    assert not any(word.startswith("report") for word in source.trial_command)
    for row in source.rows:
        (run,) = source.run_folders(row)
        told = json.loads((run / "tunes" / "units.json").read_text())
        assert told["weights"] == weights_digest(run) != ""
        units = told["tunes"]
        names = {path.stem for path in (run / "tunes").glob("*.abc")}
        assert set(units) == names != set()
        text = (run / "tunes" / f"{min(names)}.abc").read_text()
        found = units[min(names)]
        assert len(base64.b64decode(found["values"])) == len(text) * len(found["names"]) > 0
        assert all(tune.units for tune in playables(run))
