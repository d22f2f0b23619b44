"""Tunes in other keys, and at other tempos."""

import re
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.errors import InputError
from musicgen.music import Tune, parse
from musicgen.music.arrangement import arrangement, with_tempo
from musicgen.music.tempo import usual_tempo
from musicgen.music.transposition import interval_of, semitones_to, transposed
from tests.music.corpora import folk_tunes, report_tunes

HEADER = "X:1\nT:A tune\nM:4/4\nL:1/8\nK:G\n"


def sounds(tune: Tune) -> list[list[tuple[int, int, tuple[int, ...]]]]:
    """(Onset, length, pitches) of each event, and the grace notes."""
    return [
        [(e.onset, e.length, e.pitches) for e in voice.events]
        + [(grace.event, 0, grace.pitches) for grace in voice.graces]
        for voice in tune.voices
    ]


def raised(tune: Tune, semitones: int) -> list[list[tuple[int, int, tuple[int, ...]]]]:
    return [
        [(at, length, tuple(pitch + semitones for pitch in pitches)) for at, length, pitches in v]
        for v in sounds(tune)
    ]


@pytest.mark.parametrize("semitones", [-12, -5, -1, 1, 2, 3, 6, 7, 12])
@pytest.mark.parametrize(
    "music",
    [
        "GABc defg|",
        "^G=F_B ^f|G=c^^c __B|[K:Em]e^d=d|",
        "^f4-|f2 f2|[^FA]4-|[FA]4|",
        '{^gf}e4 "Am/C"[^CE^G]4|',
        "[K:D exp _b ^g]DGBg|[K:none]FB|[K:HP]fc|",
        "V:1\nG2 A2|\nV:2 transpose=-2\nG,2 ^A,2|\nV:3 clef=treble-8 octave=1\n=f2|",
        "G4 & B,4|C,, g''|",
    ],
)
def test_everything_sounds_higher(music: str, semitones: int) -> None:
    tune = parse(HEADER + music)
    moved = parse(transposed(tune.text, semitones))
    assert sounds(moved) == raised(tune, semitones)


@pytest.mark.slow
@pytest.mark.parametrize("semitones", [-3, 1, 5])
def test_real_tunes_sound_higher(semitones: int) -> None:
    for text in folk_tunes()[::29] + report_tunes()[::17]:
        tune = parse(text)
        if tune.notes:
            moved = parse(transposed(text, semitones))
            assert sounds(moved) == raised(tune, semitones), tune.field("T")
            assert abs(moved.key.sharps) <= 7
            keyless = any("no K: field" in problem.message for problem in tune.problems)
            assert len(moved.problems) == len(tune.problems) - keyless


@given(st.text(st.sampled_from('abcdABC^_=|:12/ >-(z[]{}"~.&\nKV'), max_size=60))
def test_any_text_sounds_higher_or_is_refused(music: str) -> None:
    tune = parse(HEADER + "|c" + music)
    try:
        moved = parse(transposed(tune.text, 2))
    except InputError:
        return
    assert sounds(moved) == (raised(tune, 2) if tune.notes else sounds(tune))


@pytest.mark.parametrize(
    ("key", "semitones", "expected"),
    [
        ("G", 2, "A"),
        ("Em", -2, "Dm"),
        ("F#m", 1, "Gm"),
        ("C", 1, "Db"),
        ("C", 6, "Gb"),
        ("F", 1, "Gb"),
        ("D", 4, "F#"),
        ("Bb", -1, "A"),
        ("Ador", 2, "Bdor"),
        ("A Mixolydian", 2, "B Mixolydian"),
        ("D =c", 2, "E =d"),
        ("D=c", 1, "Eb_d"),
        ("D exp _b ^f", 2, "E exp =c ^g"),
        ("G clef=bass octave=1", 2, "A clef=bass octave=1"),
        ("none", 2, "none"),
        ("HP", 2, "E"),
        ("G % in G", 2, "A % in G"),
    ],
)
def test_keys_are_respelled_with_few_accidentals(key: str, semitones: int, expected: str) -> None:
    text = transposed(f"X:1\nK:{key}\nGABc|", semitones)
    assert re.findall("K:(.*)", text) == [expected]


