"""From text to Tune: the header, then the body line by line."""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from musicgen.music.clef import Clef
from musicgen.music.findings import Findings
from musicgen.music.key import Key, parse_key
from musicgen.music.meter import Meter, Tempo, parse_meter, parse_tempo, parse_unit
from musicgen.music.prose import block_end, is_prose
from musicgen.music.reader import Reader
from musicgen.music.tune import Tune
from musicgen.music.voice_builder import misfits

_FIELD_LINE = re.compile(r"[ \t]*([A-Za-z+]):(?![|:])").match
"""`d:|` begins a line of music."""
_IN_BRACKETS = re.compile(r"(?:\s*\[[A-Za-z]:[^\]\n]*\])+\s*").fullmatch
_BRACKET = re.compile(r"\[([A-Za-z]):([^\]\n]*)\]")


def parse(text: str) -> Tune:
    """Read one tune in ABC 2.1, without the corpus's `<start>` and `<end>` around it.

    Never raises for the content of the text: problems are listed in `problems`, and the rest is
    read as a player would read it. Takes time and memory linear in the length of the text. A blank
    line after the first music ends the tune.
    """
    found = Findings()
    lines = text.split("\n")
    words = _blocks(lines, found) if "begin" in text else set()
    first = _body_line(lines, words)
    key, clef, meter, unit, tempo = _read_header(lines[:first], words, found)
    body = min(sum(map(len, lines[:first])) + first, len(text))
    reader = Reader(found, key, clef, meter, unit)
    for field in found.fields:
        if field.letter == "V":
            reader.declare(field.value, field.start)
    music = (("%" if n in words else lines[n], len(lines[n])) for n in range(first, len(lines)))
    end = _read_body(music, body, reader, text)
    voices = reader.voices(end)
    for voice in voices:
        for start, complaint in misfits(voice, text, reader.ticks):
            found.complain(start, complaint)
    if not any(event.pitches for voice in voices for event in voice.events):
        found.complain(body, "no notes")
    problems = found.problems(text)
    fields = tuple(sorted(found.fields, key=lambda field: field.start))
    return Tune(text, body, fields, key, meter, unit, tempo, voices, reader.ticks, problems)


def _blocks(lines: list[str], found: Findings) -> set[int]:
    """Numbers of the lines in blocks of text (`%%begintext`)."""
    inside: set[int] = set()
    number = offset = 0
    while number < len(lines):
        end, ended = block_end(lines, number)
        if not ended:
            found.complain(offset, "block of text that is never ended")
        inside.update(range(number, end))
        following = max(end, number + 1)
        offset += sum(map(len, lines[number:following])) + following - number
        number = following
    return inside


def _body_line(lines: list[str], words: set[int]) -> int:
    """Number of the line at which the music begins: after `K:`, or else at the first bar line."""
    other = None
    for number, line in enumerate(lines):
        if number in words:
            continue
        if field := _FIELD_LINE(line):
            if field[1] == "K":
                return number + 1
        elif line and line[0] != "%":
            if _IN_BRACKETS(line):
                if any(letter == "K" for letter, _ in _BRACKET.findall(line)):
                    return number + 1
            elif "|" in line and not is_prose(line):
                return number
            elif other is None and not line.isspace() and not is_prose(line):
                other = number
    return len(lines) if other is None else other


def _header_fields(
    lines: list[str], words: set[int], found: Findings
) -> Iterator[tuple[str, str, int]]:
    """Letter, value and offset of each field: on a line of its own, or in a header such as some
    corpora write, `[M:4/4]`."""
    offset = 0
    for number, line in enumerate(lines):
        if number in words:
            pass
        elif field := _FIELD_LINE(line):
            start, end = offset + field.start(1), offset + len(line)
            yield field[1], found.field(field[1], line[field.end() :], start, end), start
        elif line and line[0] != "%" and not line.isspace():
            if _IN_BRACKETS(line):
                for inline in _BRACKET.finditer(line):
                    start, end = offset + inline.start(), offset + inline.end()
                    yield inline[1], found.field(inline[1], inline[2], start, end), start
            else:
                found.complain(offset, "neither a field nor music")
        offset += len(line) + 1


def _read_header(
    lines: list[str], words: set[int], found: Findings
) -> tuple[Key, Clef, Meter, Fraction, Tempo | None]:
    key, clef, meter, unit, tempo = None, Clef(), Meter(), None, ""
    for letter, value, start in _header_fields(lines, words, found):
        if letter == "K":
            key = found.understood(start, parse_key(value))
            clef = Clef().changed(value)[0]
        elif letter == "M":
            meter = found.understood(start, parse_meter(value))
        elif letter == "L":
            unit = found.understood(start, parse_unit(value)) or unit
        elif letter == "Q":
            tempo = value
    if key is None:
        found.complain(0, "no K: field; read in C major")
    unit = unit or meter.unit
    return key or Key(), clef, meter, unit, parse_tempo(tempo, unit)


def _read_body(lines: Iterable[tuple[str, int]], offset: int, reader: Reader, text: str) -> int:
    """Read the lines, each with its length, the first at `offset`; returns the offset after the
    last one."""
    for line, length in lines:
        if field := _FIELD_LINE(line):
            if field[1] == "X":
                reader.found.complain(offset, "a second tune begins here; it was not read")
                return offset
            start = offset + field.start(1)
            reader.field(field[1], line[field.end() :], start, offset + length)
        elif line and not line.isspace():
            if line[0] != "%" and is_prose(line):
                reader.found.complain(offset, "words, not music; not read")
            else:
                reader.music(line, offset)
        elif reader.builders:
            if text[offset:].strip():
                reader.found.complain(offset, "a blank line ends the tune; the rest was not read")
            return offset
        offset += length + 1
    return len(text)
