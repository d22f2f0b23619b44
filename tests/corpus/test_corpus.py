import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from musicgen.corpus import Corpus, load
from musicgen.corpus.setting import read_marked
from musicgen.corpus.variants import families, opening
from musicgen.errors import InputError
from musicgen.music.kinds import HEADER, Kinds

STEPS = "CDEFGABc"


def melody(number: int) -> str:
    """Unlike melodies: sixteen notes that spell the number, each digit above a low C."""
    return "".join(f"C,{STEPS[int(digit)]}" for digit in reversed(f"{number:08o}"))


def book(*numbers: int) -> str:
    return "\n".join(f"X:{n}\nT:Tune {n}\nZ:Me\nM:4/4\nL:1/8\nK:D\n{melody(n)}|\n" for n in numbers)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    for first in (0, 10, 20):
        (folder / f"{first}.abc").write_text(book(*range(first, first + 10)))
    return folder


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Corpus]:
    return lambda name="files", **arguments: load(name, root=tmp_path / "data", **arguments)


def texts(corpus: Corpus) -> tuple[str, str, str | None]:
    return corpus.train, corpus.validation, corpus.test


def tunes(corpus: Corpus) -> list[str]:
    read = [read_marked(text) for text in texts(corpus) if text]
    assert not any(+reading.left_out for reading in read)
    return [setting.text for reading in read for setting in reading.settings]


def test_files_are_parted_by_tunes(read: Callable[..., Corpus], books: Path) -> None:
    corpus = read(path=books)
    whole = [f"T:Tune {n}\nM:4/4\nL:1/8\nK:D\n{melody(n)}|" for n in range(30)]
    assert sorted(tunes(corpus)) == sorted(whole)
    assert [
        corpus.manifest["splits"][name]["tunes"] for name in ("train", "validation", "test")
    ] == [24, 3, 3]
    assert corpus.train.startswith("<start>\nT:Tune ")
    assert corpus.train.endswith("|\n<end>\n")
    assert corpus.vocabulary().characters == "".join(
        sorted(set("".join(filter(None, texts(corpus)))))
    )


def test_kinds_of_tokens_are_counted_in_the_training_tunes(
    read: Callable[..., Corpus], books: Path
) -> None:
    (books / "fields.abc").write_text("X:1\nT:x\nK:D\n!f!c8[K:G]|[1 d8:|[2 e8|]\n")
    corpus = read(path=books, split="contiguous", val_fraction=0.1)
    manifest = json.loads((corpus.folder / "manifest.json").read_text())
    assert Kinds.from_json(manifest["kinds"]) == corpus.kinds
    assert "[1" not in corpus.kinds.music()  # its tune validates
    assert corpus.kinds.count(HEADER)["M:"] == corpus.train.count("M:")


def test_kinds_are_counted_where_a_corpus_was_prepared_without(
    read: Callable[..., Corpus], books: Path
) -> None:
    before = read(path=books)
    path = before.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["kinds"]
    path.write_text(json.dumps(manifest))
    again = read(path=books)
    assert "kinds" not in again.manifest
    assert again.digest == before.digest
    assert again.kinds == before.kinds


