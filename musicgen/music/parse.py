"""From text to Tune: the header, then the body line by line."""

import re
from fractions import Fraction

from musicgen.music.clef import Clef
from musicgen.music.draft import misfits
from musicgen.music.findings import Findings
from musicgen.music.key import Key, parse_key
from musicgen.music.meter import Meter, Tempo, parse_meter, parse_tempo, parse_unit
from musicgen.music.reader import Reader
from musicgen.music.tune import Tune

_FIELD_LINE = re.compile(r"[A-Za-z+]:(?![|:])").match
"""`d:|` begins a line of music."""


def parse(text: str) -> Tune:
    """Read one tune in ABC 2.1, without the corpus's `<start>` and `<end>` around it.

    Never raises for what the text says: what is wrong is listed in `problems`, and the rest is
    read as a player would read it. Takes time and memory linear in the length of the text. A blank
    line behind the first music ends the tune.
    """
    found = Findings()
    lines = text.split("\n")
    first = _body_line(lines)
    key, clef, meter, unit, tempo = _read_header(lines[:first], found)
    body = min(sum(map(len, lines[:first])) + first, len(text))
    reader = Reader(found, key, clef, meter, unit)
    for field in found.fields:
        if field.letter == "V":
            reader.declare(field.value, field.start)
    end = _read_body(lines[first:], body, reader, text)
    voices = reader.voices(end)
    for voice in voices:
        for start, complaint in misfits(voice, text, reader.ticks):
            found.complain(start, complaint)
    if not any(event.pitches for voice in voices for event in voice.events):
        found.complain(body, "no notes")
    problems = found.problems(text)
    fields = tuple(sorted(found.fields, key=lambda field: field.start))
    return Tune(text, body, fields, key, meter, unit, tempo, voices, reader.ticks, problems)


def _body_line(lines: list[str]) -> int:
    """Number of the line at which the music begins: behind `K:`, or else at the first bar line."""
    other = None
    for number, line in enumerate(lines):
        if _FIELD_LINE(line):
            if line[0] == "K":
                return number + 1
        elif line and line[0] != "%":
            if "|" in line:
                return number
            if other is None and not line.isspace():
                other = number
    return len(lines) if other is None else other


def _read_header(
    lines: list[str], found: Findings
) -> tuple[Key, Clef, Meter, Fraction, Tempo | None]:
    key, clef, meter, unit, tempo = None, Clef(), Meter(), None, ""
    offset = 0
    for line in lines:
        if _FIELD_LINE(line):
            letter = line[0]
            value = found.field(letter, line[2:], offset, offset + len(line))
            if letter == "K":
                key = found.understood(offset, parse_key(value))
                clef = Clef().changed(value)[0]
            elif letter == "M":
                meter = found.understood(offset, parse_meter(value))
            elif letter == "L":
                unit = found.understood(offset, parse_unit(value)) or unit
            elif letter == "Q":
                tempo = value
        elif line and line[0] != "%" and not line.isspace():
            found.complain(offset, "neither a field nor music")
        offset += len(line) + 1
    if key is None:
        found.complain(0, "no K: field; read in C major")
    unit = unit or meter.unit
    return key or Key(), clef, meter, unit, parse_tempo(tempo, unit)


def _read_body(lines: list[str], offset: int, reader: Reader, text: str) -> int:
    """Read the lines, the first of them at `offset`; the offset behind the last one read."""
    for line in lines:
        if _FIELD_LINE(line):
            if line[0] == "X":
                reader.found.complain(offset, "a second tune begins here; it was not read")
                return offset
            reader.field(line[0], line[2:], offset, offset + len(line))
        elif line and not line.isspace():
            reader.music(line, offset)
        elif reader.drafts:
            if text[offset:].strip():
                reader.found.complain(offset, "a blank line ends the tune; the rest was not read")
            return offset
        offset += len(line) + 1
    return len(text)
