"""Clefs, octaves and transpositions: each holds until a field says another, and none adds up."""

import pytest

from musicgen.music import parse
from musicgen.music.clef import Clef

HEADER = "M:4/4\nL:1/4\n"


def pitches(abc: str) -> list[list[int]]:
    """Of each voice, in the order in which they begin."""
    return [[p for event in voice.events for p in event.pitches] for voice in parse(abc).voices]


@pytest.mark.parametrize(
    ("fields", "semitones"),
    [
        (["treble-8", "treble-8", "bass", "treble+8"], [-12, -12, 0, 12]),
        (["octave=-1", "octave=-1", "", "octave=0"], [-12, -12, -12, 0]),
        (["transpose=3", "transpose=2", "clef=bass", "transpose=-12"], [3, 2, 2, -12]),
        (["treble-8 octave=1", "clef=treble", "octave=-1 transpose=1"], [0, 12, -11]),
        (["bass middle=d", "middle=d", "bass"], [0, 0, 0]),
        (["clef=treble+15", "clef=G2", "clef=F_8", "none"], [24, 0, -12, 0]),
    ],
)
def test_what_a_field_names_replaces_what_was(fields: list[str], semitones: list[int]) -> None:
    expected = [60 + number for number in semitones]
    own_lines = "".join(f"K:C {options}\nC4|\n" for options in fields)
    assert pitches(HEADER + own_lines) == [expected]
    inline = "".join(f"[K:{options}]C4|" if options else "[K:C]C4|" for options in fields)
    assert pitches(f"{HEADER}K:C\n{inline}\n") == [expected]
    of_voice = "".join(f"V:2 {options}\nC4|\n" for options in fields)
    assert pitches(f"{HEADER}K:C\n{of_voice}\n") == [expected]
    inline = "".join(f"[V:2 {options}]C4|" for options in fields)
    assert pitches(f"{HEADER}K:C\n{inline}\n") == [expected]


def test_a_key_alone_keeps_the_octave_and_a_clef_ends_it() -> None:
    music = "CDEF|\nK:G treble-8\nGABc|\n[K:D]GABc|[K:treble]GABc|"
    assert pitches(f"{HEADER}K:C treble-8\n{music}") == [
        [48, 50, 52, 53, 55, 57, 59, 60, 55, 57, 59, 61, 67, 69, 71, 73]
    ]


def test_a_clef_behind_no_key_holds() -> None:
    assert pitches(f"{HEADER}K:none clef=treble-8\nC4|[K:none treble+8]C4|") == [[48, 72]]


def test_each_voice_has_its_own() -> None:
    """`K:` in the header is for all voices, `V:` for its own, there and where its music begins."""
    header = f"{HEADER}V:1 clef=treble-8\nV:2 transpose=-2\nK:C octave=1\n"
    music = "V:1\nC4|\nV:2\nC4|\nV:3 octave=0\nC4|\nV:1\n[K:G]C4|\nV:2 octave=0\nC4|\nV:3\nC4|\n"
    assert pitches(header + music) == [[60, 60], [70, 58], [60, 60]]


def test_a_voices_transposition_is_on_top_of_the_headers() -> None:
    header = f"{HEADER}K:F transpose=24\nV:1\nC4|\nV:2\n"
    for field in ("K:C transpose=-24\nC4|\nK:G\n", "V:2 transpose=-24\nC4|\nV:2\n"):
        assert pitches(f"{header}{field}C4|\nV:1\nC4|") == [[84, 84], [60, 60]]
    again = "K:F transpose=24\nC4|[K:G transpose=24]C4|"
    assert pitches(f"{header}{again}") == [[84], [84, 84]]


def test_a_name_is_no_clef() -> None:
    tune = parse(f'{HEADER}V:1 name="treble-8 octave=2" clef=bass\nK:C\nV:1\nC4|\n')
    assert tune.voices[0].clefs == ((0, Clef("bass", 4)),)
    assert tune.voices[0].events[0].pitches == (60,)


@pytest.mark.parametrize(
    ("options", "clef"),
    [
        ("bass", Clef("bass", 4)),
        ("clef=alto1", Clef("alto", 1)),
        ("clef=tenor-8", Clef("tenor", 4, -1)),
        ('clef="bass3+8"', Clef("bass", 3, 1)),
        ("Treble", Clef()),
        ("soprano", Clef("alto", 1)),
        ("bass middle=d", Clef("bass", 4, middle=2)),
        ("treble middle=d", Clef("treble", 1)),
        ("octave=-2 t=-2", Clef(octave=-2, semitones=-2)),
    ],
)
def test_each_clef_is_read(options: str, clef: Clef) -> None:
    assert Clef().changed(options) == (clef, "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("clef=fiddle", "unknown clef 'fiddle'"),
        ("octave=x", "octave= must be a number from -4 to 4, got 'x'"),
        ("transpose=99999", "transpose= must be a number from -48 to 48, got '99999'"),
        ("middle=k", "middle= names no note: 'k'"),
        ("shift=CD", "shift=CD is not understood; its notes are read as they stand"),
    ],
)
def test_what_is_not_understood_is_listed(options: str, complaint: str) -> None:
    assert Clef().changed(options) == (Clef(), complaint)
    for field in (f"K:C {options}", f"K:C\nV:1 {options}"):
        assert [p.message for p in parse(f"{HEADER}{field}\nC4|").problems] == [complaint]


def test_a_clef_changes_at_its_note() -> None:
    voice = parse(f"{HEADER}K:C\nCD[K:bass]EF|[K:treble]G4|").voices[0]
    assert voice.clefs == ((0, Clef()), (2, Clef("bass", 4)), (4, Clef()))
