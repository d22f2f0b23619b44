"""Transposition: the text of a tune in another key, note by note."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from musicgen.errors import InputError
from musicgen.music.grammar import ACCIDENTAL, Kind, lexicon, tokenize
from musicgen.music.harmony import chord
from musicgen.music.key import LETTERS, SEMITONES, Key, parse_key
from musicgen.music.parse import parse
from musicgen.music.tune import Tune
from musicgen.music.voice import Voice

MAX_SEMITONES = 24
_SIGNS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_FLATS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
_ROUNDS = 4
"""How often the text is read again to find notes that need an accidental."""

_PITCH = re.compile(rf"({ACCIDENTAL})?([A-Ga-g])([,']*)")
_TONIC = re.compile(r"\s*([A-G])(?:([#b♯♭])|[- ]?(?i:(sharp|flat))(?![A-Za-z]{2}))?")
_PIPES = re.compile(r"\s*[Hh][Pp]\b")
_KEY_ACCIDENTAL = re.compile(rf"(?<![A-Za-z=])({ACCIDENTAL})([A-Ga-g])(?![A-Za-z])")
_ROOT = re.compile(r"(^|(?<=[\s/(;,|]))([A-Ga-g])\\?([#b♯♭]?)")
_ALTERS = {"": 0, None: 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}


class Interval(NamedTuple):
    """The interval by which notes move."""

    steps: int
    """Steps of the scale: 1 from C to D, Db or D#."""
    semitones: int


class _Head(NamedTuple):
    """A note in the text, alone, in a chord or among grace notes."""

    start: int
    end: int
    """Offset after accidental, letter and octave."""
    pitch: int
    """Sounding pitch."""
    typed: int
    """Semitones from the typed to the sounding pitch."""


def transposed(text: str, semitones: int) -> str:
    """The tune with its notes, keys and chord symbols moved, so that all of it sounds higher.

    semitones: -24 to 24. Accidentals are spelled for the new key, which has at most seven sharps or
    flats. Raises InputError for more semitones, or if a note would leave MIDI's range.
    """
    if abs(semitones) > MAX_SEMITONES:
        raise InputError(
            f"transpose must be from -{MAX_SEMITONES} to {MAX_SEMITONES} semitones, got {semitones}"
        )
    tune = parse(text)
    if not semitones or not tune.notes:
        return text
    heads = list(_heads(tune))
    wanted = [head.pitch + semitones for head in heads]
    if min(wanted) < 0 or max(wanted) > 127:
        raise InputError(
            f"transpose must keep notes playable, got {semitones} semitones; use fewer"
        )
    interval = interval_of(tune.key, semitones)
    forced: set[int] = set()
    for _ in range(_ROUNDS):
        moved = _rewritten(tune, heads, interval, forced)
        got = [head.pitch for head in _heads(parse(moved))]
        wrong = {n for n, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b}
        if not wrong and len(got) == len(wanted):
            return moved
        forced |= wrong
    raise InputError("transpose could not spell the tune in another key; leave it out")


def semitones_to(tune: Tune, value: str) -> int:
    """Semitones from a tune's key to the named key, up or down by at most six.

    value: a tonic such as `G`, to which the tune goes in its own mode; or a key of the tune's mode.
    Raises InputError for a value that is no key, or a key of another mode.
    """
    if not value[:1].isalpha() or (complaint := parse_key(value)[1]):
        why = f" ({complaint})" if value[:1].isalpha() else ""
        raise InputError(f"transpose must be semitones or a key, got {value!r:.40}{why}; change it")
    key = parse_key(value)[0]
    bare = re.fullmatch(r"[A-G][#b♯♭]?", value.strip())
    if not bare and _mode(key) != _mode(tune.key):
        raise InputError(
            f"transpose must name a key of the tune's mode, which is {_mode(tune.key)}, "
            f"got {value}; transpose={key.tonic or 'D'} moves it without changing its mode"
        )
    (old, sign), (new, alter) = _place(tune.key), _place(key)
    return (SEMITONES[new] + alter - SEMITONES[old] - sign + 6) % 12 - 6


