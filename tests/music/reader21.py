"""Reads MusicXML files with music21, in a process of its own: python reader21.py <file> ...

Prints, for each file, a JSON object with what music21 found in it.
"""

import json
import sys
import warnings
from typing import Any

from music21 import bar, converter, harmony, key, note, repeat, spanner, stream, tempo


def part(read: stream.Part) -> dict[str, Any]:
    """Its notes and what stands at them; offsets in quarter notes since the part's beginning."""
    sounding = read.toSoundingPitch()
    measures = list(read.getElementsByClass(stream.Measure))
    return {
        "measures": [float(m.offset) for m in measures],
        "numbers": [m.number for m in measures],
        "notes": notes(sounding),
        "graces": [
            [p.midi for p in n.pitches]
            for n in sounding.recurse().notes
            if n.duration.isGrace and not isinstance(n, harmony.Harmony)
        ],
        "chords": [
            [float(symbol.getOffsetInHierarchy(read)), *named(symbol)]
            for symbol in read.recurse().getElementsByClass(harmony.Harmony)
        ],
        "lyrics": [
            [float(n.getOffsetInHierarchy(read)), lyric.number, lyric.text, lyric.syllabic]
            for n in read.recurse().notes
            for lyric in getattr(n, "lyrics", [])
        ],
        "repeats": [
            [index, sign.direction]
            for index, m in enumerate(measures)
            for sign in m.getElementsByClass(bar.Repeat) or [m.leftBarline, m.rightBarline]
            if isinstance(sign, bar.Repeat)
        ],
        "endings": [
            [measures.index(bracket.getFirst()), measures.index(bracket.getLast()), bracket.number]
            for bracket in read.recurse().getElementsByClass(spanner.RepeatBracket)
        ],
        "keys": [
            [float(k.getOffsetInHierarchy(read)), [f"{p.name}" for p in k.alteredPitches]]
            for k in read.recurse().getElementsByClass(key.KeySignature)
        ],
        "tempos": [
            [float(mark.getOffsetInHierarchy(read)), mark.getQuarterBPM()]
            for mark in read.recurse().getElementsByClass(tempo.MetronomeMark)
        ],
        "played": played(sounding),
    }


def notes(read: stream.Stream) -> list[list[Any]]:
    """[offset, length, pitches] of notes and chords, ties joined."""
    flat = read.stripTies().flatten()
    return [
        [float(n.offset), float(n.quarterLength), sorted(p.midi for p in n.pitches)]
        for n in flat.notes
        if not n.duration.isGrace and not isinstance(n, harmony.Harmony)
    ]


def played(read: stream.Part) -> list[list[Any]]:
    """[offset, pitches] with the repeats played out; ties not joined."""
    try:
        expanded = read.expandRepeats()
    except repeat.ExpanderException as error:
        return [["error", str(error)]]
    return [
        [float(n.offset), sorted(p.midi for p in n.pitches)]
        for n in expanded.flatten().notes
        if not n.duration.isGrace and not isinstance(n, harmony.Harmony)
    ]


def named(symbol: harmony.Harmony) -> list[str]:
    root, bass = symbol.root(), symbol.bass()
    return [root.name if root else "", symbol.chordKind or "", bass.name if bass else ""]


def main(files: list[str]) -> None:
    warnings.simplefilter("ignore")
    for file in files:
        score = converter.parse(file, format="musicxml", forceSource=True)
        about = score.metadata
        print(
            json.dumps(
                {
                    "title": about.title,
                    "composer": about.composer,
                    "parts": [part(read) for read in score.parts],
                    "rests": sum(1 for _ in score.recurse().getElementsByClass(note.Rest)),
                }
            )
        )


if __name__ == "__main__":
    main(sys.argv[1:])
