"""Bass and chords under a tune, against those that abc2midi plays; instruments and grace notes."""

import io
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music import midi_bytes, parse
from musicgen.music.directives import directives
from musicgen.music.grammar import Kind
from musicgen.music.harmony import NO_CHORD, chord
from musicgen.music.performance import BAGPIPE, FIDDLE, GUITAR, perform
from musicgen.music.wav import wav_bytes
from tests.music.corpora import report_tunes
from tests.music.judge import ask, difference, play, with_explicit_repeats, without_ornaments

judged = pytest.mark.skipif(
    shutil.which("abc2midi") is None, reason="needs abc2midi: apt install abcmidi"
)
Notes = set[tuple[Fraction, Fraction, int]]
"""(Onset, end, MIDI pitch), times in 24ths of a quarter note."""
HEADER = "T:t\nM:4/4\nL:1/8\nK:C\n"


def read(file: mido.MidiFile) -> list[Notes]:
    """Of each track that has notes. abc2midi starts a tick late."""
    tracks = []
    for track in file.tracks:
        now, began, notes = 0, {}, set()
        for message in track:
            now += message.time
            time = Fraction(round(Fraction(24 * now, file.ticks_per_beat)), 24)
            if message.type == "note_on" and message.velocity:
                began[message.note, message.channel] = time
            elif message.type.startswith("note"):
                onset = began.pop((message.note, message.channel), None)
                notes |= set() if onset is None else {(onset, time, message.note)}
        if notes:
            tracks.append(notes)
    return tracks


def ours(abc: str, *, accompanied: bool = True) -> list[Notes]:
    return read(mido.MidiFile(file=io.BytesIO(midi_bytes(parse(abc), accompanied=accompanied))))


def theirs(abc: str, folder: Path) -> list[Notes]:
    plain = without_ornaments(abc)
    (folder / "tune.abc").write_text(f"X:1\n%%MIDI chordattack 0\n{plain}\n")
    command = ["abc2midi", "tune.abc", "1", "-o", "tune.mid", "-NGRA"]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return read(mido.MidiFile(folder / "tune.mid"))


def without_chords(abc: str) -> str:
    tune = parse(abc)
    spans = [(m.start, m.end) for v in tune.voices for m in v.marks if m.kind is Kind.STRING]
    for start, end in sorted(spans, reverse=True):
        abc = abc[:start] + abc[end:]
    return abc


def assert_as_judged(abc: str, folder: Path) -> None:
    """What sounds beside the voices is the same."""
    mine = ours(abc)[len(parse(abc).voices) :]
    silent = theirs(without_chords(abc), folder)
    other = [track for track in theirs(abc, folder) if track not in silent]
    assert set().union(*other) == set().union(*mine)


METERS = {
    "4/4": 8,
    "C|": 8,
    "2/4": 4,
    "3/4": 6,
    "3/8": 3,
    "6/8": 6,
    "9/8": 9,
    "12/8": 12,
    "5/4": 10,
    "5/8": 5,
    "7/4": 14,
    "7/8": 7,
    "6/4": 12,
    "none": 8,
}


@judged
@pytest.mark.parametrize(("meter", "units"), METERS.items())
def test_each_meter_has_its_pattern(meter: str, units: int, tmp_path: Path) -> None:
    bars = f'"C"{"CDEFGABcdefgab"[:units]}|"Am7"e{units}|'
    abc = HEADER.replace("4/4", meter) + bars
    assert_as_judged(abc, tmp_path)


@judged
@pytest.mark.parametrize(
    "music",
    [
        '"C"GA|"G"G8|z8|"C"c4 "F"c4|"C"c3 "F"c5|"C"c2"F"c2"G"c2"C"c2|',
        'GA|G8|"C"c8:|"F"f8|',
        '|:"C"C8|1"G"G8:|2"F"F8|]',
        '"C"C8|"G"G4||"F"f4|"C"C8|"G"G4|"F"f8|',
        '"Am/C"C8|"Am7/G"C8|"C/E"E8|"C/D"E8|"B/D#"B8|"Cb"c8|"D/F#"d8|',
        '"C""F"C4"^slowly"C4|[M:6/8]C6|[M:3/4]"G"C6|"c"C6|"F#m"[CEG]6|',
        'V:1\n"C"C8|"G"G8|\nV:2\nC,8|C,8|',
        'V:1\nC8|G8|\nV:2\n"F"C,8|C,8|',
    ],
)
def test_chords_sound_where_they_stand(music: str, tmp_path: Path) -> None:
    assert_as_judged(HEADER + music, tmp_path)


