"""What a report reads: sweeps and runs, finished, under way or damaged."""

import fcntl
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from musicgen.errors import InputError
from musicgen.report.about import about as about_of
from musicgen.report.content import content, notices, ranking
from musicgen.report.source import differing, read, read_all, without_folders
from musicgen.report.tunes import exhibited, playables
from musicgen.sweep.plan import Settings
from musicgen.sweep.record import SweepRecord
from musicgen.training.folder import RunFolder
from musicgen.workflows.report import write
from tests.report.folders import KEYS, SECOND, TUNE, exhibit, run_folder, sweep_folder, units_of
from tests.tunes import ROOT


def test_a_sweeps_folder_is_read(tmp_path: Path) -> None:
    source = read(sweep_folder(tmp_path / "s"))
    assert list(source.space) == list(KEYS)
    assert len(source.rows) == 12
    assert {row["status"] for row in source.rows} == {"completed", "pruned", "diverged", "failed"}
    assert source.run_folders(source.rows[0]) == [tmp_path / "s" / str(source.rows[0]["number"])]
    assert not source.running
    assert not notices([source])


def test_a_runs_folder_is_read(tmp_path: Path) -> None:
    source = read(run_folder(tmp_path / "r"))
    assert source.rows[0]["val_loss"] == 1.5
    assert source.rows[0]["corpus.digest"] == "d1"
    assert source.rows[0]["parses"] == 0.9
    assert source.settings["model.hidden"] == 150


