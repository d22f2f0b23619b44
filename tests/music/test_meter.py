"""Meter, unit note length and tempo."""

from fractions import Fraction

import pytest

from musicgen.music.meter import Meter, Tempo, parse_meter, parse_tempo, parse_unit


@pytest.mark.parametrize(
    ("value", "length", "unit"),
    [
        ("C", 1, Fraction(1, 8)),
        ("C|", 1, Fraction(1, 8)),
        ("2/4", Fraction(1, 2), Fraction(1, 16)),
        ("3/4", Fraction(3, 4), Fraction(1, 8)),
        ("6/8", Fraction(3, 4), Fraction(1, 8)),
        ("3/8", Fraction(3, 8), Fraction(1, 16)),
        ("(2+2+3)/8", Fraction(7, 8), Fraction(1, 8)),
        ("2+3/8", Fraction(5, 8), Fraction(1, 16)),
        ("4/2+2/2", 3, Fraction(1, 8)),
        ("none", None, Fraction(1, 8)),
        ("", None, Fraction(1, 8)),
    ],
)
def test_each_meter_has_its_length_and_unit(
    value: str, length: Fraction | None, unit: Fraction
) -> None:
    meter, complaint = parse_meter(value)
    assert complaint == ""
    assert meter.length == length
    assert meter.unit == unit


@pytest.mark.parametrize("value", ["4", "waltz", "0/4", "4/0", "99999/1", "1/99999", "+/8"])
def test_an_unknown_meter_is_free_and_reported(value: str) -> None:
    assert parse_meter(value) == (Meter(), f"unknown meter {value!r}")


def test_written_denominator_stays() -> None:
    assert parse_meter("6/8")[0] == Meter("6/8", 6, 8)
    assert parse_meter("6/8")[0].compound
    assert not parse_meter("3/4")[0].compound


def test_unit_note_lengths_are_fractions() -> None:
    assert parse_unit("1/16") == (Fraction(1, 16), "")
    assert parse_unit("1") == (Fraction(1), "")
    assert parse_unit("1/0") == (None, "unknown unit note length '1/0'")


@pytest.mark.parametrize(
    ("value", "tempo"),
    [
        ("1/4=120", Tempo(Fraction(1, 4), 120)),
        ("3/8 = 60", Tempo(Fraction(3, 8), 60)),
        ("1/4 3/8 1/4 3/8=40", Tempo(Fraction(5, 4), 40)),
        ('"Slow" 1/4=80', Tempo(Fraction(1, 4), 80, "Slow")),
        ('1/4=80 "Slow"', Tempo(Fraction(1, 4), 80, "Slow")),
        ("1/4=92.5", Tempo(Fraction(1, 4), 92)),
        ("100", Tempo(Fraction(1, 16), 100)),
        ("C=100", Tempo(Fraction(1, 16), 100)),
        ("C3=60", Tempo(Fraction(3, 16), 60)),
        ("C3/2 = 60", Tempo(Fraction(3, 32), 60)),
        ("1/4=60-80", Tempo(Fraction(1, 4), 60)),
        ("1/4=100 ca", Tempo(Fraction(1, 4), 100)),
        ("1/4=ca. 100", Tempo(Fraction(1, 4), 100)),
        ("ca. 100", Tempo(Fraction(1, 16), 100)),
        ("60..80", Tempo(Fraction(1, 16), 60)),
        ("100 bpm", Tempo(Fraction(1, 16), 100)),
        ("Presto 1/4=90", Tempo(Fraction(1, 4), 90)),
        ("120 = 3/8", Tempo(Fraction(3, 8), 120)),
        ("♩ = 96", Tempo(Fraction(1, 4), 96)),
        ('"Andante (3/8=80)"', Tempo(Fraction(3, 8), 80, "Andante (3/8=80)")),
        ('"Andante 80"', Tempo(Fraction(1, 16), 80, "Andante 80")),
        ("3/8", None),
        ("1/4=", None),
        ("Act 2/4", None),
        ('"Allegro"', None),
        ("Moderato", None),
        ("1/4=0", None),
    ],
)
def test_each_form_of_a_tempo_is_read(value: str, tempo: Tempo | None) -> None:
    assert parse_tempo(value, Fraction(1, 16)) == tempo
