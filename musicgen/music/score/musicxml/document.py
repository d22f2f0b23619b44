"""A whole MusicXML document: parts, measures, and what changes between them."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from math import gcd
from typing import NamedTuple
from xml.etree.ElementTree import Element

import musicgen
from musicgen.errors import InputError
from musicgen.music.key import LETTERS, Key
from musicgen.music.meter import Meter
from musicgen.music.performance import perform
from musicgen.music.score.cells import Cell, endings, measures
from musicgen.music.score.musicxml.part import Part, attributes, clef_changes
from musicgen.music.score.musicxml.signs import direction, metronome, quarters
from musicgen.music.score.musicxml.xml import element, plain, written
from musicgen.music.score.spelling import ORDER, printed_signature
from musicgen.music.tempo import usual_tempo
from musicgen.music.tune import Tune
from musicgen.music.unfold import sections

MAX_EVENTS = 20_000
"""Most notes and rests of a document."""
MAX_MEASURES = 10_000
"""Most measures of all parts together."""
MAX_FIELDS = 20
"""Most titles, and most composers."""

_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
_MODES = {
    "maj": "major",
    "ion": "ionian",
    "lyd": "lydian",
    "mix": "mixolydian",
    "dor": "dorian",
    "min": "minor",
    "aeo": "aeolian",
    "phr": "phrygian",
    "loc": "locrian",
}
_STYLES = {"||": "light-light", "|]": "light-heavy", "[|": "heavy-light", ".|": "dotted"}
_STYLES |= {"[|]": "none", "[]": "none"}
_SUM = re.compile(r"\(?([0-9]+(?: *\+ *[0-9]+)+)\)? */ *[0-9]+")
_NAME = re.compile(r'\b(?:name|nm)="([^"]*)"')


class Edges(NamedTuple):
    """Repeats and endings at the two ends of a measure, in all parts."""

    forward: bool
    """Whether a repeat begins."""
    backward: int
    """How often the repeat that ends here is played in all; 0 if none ends."""
    begins: tuple[int, ...]
    """Numbers of the ending that begins here."""
    ends: tuple[int, ...]
    """Numbers of the ending that ends here."""
    label: str
    """Text of the ending that begins here, in place of its numbers."""
    stays_open: bool
    """Whether the ending's bracket stays open at its end."""
    followed: bool
    """Whether a repeat begins right after, which draws the line between the two."""


