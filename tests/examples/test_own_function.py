"""The example of a function of one's own: swept, killed and gone on with."""

from pathlib import Path

import numpy as np
import pytest

from tests.examples.killed import ended, finished, kill, start, table
from tests.tunes import ROOT

EXAMPLE = ROOT / "examples" / "own_function.py"


@pytest.mark.slow
def test_a_function_of_a_script_is_swept_killed_and_gone_on_with(tmp_path: Path) -> None:
    sweep = tmp_path / "runs" / "own_function"
    kill(start(EXAMPLE, cwd=tmp_path), when=sweep / "7" / "weights.npz")
    over = [sweep / str(number) / "weights.npz" for number in ended(sweep)]
    assert over
    kept = {path: path.stat().st_mtime_ns for path in over}
    said = finished(start(EXAMPLE, cwd=tmp_path))
    assert "20 configurations, 2 workers, in runs/own_function" in said
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a finished trial ran again"
    rows = table(sweep)
    assert list(rows["0"]) == ["number", "status", "lr", "batch_size", "loss", "epochs"]
    assert sorted(map(int, rows)) == list(range(20))
    assert {row["status"] for row in rows.values()} == {"completed", "pruned"}
    for row in rows.values():
        with np.load(sweep / row["number"] / "weights.npz") as state:
            assert int(state["epoch"]) == int(row["epochs"])
        assert (row["status"] == "completed") == (row["epochs"] == "27")


@pytest.mark.slow
def test_a_changed_function_is_told_and_goes_on(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("n_trials=20", "n_trials=3")
    script = tmp_path / "mine.py"
    script.write_text(text)
    assert "has changed" not in finished(start(script, cwd=tmp_path))
    assert "has changed" not in finished(start(script, cwd=tmp_path))
    script.write_text(
        text.replace("n_trials=3", "n_trials=4").replace("(epoch, loss,", "(epoch, loss + 0,")
    )
    said = finished(start(script, cwd=tmp_path))
    assert "the code of objective has changed since the sweep in" in said
    assert len(table(tmp_path / "runs" / "own_function")) == 4