# Not sus4, which abc2midi plays as major.
KINDS = "m 7 m7 maj7 M7 6 m6 aug + aug7 dim dim7 9 m9 maj9 M9 11 dim9 sus sus9 7sus4 7sus9 5"


@judged
@pytest.mark.parametrize("kind", KINDS.split())
def test_each_kind_of_chord_sounds_as_in_abc2midi(kind: str, tmp_path: Path) -> None:
    assert_as_judged(HEADER + f'"Eb{kind}"C8|', tmp_path)


@judged
@pytest.mark.slow
def test_chords_of_real_tunes_sound_as_abc2midi_plays_them(tmp_path: Path) -> None:
    """Those of the report's corpus that have chords which the judge knows, in an order of repeats
    that the judge plays, too."""
    count = 0
    for abc in report_tunes():
        text = "".join(line for line in abc.splitlines(True) if not line.startswith(("X:", "R:")))
        tune = parse(text)
        named = [chord(text[m.start + 1 : m.end - 1]) for v in tune.voices for m in v.marks]
        known = all(one is None or one.known for one in named) and "\\b" not in text
        if tune.problems or not known or not perform(tune).bass:
            continue
        text = with_explicit_repeats(tune)
        if not difference(play(tune), ask(text, tmp_path).voices):
            assert_as_judged(text, tmp_path)
            count += 1
    print(f"{count} tunes")
    assert count > 20


@pytest.mark.parametrize(
    ("symbol", "root", "intervals", "lowest"),
    [
        ("F♯m", 6, (0, 3, 7), 6),
        ("B♭maj7", 10, (0, 4, 7, 11), 10),
        ("C°7", 0, (0, 3, 6, 9), 0),
        ("Amin7", 9, (0, 3, 7, 10), 9),
        ("Gsus2", 7, (0, 2, 7), 7),
        ("Em7b5/Bb", 4, (0, 3, 6, 10), 10),
        ("(D7)", 2, (0, 4, 7, 10), 2),
        ("G7(Em)", 7, (0, 4, 7, 10), 7),
        ("E\\b", 3, (0, 4, 7), 3),
        ("C7b9", 0, (0, 4, 7), 0),
    ],
)
def test_each_spelling_names_its_chord(
    symbol: str, root: int, intervals: tuple[int, ...], lowest: int
) -> None:
    named = chord(symbol)
    assert named is not None
    assert (named.root, named.intervals, named.lowest) == (root, intervals, lowest)


@pytest.mark.parametrize("text", ["Fine", "D.C.", "D.S. al Coda", "Coda", "bass", "1", "", "slow"])
def test_words_in_quotes_are_no_chords(text: str) -> None:
    assert chord(text) is None


