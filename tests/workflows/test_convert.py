"""`python -m musicgen.convert` as it is installed."""

import os
import subprocess
import sys
import time
import wave
from pathlib import Path

import mido
import pytest

from musicgen.cli.command import help_text
from musicgen.config import keys, schema
from musicgen.config.registry import about
from musicgen.music import parse
from musicgen.music.formats import formats
from tests.cases import a_few_fast
from tests.commands import assert_refused, command

BOOK = """%%MIDI program 73
M:4/4
L:1/8

X:1
T:One
C:Somebody
K:G
"G"GABc dedB|{c}d8|]
w: la la

X:7
T:Seven
K:D
DEFG A4|d8|]
"""


def convert(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return command("convert", *arguments, cwd=cwd)


def test_help_lists_every_format_in_a_line() -> None:
    text = help_text("convert", "")
    for name, each in formats().items():
        assert f"\n  {name:<25}{about(each).rstrip('.')}\n" in text
    assert "(one of abc, mid, svg, png, wav, musicxml, mei)" in text


def test_what_can_be_asked_for() -> None:
    assert set(schema.known(keys.ConvertConfig)) == {
        "files",
        "formats",
        "transpose",
        "header.tempo",
        "accompaniment",
        "plugins",
        "out",
    }


def test_a_tune_in_every_format(tmp_path: Path) -> None:
    """Beside its own file, under its name."""
    (tmp_path / "tune.abc").write_text("X:3\nT:A tune\nM:4/4\nL:1/4\nK:C\nCDEF|G4|]\n")
    others = [name for name in formats() if name != "abc"]
    done = convert("tune.abc", f"formats=[{','.join(others)}]", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {f"tune.{name}" for name in formats()}
    assert mido.MidiFile(tmp_path / "tune.mid").length > 0
    assert (tmp_path / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert "<score-partwise" in (tmp_path / "tune.musicxml").read_text()
    assert "<mei" in (tmp_path / "tune.mei").read_text()
    with wave.open(str(tmp_path / "tune.wav")) as sound:
        assert sound.getnframes() > 0


@pytest.mark.slow
def test_a_tunebook_in_another_key(tmp_path: Path) -> None:
    """Each tune gets the file header; what is no music, such as lyrics, stays."""
    (tmp_path / "my book.abc").write_text(BOOK)
    done = convert(
        "my book.abc",
        "out=new",
        "formats=[abc,mid]",
        "transpose=2",
        "header.tempo=90",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 tunes as abc, mid in new\n"
    names = {"my book-1.abc", "my book-1.mid", "my book-7.abc", "my book-7.mid"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    assert (tmp_path / "new" / "my book-1.abc").read_text() == (
        "X:1\nM:4/4\nL:1/8\n%%MIDI program 73\nT:One\nC:Somebody\nQ:1/4=90\nK:A\n"
        '"A"ABcd efec|{d}e8|]\nw: la la\n'
    )
    assert parse((tmp_path / "new" / "my book-7.abc").read_text()).field("K") == "E"
    midi = mido.MidiFile(tmp_path / "new" / "my book-1.mid")
    programs = [m.program for track in midi.tracks for m in track if m.type == "program_change"]
    assert programs[0] == 73
    assert len(programs) == 3


@pytest.mark.slow
def test_what_a_tune_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDE|F4|G4|\n\nX:2\nK:C\nz4|\n")
    done = convert("a.abc", "formats=[mid]", cwd=tmp_path)
    assert done.returncode == 1
    assert "a-1: bar too short" not in done.stdout
    assert "a-2.mid is missing: a tune needs a note to become MIDI" in done.stdout
    assert "1 files could not be made" in done.stderr
    assert (tmp_path / "a-1.mid").exists()
    (tmp_path / "b.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|FGA|GGGG|\n")
    done = convert("b.abc", "formats=[mid]", cwd=tmp_path)
    assert done.returncode == 0
    assert "b: bar too short: 3/4 in a meter of 4/4, in 'CDEF|FGA|GGGG|'" in done.stdout


@pytest.mark.slow
def test_a_blank_line_that_ends_a_tune_before_its_notes_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text("X:1\nT:a\nK:C\n\nCDEF|\n\nX:2\nK:C\nCDEF|\n")
    done = convert("a.abc", "formats=[mid]", cwd=tmp_path)
    assert done.returncode == 1
    assert "a.abc: a blank line ends a tune: 1 tune ended before its first note" in done.stdout
    assert "at line 4; take it out" in done.stdout


@pytest.mark.slow
def test_marked_tunes_and_old_encodings(tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_text("<start>\nX:1\nK:C\nC4|\n<end>\n<start>\nK:D\nD|\n<end>\n")
    (tmp_path / "old.abc").write_bytes("X:1\r\nT:Café\r\nK:C\r\nC4|\r\n".encode("latin-1"))
    done = convert("marked.txt", "old.abc", "formats=[musicxml]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = {path.name for path in tmp_path.glob("*.musicxml")}
    assert made == {"marked-1.musicxml", "marked-2.musicxml", "old.musicxml"}
    assert "Café" in (tmp_path / "old.musicxml").read_text()


BAD = [
    (["nothing.abc"], "nothing.abc must be a file of tunes in ABC (No such file"),
    (["."], ". must be a file of tunes in ABC (Is a directory)"),
    (["music.abc"], "put lines such as X:1, M:4/4, L:1/8 and K:G before the music"),
    (["rests.abc"], "need tunes with notes, got 1 without any"),
    (["binary.abc"], "binary.abc must be a file of tunes in ABC: the file is not text"),
    ([], "files must be given; add files=<value> to the command"),
    (["files=[]"], "convert needs a file of tunes, got none"),
    (["tune.abc", "formats=[mp3]"], "formats must be one of abc, mid, svg, png, wav, musicxml"),
    (["tune.abc", "formats=[]"], "formats must name a format, got none"),
    (["tune.abc", "formats=[abc]"], "out must be another folder than that of tune.abc"),
    (["tune.abc", "same/tune.abc", "out=x"], "files must have names of their own"),
    (["tune.abc", "transpose=Em"], "tune: transpose must name a key of the tune's mode"),
    (["tune.abc", "transpose=high"], "transpose must be semitones or a key, got 'high'"),
    (["tune.abc", "header.tempo=quick"], "header.tempo must be as an ABC Q: field has it"),
    (["tune.abc", "header.key=G"], "there is no key header.key; did you mean"),
    (["tune.abc", "files=[a]"], "files must be given once"),
    (["tune.abc", "--pickle"], "there is no flag --pickle"),
    (["-m", "tune.abc", "transpose=1,2"], "nothing to sweep"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), a_few_fast(BAD, 1), ids=[" ".join(a) or "-" for a, _ in BAD]
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "same").mkdir()
    for name, text in {
        "tune.abc": "X:1\nK:C\nC4|\n",
        "same/tune.abc": "X:1\nK:C\nC4|\n",
        "music.abc": "GABc|\n",
        "rests.abc": "X:1\nK:C\nz4|\n",
        "binary.abc": "X:1\0",
    }.items():
        (tmp_path / name).write_text(text)
    before = {path.name for path in tmp_path.iterdir()}
    assert_refused(convert(*arguments, cwd=tmp_path), message)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_converting_imports_no_torch() -> None:
    """PyTorch takes seconds to import."""
    code = "import sys, musicgen.workflows.convert; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_six_tunes_in_all_formats_take_less_than_five_seconds(tmp_path: Path) -> None:
    """Of processor time, MusicXML included, the start of Python too."""
    tune = '"G"G2B2 d2g2|(3efg "D7"f2 [Ad]2 B2|{c}e4 d2cB|A2F2 D4:|\n'
    book = "".join(f"X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:G\n|:{tune}|:{tune}\n" for n in range(1, 7))
    (tmp_path / "six.abc").write_text(book)
    before = os.times()
    began = time.monotonic()
    done = convert("six.abc", f"formats=[{','.join(formats())}]", "out=x", cwd=tmp_path)
    spent = os.times()
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "x").iterdir())) == 6 * len(formats())
    used = spent.children_user + spent.children_system
    used -= before.children_user + before.children_system
    print(f"{used:.2f} s of processor time, {time.monotonic() - began:.2f} s")
    assert used < 5