def test_a_run_without_its_result_is_told_by_its_epochs(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")
    for text in (None, "{half"):
        if text is None:
            (folder / "result.json").unlink()
        else:
            (folder / "result.json").write_text(text)
        source = read(folder)
        assert source.rows[0]["status"] == "interrupted"
        assert source.rows[0]["val_loss"] == pytest.approx(1.75)
        assert bool(notices([source])) == (text is not None)


def test_a_sweep_under_way_says_so(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "s")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "still running" in notices([read(folder)])[0]
    assert not read(folder).running


def test_a_table_cut_short_keeps_its_whole_rows_and_says_so(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "s")
    text = (folder / "table.csv").read_text()
    (folder / "table.csv").write_text(text[:-40])
    source = read(folder)
    assert len(source.rows) == 11
    assert "cut short" in notices([source])[0]


def _begun(folder: Path) -> None:
    run_folder(folder)
    (folder / "result.json").unlink()
    (folder / "metrics.csv").unlink()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: f.mkdir(), "a report needs the folder of a run or of a sweep"),
        (lambda f: None, "a report needs the folder of a run or of a sweep"),
        (lambda f: (sweep_folder(f) / "table.csv").unlink(), "has none yet; start it again"),
        (lambda f: (sweep_folder(f) / "sweep.json").write_text("{"), "sweep.json is damaged"),
        (lambda f: (sweep_folder(f) / "sweep.json").write_text("[1]"), "sweep.json is damaged"),
        (_begun, "has none yet; wait for its first epoch"),
    ],
)
def test_a_folder_without_results_is_refused(
    make: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    make(tmp_path / "x")
    with pytest.raises(InputError, match=says):
        read(tmp_path / "x")


def test_mixed_corpora_are_warned_of(tmp_path: Path) -> None:
    sources = [read(sweep_folder(tmp_path / "a")), read(sweep_folder(tmp_path / "b", digest="d2"))]
    assert "don't compare" in " ".join(notices(sources))
    assert "don't compare" not in " ".join(notices(sources[:1]))


def test_rows_of_several_folders_are_ranked_together(tmp_path: Path) -> None:
    sources = [read(sweep_folder(tmp_path / "a")), read(run_folder(tmp_path / "r", val_loss=0.5))]
    assert ranking(sources)[0][0] is sources[1]
    assert differing(sources)[:3] == list(KEYS)
    data = content(sources, _now())
    first = dict(zip([c["key"] for c in data["columns"]], data["rows"][0], strict=True))
    assert first["source"] == "r"
    assert first["model.hidden"] == 150


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [sweep_folder(tmp_path / part / "s", tunes=()) for part in ("a", "b")]
    assert [source.name for source in read_all(folders)] == ["a/s", "b/s"]
    assert [source.name for source in read_all([folders[0], folders[0]])] == ["s"]


def test_a_sweep_over_groups_says_each_key_once(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "s", tunes=())
    kept = SweepRecord.read(folder)
    assert kept is not None
    common = {"data.split": "tunes", "seed": 3}
    replace(
        kept,
        groups=("optim.name",),
        settings=(
            Settings({**common, "optim.lr": 0.1}, ("adam",)),
            Settings({**common, "optim.lr": 0.2, "optim.momentum": 0.9}, ("sgd",)),
        ),
        fingerprint={"corpus files my tunes.txt": "d1"},
    ).write(folder)
    source = read(folder)
    assert source.settings["data.split"] == "tunes"
    assert source.settings["optim.lr"] == "0.1 (adam), 0.2 (sgd)"
    rates = {(row["optim.name"], row["optim.lr"]) for row in source.rows}
    assert rates == {("adam", 0.1), ("sgd", 0.2)}
    assert source.settings["optim.momentum"] == "0.9 (sgd)"
    assert {(r["optim.name"], r["optim.momentum"]) for r in source.rows} == {
        ("adam", None), ("sgd", 0.9)
    }  # fmt: skip
    assert source.settings["corpus files my tunes.txt"] == "d1"
    assert ["Seeds", "3"] in about_of(source)["facts"]


@pytest.mark.slow
def test_a_page_does_not_say_where_its_files_lay(tmp_path: Path) -> None:
    """Neither in settings and commands nor in what went wrong."""
    folder = sweep_folder(tmp_path / "s", error=f"no file '{tmp_path}/x/tune.abc'")
    path = f"data.path={tmp_path}/tunes/input.txt"
    kept = SweepRecord.read(folder)
    assert kept is not None
    replace(
        kept,
        command=(*kept.command, path, f"hydra.sweep.dir={folder}"),
        trial_command=(*kept.trial_command, path),
        settings=(Settings({"data.path": path.partition("=")[2]}),),
        fingerprint={f"corpus files {tmp_path}/in.txt": "d"},
    ).write(folder)
    exhibit(folder / str(read(folder).rows[0]["number"]), {}, {}, weights=b"no network")
    other = sweep_folder(tmp_path / "b" / "s")
    text = write([folder, other], tmp_path / "out").read_text()
    assert str(tmp_path) not in text
    assert "data.path=input.txt hydra.sweep.dir=s" in text
    assert "no file 'tune.abc'" in text
    assert "has no checkpoint" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data.path=/home/John Smith/in.txt optim.lr=0.1", "data.path=in.txt optim.lr=0.1"),
        ("'data.path=/home/John Smith/in.txt' n=2", "'data.path=in.txt' n=2"),
        ("[/a/x.abc, /b/My Tunes/y.abc]", "[x.abc, y.abc]"),
        ("/a/x.abc /b/y.abc", "x.abc y.abc"),
        ("postgresql://host/database 6/8 a/b c", "postgresql://host/database 6/8 a/b c"),
    ],
)
def test_absolute_paths_keep_their_last_name(text: str, told: str) -> None:
    assert without_folders(text) == told


def test_ten_thousand_say_what_is_left_out(tmp_path: Path) -> None:
    data = content([read(sweep_folder(tmp_path / "s", trials=70, tunes=()))], _now())
    assert len(data["rows"]) == 70
    assert len(data["curves"]) == 60
    assert any("curves" in text for text in data["left_out"])


def test_importance_finds_what_matters(tmp_path: Path) -> None:
    (source,) = content([read(sweep_folder(tmp_path / "s", trials=100, tunes=()))], _now())[
        "sources"
    ]
    key, share = source["importances"][0]
    assert key == "model.hidden"
    assert share > 0.5