def test_the_manifest_tells_what_came_in_and_what_did_not(
    read: Callable[..., Corpus], books: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (books / "binary.abc").write_bytes(b"X:1\0K:C\0")
    (books / "empty.abc").touch()
    (books / "prose.abc").write_text("Dear reader")
    (books / "more.abc").write_text(
        book(3, 29, 40) + f"\nX:1\nT:Tune 3 again\nK:G\n{melody(3)}\n\nX:2\nT:x\n"
    )
    corpus = read(path=books)
    told = corpus.manifest
    stored = json.loads((books.parent / "data/files" / corpus.digest / "manifest.json").read_text())
    assert stored == told
    assert told["tunes"] == 32
    assert told["characters"] == sum(len(text) for text in texts(corpus) if text)
    assert told["left_out"] == {
        "X: lines": 34,
        "Z: lines": 33,
        "exact duplicates": 2,
        "tunes without K:": 1,
    }
    assert told["unreadable"] == {
        str(books / "binary.abc"): "the file is not text in UTF-8 or Latin-1",
        str(books / "empty.abc"): "the file is empty",
        str(books / "prose.abc"): "there is no tune in it",
    }
    assert [Path(entry["path"]).name for entry in told["sources"]] == [
        "0.abc",
        "10.abc",
        "20.abc",
        "more.abc",
    ]
    assert told["kept_together"] == {"families": 1, "tunes": 2, "largest_family": 2}
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert len(warnings) == 4
    assert "left out 1 tunes without K:" in warnings


def test_a_blank_line_that_ends_tunes_early_is_told_and_may_be_read_over(
    read: Callable[..., Corpus], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "loose.abc"
    loose = "".join(f"X:{n}\nT:Tune {n}\nK:D\n\n{melody(n)}|\n\n" for n in range(40, 42))
    path.write_text(book(*range(30)) + "\n" + loose)
    strict = read(path=path)
    assert strict.manifest["tunes"] == 30
    line = path.read_text().split("\n").index("X:40") + 4
    told = (
        f"{path}: a blank line ends a tune: 2 tunes ended before their first note, "
        f"the first at line {line} (data.blank_lines=end)"
    )
    assert told in [record.getMessage() for record in caplog.records]
    whole = read(path=path, blank_lines="allow")
    assert whole.manifest["tunes"] == 32
    assert whole.manifest["settings"]["blank_lines"] == "allow"
    assert whole.digest != strict.digest


def test_what_was_taken_for_words_is_counted_with_a_line_of_it(
    read: Callable[..., Corpus], tmp_path: Path
) -> None:
    path = tmp_path / "letter.abc"
    path.write_text("Dear all,\nsome tunes:\n\n" + book(*range(30)) + "\nCheers,\n")
    told = read(path=path).manifest["taken_for_text"]
    assert told == {"lines": 3, "first": f"{path}, line 1: Dear all,"}


def test_the_split_does_not_hang_on_the_order_of_files(
    read: Callable[..., Corpus], books: Path
) -> None:
    before = read(path=books)
    shutil.move(books / "0.abc", books / "9.abc")
    assert texts(read(path=books)) == texts(before)
    assert texts(read(path=books, seed=1)) != texts(before)


def test_a_prepared_corpus_is_used_again_while_its_source_is_the_same(
    read: Callable[..., Corpus], books: Path
) -> None:
    first = read(path=books)
    folder = books.parent / "data/files" / first.digest
    written = (folder / "manifest.json").stat().st_mtime_ns
    assert read(path=books) == first
    assert (folder / "manifest.json").stat().st_mtime_ns == written
    (books / "0.abc").write_text(book(*range(100, 110)))
    changed = read(path=books)
    assert changed.digest != first.digest
    assert texts(changed) != texts(first)
    assert folder.exists()


def test_a_damaged_text_is_prepared_again(read: Callable[..., Corpus], books: Path) -> None:
    first = read(path=books)
    (books.parent / "data/files" / first.digest / "train.txt").write_text("<start>\n")
    assert read(path=books) == first
    assert read(path=books) == first


def test_the_text_of_the_report_is_taken_byte_for_byte(
    read: Callable[..., Corpus], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = "<start>\nX:1\nT: A  %x\nK:C\n\nABc \n<end>\n<start>\nX: 2\n<end>\n<start>\nX:1\nunended"
    path = tmp_path / "input.txt"
    path.write_text(told * 3)
    corpus = read("cse253", path=path, split="contiguous", val_fraction=0.25)
    assert corpus.train + corpus.validation == told * 3
    assert len(corpus.validation) == round(0.25 * len(told) * 3)
    assert corpus.test is None
    assert corpus.manifest["left_out"] == {}
    assert corpus.manifest["splits"].keys() == {"train", "validation"}
    assert [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ] == [f"{path} is not the report's corpus: its figures cannot be compared"]
    assert texts(read(path=path, split="contiguous", val_fraction=0.25)) == texts(corpus)


def test_marked_tunes_are_parted_as_they_stand(read: Callable[..., Corpus], tmp_path: Path) -> None:
    bodies = [f"X:{n}\nT: Tune  {n}\n\nK:C % key\n{melody(n)}  " for n in range(12)]
    marked = "".join(f"<start>\n{body}\n<end>\n" for body in [*bodies, bodies[0], "", "  "])
    (tmp_path / "marked.txt").write_text(marked + "<start>\nX:1\nunended")
    corpus = read(path=tmp_path / "marked.txt")
    assert sorted(tunes(corpus)) == sorted(bodies)
    assert corpus.manifest["left_out"] == {
        "empty tunes": 2,
        "exact duplicates": 1,
        "tunes without <end>": 1,
    }


def test_given_files_are_the_splits(
    read: Callable[..., Corpus], books: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {"path": books / "0.abc", "validation_path": books / "10.abc", "split": "files"}
    corpus = read(**paths)
    assert corpus.test is None
    assert [f"Tune {n}\n" in corpus.train for n in (9, 10)] == [True, False]
    assert corpus.manifest["also_in_training"] == {"data.validation_path": 0}
    assert not caplog.records or caplog.records[-1].levelno < logging.WARNING
    (books / "20.abc").write_text(book(0, 1, 50))
    tested = read(**paths, test_path=books / "20.abc")
    assert tested.train == corpus.train
    assert tested.test is not None
    assert tested.test.count("<start>") == 3
    assert tested.manifest["also_in_training"]["data.test_path"] == 2
    assert "2 tunes of data.test_path are in data.path too" in caplog.text


def test_no_test_split_is_wanted(read: Callable[..., Corpus], books: Path) -> None:
    corpus = read(path=books, test_fraction=0)
    assert corpus.test is None
    assert corpus.manifest["splits"]["train"]["tunes"] == 27


def test_the_session_dump_keeps_settings_together(
    read: Callable[..., Corpus], tmp_path: Path
) -> None:
    records = [
        {
            "tune_id": str(n % 8),
            "setting_id": str(n),
            "name": f"Tune {n}",
            "type": "reel",
            "meter": "4/4",
            "mode": "Gmajor",
            "abc": melody(n),
        }
        for n in range(24)
    ]
    (tmp_path / "tunes.json").write_text(json.dumps(records))
    corpus = read(path=tmp_path / "tunes.json", val_fraction=0.2, test_fraction=0.2)
    homes: dict[int, set[int]] = {}
    for home, text in enumerate(texts(corpus)):
        for n in range(24):
            if f"T:Tune {n}\n" in (text or ""):
                homes.setdefault(n % 8, set()).add(home)
    assert sorted(homes) == list(range(8))
    assert all(len(home) == 1 for home in homes.values())
    assert corpus.manifest["kept_together"] == {"families": 8, "tunes": 24, "largest_family": 3}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "fork"}, r"data must be one of folk, cse253, files, got 'fork'"),
    ({"split": "tune"}, r"data\.split must be one of .* got 'tune'"),
    ({"val_fraction": 0.0}, r"data\.val_fraction must .* got 0\.0"),
    ({"val_fraction": 1.0}, r"data\.val_fraction must .* got 1\.0"),
    ({"val_fraction": float("nan")}, r"data\.val_fraction must .* got nan"),
    ({"test_fraction": -0.1}, r"data\.test_fraction must .* got -0\.1"),
    ({"test_fraction": 0.9}, r"data\.test_fraction must .* got 0\.9"),
    ({"path": None}, r"data\.path must name a file for data=files .* got none"),
    ({"path": "absent"}, r"data\.path must be a file, .* got '.*absent'"),
    ({"path": "empty.abc"}, r"data\.path must hold tunes .* \(the file is empty\)"),
    ({"path": "prose.abc"}, r"data\.path must hold tunes .* \(there is no tune in it\)"),
    ({"path": "binary.abc"}, r"data\.path must hold tunes .* \(the file is not text"),
    ({"path": "other.json"}, r"data\.path must hold tunes .* \(the file is not JSON"),
    ({"path": "*e*.abc"}, r"data\.path must hold tunes .* nor in 1 others"),
    ({"path": "two.abc"}, r"data\.path must hold tunes enough .* got 2 \("),
    (
        {"path": "two.abc", "split": "contiguous", "val_fraction": 0.001},
        r"data\.path must hold enough",
    ),
    ({"path": "two.abc", "split": "files"}, r"data\.validation_path must name a file .* got none"),
    (
        {"validation_path": "two.abc"},
        r"data\.validation_path must be left out .*; drop it",
    ),
    (
        {"name": "folk", "path": "two.abc"},
        r"data\.path must be left out for data=folk .*; drop it",
    ),
    ({"blank_lines": "maybe"}, r"data\.blank_lines must be one of end, allow, got 'maybe'"),
    (
        {"path": "cut.abc"},
        r"data\.path must .* \(a blank line ends a tune: 1 tune ended .* at line 3\); name",
    ),
    (
        {"path": "prose.abc"},
        r"data\.path must hold tunes \(ABC such as `X:1 / T:Title / M:4/4 / L:1/8 / K:D / DEFG ",
    ),
    ({"name": "folk", "split": "files"}, r"data\.split=files needs .* got the corpus folk"),
]


@pytest.mark.parametrize(("asked", "message"), BAD)
def test_bad_input_is_one_line(
    read: Callable[..., Corpus], tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    (tmp_path / "empty.abc").touch()
    (tmp_path / "prose.abc").write_text("Dear reader")
    (tmp_path / "binary.abc").write_bytes(b"\0\1\2")
    (tmp_path / "other.json").write_text("{")
    (tmp_path / "two.abc").write_text(book(1, 2))
    (tmp_path / "cut.abc").write_text("X:1\nK:C\n\nABc|\n")
    paths = {key: tmp_path / asked[key] for key in asked if key.endswith("path") and asked[key]}
    default = {"path": tmp_path / "two.abc"} if asked.get("name") != "folk" else {}
    with pytest.raises(InputError, match=f"^{message}") as caught:
        read(**{**default, **asked, **paths})
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)
    assert not (tmp_path / "data").exists()


PREPARE = """
import sys
from pathlib import Path
from musicgen.corpus import load
sys.stdin.readline()
print(load("files", path=sys.argv[1], root=Path(sys.argv[2])).digest)
"""


@pytest.mark.slow
def test_processes_may_prepare_at_once(read: Callable[..., Corpus], books: Path) -> None:
    command = [sys.executable, "-c", PREPARE, str(books), str(books.parent / "data")]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:  # each waits for its line, so that they go off together
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    digests = {process.communicate(timeout=300)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert digests == {read(path=books).digest}
    assert [path.name for path in (books.parent / "data/files").iterdir()] == list(digests)


def test_the_room_wakes_no_large_library() -> None:
    heavy = "{'torch', 'music21', 'hydra', 'pandas'} & set(sys.modules)"
    code = f"import sys, musicgen.corpus as c; c.load; print({heavy} or 'none')"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "none\n"


@pytest.fixture(scope="module")
def folk(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return load(root=tmp_path_factory.mktemp("folk"))


@pytest.mark.slow
def test_folk_is_thousands_of_tunes(folk: Corpus) -> None:
    assert 4_200 < folk.manifest["tunes"] < 4_300
    assert 1_150_000 < folk.manifest["characters"] < 1_250_000
    assert folk.manifest["unreadable"] == {}
    figures = folk.manifest["splits"]
    assert (
        figures["validation"]["tunes"]
        == figures["test"]["tunes"]
        == round(folk.manifest["tunes"] / 10)
    )
    assert len(folk.vocabulary()) < 128
    assert all(ord(character) < 128 for character in folk.vocabulary().characters)


@pytest.mark.slow
def test_folk_is_clean(folk: Corpus) -> None:
    whole = tunes(folk)
    assert len(set(whole)) == len(whole)
    for text in whole:
        lines = text.split("\n")
        fields = [line[0] for line in lines[: lines.index(next(x for x in lines if x[:2] == "K:"))]]
        assert fields == sorted(fields, key="TRMLQP".index)
        assert opening(text) is not None
        assert "@" not in text
        assert all(line == line.strip() and line for line in lines)
        assert not any(line.startswith(("X:", "Z:", "N:", "B:", "S:", "%")) for line in lines)


@pytest.mark.slow
def test_no_variant_of_a_held_out_folk_tune_trains(folk: Corpus) -> None:
    parts = [read_marked(text).settings for text in (folk.train, folk.validation, folk.test or "")]
    homes = [home for home, part in enumerate(parts) for _ in part]
    together = families([setting for part in parts for setting in part])
    assert all(len({homes[place] for place in family}) == 1 for family in together)
