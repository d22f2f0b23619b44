"""A sweep in Python is the command's: the same folder, and each goes on with the other's."""

import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from musicgen import Int, Run, Sweep
from musicgen.errors import InputError
from musicgen.training.folder import RunFolder
from tests.commands import table, train
from tests.processes import unfinished, until
from tests.report.folders import KEYS, sweep_folder
from tests.tunes import small

PYTHON = "import sys; from musicgen import Sweep; Sweep.start(*sys.argv[1:])"
FIGURES = {"val_loss", "train_loss", "epochs", "best_epoch", "status", "model.dropout"}


def words(place: Path) -> list[str]:
    swept = ["model.dropout=0,0.1", "sweep.name=two", "sweep.workers=2"]
    return [*small(place, "trainer.max_epochs=4"), *swept]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the command has swept."""
    place = tmp_path_factory.mktemp("sweeps")
    process = train("-m", *words(place), cwd=place)
    assert process.returncode == 0, process.stderr
    return place


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if "tfevents" not in path.name}


@pytest.mark.slow
def test_a_sweep_makes_the_commands_folder(place: Path, elsewhere: Path) -> None:
    sweep = Sweep.start(*words(place)[:-2], name="two", workers=2)
    theirs = place / "runs" / "sweeps" / "two"
    assert sweep.folder == elsewhere / "runs" / "sweeps" / "two"
    assert names(sweep.folder) == names(theirs)
    assert (sweep.folder / "sweep.json").read_text() == (theirs / "sweep.json").read_text()
    assert table(sweep.folder) == table(theirs)
    best = sweep.best
    assert best.folder == sweep.folder / str(sweep.table["number"][0])
    assert best.result.val_loss == sweep.table["val_loss"][0] == sweep.study.best_value
    assert len(best.generate(n=1, temperature=1, max_chars=40)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("first", ["python", "command"])
def test_one_goes_on_with_a_sweep_of_the_other_after_a_kill(
    first: str, place: Path, elsewhere: Path
) -> None:
    arguments = words(place)

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        how = ["-c", PYTHON] if first == "python" else ["-m", "musicgen.train", "-m"]
        return subprocess.Popen(
            [sys.executable, *how, *arguments],
            cwd=elsewhere,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    folder = elsewhere / "runs" / "sweeps" / "two"
    with unfinished(start, folder, elsewhere / "hold") as process:
        # A row of metrics.csv stays once the checkpoint counts it.
        until(RunFolder(folder / "0").last.exists, process)
        process.kill()
        process.communicate()
    began = (folder / "0" / "metrics.csv").read_text().splitlines()[1]
    if first == "python":
        done = train("-m", *arguments, cwd=elsewhere)
        assert done.returncode == 0, done.stderr
    else:
        Sweep.start(*arguments)
    assert (folder / "0" / "metrics.csv").read_text().splitlines()[1] == began
    assert len(pd.read_csv(folder / "0" / "metrics.csv")) == 4
    kept = [{k: v for k, v in row.items() if k in FIGURES} for row in table(folder)]
    whole = table(place / "runs" / "sweeps" / "two")
    assert kept == [{k: v for k, v in row.items() if k in FIGURES} for row in whole]


@pytest.mark.slow
def test_the_stop_button_stops_trials_at_their_checkpoints(elsewhere: Path) -> None:
    """What is raised says how to go on, and that goes on."""
    code = (
        "import sys\n"
        "from musicgen import Sweep\n"
        "from musicgen.errors import Interrupted\n"
        "try:\n"
        "    Sweep.start(*sys.argv[1:])\n"
        "except Interrupted as stopped:\n"
        "    print(str(stopped))"
    )
    arguments = words(elsewhere)

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=elsewhere,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    folder = elsewhere / "runs" / "sweeps" / "two"
    with unfinished(start, folder, elsewhere / "hold") as process:
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    before, again = stdout.splitlines()[-1].split("to go on: ")
    assert before == "stopped; "
    eval(again, {"Sweep": Sweep})
    assert {row["status"] for row in table(folder)} == {"completed"}


@pytest.mark.slow
def test_a_sweep_is_read_from_its_folder(place: Path) -> None:
    sweep = Sweep(place / "runs" / "sweeps" / "two")
    assert list(sweep.table["status"]) == ["completed", "completed"]
    assert sweep.table["val_loss"].is_monotonic_increasing
    assert sweep.table["model.dropout"].dtype == float
    assert Run(sweep.folder).folder == sweep.best.folder
    assert repr(sweep) == f"Sweep({str(sweep.folder)!r}): 2 completed"
    assert "<th>val_loss</th>" in sweep._repr_html_()


@pytest.mark.slow
def test_nothing_can_be_written_through_the_study(place: Path) -> None:
    folder = place / "runs" / "sweeps" / "two"
    study, journal = Sweep(folder).study, folder / "study.journal"
    before = journal.read_bytes()
    assert len(study.trials) == 2
    for change in (
        lambda: study.enqueue_trial({"model.dropout": 0.2}),
        lambda: study.ask(),
        lambda: study.set_user_attr("a", 1),
        lambda: study.optimize(lambda trial: 1.0, n_trials=1),
    ):
        with pytest.raises(InputError, match="can only be read: its sweep's driver alone writes"):
            change()
    assert journal.read_bytes() == before


@pytest.mark.slow
def test_the_study_follows_its_journal_while_it_is_written(place: Path, tmp_path: Path) -> None:
    theirs = place / "runs" / "sweeps" / "two"
    (tmp_path / "sweep.json").write_bytes((theirs / "sweep.json").read_bytes())
    lines = (theirs / "study.journal").read_bytes().splitlines(keepends=True)
    journal = tmp_path / "study.journal"
    journal.write_bytes(b"".join(lines[:1]) + lines[1][:5])
    study = Sweep(tmp_path).study
    assert study.trials == []
    journal.write_bytes(b"".join(lines))
    assert len(study.trials) == 2


def test_a_table_keeps_texts_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    (tmp_path / "table.csv").write_text("number,status,a,b\n1,completed,None,0.1\n0,failed,NA,\n")
    table = Sweep(tmp_path).table
    assert list(table["a"]) == ["None", "NA"]
    assert table["b"].isna().tolist() == [False, True]


def test_a_sweep_says_what_it_varied_and_how_its_best_is_trained_again(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "sweep", trials=8)
    sweep = Sweep(folder)
    assert list(sweep.space) == list(KEYS)
    assert sweep.space["model.hidden"] == Int(50, 300)
    assert sweep.sampler == "random"
    first = sweep.rows[0]
    assert [row["number"] for row in sweep.rows] == list(sweep.table["number"])
    assert isinstance(first["model.hidden"], int)
    assert sweep.best_overrides == [f"{key}={first[key]}" for key in KEYS]
    assert sweep.best_command.endswith(" ".join(["trainer.threads=1", *sweep.best_overrides]))


def test_a_sweep_without_results_has_no_best_configuration(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "sweep")
    (folder / "table.csv").unlink()
    assert Sweep(folder).rows == []
    for question in ("best_overrides", "best_command"):
        with pytest.raises(InputError, match="none yet"):
            getattr(Sweep(folder), question)


def test_a_folder_that_holds_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"which has no sweep\.json"):
        Sweep(tmp_path)
    (tmp_path / "sweep.json").write_text('{"study": "a", "sweep": {}}')
    sweep = Sweep(tmp_path)
    assert repr(sweep).endswith("no trial yet")
    for question in ("table", "best", "study"):
        with pytest.raises(InputError):
            getattr(sweep, question)


@pytest.mark.slow
def test_what_cannot_be_swept_is_refused_in_the_commands_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no key model"):
        Sweep.start("model.droput=0,0.1")
    with pytest.raises(InputError, match="a sweep must vary something"):
        Sweep.start()
    with pytest.raises(InputError, match="must be auto or at least 1, got 0"):
        Sweep.start(*small(tmp_path), "model.hidden=4,5", workers=0)
