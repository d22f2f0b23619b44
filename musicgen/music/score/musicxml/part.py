"""The notes of one voice in MusicXML, measure by measure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from musicgen.music.clef import SHAPES, Clef
from musicgen.music.grammar import Kind
from musicgen.music.key import LETTERS
from musicgen.music.lyrics import Syllable, lyrics
from musicgen.music.score.beams import Span
from musicgen.music.score.cells import Cell
from musicgen.music.score.layout import Layout
from musicgen.music.score.musicxml.signs import TYPES, before_note, notations
from musicgen.music.score.musicxml.xml import element, plain
from musicgen.music.score.spelling import Spelled, written_notes
from musicgen.music.score.values import Value
from musicgen.music.tune import Tune

MAX_SLURS = 16
"""Most slurs that are open at once: MusicXML has no more numbers for them."""
MAX_MARKS = 32
"""Most signs at one note, and most groups of grace notes."""
MAX_GRACES = 64
"""Most notes of one group of grace notes."""
_ACCIDENTALS = {
    "s": "sharp",
    "f": "flat",
    "n": "natural",
    "x": "double-sharp",
    "ff": "flat-flat",
}
_STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
"""Steps of the scale, by semitones."""
_FLAGS = {"8": 1, "16": 2, "32": 3, "64": 4, "128": 5, "256": 6}
Beams = Mapping[int, Sequence[str]]
"""Event to the state of each of its beams: begin, continue, end, forward hook, backward hook."""


class Part(Layout):
    """One voice of a tune on its way into MusicXML. Its cells must be drawn in their order."""

    def __init__(self, tune: Tune, number: int, place: int, common: int) -> None:
        """number: of the voice. place: of its part, from 1; an overlay has the place of the voice
        below it. common: ticks of MusicXML's unit of time."""
        super().__init__(tune, number, place)
        self._common = common
        self._layer = self._voice.overlay + 1
        self._sung = {} if self.overlays else lyrics(tune, self._voice)
        self._open_slurs: dict[int, list[int]] = defaultdict(list)
        """Event at which slurs end, to their numbers."""

    def notes(self, cell: Cell, directions: Mapping[int, Element]) -> Iterator[Element]:
        """The music of a cell. directions: by event, what else stands before it."""
        if cell.begins:
            self._speller.begin_bar(cell.bar.key)
        if cell.rests:
            yield from self._whole_rest(cell, directions)
            return
        tuplets = self._tuplets_in(cell)
        beams = self._beam_values(self._beams_in(cell, list(tuplets)))
        for index in range(cell.first, cell.last):
            if index > cell.first and index in self._clef_starts:
                yield from attributes(clef_changes(self.clef_at(index - 1), self.clef_at(index)))
            if index in directions:
                yield directions[index]
            yield from self._signs_before(index)
            yield from self._grace_notes(index)
            yield from self._event(index, tuplets, beams)

    def _whole_rest(self, cell: Cell, directions: Mapping[int, Element]) -> Iterator[Element]:
        event = self._voice.events[cell.first]
        if cell.begins:
            if cell.first in directions:
                yield directions[cell.first]
            yield from self._signs_before(cell.first)
        full = int((cell.bar.meter.length or 1) * self._ticks)
        length = event.length // max(event.length // full, 1)
        yield element(
            "note",
            [
                element("rest", measure="yes"),
                element("duration", length // self._common),
                element("voice", self._layer),
            ],
            **self._shown(cell.first),
        )

    def _shown(self, index: int) -> dict[str, str]:
        return {"print_object": "no"} if self._invisible(index) else {}

    def _signs_before(self, index: int) -> Iterator[Element]:
        for mark in self._marks.get(index, [])[:MAX_MARKS]:
            yield from before_note(mark.kind, self._text[mark.start : mark.end])

    def _grace_notes(self, index: int) -> Iterator[Element]:
        for grace in self._graces.get(index, [])[:MAX_MARKS]:
            token = self._text[grace.start : grace.end]
            notes = list(written_notes(token, grace.pitches))[:MAX_GRACES]
            heads = [self._speller.spell(lexeme, pitch) for lexeme, pitch in notes]
            slash = {"slash": "yes"} if token[1:2] == "/" else {}
            for number, head in enumerate(heads):
                children = [
                    element("grace", **slash),
                    self._pitch(head, index),
                    element("voice", self._layer),
                ]
                children.append(element("type", "16th" if len(heads) > 1 else "eighth"))
                children += _accidental(head)
                if len(heads) > 1:
                    place = "begin" if not number else "continue"
                    place = "end" if number == len(heads) - 1 else place
                    children += [element("beam", place, number=level) for level in (1, 2)]
                yield element("note", children)

    def _event(
        self, index: int, tuplets: Mapping[Span, tuple[int, int]], beams: Beams
    ) -> Iterator[Element]:
        values, heads = self._values[index], self._spelled(index)
        into, out = self._tied(index - 1), self._tied(index)
        span = next((span for span in tuplets if span[0] <= index < span[1]), None)
        for number, (value, length) in enumerate(self._pieces(index)):
            first, last = number == 0, number == len(values) - 1
            time = [*_type(value), *self._time_modification(index)]
            outer = self._notations(index, span, first=first, last=last)
            if not heads:
                yield element(
                    "note",
                    [
                        element("rest"),
                        element("duration", length),
                        element("voice", self._layer),
                        *time,
                        *_grouped(outer),
                    ],
                    **self._shown(index),
                )
                continue
            for place, head in enumerate(heads):
                ties = ["stop"] if not first or head.pitch in into else []
                ties += ["start"] if not last or head.pitch in out else []
                children = [element("chord")] if place else []
                children += [self._pitch(head, index), element("duration", length)]
                children += [element("tie", type_=kind) for kind in ties]
                children.append(element("voice", self._layer))
                children += time[: 1 + value.dots]
                children += _accidental(head) if first else []
                children += time[1 + value.dots :]
                if not place:
                    levels = enumerate(beams.get(index, ()), start=1)
                    children += [element("beam", what, number=level) for level, what in levels]
                tied = [element("tied", type_=kind) for kind in ties]
                children += _grouped([*tied, *outer] if not place else tied)
                if first and not place:
                    children += map(_lyric, self._sung.get(index, ()))
                yield element("note", children)

    def _pieces(self, index: int) -> Iterator[tuple[Value, int]]:
        """The tied notes that write an event, and their durations, which add up to its length."""
        values = self._values[index]
        _, p, q = self._tuplets.get(index, ((), 1, 1))
        left = self._voice.events[index].length // self._common
        for value in values[:-1]:
            length = int(_nominal(value) * self._ticks * q / p) // self._common
            length = min(max(length, 1), left)
            left -= length
            yield value, length
        yield values[-1], left

    def _tied(self, index: int) -> set[int]:
        """Pitches that this event ties to the next one."""
        if not 0 <= index < len(self._voice.events) - 1:
            return set()
        return set(self._voice.ties.get(index, ())) & set(self._voice.events[index + 1].pitches)

    def _time_modification(self, index: int) -> list[Element]:
        if index not in self._tuplets:
            return []
        _, p, q = self._tuplets[index]
        actual = [element("actual-notes", p), element("normal-notes", q)]
        return [element("time-modification", actual)]

    def _notations(
        self, index: int, span: Span | None, *, first: bool, last: bool
    ) -> list[Element]:
        """Signs at the first head of an event: tuplet brackets, slurs, ornaments."""
        found = []
        if span and index == span[0] and first:
            found.append(element("tuplet", number=1, type_="start"))
        if span and index == span[1] - 1 and last:
            found.append(element("tuplet", number=1, type_="stop"))
        if last:
            ending = self._open_slurs.pop(index, ())
            found += [element("slur", number=number, type_="stop") for number in ending]
        if first:
            for end in sorted(self._slurs.get(index, ())):
                taken = {number for numbers in self._open_slurs.values() for number in numbers}
                free = next((n for n in range(1, MAX_SLURS + 1) if n not in taken), None)
                if free:
                    self._open_slurs[end].append(free)
                    found.append(element("slur", number=free, type_="start"))
            marks = self._marks.get(index, [])[:MAX_MARKS]
            tokens = [self._text[m.start : m.end] for m in marks if m.kind is Kind.DECORATION]
            found += notations(tokens)
        return found

    def _beam_values(self, spans: Iterable[Span]) -> Beams:
        found: dict[int, list[str]] = defaultdict(list)
        for first, last in spans:
            flags = [_FLAGS[self._values[index][0].dur] for index in range(first, last)]
            for here, count in enumerate(flags):
                for level in range(1, count + 1):
                    left = here > 0 and flags[here - 1] >= level
                    right = here + 1 < len(flags) and flags[here + 1] >= level
                    hook = "backward hook" if here else "forward hook"
                    joined = "continue" if left and right else "end" if left else "begin"
                    found[first + here].append(joined if left or right else hook)
        return found

    def _pitch(self, head: Spelled, index: int) -> Element:
        children = [element("step", LETTERS[head.step % 7])]
        children += [element("alter", head.alter)] if head.alter else []
        children.append(element("octave", max(head.step // 7 - 1 + self._octaves(index), 0)))
        return element("pitch", children)


def attributes(changed: list[Element]) -> list[Element]:
    """Clef, key and the like from here on; empty where nothing changes."""
    return [element("attributes", changed)] if changed else []


def clef_changes(before: Clef | None, clef: Clef) -> list[Element]:
    """The clef and the transposition, if they differ from those before."""
    changed = []
    octaves = clef.octaves + clef.middle
    shown = (clef.name, clef.line, octaves)
    if before is None or shown != (before.name, before.line, before.octaves + before.middle):
        sign = {"perc": "percussion"}.get(SHAPES[clef.name], SHAPES[clef.name])
        inner = [element("sign", sign), element("line", clef.line)]
        inner += [element("clef-octave-change", octaves)] if octaves else []
        changed.append(element("clef", inner))
    if clef.semitones != (before.semitones if before else 0):
        octaves = int(clef.semitones / 12)
        rest = clef.semitones - 12 * octaves
        steps = _STEPS[abs(rest)] * (1 if rest > 0 else -1)
        inner = [element("diatonic", steps), element("chromatic", rest)]
        inner += [element("octave-change", octaves)] if octaves else []
        changed.append(element("transpose", inner))
    return changed


def _nominal(value: Value) -> Fraction:
    """Nominal length in whole notes."""
    length = Fraction(2) if value.dur == "breve" else Fraction(1, int(value.dur))
    return length * (2 - Fraction(1, 2**value.dots))


def _type(value: Value) -> list[Element]:
    return [element("type", TYPES[value.dur]), *(element("dot") for _ in range(value.dots))]


def _accidental(head: Spelled) -> list[Element]:
    return [element("accidental", _ACCIDENTALS[head.accidental])] if head.accidental else []


def _grouped(inner: list[Element]) -> list[Element]:
    return [element("notations", inner)] if inner else []


def _lyric(syllable: Syllable) -> Element:
    if not syllable.text:
        inner = [element("extend", type_="continue")]
    else:
        place = {(False, False): "single", (False, True): "begin"}
        place |= {(True, True): "middle", (True, False): "end"}
        where = place[syllable.joined, syllable.goes_on]
        inner = [element("syllabic", where), element("text", plain(syllable.text))]
    return element("lyric", inner, number=syllable.verse)