def _mode(key: Key) -> str:
    return {"ion": "maj", "aeo": "min"}.get(key.mode, key.mode) if key.tonic else "none"


def interval_of(key: Key, semitones: int) -> Interval:
    """Of several intervals that sound alike, the one that leads to the key of fewest sharps or
    flats."""
    step, alter = _place(key)
    best: tuple[int, int, int] | None = None
    for steps in range(-15, 16):
        moved = _moved(step, alter, Interval(steps, semitones))
        if abs(moved[1]) > 1:
            continue
        sharps = abs(_sharps(key, *moved))
        against = int((moved[1] < 0) == (key.sharps > 0))
        if best is None or (sharps, against) < best[:2]:
            best = (sharps, against, steps)
    assert best is not None
    return Interval(best[2], semitones)


def _place(key: Key) -> tuple[int, int]:
    """Letter and sign of a key's tonic; D for the pipes' keys."""
    if not key.tonic:
        return (1, 0) if key.sharps else (0, 0)
    return LETTERS.index(key.tonic[0]), _ALTERS[key.tonic[1:]]


def _sharps(key: Key, step: int, alter: int) -> int:
    """Sharps of the key of the same mode on another tonic."""
    old, sign = _place(key)
    fifths = "FCGDAEB"
    return (
        key.sharps
        + fifths.index(LETTERS[step % 7])
        - fifths.index(LETTERS[old])
        + 7 * (alter - sign)
    )


def _moved(step: int, alter: int, interval: Interval) -> tuple[int, int]:
    """A diatonic step and its alteration, moved by an interval."""
    there = step + interval.steps
    sounds = step // 7 * 12 + SEMITONES[step % 7] + alter + interval.semitones
    return there, sounds - there // 7 * 12 - SEMITONES[there % 7]