def musicxml(tune: Tune) -> str:
    """The tune as written, repeats not played out, as a document of MusicXML 4.0.

    The document keeps to the schema for any text. Repeats stand where `unfold` plays them. Raises
    InputError for a tune without notes, or with more than MAX_EVENTS notes and rests or
    MAX_MEASURES measures.
    """
    if not tune.notes:
        raise InputError("a tune needs a note to become MusicXML, got none; sample another one")
    if (events := sum(len(voice.events) for voice in tune.voices)) > MAX_EVENTS:
        rule = f"MusicXML holds at most {MAX_EVENTS:,} notes and rests"
        raise InputError(f"{rule}, got {events:,}; take a shorter tune")
    lengths = (event.length for voice in tune.voices for event in voice.events)
    common = gcd(tune.ticks // 4, *lengths)
    places = list(accumulate(int(not voice.overlay) for voice in tune.voices))
    longest = max(measures(voice, tune.text, tune.ticks) for voice in tune.voices)
    if longest * places[-1] > MAX_MEASURES:
        rule = f"MusicXML holds at most {MAX_MEASURES:,} measures"
        raise InputError(f"{rule}, got {longest * places[-1]:,}; take a shorter tune")
    parts = [Part(tune, number, place, common) for number, place in enumerate(places)]
    columns = [part.cells(spread_rests=True, longest=MAX_EVENTS) for part in parts]
    # The voice with most bars, usually the first, determines repeats and endings.
    lead = max(range(len(parts)), key=lambda number: len(columns[number]))
    frame = list(zip(columns[lead], _edges(tune, lead, columns[lead]), strict=True))
    root = element("score-partwise", _head(tune), version="4.0")
    for place in range(1, places[-1] + 1):
        staff = [(p, c) for p, c in zip(parts, columns, strict=True) if p.place == place]
        root.append(element("part", _measures(tune, staff, frame, common), id=f"P{place}"))
    return written(root, _DOCTYPE)


def _head(tune: Tune) -> list[Element]:
    """Title, people, and the list of parts with their instruments."""
    titles = _values(tune, "T")
    head = [element("work", [element("work-title", titles[0])])] if titles else []
    if len(titles) > 1:
        head.append(element("movement-title", "; ".join(titles[1:])))
    people = [element("creator", name, type_="composer") for name in _values(tune, "C")]
    software = element("software", f"musicgen {musicgen.__version__}")
    about = [*people, element("encoding", [software])]
    about += [element("source", source)] if (source := plain(tune.field("S"))) else []
    if rhythm := plain(tune.field("R")):
        field = element("miscellaneous-field", rhythm, name="rhythm")
        about.append(element("miscellaneous", [field]))
    head.append(element("identification", about))
    performed = perform(tune, accompanied=False).voices
    pairs = zip(tune.voices, performed, strict=True)
    staves = [(voice, line) for voice, line in pairs if not voice.overlay]
    parts = [
        _part(tune, place, voice.name if len(staves) > 1 else "", line.programs[0][1])
        for place, (voice, line) in enumerate(staves, start=1)
    ]
    return [*head, element("part-list", parts)]


def _values(tune: Tune, letter: str) -> list[str]:
    """Values of the header's first fields with this letter."""
    fields = (f.value for f in tune.fields if f.letter == letter and f.start < tune.body)
    return [value for value in map(plain, islice(fields, MAX_FIELDS)) if value]


def _part(tune: Tune, place: int, name: str, program: int) -> Element:
    """name: of the voice; empty if it is the only one."""
    options = (f.value for f in tune.fields if f.letter == "V" and f.value.split()[:1] == [name])
    named = next((match for match in map(_NAME.search, options) if match), None)
    title = plain(named[1] if named else name) or "Melody"
    instrument = f"P{place}-I1"
    channel = (place - 1) % 15 + ((place - 1) % 15 > 8) + 1  # the tenth channel is for drums
    midi = [element("midi-channel", channel), element("midi-program", program + 1)]
    return element(
        "score-part",
        [
            element("part-name", title),
            element("score-instrument", [element("instrument-name", title)], id=instrument),
            element("midi-instrument", midi, id=instrument),
        ],
        id=f"P{place}",
    )


def _measures(
    tune: Tune,
    staff: Sequence[tuple[Part, Sequence[Cell]]],
    frame: Sequence[tuple[Cell, Edges]],
    common: int,
) -> Iterator[Element]:
    """The measures of a part. staff: its voice and its overlays, each with its cells. frame: the
    cells of the leading voice, and what is at their ends."""
    part, column = staff[0]
    pickup = int(_short(frame[0][0], tune.ticks))
    directions = _tempos(tune) if part.number == 0 else {}
    for number, (lead, edges) in enumerate(frame):
        own = column[number] if number < len(column) else None
        before = column[number - 1] if own and number else None
        inner = _left(edges, lead)
        inner += _attributes(part, own, before, tune.ticks // 4 // common)
        if part.number == 0 and not number:
            inner += _beginning(tune)
        if part.number == 0 and lead.begins and (label := plain(lead.bar.part)):
            inner.append(direction([element("rehearsal", label)]))
        if own:
            inner += part.notes(own, directions)
            inner += _overlays(staff[1:], number, own.bar.length // common)
        else:
            rest = [element("rest", measure="yes"), element("duration", lead.bar.length // common)]
            inner.append(element("note", [*rest, element("voice", 1)]))
        inner += _right(edges, lead, number + 1 == len(frame))
        implicit = {"implicit": "yes"} if pickup and not number else {}
        yield element("measure", inner, number=number + 1 - pickup, **implicit)


def _overlays(
    overlays: Sequence[tuple[Part, Sequence[Cell]]], number: int, length: int
) -> Iterator[Element]:
    """The overlays of a measure of this length, each back at its beginning."""
    for part, column in overlays:
        if number < len(column) and not part.pauses(column[number]):
            yield element("backup", [element("duration", length)])
            yield from part.notes(column[number], {})


def _short(cell: Cell, ticks: int) -> bool:
    length = cell.bar.meter.length
    return length is not None and cell.bar.length < length * ticks


def _beginning(tune: Tune) -> list[Element]:
    """The order of parts, in words, and a tempo to play at where the text has none."""
    order = plain(tune.part_order)
    words = [direction([element("words", f"Parts: {order}")])] if order else []
    if tune.tempo or any(event == 0 for event, _ in tune.voices[0].tempos):
        return words
    return [*words, element("sound", tempo=quarters(usual_tempo(tune)))]


def _tempos(tune: Tune) -> dict[int, Element]:
    """The tempo that begins at each event (by index) of the first voice."""
    changes = [(0, tune.tempo)] if tune.tempo else []
    changes = [*dict([*changes, *tune.voices[0].tempos]).items()]
    kept = changes[:1] + [after for before, after in pairwise(changes) if after[1] != before[1]]
    return {event: metronome(tempo) for event, tempo in kept}


def _attributes(
    part: Part, cell: Cell | None, before: Cell | None, divisions: int
) -> list[Element]:
    """What a measure changes of key, meter, clef and transposition; the first measure sets all of
    it."""
    if cell is None or not cell.begins:
        return []
    bar = cell.bar
    changed = [] if before else [element("divisions", divisions)]
    if before is None or _signature_of(bar.key) != _signature_of(before.bar.key):
        changed.append(_key(bar.key))
    if before is None or bar.meter != before.bar.meter:
        changed.append(_time(bar.meter))
    clef = part.clef_at(cell.first - 1) if before else None
    changed += clef_changes(clef, part.clef_at(cell.first))
    return attributes(changed)


def _signature_of(key: Key) -> tuple[object, ...]:
    return _printed(key), key.mode if key.tonic else ""


def _printed(key: Key) -> tuple[int, ...]:
    return printed_signature(key) if key.printed else (0,) * 7


def _key(key: Key) -> Element:
    signature = _printed(key)
    for sharps in range(-7, 8):
        if Key(sharps=sharps).signature == signature:
            mode = [element("mode", _MODES[key.mode])] if key.tonic else []
            return element("key", [element("fifths", sharps), *mode])
    children = []
    for letter in ORDER:
        if alter := signature[LETTERS.index(letter)]:
            children += [element("key-step", letter), element("key-alter", alter)]
    return element("key", children)


def _time(meter: Meter) -> Element:
    if not meter.numerator:
        return element("time", [element("senza-misura")], print_object="no")
    symbol = {"C": {"symbol": "common"}, "C|": {"symbol": "cut"}}.get(meter.text, {})
    sums = _SUM.fullmatch(meter.text)
    beats = sums[1].replace(" ", "") if sums else meter.numerator
    children = [element("beats", beats), element("beat-type", meter.denominator)]
    return element("time", children, **symbol)


def _edges(tune: Tune, lead: int, cells: Sequence[Cell]) -> Iterator[Edges]:
    """The repeats as `unfold` plays them, and the brackets of endings."""
    bars = tune.voices[lead].bars
    places = {bar.first: number for number, bar in enumerate(bars)}
    forward: set[int] = set()
    backward: dict[int, int] = {}
    for start, end, passes in sections(bars, 0, len(bars)):
        if passes < 2:
            continue
        if start or bars[start].opens:
            forward.add(start)
        times: tuple[int, ...] = ()
        for n in range(start, end):
            times = bars[n].ending or times
            # A repeat sign after the last ending does not go back once more.
            if bars[n].closes and (not times or min(times) < passes):
                backward[n] = 2 if times else passes
    opened = dict(endings(cells))
    last = {stop: cells[start].bar.ending for start, stop in opened.items()}
    for number, cell in enumerate(cells):
        bar = places[cell.bar.first]
        again = backward.get(bar, 0) if cell.ends else 0
        yield Edges(
            forward=cell.begins and bar in forward,
            backward=again,
            begins=cell.bar.ending if number in opened else (),
            ends=last.get(number, ()),
            label=plain(cell.bar.ending_text),
            stays_open=not (again or cell.bar.section or number + 1 == len(cells)),
            followed=bar + 1 in forward and cell.ends,
        )


def _left(edges: Edges, cell: Cell) -> list[Element]:
    style = [element("bar-style", "heavy-light")] if edges.forward else []
    inner = [*style, *_ending(edges.begins, "start", edges.label)]
    inner += [element("repeat", direction="forward")] if edges.forward else []
    return [element("barline", inner, location="left")] if inner else []


def _right(edges: Edges, cell: Cell, final: bool) -> list[Element]:
    line = cell.bar.line if cell.ends else "|"
    if edges.backward or (final and not line):
        style = "light-heavy"
    elif edges.followed:
        style = ""
    elif not line and not final:
        style = "none"
    else:
        style = _STYLES.get(line, "light-light" if cell.bar.section and cell.ends else "")
    inner = [element("bar-style", style)] if style else []
    inner += _ending(edges.ends, "discontinue" if edges.stays_open else "stop")
    if edges.backward:
        times = {"times": edges.backward} if edges.backward > 2 else {}
        inner.append(element("repeat", direction="backward", **times))
    return [element("barline", inner, location="right")] if inner else []


def _ending(numbers: tuple[int, ...], kind: str, label: str = "") -> list[Element]:
    if not numbers:
        return []
    shown = ",".join(map(str, numbers))
    return [element("ending", label, number=shown, type_=kind)]
