import codecs
import sys
from pathlib import Path

import pytest

from musicgen.corpus.source import BOOKS, Source, UnreadableError, file_sources, folk_sources
from musicgen.errors import InputError


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("T:Bourrée\n".encode(), "T:Bourrée\n", "utf-8"),
        (codecs.BOM_UTF8 + "T:Bourrée\n".encode(), "T:Bourrée\n", "utf-8"),
        ("T:Bourrée\n".encode("latin-1"), "T:Bourrée\n", "latin-1"),
        ("T:“Bourrée”\n".encode("cp1252"), "T:“Bourrée”\n", "latin-1"),
        *(
            (f"{line}\nT:Żółć\n".encode(codec), f"{line}\nT:Żółć\n", codec)
            for line, codec in (
                ("%%abc-charset iso-8859-2", "iso-8859-2"),
                ("X:1\nI:abc-charset windows-1250", "windows-1250"),
                ("%abc-charset utf-8", "utf-8"),
            )
        ),
        # What is UTF-8 is that, whatever it declares; what is no charset is not tried.
        (
            "%%abc-charset iso-8859-2\nT:Żółć\n".encode(),
            "%%abc-charset iso-8859-2\nT:Żółć\n",
            "utf-8",
        ),
        (b"%%abc-charset rot13\nT:\xe9\n", "%%abc-charset rot13\nT:é\n", "latin-1"),
        (b"%%abc-charset iso-1\nT:\xe9\n", "%%abc-charset iso-1\nT:é\n", "latin-1"),
        (b"X:1\r\nT:A\r\n\r\nX:2\r\n", "X:1\nT:A\n\nX:2\n", "utf-8"),
        (b"X:1\rT:A\r", "X:1\nT:A\n", "utf-8"),
        (b"X:1\n\x0cX:2\n\x1a", "X:1\n\nX:2\n", "utf-8"),
    ],
)
def test_each_encoding_and_line_end_is_read(data: bytes, text: str, encoding: str) -> None:
    assert Source("a.abc", data).text() == (text, encoding)


@pytest.mark.parametrize(
    "data", [b"T:a\0b", "T:a".encode("utf-16"), b"\x89PNG\r\n\x1a\n\x00", b"T:\x81\xff"]
)
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="not text"):
        Source("a.abc", data).text()


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="empty"):
        Source("a.abc", data).text()


def test_a_path_is_a_file_a_folder_or_a_glob(tmp_path: Path) -> None:
    for name in ("b.abc", "sub/a.ABC", "sub/[c].abc", "notes.txt", ".hidden.abc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    def found(path: Path | str) -> list[str]:
        sources = file_sources(path, "data.path")
        assert all(Path(source.label).read_bytes() == source.data for source in sources)
        return [Path(source.label).relative_to(tmp_path).as_posix() for source in sources]

    assert found(tmp_path / "notes.txt") == ["notes.txt"]
    assert found(tmp_path / "sub/[c].abc") == ["sub/[c].abc"]
    assert found(tmp_path) == ["b.abc", "sub/[c].abc", "sub/a.ABC"]
    assert found(f"{tmp_path}/*.txt") == ["notes.txt"]
    assert found(f"{tmp_path}/**/*.abc") == ["b.abc", "sub/[c].abc"]


@pytest.mark.parametrize("path", ["absent.abc", "absent/*.abc", "folder"])
def test_a_missing_path_names_the_key(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"^data\.test_path must be a f.*; .*\S$") as caught:
        file_sources(tmp_path / path, "data.test_path")
    assert str(tmp_path / path) in str(caught.value)


def test_folk_is_found_without_importing_its_package() -> None:
    sources = folk_sources()
    assert len(sources) > 1000
    assert {source.label.split("/")[0] for source in sources} == set(BOOKS)
    assert "music21" not in sys.modules


def test_folk_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "music21").mkdir()
    (tmp_path / "music21/__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(
        InputError, match=r"^the corpus folk must find .* no oneills1850 .*pip install"
    ):
        folk_sources()


def test_masked_words_are_unmasked() -> None:
    data = b"T:Wat:erloo\nT:Look at: it\n"
    assert Source("a.abc", data, masked=True).text()[0] == "T:Waterloo\nT:Look at: it\n"
    assert Source("a.abc", data).text()[0] == data.decode()
