"""python -m experiments as a user starts it: small studies of their own, for real."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.study import BEGIN, END
from tests.cases import a_few_fast
from tests.processes import HELD_S, descendants, held_up, unfinished, until
from tests.tunes import ROOT, tunes

SMALL = """
report: {report}
model: {{hidden: 8}}
data: {{batch_size: 4, seq_len: 20, {data}}}
trainer: {{max_epochs: {epochs}, accelerator: cpu, precision: fp32}}
samples: {{max_chars: 20, measure: false, media: false}}
hydra: {{sweeper: {{params: {{{swept}}}}}}}
"""
README = f"# A question\n\n{BEGIN}\n{END}\n\n## Reading\n\nMine.\n"


def started(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "experiments", *arguments],
        cwd=folder,
        env=environment or {**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )


def studies(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    process = started(folder, *arguments)
    _, stderr = process.communicate(timeout=900)
    return process.returncode, stderr


def commands(pid: int) -> list[bytes]:
    """Those of a process's descendants."""
    found = []
    for child in descendants(pid):
        with contextlib.suppress(OSError):  # it has ended
            found.append(Path(f"/proc/{child}/cmdline").read_bytes())
    return found


def study(
    folder: Path,
    name: str,
    swept: str,
    defaults: str,
    data: str,
    *,
    report: str = "false",
    epochs: int = 2,
) -> None:
    place = folder / "experiments" / name
    place.mkdir(parents=True)
    (place / "README.md").write_text(README)
    settings = SMALL.format(swept=swept, data=data, report=report, epochs=epochs)
    (place / "experiment.yaml").write_text(f"defaults:\n{defaults}{settings}")


@pytest.mark.slow
def test_a_search_and_what_builds_on_it(tmp_path: Path) -> None:
    alphabet = "T:The Two Slow Cores, a jig for quick brown foxes in 6/8\nR:jig\n"
    (tmp_path / "input.txt").write_text(tunes(40).replace("T:Tune 1\n", alphabet))
    files = "  - override /data: files\n"
    search = f"{files}  - override /sampler: tpe\n"
    study(
        tmp_path,
        "best",
        "'model.hidden': 'int(interval(5,9))'",
        f"{search}sweep: {{n_trials: 3, seeds: 2}}",
        "split: contiguous",
        report="true",
    )
    whole = "split: files, validation_path: '${data.path}'"
    study(tmp_path, "whole_data", "'trainer.max_epochs': choice(1)", files, whole)

    asked = ("path=input.txt", "names=[best,whole_data,temperature,heatmap]")
    code, stderr = studies(tmp_path, *asked)
    assert code == 0, stderr

    made = tmp_path / "experiments"
    with (made / "best" / "table.csv").open() as file:
        best = next(csv.DictReader(file))
    readme = (made / "best" / "README.md").read_text()
    assert readme.endswith("## Reading\n\nMine.\n")
    assert f"model.hidden={best['model.hidden']}" in readme
    assert f"|---|\n| {best['model.hidden']} | **" in readme  # the best first
    assert (made / "best" / "curves.svg").stat().st_size > 0
    assert "<html" in (made / "best" / "report.html").read_text()
    trained = (tmp_path / "runs/sweeps/whole_data/0/config.yaml").read_text()
    assert f"hidden: {best['model.hidden']}\n" in trained
    assert len(list((made / "temperature" / "tunes").glob("*.abc"))) == 8
    assert len((made / "temperature" / "measures_bars.csv").read_text().splitlines()) > 4
    assert list((made / "heatmap").glob("*.png"))

    before = (made / "best" / "table.csv").read_bytes()
    code, stderr = studies(tmp_path, "path=input.txt", "names=[best]")
    assert code == 0, stderr
    assert (made / "best" / "table.csv").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["the whole group, as a terminal does", "the command"])