def _respelled(step: int, alter: int, most: int) -> tuple[int, int]:
    """The same sound with an alteration of at most `most`."""
    sounds = step // 7 * 12 + SEMITONES[step % 7] + alter
    for there in (step, step + 1, step - 1, step + 2, step - 2):
        if abs(other := sounds - there // 7 * 12 - SEMITONES[there % 7]) <= most:
            return there, other
    return step, alter


def _heads(tune: Tune) -> Iterator[_Head]:
    """The notes in the order of the text."""
    found: list[_Head] = []
    for voice in tune.voices:
        for bar in voice.bars:
            for index in range(bar.first, bar.last):
                event = voice.events[index]
                if event.pitches and index not in voice.fillers:
                    typed = _typed(voice, index)
                    found += _inside(tune.text, event.start, event.end, event.pitches, typed)
        for grace in voice.graces:
            typed = _typed(voice, grace.event)
            found += _inside(tune.text, grace.start, grace.end, grace.pitches, typed)
    yield from sorted(found)


def _typed(voice: Voice, event: int) -> int:
    """Semitones by which clef and transposition move what is typed."""
    place = bisect_right(voice.clefs, event, key=lambda change: change[0])
    return voice.clefs[place - 1][1].transpose


def _inside(
    text: str, start: int, end: int, pitches: tuple[int, ...], typed: int
) -> Iterator[_Head]:
    """The notes of a note, a chord or grace notes."""
    token = text[start:end]
    places = _notes(token, start) if token[0] in "[{+" else [start]
    for place, pitch in zip(places, pitches, strict=False):
        match = _PITCH.match(text, place)
        if match is not None:
            yield _Head(place, match.end(), pitch, typed)


def _notes(token: str, start: int) -> Iterator[int]:
    """Offsets of the notes between the brackets of a chord or of grace notes."""
    closing = max(map(token.rfind, "]}+"))
    at = start + 1
    for part in tokenize(token[1:closing]):
        kind = lexicon[part].kind
        if kind is Kind.NOTE:
            yield at
        elif kind is Kind.CHORD:
            yield from _notes(part, at)
        at += len(part)


def _rewritten(tune: Tune, heads: list[_Head], interval: Interval, forced: set[int]) -> str:
    """The text with everything moved. forced: notes that get an accidental in any case."""
    edits = list(_field_edits(tune, interval)) + list(_symbol_edits(tune, interval))
    for number, head in enumerate(heads):
        edits.append((head.start, head.end, _note(tune.text, head, interval, number in forced)))
    text = tune.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _note(text: str, head: _Head, interval: Interval, forced: bool) -> str:
    match = _PITCH.match(text, head.start)
    assert match is not None
    sign, letter, marks = match.groups()
    step = 35 + "CDEFGABcdefgab".index(letter) + 7 * (marks.count("'") - marks.count(","))
    natural = step // 7 * 12 + SEMITONES[step % 7]
    # Clefs move the sound by octaves or more; accidentals by two semitones at most.
    alter = (head.pitch - head.typed - natural + 6) % 12 - 6
    there, altered = _respelled(*_moved(step, alter, interval), 2)
    accidental = _SIGNS[altered] if sign or forced else ""
    return accidental + _written(there)


def _written(step: int) -> str:
    """Letter and octave marks of a diatonic step."""
    letter = LETTERS[step % 7]
    octave = step // 7 - 5
    return letter.lower() + "'" * (octave - 1) if octave > 0 else letter + "," * -octave


def _field_edits(tune: Tune, interval: Interval) -> Iterator[tuple[int, int, str]]:
    """New values of the `K:` fields; a tune without `K:` in its header gets one."""
    header = False
    for field in tune.fields:
        if field.letter != "K":
            continue
        header = header or field.start < tune.body
        written = tune.text[field.start : field.end]
        at = written.index(":") + 1
        yield field.start + at, field.end, _key(written[at:], interval)
    if not header:
        yield tune.body, tune.body, f"K:{_key('C', interval)}\n"


def _key(value: str, interval: Interval) -> str:
    """The value of a `K:` field, moved."""
    code, comment, rest = value.partition("%")
    if match := _PIPES.match(code):
        code, match = f"D{code[match.end() :]}", _TONIC.match("D")
    else:
        match = _TONIC.match(code)
    if match:
        sign = match[2] or (match[3] or "").lower()
        key = parse_key(code.strip())[0]
        step, alter = _moved(LETTERS.index(match[1]), _ALTERS[sign], interval)
        if abs(alter) > 1 or abs(_sharps(key, step, alter)) > 7:
            step, alter = _respelled(step, alter, 1)
        space = code[: match.start(1)]
        code = f"{space}{LETTERS[step % 7]}{_FLATS[alter]}" + code[match.end() :]
        start = len(space) + 1 + len(_FLATS[alter])
    else:
        start = 0

    def accidental(found: re.Match[str]) -> str:
        letter = LETTERS.index(found[2].upper())
        alter = {"^": 1, "_": -1, "=": 0}[found[1][0]] * found[1].count(found[1][0])
        step, moved = _respelled(*_moved(letter, alter, interval), 2)
        return _SIGNS[moved] + LETTERS[step % 7].lower()

    return code[:start] + _KEY_ACCIDENTAL.sub(accidental, code[start:]) + comment + rest


def _symbol_edits(tune: Tune, interval: Interval) -> Iterator[tuple[int, int, str]]:
    """Chord symbols, moved."""

    def root(found: re.Match[str]) -> str:
        step, alter = _moved(LETTERS.index(found[2].upper()), _ALTERS[found[3]], interval)
        step, alter = _respelled(step, alter, 1)
        letter = LETTERS[step % 7]
        return found[1] + (letter if found[2].isupper() else letter.lower()) + _FLATS[alter]

    for voice in tune.voices:
        for mark in voice.marks:
            if mark.kind is Kind.STRING:
                symbol = tune.text[mark.start + 1 : mark.end - 1]
                if chord(symbol):
                    yield mark.start + 1, mark.end - 1, _ROOT.sub(root, symbol)
