"""Key signatures and transposition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music.clef import Clef
from musicgen.music.key import Key, parse_key, scale_of

C, D, E, F, G, A, B = range(7)


@pytest.mark.parametrize(
    ("value", "sharps"),
    [
        ("C", 0), ("G", 1), ("Bb", -2), ("F#", 6), ("Gb", -6), ("C#", 7), ("Cb", -7),
        ("Am", 0), ("A minor", 0), ("GM", -2), ("F#m", 3), ("Ebmin", -6),
        ("Dmix", 1), ("A Mixolydian", 2), ("Ador", 1), ("ADor", 1), ("Ephr", 0), ("Flyd", 0),
        ("Bloc", 0), ("D aeolisch", -1), ("Cion", 0), ("Bbmaj", -2), ("Bb major", -2),
        ("none", 0), ("", 0), ("HP", 2), ("Hp", 2), ("G bass", 1), ("D exp", 0),
    ],
)  # fmt: skip
def test_each_key_has_its_signature(value: str, sharps: int) -> None:
    key, complaint = parse_key(value)
    assert key.sharps == sharps
    assert sum(key.signature) == sharps
    assert complaint == ""


@given(st.sampled_from("CDEFGAB"), st.sampled_from(["", "#", "b"]))
def test_modes_share_signatures(letter: str, sign: str) -> None:
    """The dorian scale on a note has the signature of the major scale a whole tone below."""
    offsets = {"mix": 7, "dor": 2, "min": 9, "phr": 4, "lyd": 5, "loc": 11}
    for mode, semitones in offsets.items():
        key = parse_key(letter + sign + mode)[0]
        major = parse_key(letter + sign)[0]
        # A fifth up is a sharp more: 7 semitones, modulo 12 (and 12 sharps are none).
        assert (key.sharps - major.sharps) * 7 % 12 == -semitones % 12


def test_explicit_accidentals_add_to_the_signature() -> None:
    key = parse_key("D =c ^g _b")[0]
    assert key.accidentals == (("C", 0), ("G", 1), ("B", -1))
    assert [key.signature[i] for i in (C, F, G, B)] == [0, 1, 1, -1]
    assert parse_key("Hijaz")[1] == "unknown key 'Hijaz'"
    assert parse_key("Bn")[1] == "unknown mode 'n'"


def test_a_clef_keeps_the_key() -> None:
    before = parse_key("Edor")[0]
    assert parse_key("clef=bass", before) == (before, "")
    assert parse_key("Am clef=treble-8", before)[0] == Key("A", "min", 0, (), -12)


def test_clefs_and_parameters_add_up_to_a_transposition() -> None:
    assert parse_key("C clef=bass transpose=-2 octave=1")[0].transpose == 10
    assert Clef().changed("name=Fiddle clef=treble+8")[0].transpose == 12
    assert Clef().changed("") == (Clef(), "")


def test_a_scale_has_the_sharps_of_its_key() -> None:
    scale = scale_of(parse_key("D")[0])
    assert scale[35] == (61,)  # C sharp above middle C
    assert all(0 <= pitch <= 127 for (pitch,) in scale)