def test_ctrl_c_stops_at_checkpoints_and_the_same_command_goes_on(
    whom: str, tmp_path: Path
) -> None:
    (tmp_path / "input.txt").write_text(tunes(30))
    files, split = (
        "  - override /data: files\nsweep: {workers: 2, retries: 9}\n"
        "early_stopping: {patience: 0}\n",
        "split: contiguous",
    )
    study(tmp_path, "tiny", "'model.dropout': '0,0.2'", files, split, epochs=30)
    asked = ("path=input.txt", "names=[tiny]")

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        return started(tmp_path, *asked, environment=environment)

    sweep = tmp_path / "runs" / "sweeps" / "tiny"
    with unfinished(start, sweep, tmp_path / "hold") as process:
        (os.kill if whom == "the command" else os.killpg)(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    (line,) = stderr.splitlines()
    assert line.startswith("error: stopped; ")
    reached = [result.read_text() for result in sweep.glob("*/result.json")]
    assert any('"interrupted"' in result for result in reached)

    code, stderr = studies(tmp_path, *asked)
    assert code == 0, stderr
    with (tmp_path / "experiments" / "tiny" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["epochs"]) for row in rows] == [("completed", "30")] * 2


@pytest.mark.slow
def test_ctrl_c_while_a_page_is_made_stops_before_the_next_study(tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text(tunes(30))
    files, split = "  - override /data: files\n", "split: contiguous"
    for name in ("one", "two"):
        swept = "'model.dropout': choice(0)"
        study(tmp_path, name, swept, files, split, report="true", epochs=1)
    page = "musicgen.workflows.assets"  # runs while a page is made: here until the page is given up
    environment = held_up(tmp_path / "hold", page, tmp_path / "never")
    process = started(tmp_path, "path=input.txt", "names=[one,two]", environment=environment)
    until(lambda: any(page.encode() in words for words in commands(process.pid)), process)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=HELD_S / 2)  # it was given up, not waited for
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "error: stopped; the same command goes on"
    assert not (tmp_path / "runs" / "sweeps" / "two").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    a_few_fast(
        [
            (["names=[hidde]"], ["names must be of", "hidden", "hidde"]),
            (["names=[hidden]"], ["path", "hidden", "path=<input.txt>"]),
            (["names=[whole_data]", "path=input.txt"], ["whole_data", "best"]),
            (["nmaes=[hidden]"], ["nmaes", "names=[...]"]),
            (["hidden"], ["names=[...]", "got hidden"]),
            (["names=hidden"], ["path=<input.txt>", "hidden"]),
            (["names=1"], ["names must be a list", "got 1", "names=[hidden]"]),
            (["names=[hidden"], ["names=[hidden", "--help"]),
            (["names=nothing"], ["names must be of", "got nothing"]),
            (["names=[hidden]", "path=/nope.txt"], ["path must be a file", "/nope.txt"]),
        ],
        1,
    ),
)
def test_bad_arguments_of_the_studies_are_one_line(
    arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "input.txt").write_text(tunes(3))
    code, stderr = studies(tmp_path, *arguments)
    assert code == 2
    (line,) = stderr.splitlines()
    assert all(word in line for word in words)


def test_the_command_of_before_says_where_it_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "musicgen.studies", "path=my tunes.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith(": python -m experiments 'path=my tunes.txt'\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_nothing_is_made_before_all_is_there(tmp_path: Path) -> None:
    """Neither are folders of studies, nor is somebody's own experiment overwritten."""
    code, stderr = studies(tmp_path, "names=[temperature,hidden]", "path=")
    assert (code, "path=<input.txt>" in stderr) == (2, True)
    code, stderr = studies(tmp_path, "names=[hidden]", "path=nowhere.txt")
    assert (code, "got nowhere.txt" in stderr) == (2, True)
    assert not list(tmp_path.iterdir())
    own = tmp_path / "experiments" / "hidden" / "experiment.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("# mine\n")
    code, stderr = studies(tmp_path, "names=[hidden]", "path=input.txt")
    assert (code, "experiments/hidden must have a README.md" in stderr) == (2, True)
    assert own.read_text() == "# mine\n"


@pytest.mark.slow
def test_a_command_that_fails_speaks_for_all(tmp_path: Path) -> None:
    (tmp_path / "a, b.txt").write_text("no tunes\n")
    code, stderr = studies(tmp_path, "names=[hidden]", "path=a, b.txt")
    assert code == 2
    (line,) = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert "got none in 'a, b.txt'" in line