def test_a_tune_without_a_key_gets_one() -> None:
    assert transposed("X:1\nM:4/4\nCDEF|", 2) == "X:1\nM:4/4\nK:D\nDEFG|"


def test_notes_and_chords_keep_their_spelling() -> None:
    abc = HEADER + '"G"G2^AB "D7/F#"c2=f2|"^Go"g4 "Bm"{c}d\'4|'
    assert transposed(abc, 2) == (
        'X:1\nT:A tune\nM:4/4\nL:1/8\nK:A\n"A"A2^Bc "E7/G#"d2=g2|"^Go"a4 "C#m"{d}e\'4|'
    )


def test_seven_sharps_at_most() -> None:
    for sharps in ("C", "G", "D", "A", "E", "B", "F#", "C#", "F", "Bb", "Eb", "Ab", "Db", "Gb"):
        for semitones in {*range(-12, 13)} - {0}:
            key = parse(f"K:{sharps}\nc").key
            moved = parse(transposed(f"K:{sharps}\nc", semitones)).key
            assert abs(moved.sharps) <= 6
            assert interval_of(key, semitones).semitones == semitones


@pytest.mark.parametrize(
    ("key", "to", "semitones"),
    [
        ("G", "A", 2),
        ("G", "F", -2),
        ("Em", "G", 3),
        ("Em", "Am", 5),
        ("C", "F#", -6),
        ("G", "G", 0),
    ],
)
def test_a_key_to_go_to(key: str, to: str, semitones: int) -> None:
    assert semitones_to(parse(f"K:{key}\nc"), to) == semitones


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("25", "transpose must be from -24 to 24 semitones, got 25"),
        ("H", "transpose must be semitones or a key, got 'H'"),
        ("up", "transpose must be semitones or a key, got 'up'"),
        ("1.5", "transpose must be semitones or a key, got '1.5'"),
        ("", "transpose must be semitones or a key, got nothing"),
    ],
)
def test_a_transposition_that_is_none_is_refused(value: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        arrangement(value, None)


def test_a_key_of_another_mode_is_refused() -> None:
    with pytest.raises(InputError, match="a key of the tune's mode, which is maj, got Am"):
        arrangement("Am", None).apply(HEADER + "G")


def test_notes_stay_playable() -> None:
    with pytest.raises(InputError, match="keep notes playable"):
        transposed("K:C\nC,,,,", -24)


@pytest.mark.parametrize(
    ("header", "tempo", "expected"),
    [
        ("M:4/4\nK:G\n", "1/4=100", "M:4/4\nQ:1/4=100\nK:G\n"),
        ("M:6/8\nQ:1/4=80\nK:G\n", "3/8=100", "M:6/8\nQ:3/8=100\nK:G\n"),
        ("Q:80\nM:6/8\nK:G\n", "100", "M:6/8\nQ:3/8=100\nK:G\n"),
        ("M:C|\nK:G\n", "90", "M:C|\nQ:1/2=90\nK:G\n"),
        ("M:3/4\n", "90", "M:3/4\nQ:1/4=90\n"),
    ],
)
def test_a_tempo_replaces_that_of_the_header(header: str, tempo: str, expected: str) -> None:
    assert with_tempo(f"X:1\n{header}GAB|", tempo) == f"X:1\n{expected}GAB|"
    rate = usual_tempo(parse(f"X:1\n{expected}GAB|")).rate
    assert isclose(rate, float(tempo.rpartition("=")[2]))


@pytest.mark.parametrize("tempo", ["fast", "", "1/4=0", "100\nK:D", "1/4=100 % x"])
def test_a_tempo_that_is_no_abc_tempo_is_refused(tempo: str) -> None:
    with pytest.raises(InputError, match=r"header\.tempo must be as an ABC Q: field has it"):
        arrangement(None, tempo)
