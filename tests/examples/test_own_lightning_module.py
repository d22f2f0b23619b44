"""The example of a LightningModule of one's own: killed, stopped, gone on with, pruned."""

import signal
from pathlib import Path

import pytest

from tests.examples.killed import LIMIT_S, Rows, finished, kill, start, table
from tests.processes import until
from tests.tunes import ROOT

EXAMPLE = (ROOT / "examples" / "own_lightning_module.py").read_text()
WHOLE = EXAMPLE.replace('pruner="median"', 'pruner="none"').replace("n_trials=8", "n_trials=4")
"""Without pruning, which depends on the order in which trials report."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return swept(WHOLE, tmp_path_factory.mktemp("undisturbed"))


def script(text: str, folder: Path) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


def swept(text: str, folder: Path) -> Rows:
    """The example's sweep from its start, or gone on with, to its end."""
    finished(start(script(text, folder), "sweep", cwd=folder))
    return table(folder / "sweep")


@pytest.mark.slow
def test_a_killed_sweep_of_trainings_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: Rows
) -> None:
    process = start(script(WHOLE, tmp_path), "sweep", cwd=tmp_path)
    kill(process, when=tmp_path / "sweep" / "0" / "sweep.ckpt")
    process = start(script(WHOLE, tmp_path), "sweep", cwd=tmp_path)
    kill(process, when=tmp_path / "sweep" / "2" / "sweep.ckpt")
    assert swept(WHOLE, tmp_path) == undisturbed
    said = (tmp_path / "sweep" / "2" / "output.log").read_text()
    assert "Restored all states from the checkpoint" in said


@pytest.mark.slow
def test_a_stopped_sweep_of_trainings_ends_as_an_undisturbed_one(
    tmp_path: Path, undisturbed: Rows
) -> None:
    process = start(script(WHOLE, tmp_path), "sweep", cwd=tmp_path)
    until((tmp_path / "sweep" / "0" / "sweep.ckpt").exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1, out + err
    assert "Interrupted: stopped; the same call goes on with the sweep in sweep" in err
    assert swept(WHOLE, tmp_path) == undisturbed


@pytest.mark.slow
def test_a_pruner_ends_trainings_early(tmp_path: Path) -> None:
    text = EXAMPLE.replace('pruner="median"', 'pruner="asha"')
    rows = swept(text, tmp_path)
    status = {number: row["status"] for number, row in rows.items()}
    assert set(status.values()) == {"completed", "pruned"}
    assert all(row["val_loss"] and row["val_accuracy"] for row in rows.values())
    logs = {n: (tmp_path / "sweep" / n / "output.log").read_text() for n in rows}
    for number, text in logs.items():
        assert ("`max_epochs=9` reached" in text) == (status[number] == "completed")
