"""Melodies: the notes of a tune as measures count them."""

from dataclasses import dataclass
from functools import lru_cache

from musicgen.music.key import LETTERS, SEMITONES, Key
from musicgen.music.tune import Tune
from musicgen.music.voice import Voice


@dataclass(frozen=True)
class Melody:
    """One voice, note by note, as written: repeats are not played out.

    A chord counts as its highest note, notes tied together count as one; rests and grace notes are
    left out, so that the notes around them follow each other. The lists have one item per note.
    """

    pitches: list[int]
    """MIDI pitches."""
    lengths: list[int]
    """Ticks, ties joined."""
    degrees: list[int]
    """Semitones above the nearest tonic below, 0 to 11; -1 in a key without a tonic (`K:none`)."""
    in_key: list[bool]
    """Whether the note is in the signature (explicit accidentals included)."""


def melodies(tune: Tune) -> list[Melody]:
    """The melodies of all voices that have a note."""
    lines = (_melody(voice) for voice in tune.voices)
    return [line for line in lines if line.pitches]


def _melody(voice: Voice) -> Melody:
    pitches: list[int] = []
    lengths: list[int] = []
    degrees: list[int] = []
    in_key: list[bool] = []
    held: tuple[int, ...] = ()
    for bar in voice.bars:
        degree_of, of_key = _places(bar.key)
        for index in range(bar.first, bar.last):
            event = voice.events[index]
            if not event.pitches:
                held = ()
                continue
            top = max(event.pitches)
            if top in held and top == pitches[-1]:
                lengths[-1] += event.length
            else:
                pitches.append(top)
                lengths.append(event.length)
                degrees.append(degree_of[top % 12])
                in_key.append(of_key[top % 12])
            held = voice.ties.get(index, ())
    return Melody(pitches, lengths, degrees, in_key)


@lru_cache(maxsize=256)
def _places(key: Key) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Degree, and whether the signature has it, of each sounding pitch class from C to B."""
    scale = {
        (natural + alter + key.transpose) % 12
        for natural, alter in zip(SEMITONES, key.signature, strict=True)
    }
    of_key = tuple(pitch_class in scale for pitch_class in range(12))
    if not key.tonic:
        return (-1,) * 12, of_key
    sign = key.tonic.count("#") - key.tonic.count("b")
    tonic = SEMITONES[LETTERS.index(key.tonic[0])] + sign + key.transpose
    return tuple((pitch_class - tonic) % 12 for pitch_class in range(12)), of_key
