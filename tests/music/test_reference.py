import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music import parse, reference
from musicgen.music.reference import Reference, Run

THEMES = ["CDEFGABc", "CEGcGEC", "", "DdCcBb"]


def written(theme: str, title: str = "", key: str = "C") -> str:
    return f"T:{title}\nM:4/4\nL:1/8\nK:{key}\n{theme}|]"


TUNES = [parse(written(theme, f"No. {n}")) for n, theme in enumerate(THEMES, 1)]


def saved(made: Reference) -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def same(left: Reference, right: Reference) -> bool:
    return saved(left) == saved(right)


def test_the_longest_run_names_the_tune_that_has_it() -> None:
    made = Reference.of(TUNES)
    asked = ["GBd", "GABcde=f", "z", "A"]
    runs = made.longest_runs(parse(written(theme, key="G")) for theme in asked)
    assert runs == [Run(3, 2, "No. 2"), Run(6, 1, "No. 1"), Run(0, 0, ""), Run(0, 0, "")]


@given(st.lists(st.sampled_from(TUNES) | st.text().map(lambda t: parse(written("CD", t)))))
def test_a_reference_comes_back_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, tunes: list[reference.Tune]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "reference.npz"
    made = Reference.of(tunes)
    path.write_bytes(saved(made))
    back = Reference.load(path)
    assert back is not None
    assert same(back, made)
    assert len(back.titles) == len(tunes)
    assert back.longest_runs(TUNES) == made.longest_runs(TUNES)


def test_what_cannot_be_used_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reference.npz"
    assert Reference.load(path) is None
    assert Reference.load(tmp_path) is None
    whole = saved(Reference.of(TUNES))
    for damaged in [b"", b"PK", b"junk" * 100, whole[: len(whole) // 2], whole[200:]]:
        path.write_bytes(damaged)
        assert Reference.load(path) is None
    path.write_bytes(whole)
    assert Reference.load(path) is not None
    monkeypatch.setattr(reference, "VERSION", reference.VERSION + 1)
    assert Reference.load(path) is None


def test_a_changed_byte_is_noticed_or_makes_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    made = Reference.of(TUNES)
    whole = saved(made)
    draw = np.random.default_rng(0)
    noticed = 0
    for place in draw.integers(0, len(whole), 300):
        bent = bytearray(whole)
        bent[place] ^= 1 << draw.integers(8)
        path.write_bytes(bent)
        back = Reference.load(path)
        noticed += back is None
        assert back is None or same(back, made)
    assert noticed > 100


def test_nothing_in_the_file_can_run(tmp_path: Path) -> None:
    path = tmp_path / "reference.npz"
    with path.open("wb") as file:
        np.savez(file, version=np.array([{"a": 1}], dtype=object))
    assert Reference.load(path) is None
