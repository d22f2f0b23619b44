"""The journal: whatever a kill leaves of it can be opened, and Optuna can read it."""

import json
import resource
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from musicgen.errors import RunError
from musicgen.sweep.journal import Journal
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Float
from musicgen.sweep.study import Study

PLAN = Plan(
    {"lr": Float(0.1, 1, log=True), "cell": Choice(("gru", ["a", None]))}, n_trials=9, sampler="tpe"
)


def fill(path: Path) -> None:
    """Three trials of two reports each: one completed, one failed, one running."""
    study = Study(Journal(path), "s", PLAN)
    for number in range(3):
        study.create(None)
        study.report(number, 1, 0.5 + number)
        study.report(number, 2, float("nan"))
    study.save(0, 0, {"status": "completed", "loss": 0.25})
    study.finish(0, "completed", [0.25])
    study.finish(1, "failed", None)
    study.close()


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_journal_cut_anywhere_goes_on(tmp_path: Path, data: st.DataObject) -> None:
    whole = tmp_path / "whole"
    if not whole.exists():
        fill(whole)
    size = whole.stat().st_size
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[: data.draw(st.integers(0, size))])
    study = Study(Journal(cut), "s", PLAN)
    before = list(study.trials())
    assert all(set(trial.params) == set(PLAN.space) for trial in before)
    assert study.create(None).number == len(before)
    study.close()
    reread = Study(Journal(cut), "s", PLAN)
    after = list(reread.trials())
    assert after[:-1] == before
    reread.close()
    theirs = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(cut))))
    assert len(theirs.trials) == len(after)


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"\0" * 9 + b"\n", *lines[1:]]))
    with pytest.raises(RunError, match="line 2 is not"):
        Journal(path)


def test_a_batch_is_written_in_one_go(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    with journal.batch(durable=True):
        journal.append_logs([{"a": 1}])
        with journal.batch():
            journal.append_logs([{"b": float("inf")}])
        assert path.read_text() == ""
        assert list(journal.read_logs(0)) == [{"a": 1}, {"b": float("inf")}]
    journal.append_logs([{"c": 3}])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"a": 1},
        {"b": float("inf")},
        {"c": 3},
    ]
    journal.close()


def test_a_full_disk_is_said_in_words_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append_logs([{"a": 1}])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        with pytest.raises(RunError, match="can't be written: File too large"):
            journal.append_logs([{"b": "x" * 40}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        journal.close()
    assert path.stat().st_size == 20
    mended = Journal(path)
    assert list(mended.read_logs(0)) == [{"a": 1}]
    mended.close()
