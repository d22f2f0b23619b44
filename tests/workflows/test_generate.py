"""`python -m musicgen.generate` as it is installed, on a network of a real training."""

import csv
import json
import shlex
import shutil
import subprocess
import wave
from pathlib import Path

import mido
import pytest
from hydra import compose, initialize_config_dir

from musicgen.cli.advice import with_advice
from musicgen.cli.tune_display import TuneDisplay
from musicgen.config import composition
from musicgen.config.keys import GenerateConfig
from musicgen.errors import InputError
from musicgen.generation import Drawn, Options, draw
from musicgen.music import parse
from musicgen.music.kinds import HEADER, LINES, Kinds
from musicgen.system.paths import shipped
from musicgen.training.checkpoint import load_model
from musicgen.workflows import generate as workflow
from tests.cases import a_few_fast
from tests.commands import assert_refused, command, unwritable
from tests.generation.trained import trained
from tests.tunes import ROOT, composed

FEW = ("n=2", "temperature=[0.5,1]", "max_chars=150")


def generate(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return command("generate", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("trained"))


@pytest.mark.slow
def test_a_checkpoint_tells_which_kinds_of_tokens_its_training_tunes_have(run: Path) -> None:
    found = load_model(run)
    assert found.kinds is not None
    assert {"[c", "(3", "[1"} <= found.kinds.music()
    options = Options([1.5], n=30, max_chars=300)
    drawn = draw(found.model, found.vocabulary, options, found.kinds)
    kinds = Kinds.of(one.text for one in drawn)
    needed = {")", "|]", "||", ":|", ":||", ":|]", ":|2", "[2"}
    assert kinds.music() <= found.kinds.music() | needed
    assert kinds.count(LINES).keys() <= found.kinds.count(LINES).keys()
    assert kinds.count(HEADER).keys() <= found.kinds.count(HEADER).keys() | {"X:"}


def test_a_checkpoint_without_kinds_may_write_all(run: Path, tmp_path: Path) -> None:
    before = tmp_path / "checkpoints"
    shutil.copytree(run / "checkpoints", before)
    content = json.loads((before / "model.json").read_text())
    del content["kinds"]
    (before / "model.json").write_text(json.dumps(content))
    found = load_model(tmp_path)
    assert found.kinds is None
    assert draw(found.model, found.vocabulary, Options([1.0], n=2, max_chars=200), found.kinds)
    content["kinds"] = {"bar": 7}
    (before / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        load_model(tmp_path)


@pytest.mark.slow
def test_every_format_and_the_same_tune_again(run: Path, tmp_path: Path) -> None:
    process = generate(f"run={run}", *FEW, f"out={tmp_path / 'all'}")
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    out = tmp_path / "all"
    names = [f"T{t}-{n}" for t in ("0.5", "1") for n in (1, 2)]
    suffixes = ("abc", "json", "mid", "png", "svg", "wav")
    expected = {f"{name}.{suffix}" for name in names for suffix in suffixes}
    assert {path.name for path in out.iterdir()} == expected | {"measures.csv"}
    for name in names:
        assert name in process.stdout
        assert mido.MidiFile(out / f"{name}.mid").length > 0
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{name}.svg").read_text().rstrip().endswith("</svg>")
        with wave.open(str(out / f"{name}.wav")) as sound:
            assert sound.getnframes() > 0
    with (out / "measures.csv").open() as file:
        sets = {row["set"]: row for row in csv.DictReader(file)}
    assert list(sets) == ["T=0.5", "T=1", "validation"]
    assert float(sets["T=1"]["bars_right"]) == 1

    recipe = json.loads((out / "T1-2.json").read_text())
    assert recipe["measures"]["parses"]
    assert recipe["nearest"]["notes"] >= 0
    _, _, module, *arguments = shlex.split(recipe["command"])
    assert module == "musicgen.generate"
    again = generate(*arguments, f"out={tmp_path / 'again'}")
    assert again.returncode == 0, again.stderr
    for suffix in ("abc", "mid", "svg", "png", "wav"):
        name = f"T1-2.{suffix}"
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), suffix


@pytest.mark.slow
def test_tunes_in_another_key_at_a_tempo(run: Path, tmp_path: Path) -> None:
    """The tunes are the same, and so is what makes one of them again."""
    few = (f"run={run}", "n=2", "temperature=1", "max_chars=300", "header.key='C major'")
    for out, asked in (("as", []), ("moved", ["transpose=2", "header.tempo=90"])):
        done = generate(
            *few, *asked, "accompaniment=false", "formats=[abc,mid,musicxml,mei]",
            f"out={tmp_path / out}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    for name in ("T1-1", "T1-2"):
        plain, moved = (parse((tmp_path / o / f"{name}.abc").read_text()) for o in ("as", "moved"))
        assert (plain.field("K"), moved.field("K")) == ("C", "D")
        assert moved.field("Q") == "1/4=90"
        pitches = [[p + 2 for p in e.pitches] for v in plain.voices for e in v.events]
        assert pitches == [[*e.pitches] for v in moved.voices for e in v.events]
        score = (tmp_path / "moved" / f"{name}.musicxml").read_text()
        assert "<fifths>2</fifths>" in score
        assert '<keySig sig="2s"/>' in (tmp_path / "moved" / f"{name}.mei").read_text()
    recipe = json.loads((tmp_path / "moved" / "T1-2.json").read_text())
    *_, last = (tmp_path / "moved" / f"T1-2.{suffix}" for suffix in ("mid", "abc"))
    _, _, _, *arguments = shlex.split(recipe["command"])
    assert {"transpose='2'", "accompaniment=false", "header.tempo='90'"} <= set(arguments)
    assert generate(*arguments, f"out={tmp_path / 'again'}").returncode == 0
    assert (tmp_path / "again" / last.name).read_bytes() == last.read_bytes()


@pytest.mark.slow
def test_a_sweep_stands_for_its_best_run(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "sweep" / "3")
    (tmp_path / "sweep" / "table.csv").write_text("number,status\n2,failed\n3,completed\n")
    process = generate(f"run={tmp_path / 'sweep'}", "n=1", "temperature=1", "formats=[abc]")
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "sweep" / "3" / "tunes" / "T1-1.abc").is_file()


TYPOS = [
    (["n=0"], "n must be at least 1, got 0"),
    (["temperature=0.5,1"], "temperature has several values; write a list"),
    (["formats=[abc,mp3]"], "formats must be one of abc, mid, svg, png, wav, musicxml, mei, got"),
    (["constrain=strict"], "constrain must be one of off, syntax, bars, got strict"),
    (["tempreature=1"], "there is no key tempreature; did you mean temperature?"),
    (["-m", "n=1,2"], "nothing to sweep"),
    (["accompaniment=loud"], "accompaniment must be true or false, got loud"),
]
"""Told before PyTorch is imported."""


@pytest.mark.parametrize(
    ("arguments", "message"), a_few_fast(TYPOS, 1), ids=[" ".join(a) for a, _ in TYPOS]
)
def test_bad_arguments_are_one_line_and_write_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    assert_refused(generate(*arguments, "run=nowhere", cwd=tmp_path), message)
    assert not list(tmp_path.iterdir())


BAD = [
    (["temperature=-1"], "temperature must be a number of at least 0"),
    (["temperature=hot"], "temperature must be a number of at least 0"),
    (["temperature=[]"], "temperature must be a number of at least 0"),
    (["temperature=[1,1.0]"], "temperature must not have a value twice"),
    (["prime=nothing.abc"], "prime must be a file that exists"),
    (["prime='ÄÖ'"], "prime must use only the"),
    ([f"prime='{'CDEF|' * 60}Ä'"], "prime must use only the"),  # too long for a file's name
    (["header.key=H"], "header.key must be as an ABC K: field has it"),
    (["header.key=G", "prime={prime}"], "header.key=G must agree with the prime"),
    (
        ["header.tempo=90", "prime='X:1\nQ:1/4=80\nK:C\nC'"],
        "header.tempo=90 must agree with the prime, which has 'Q:1/4=80'",
    ),
    (["header.tempo=fast"], "header.tempo must be as an ABC Q: field has it"),
    (["transpose=H"], "transpose must be semitones or a key, got 'H'"),
    (["transpose=30"], "transpose must be from -24 to 24 semitones, got 30"),
    (
        ["prime='GAB|'"],
        "prime must begin with a header, got music at once ('GAB|'); put lines such "
        "as M:4/4, L:1/8 and K:G before it, or use constrain=off",
    ),
    (["prime={finished}"], "prime must be a tune that is not finished, got one that ends in |]"),
    (["out={unwritable}"], "out must be a folder that can be written"),
    (["max_chars=5"], "max_chars must be at least"),
    (["max_chars=1", "constrain=off", "prime={noteless}"], "need tunes with notes"),
    (["run=nowhere"], "run must be the folder of a run, got nowhere"),
    (["run={damaged}"], "is damaged"),
    (["run={prime}"], "run must be a run folder, a sweep's or a .safetensors file"),
    (["run={empty}"], "run must be a sweep with a completed trial"),
]


@pytest.fixture
def places(run: Path, tmp_path: Path) -> dict[str, Path]:
    """What bad input may name."""
    names = ("damaged", "empty")
    made = {name: tmp_path / name for name in names}
    shutil.copytree(run, made["damaged"])
    (made["damaged"] / "checkpoints" / "best.safetensors").write_bytes(b"damaged")
    made["empty"].mkdir()
    (made["empty"] / "table.csv").write_text("number,status\n0,failed\n")
    made |= {"prime": tmp_path / "d.abc", "unwritable": unwritable(tmp_path / "file")}
    made["prime"].write_text("X:1\nK:C\n")
    made["finished"] = tmp_path / "f.abc"
    made["finished"].write_text("X:1\nM:4/4\nL:1/8\nK:C\nCDEF GABc|c8|]\n\n")
    made["noteless"] = tmp_path / "t.abc"
    made["noteless"].write_text("X:1\nT:")
    return made


@pytest.mark.parametrize(
    ("arguments", "message"), a_few_fast(BAD, 12), ids=[" ".join(a)[:30] for a, _ in BAD]
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str],
    message: str,
    run: Path,
    places: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    given = [argument.format(**places) for argument in arguments]
    kept = [] if any(a.startswith("run=") for a in given) else [f"run={run}"]
    composed()  # makes the schemas known
    few = [size for size in FEW if size.split("=")[0] not in {a.split("=")[0] for a in given}]
    with initialize_config_dir(str(shipped("conf")), version_base=None):
        cfg = compose("generate", [*kept, *few, *given])
    with pytest.raises(InputError) as caught:
        workflow.run(composition.checked(cfg, GenerateConfig), TuneDisplay())
    assert message in with_advice(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(work.iterdir())
    assert not (run / "tunes").exists()


def test_close_temperatures_have_files_of_their_own() -> None:
    close = (0.1, 0.1000001, 1, 1e-05)
    names = [Drawn(temperature, 2, "", True).name for temperature in close]
    assert names == ["T0.1-2", "T0.1000001-2", "T1-2", "T1e-05-2"]


@pytest.mark.slow
def test_a_damaged_checkpoint_on_the_command_line(places: dict[str, Path]) -> None:
    process = generate(f"run={places['damaged']}")
    assert process.returncode == 2
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    assert "is damaged" in process.stderr
    assert not (places["damaged"] / "tunes").exists()
