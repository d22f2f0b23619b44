"""The commands of the README and of docs/ are run, with sizes made small; links are followed."""

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.interpret.annotations import annotations
from tests.commands import python
from tests.tunes import ROOT, SMALL, tunes

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
"""The README and the pages of docs/, by their place in the repository."""
README = PAGES["README.md"]
COMMANDS = [
    line.split("#")[0].strip()
    for page in PAGES.values()
    for block in re.findall(r"```sh\n(.*?)```", page, re.S)
    for line in block.splitlines()
]
RESUMING = "resume="
TRAINING = sorted(
    {
        line
        for line in COMMANDS
        if line.startswith("python -m musicgen.train") and RESUMING not in line
    }
)
AFTERWARDS = sorted({line for line in COMMANDS if "musicgen." in line} - set(TRAINING))
"""Commands about a run or a sweep that is there."""
LINKED = sorted(
    {str(path.relative_to(ROOT)) for path in ROOT.glob("*.md")}
    | {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")}
    | {str(path.relative_to(ROOT)) for path in ROOT.glob("experiments/**/*.md")}
    | {str(path.relative_to(ROOT)) for path in ROOT.glob("data/README.md")}
    | {str(path.relative_to(ROOT)) for path in ROOT.glob("examples/**/*.md")}
    | {str(path.relative_to(ROOT)) for path in ROOT.glob("musicgen/networks/*/*.md")}
)
"""Pages whose links are followed."""


def test_the_page_of_hidden_units_has_every_question() -> None:
    table = PAGES["docs/hidden-units.md"].split("| question | answers |\n|---|---|\n")[1]
    asked = [line.split(" | ")[0].removeprefix("| ") for line in table.split("\n\n")[0].split("\n")]
    assert asked == [each.asks for each in annotations().values()]


def prose(page: Path) -> str:
    """A page without its blocks of code and its code in lines."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ +(.+?) *$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_to_files_and_headings_that_exist(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_is_short_and_leads_to_each_page() -> None:
    assert len(README.splitlines()) <= 130
    for name in PAGES:
        assert name == "README.md" or f"]({name})" in README, name


def test_each_example_is_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text()
    for path in (ROOT / "examples").iterdir():
        if path.suffix == ".py" or (path / "README.md").exists():
            assert f"({path.name}" in listed, path.name


def test_each_picture_of_the_docs_is_shown() -> None:
    for path in (ROOT / "docs").iterdir():
        if path.suffix in (".png", ".svg"):
            assert any(f"{path.name})" in page for page in PAGES.values()), path.name


def test_the_first_screen_has_what_it_is_two_commands_a_training_a_tune_and_the_curves() -> None:
    first = README[: README.index("## ")]
    assert len(first.splitlines()) < 30
    for text in ("make train", "make test", "python -m musicgen.train model.hidden=150", "nats"):
        assert text in first
    assert "tensorboard --logdir runs" in first
    assert "docs/tune.png" in first
    assert first.index("```sh") < first.index("![")


def test_each_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in {line.split()[1] for line in COMMANDS if line.startswith("make ")}:
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("name", PAGES)
def test_python_in_the_docs_imports_what_exists(name: str) -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGES[name], re.S):
        for statement in ast.parse(block).body:
            if isinstance(statement, ast.ImportFrom):
                module = importlib.import_module(statement.module or "")
                for alias in statement.names:
                    assert hasattr(module, alias.name), f"{statement.module}.{alias.name}"


@pytest.mark.slow
@pytest.mark.parametrize("line", TRAINING)
def test_each_training_command_trains(line: str, tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text(tunes(40))
    (tmp_path / "my_tunes.abc").write_text(
        tunes(40).replace("<start>\n", "").replace("<end>\n", "\n")
    )
    arguments = shlex.split(line)[1:]
    given = "model." if "init=" in line else ()  # these keys are those of the other network
    sizes = [size for size in SMALL if size.split("=")[0] not in line]
    sizes = [size for size in sizes if not size.startswith(given)]
    if "data" not in line:
        sizes += ["data=files", "data.path=my_tunes.abc"]
    if "n_trials" in line:
        sizes.append("sweep.n_trials=3")
    process = python(*arguments, *sizes, "trainer.max_epochs=1", cwd=tmp_path)
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and the sweep `dropout`, both small."""
    folder = tmp_path_factory.mktemp("docs")
    alphabet = "T:The Two Slow Cores, a jig for quick brown foxes in 6/8\nR:jig\n"
    (folder / "input.txt").write_text(tunes(40).replace("T:Tune 1\n", alphabet))
    (folder / "tune.abc").write_text('X:1\nT:One\nM:4/4\nL:1/8\nK:G\n"G"GABc dedB|G8|]\n')
    sizes = [*SMALL, "trainer.max_epochs=1", "data=files", "data.path=input.txt"]
    swept = ["-m", "model.dropout=0,0.1", "hydra.sweep.dir=runs/sweeps/dropout"]
    for extra in (["hydra.run.dir=runs/now"], swept):
        subprocess.run(
            [sys.executable, "-m", "musicgen.train", *sizes, *extra],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("line", AFTERWARDS)
def test_each_command_on_a_run_or_a_sweep_succeeds(line: str, trained: Path) -> None:
    named = re.sub(r"runs/(<date>|[0-9-]+)/(<time>|[0-9-]+)", "runs/now", line)
    small = ["n=1", "formats=[abc,mid]"] if "generate" in line else []
    process = python(*shlex.split(named)[1:], *small, cwd=trained)
    assert process.returncode == 0, process.stderr
