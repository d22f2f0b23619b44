"""How fast a tune goes."""

from fractions import Fraction

import pytest

from musicgen.music import parse
from musicgen.music.tempo import Clock, usual_tempo


@pytest.mark.parametrize(
    ("header", "beat", "rate"),
    [
        ("Q:1/4=90\nM:6/8\nR:jig", "1/4", 90),
        ("M:6/8\nR:Double jig", "3/8", 116),
        ("M:9/8\nR:slip jig", "3/8", 120),
        ("M:C|\nR:Reel", "1/2", 100),
        ("M:2/4\nR:reel", "1/4", 120),  # in half notes it would be twice too fast
        ("M:3/4\nR:waltz", "1/4", 144),
        ("M:6/8\nR:march", "3/8", 112),
        ("M:4/4\nR:march", "1/4", 108),
        ("M:6/8", "3/8", 112),
        ("M:4/4", "1/4", 160),
        ("M:2/2", "1/2", 90),
        ("M:7/8", "1/8", 120),
        ("", "1/4", 120),
    ],
)
def test_a_tune_without_a_tempo_has_that_of_its_rhythm(header: str, beat: str, rate: int) -> None:
    tempo = usual_tempo(parse(f"{header}\nK:G\nA"))
    assert (tempo.beat, tempo.rate) == (Fraction(beat), rate)


def test_a_repeat_goes_back_to_its_tempo() -> None:
    tune = parse("L:1/4\nQ:1/4=60\nK:C\n|:AB|[Q:1/4=120]cd:|e")
    clock = Clock(tune)
    onsets = [clock.seconds(note.onset) for note in tune.unfolded()[0]]
    assert onsets == pytest.approx([0, 1, 2, 2.5, 3, 4, 5, 5.5, 6])


@pytest.mark.parametrize(("tempo", "seconds"), [("1/4=1", 3.0), ("1/1=9999", 0.1)])
def test_a_mad_tempo_is_bounded(tempo: str, seconds: float) -> None:
    tune = parse(f"L:1/4\nQ:{tempo}\nK:C\nAB")
    assert Clock(tune).seconds(tune.ticks // 4) == pytest.approx(seconds)
