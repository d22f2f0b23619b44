"""MIDI files, read back with mido."""

import io
from fractions import Fraction

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.errors import InputError
from musicgen.music import midi_bytes, parse
from tests.music.judge import play, read_notes

HEADER = "T:A tune\nM:6/8\nL:1/8\nQ:3/8=90\nK:Em\n"


def messages(abc: str, kind: str) -> list[tuple[Fraction, dict[str, object]]]:
    """(Quarter note, attributes) of the messages of a kind, in all tracks."""
    midi = mido.MidiFile(file=io.BytesIO(midi_bytes(parse(abc))), charset="utf-8")
    found = []
    for track in midi.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == kind:
                attributes = {k: v for k, v in vars(message).items() if k not in ("type", "time")}
                found.append((Fraction(now, midi.ticks_per_beat), attributes))
    return found


def test_title_key_meter_and_tempo_are_written_when_they_change() -> None:
    abc = HEADER + "|:efg efg:|[M:3/4][K:Bb][Q:1/4=100]e2 f2 g2|e[Q:1/4=50]fe2f2|]\n"
    assert messages(abc, "track_name") == [(0, {"name": "A tune"})]
    assert messages(abc, "key_signature") == [(0, {"key": "Em"}), (6, {"key": "Bb"})]
    times = [(at, m["numerator"], m["denominator"]) for at, m in messages(abc, "time_signature")]
    assert times == [(0, 6, 8), (6, 3, 4)]
    tempos = [(at, m["tempo"]) for at, m in messages(abc, "set_tempo")]
    assert tempos == [(0, 444444), (6, 600000), (Fraction(19, 2), 1200000)]


def test_a_note_ends_before_its_pitch_begins_again() -> None:
    """The same pitch twice: the first ends before the second begins."""
    track = mido.MidiFile(file=io.BytesIO(midi_bytes(parse("L:1/4\nK:C\nCC[CE]")))).tracks[1]
    kinds = [(m.type, m.note) for m in track if m.type.startswith("note")]
    on, off = "note_on", "note_off"
    assert kinds == [(on, 60), (off, 60)] * 2 + [(on, 60), (on, 64), (off, 60), (off, 64)]


MUSIC = st.text(st.sampled_from("abcABC^_=|:123456789/ >-(z[]"), max_size=80)


@given(MUSIC)
def test_times_are_exact(music: str) -> None:
    tune = parse(HEADER + "|c" + music)
    if tune.ticks == 80_640:
        assert read_notes(io.BytesIO(midi_bytes(tune))) == play(tune)


def test_times_too_fine_are_rounded() -> None:
    tune = parse("L:1/4\nK:C\nc/3c/5c/7c/11c/13c/17c")
    (notes,) = read_notes(io.BytesIO(midi_bytes(tune)))
    (exact,) = play(tune)
    for (onset, pitch), (expected, same) in zip(notes, exact, strict=True):
        assert pitch == same
        assert abs(onset - expected) <= Fraction(1, 0x7FFF)


@given(st.text(max_size=300))
def test_hostile_titles_are_short_and_printable(title: str) -> None:
    midi = midi_bytes(parse(f"T:{title}\nK:C\nc"))
    name = mido.MidiFile(file=io.BytesIO(midi), charset="utf-8").tracks[0][0].name
    assert len(name) <= 120
    assert name.isprintable()


def test_lone_surrogate_in_the_title() -> None:
    assert b"a b" in midi_bytes(parse("T:a\ud800b\nK:C\nc"))


def test_voices_keep_off_the_drums() -> None:
    abc = "L:1/4\nK:C\n" + "".join(f"V:{number}\nc\n" for number in range(20))
    channels = [m["channel"] for _, m in messages(abc, "note_on")]
    assert len(channels) == 20
    assert 9 not in channels


def test_a_tune_without_notes_is_refused() -> None:
    with pytest.raises(InputError, match="needs a note"):
        midi_bytes(parse("K:C\nz4|"))