@pytest.mark.slow
def test_a_page_comes_with_files_for_papers(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path / "s", error="50 % of a_b & c\\d {x}")
    before = (folder / "table.csv").read_text()
    assert write([folder]) == folder / "report.html"
    assert (folder / "table.csv").read_text() == before
    assert (folder / "curves.pdf").read_bytes().startswith(b"%PDF")
    tex = (folder / "table.tex").read_text()
    assert r"val\_loss" in tex
    assert tex.count(r"\\") == 13
    out = tmp_path / "out"
    write([folder], out)
    for name in ("table.csv", "table.md", "table.tex", "curves.png", "curves.svg", "curves.pdf"):
        assert (out / name).stat().st_size > 400, name


@pytest.mark.slow
def test_the_command_writes_a_page(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "musicgen.report", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    done = call(str(folder), f"out={tmp_path / 'out'}")
    assert done.stdout == f"report: {tmp_path / 'out' / 'report.html'}\n", done.stderr
    for arguments in ([], [str(tmp_path / "none")], ["--flag"], [str(folder), "out=/proc/x"]):
        refused = call(*arguments)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
        assert refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_units_that_do_not_fit_their_tune_are_left_out(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")
    other = units_of(TUNE.replace("K:G", "K:D"))
    nameless = {"text": units_of(TUNE)["text"]}
    older = {"names": ["unit 1"], "chars": len(TUNE), "values": ""}
    for units in ({"T1": other}, {"T1": nameless}, {"T1": older}, {"T1": 4}, {}, [], 4):
        exhibit(folder, {"T1": TUNE}, units)
        assert not exhibited(folder)
        (entry,) = content([read(folder)], _now())["tunes"]
        assert entry["tunes"][0]["units"] is None
    (folder / "tunes" / "units.json").write_text("[")
    (entry,) = content([read(folder)], _now(), {folder: "why"})["tunes"]
    assert entry["tunes"][0]["units"] is None
    assert entry["note"] == "Not what its units do: why."


def test_no_unit_is_offered_where_none_was_found(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")
    exhibit(folder, {"T1": TUNE}, {"T1": units_of(TUNE, names=[])})
    assert exhibited(folder)
    (entry,) = content([read(folder)], _now())["tunes"]
    assert entry["tunes"][0]["units"] is None


def test_tunes_of_other_weights_are_not_its_own(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")
    exhibit(folder, {"T3": SECOND}, {"T3": units_of(SECOND)})
    assert exhibited(folder)
    assert [(tune.name, bool(tune.units)) for tune in playables(folder)] == [("T3", True)]
    (folder / "checkpoints" / "best.safetensors").write_bytes(b"trained on")
    assert not exhibited(folder)
    assert [tune.name for tune in playables(folder)] == ["T1"]


@pytest.mark.slow
def test_the_page_says_whose_tunes_could_not_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path / "r")
    exhibit(folder, {}, {}, weights=b"no network")
    page = write([folder]).read_text()
    assert "Samples of its training; no other tunes, no units: " in page
    assert "has no checkpoint; name the folder of a finished run" in page
    monkeypatch.setattr("musicgen.workflows.report.LIMIT_S", 0.01)
    assert "0.01 s for all networks were not enough" in write([folder]).read_text()


def test_a_run_keeps_what_was_typed_to_start_it(tmp_path: Path) -> None:
    given = ["data.path=two words's.txt", "hydra.run.dir=r"]
    folder = run_folder(tmp_path / "r")
    assert about_of(read(folder))["command"] == ""  # as in runs of earlier versions
    RunFolder(folder).keep_command(["python", "-m", "musicgen.train", *given])
    shown = about_of(read(folder))["command"]
    assert shlex.split(shown) == ["python", "-m", "musicgen.train", *given]
    for damaged in ("", "[", "4"):
        (folder / "command.json").write_text(damaged)
        assert about_of(read(folder))["command"] == ""


def _now() -> datetime:
    return datetime(2026, 11, 23)
