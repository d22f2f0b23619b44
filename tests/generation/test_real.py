"""Real tunes that a network's own are measured against."""

from pathlib import Path

from musicgen import corpus
from musicgen.generation import RealTunes
from tests.tunes import tunes


def test_a_corpus_is_measured_once(tmp_path: Path) -> None:
    def real(n: int) -> RealTunes:
        (tmp_path / "tunes.txt").write_text(tunes(n))
        found = corpus.load("files", path=tmp_path / "tunes.txt", root=tmp_path / "data")
        return RealTunes.of(found)

    first = real(30).measures()
    assert real(30).measures() is first
    assert real(60).measures()["tunes"] == 2 * first["tunes"] == 6
