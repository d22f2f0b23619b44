"""Every command with a reader, a measure, an annotation and a format of another package."""

import csv
import importlib
import json
import random
import re
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from musicgen import corpus
from musicgen.config import registry
from musicgen.corpus.readers import Reader
from musicgen.music import parse
from tests.commands import assert_refused, command
from tests.tunes import SMALL

PLUGINS = [
    f"tests.extension.elsewhere.{name}"
    for name in ("readers", "measures", "annotations", "formats")
]
NAMED = f"plugins=[{','.join(PLUGINS)}]"


def solfa(count: int, seed: int) -> str:
    """Tunes of eight bars, half of their notes in the upper octave."""
    draw = random.Random(seed)
    notes = [
        "do",
        "re",
        "mi",
        "fa",
        "sol",
        "la",
        "ti",
        "do'",
        "re'",
        "mi'",
        "fa'",
        "sol'",
        "la'",
        "ti'",
    ]
    lines = []
    for number in range(count):
        bars = (" ".join(draw.choices(notes, k=4)) for _ in range(8))
        lines.append(f"Tune {seed} {number}: {' | '.join(bars)}\n")
    return "".join(lines)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tunes are, and a network that was trained on them."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "tunes").mkdir()
    for number in range(3):
        (folder / "tunes" / f"{number}.solfa").write_text(solfa(30, number))
    asked = [*data(folder / "tunes"), "samples.measure=true", "samples.media=true"]
    done = command("train", *asked, "hydra.run.dir=run", NAMED, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def data(path: Path) -> list[str]:
    return ["data=files", f"data.path={path}", *SMALL, "trainer.max_epochs=1", "model.hidden=16"]


@pytest.mark.slow
def test_a_corpus_says_what_read_it(place: Path) -> None:
    (folder,) = (place / "data" / "files").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["tunes"] == 90
    assert [(s["reader"], s["tunes"]) for s in manifest["sources"]] == [("solfa", 30)] * 3
    texts = "".join(path.read_text() for path in folder.glob("*.txt"))
    assert "T:Tune 0 0\nM:4/4\nL:1/4\nK:C\n" in texts


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> type[Reader]:
    """Registered as long as the test runs."""
    kept = {kind: dict(registry.components(kind)) for kind in registry.OURS}
    monkeypatch.setattr(registry, "_components", kept)
    monkeypatch.setattr(registry, "_modules", dict(registry._modules))
    monkeypatch.delitem(sys.modules, PLUGINS[0], raising=False)
    return importlib.import_module(PLUGINS[0]).Solfa


def test_a_reader_is_for_a_file_a_folder_and_a_glob(reader: type[Reader], tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.solfa").write_text(solfa(30, number))
    found = {
        place: corpus.load("files", path=tmp_path / place, root=tmp_path / "data")
        for place in (".", "0.solfa", "[12].solfa")
    }
    assert [each.manifest["tunes"] for each in found.values()] == [90, 30, 60]
    assert len({each.digest for each in found.values()}) == 3


def test_a_reader_s_next_version_prepares_its_files_again(
    reader: type[Reader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.solfa").write_text(solfa(30, 1))
    (tmp_path / "a.abc").write_text("".join(f"X:1\nK:C\n{c}{d}\n" for c in "CDE" for d in "GAB"))

    def digest(name: str) -> str:
        return corpus.load("files", path=tmp_path / name, root=tmp_path / "data").digest

    before = [digest("a.solfa"), digest("a.abc")]
    monkeypatch.setattr(reader, "version", 2)
    assert digest("a.solfa") != before[0]
    assert digest("a.abc") == before[1]


@pytest.mark.slow
def test_what_a_reader_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.solfa").write_text("Title: do re ut\n")
    done = command("train", *data(Path("bad.solfa")), NAMED, cwd=tmp_path)
    assert_refused(done, "got none in 'bad.solfa' (ut is no syllable)")


@pytest.mark.slow
def test_a_measure_is_in_the_result(place: Path) -> None:
    measures = json.loads((place / "run" / "result.json").read_text())["measures"]
    assert list(measures)[-2:] == ["length_distance", "leaps"]
    assert 0 <= measures["leaps"] <= 1


@pytest.mark.slow
def test_tensorboard_draws_the_unit_for_a_watched_annotation(place: Path) -> None:
    (events,) = (place / "run").rglob("events.out.tfevents.*")
    tags = {v.tag for event in EventFileLoader(str(events)).Load() for v in event.summary.value}
    drawn = {tag for tag in tags if tag.startswith("hidden unit/")}
    assert drawn == {"hidden unit/header or body", "hidden unit/a note from the upper octave"}


@pytest.mark.slow
def test_generate_writes_its_format_and_its_measure(place: Path) -> None:
    asked = ["run=run", "n=2", "formats=[abc,solfa]", "out=written", "max_chars=200"]
    done = command("generate", *asked, NAMED, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "leaps" in done.stdout
    for row in rows(place / "written" / "measures.csv"):
        assert list(row)[-1] == "leaps"
        assert 0 <= float(row["leaps"]) <= 1
    texts = [path.read_text() for path in (place / "written").glob("*.solfa")]
    assert len(texts) >= 2
    assert all(re.fullmatch(r".*:( (\w+|\?)'?)+\n", text) for text in texts)
    recipe = json.loads(next(p for p in (place / "written").glob("*.json")).read_text())
    assert recipe["options"]["formats"] == ["abc", "solfa"]
    assert NAMED in recipe["command"].replace("'", "")


@pytest.mark.slow
def test_convert_reads_and_writes_it(tmp_path: Path) -> None:
    (tmp_path / "road.solfa").write_text("The Road: do re mi sol | la do' do' la\n")
    done = command("convert", "road.solfa", "formats=[abc,mid]", NAMED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tune = parse((tmp_path / "road.abc").read_text())
    assert (tune.field("T"), tune.notes, tune.problems) == ("The Road", 8, ())
    assert (tmp_path / "road.mid").read_bytes().startswith(b"MThd")
    done = command("convert", "road.abc", "formats=[solfa]", "out=again", NAMED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = (tmp_path / "again" / "road.solfa").read_text()
    assert again == "The Road: do re mi sol la do' do' la\n"


@pytest.mark.slow
def test_heatmap_scores_and_draws_it(place: Path) -> None:
    done = command("heatmap", "run=run", "out=heatmap", "state=hidden", NAMED, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "upper octave" in done.stdout
    scored = [
        row for row in rows(place / "heatmap" / "units.csv") if row["annotation"] == "high note"
    ]
    assert len(scored) == 16
    assert "upper octave" in (place / "heatmap" / "high-note.svg").read_text()


@pytest.mark.slow
def test_the_page_shows_its_measure_and_its_units(place: Path) -> None:
    done = command("report", "run", NAMED, cwd=place)
    assert done.returncode == 0, done.stderr
    page = (place / "run" / "report.html").read_text()
    told = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    column = next(column for column in told["columns"] if column["key"] == "leaps")
    assert column["label"] == "leaps"
    assert column["about"].startswith("Share of melodic steps")
    names = told["tunes"][0]["tunes"][0]["units"]["names"]
    assert any("a note from the upper octave" in name for name in names)


@pytest.mark.slow
def test_a_measure_is_an_objective_of_sweeps(place: Path) -> None:
    asked = [*data(place / "tunes"), "samples.measure=true", "sweep.objective=leaps"]
    asked += ["-m", "model.hidden=8,16", "pruner=none", "sweep.workers=1", "sweep.seeds=1"]
    done = command("train", *asked, "sweep.name=leaps", NAMED, cwd=place)
    assert done.returncode == 0, done.stderr
    (found,) = place.rglob("sweeps/leaps/table.csv")
    leaps = [float(row["leaps"]) for row in rows(found)]
    assert len(leaps) == 2
    assert leaps == sorted(leaps)


@pytest.mark.slow
def test_nothing_of_it_is_known_without_the_plugin(place: Path) -> None:
    done = command("generate", "run=run", "formats=[solfa]", cwd=place)
    assert_refused(
        done, "formats must be one of abc, mid, svg, png, wav, musicxml, mei, got ['solfa']"
    )
    asked = [*data(place / "tunes" / "0.solfa"), "samples.measure=true", "sweep.objective=leaps"]
    done = command("train", "-m", *asked, "model.hidden=8,16", "pruner=none", cwd=place)
    assert_refused(done, "got leaps")
    done = command("train", *data(place / "tunes" / "0.solfa"), cwd=place)
    assert_refused(done, "(there is no tune in it)")


def test_help_lists_its_format(tmp_path: Path) -> None:
    done = command("convert", "--help", NAMED, cwd=tmp_path)
    assert "musicxml, mei, solfa)" in done.stdout
    assert "solfa                    Tonic sol-fa in one line\n" in done.stdout