def test_n_c_silences_the_accompaniment() -> None:
    assert chord("N.C.") is NO_CHORD
    bass = perform(parse(HEADER + '"C"C8|"N.C."C8|"F"C8|')).bass
    assert bass is not None
    quarter = parse(HEADER + "C8").ticks // 4
    assert [note.onset // quarter for note in bass.notes] == [0, 2, 8, 10]


@pytest.mark.parametrize(
    "meter", ["3/2", "4/8", "2/8", "1/4", "4/2", "15/8", "11/8", "64/1", "8/8"]
)
def test_any_meter_is_accompanied(meter: str) -> None:
    """abc2midi is silent in these."""
    tune = parse(f'M:{meter}\nL:1/8\nK:C\n"C"C64|')
    line = perform(tune).bass
    assert line is not None
    assert line.notes[0].onset == 0
    assert len(line.notes) < 40


def test_what_the_text_says_about_chords() -> None:
    off = "%%MIDI gchordoff\n"
    assert perform(parse(off + HEADER + '"C"C8|')).bass is None
    later = HEADER + f'"C"C8|\n{off}"G"C8|\n%%MIDI gchordon\n"F"C8|'
    bass = perform(parse(later)).bass
    assert bass is not None
    assert [note.pitch for note in bass.notes] == [36, 36, 41, 41]
    own = perform(parse("%%MIDI gchord f2c2\n" + HEADER + '"C"C8|')).lines
    quarter = parse(HEADER + "C8").ticks // 4
    assert [(n.onset // quarter, n.length // quarter) for n in own[1].notes] == [(0, 2)]
    assert {(n.onset // quarter, n.length // quarter) for n in own[2].notes} == {(2, 2)}


def test_a_switch_leaves_the_accompaniment_out() -> None:
    abc = HEADER + '"C"CDEFGABc|'
    assert len(ours(abc)) == 3
    assert len(ours(abc, accompanied=False)) == 1
    assert wav_bytes(parse(abc)) != wav_bytes(parse(abc), accompanied=False)
    plain = wav_bytes(parse(HEADER + "CDEFGABc|"))
    assert wav_bytes(parse(abc), accompanied=False) == plain


def programs(abc: str) -> list[list[tuple[Fraction, int]]]:
    """(Quarter note, instrument) of each track with notes."""
    midi = mido.MidiFile(file=io.BytesIO(midi_bytes(parse(abc))))
    found = []
    for track in midi.tracks[1:]:
        now, changes = 0, []
        for message in track:
            now += message.time
            if message.type == "program_change":
                changes.append((Fraction(now, midi.ticks_per_beat), message.program))
        found.append(changes)
    return found


@pytest.mark.parametrize(
    ("abc", "expected"),
    [
        ("K:C\nCDEF|", [[(0, FIDDLE)]]),
        ("K:HP\nCDEF|", [[(0, BAGPIPE)]]),
        ("%%MIDI program 73\nK:C\nCDEF|", [[(0, 73)]]),
        ("%%MIDI program 2 73\nK:C\nCDEF|", [[(0, 73)]]),
        ("I:MIDI program 73\nK:C\nCDEF|", [[(0, 73)]]),
        ("%%MIDI program 999\nK:C\nCDEF|", [[(0, FIDDLE)]]),
        ("L:1/4\nK:C\nCDEF|\n%%MIDI program 3\nGABc|", [[(0, FIDDLE), (4, 3)]]),
        ("L:1/4\nK:C\nCD[I:MIDI program 12]EF|", [[(0, FIDDLE), (2, 12)]]),
        ("%%MIDI program 5\nK:C\nV:1\nC|\nV:2\n%%MIDI program 7\nE|", [[(0, 5)], [(0, 7)]]),
        (
            '%%MIDI bassprog 43\nL:1/4\nK:C\n"C"CDEF|',
            [[(0, FIDDLE)], [(0, 43)], [(0, GUITAR)]],
        ),
    ],
)
def test_each_track_names_its_instrument(
    abc: str, expected: list[list[tuple[Fraction, int]]]
) -> None:
    assert programs(abc) == expected


def test_grace_notes_sound_in_midi_as_in_sound() -> None:
    """Two of 60 ms before a note: the note waits for them, and its end stays."""
    (notes,) = ours("L:1/4\nM:4/4\nQ:1/4=125\nK:C\nz{c'e'}c2z|")
    eighth = Fraction(1, 8)
    assert notes == {
        (1, 1 + eighth, 84),
        (1 + eighth, 1 + 2 * eighth, 88),
        (1 + 2 * eighth, 3, 72),
    }


def test_grace_notes_take_half_of_a_short_note() -> None:
    tune = parse("L:1/4\nQ:1/4=600\nK:C\n{cdef}c/4 c")
    *graces, note, after = perform(tune).voices[0].notes
    assert len(graces) == 4
    assert 2 * sum(grace.length for grace in graces) <= tune.ticks // 16
    assert note.onset + note.length == after.onset == tune.ticks // 16


@given(st.text(st.sampled_from('ABC"m7/|: {}c2[]#IMDV\n%'), max_size=60))
def test_any_text_is_performed(music: str) -> None:
    tune = parse(HEADER + '"C"c' + music)
    performed = perform(tune)
    assert all(0 <= n.pitch <= 127 and n.length > 0 for line in performed.lines for n in line.notes)
    if tune.notes:
        midi_bytes(tune)


def test_directives_know_their_voice() -> None:
    tune = parse("%%MIDI program 1\nK:C\nV:A\n%%MIDI program 2\nC|\nV:B\nI:MIDI = program 3\nC|")
    assert [(d.voice, d.words) for d in directives(tune)] == [
        ("", ("1",)),
        ("A", ("2",)),
        ("B", ("3",)),
    ]
