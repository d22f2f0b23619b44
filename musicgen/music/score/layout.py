"""The layout of a voice: note values, tuplets, beams, slurs, signs, for all formats of scores."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from musicgen.music.clef import Clef
from musicgen.music.grammar import Kind, Lexeme
from musicgen.music.score.beams import Span, beams, is_loose
from musicgen.music.score.cells import MAX_EVENTS, Cell, cells
from musicgen.music.score.spelling import Spelled, Speller, written_notes
from musicgen.music.score.values import values
from musicgen.music.tune import Tune
from musicgen.music.voice import Grace, Mark


class Layout:
    """The layout of one voice of a tune. Its cells must be drawn in their order."""

    def __init__(self, tune: Tune, number: int, place: int) -> None:
        """number: of the voice in `tune.voices`. place: of its staff, from 1; an overlay has the
        place of the voice below it."""
        self.number = number
        self.place = place
        self._text, self._ticks = tune.text, tune.ticks
        self._voice = voice = tune.voices[number]
        self._clef_starts = [event for event, _ in voice.clefs]
        self._speller = Speller()
        self._held: set[tuple[int, int]] = set()
        self._tuplets: dict[int, tuple[Span, int, int]] = {}
        following = [tuplet.first for tuplet in voice.tuplets[1:]]
        for tuplet, stop in zip(voice.tuplets, [*following, len(voice.events)], strict=False):
            span = (tuplet.first, min(tuplet.last, stop, len(voice.events)))
            self._tuplets |= dict.fromkeys(range(*span), (span, tuplet.p, tuplet.q))
        self._values = [
            values(self._written_length(index) / tune.ticks) for index in range(len(voice.events))
        ]
        self._flagged = [
            bool(event.pitches) and len(pieces) == 1 and pieces[0].flagged
            for event, pieces in zip(voice.events, self._values, strict=True)
        ]
        self._marks: dict[int, list[Mark]] = defaultdict(list)
        ends = {bar.last: bar.end for bar in voice.bars}
        for mark in voice.marks:
            # After the last note of its bar, as `!fine!` often is, it belongs to that note.
            if mark.kind is Kind.DECORATION and mark.end <= ends.get(mark.event, 0):
                self._marks[mark.event - 1].append(mark)
            elif mark.kind in (Kind.STRING, Kind.DECORATION):
                self._marks[mark.event].append(mark)
        self._graces: dict[int, list[Grace]] = defaultdict(list)
        for grace in voice.graces:
            self._graces[grace.event].append(grace)
        self._slurs = self._paired_slurs()

    def _written_length(self, index: int) -> Fraction:
        """Length in ticks without tuplets."""
        _, p, q = self._tuplets.get(index, ((), 1, 1))
        return Fraction(self._voice.events[index].length * p, q)

    @cached_property
    def _loose(self) -> bool:
        return is_loose(self._text, self._voice, self._flagged)

    def _paired_slurs(self) -> dict[int, set[int]]:
        """The last events of the slurs that begin at each event; both ends sound."""
        sounding = [i for i, event in enumerate(self._voice.events) if event.pitches]
        slurs: dict[int, set[int]] = defaultdict(set)
        stack: list[int] = []
        for mark in self._voice.marks:
            if mark.kind is Kind.SLUR_OPEN:
                stack.append(mark.event)
            elif mark.kind is Kind.SLUR_CLOSE and stack:
                opened = bisect_left(sounding, stack.pop())
                closed = bisect_left(sounding, mark.event + 1) - 1
                if opened < closed:
                    slurs[sounding[opened]].add(sounding[closed])
        return slurs

    @property
    def overlays(self) -> bool:
        """Whether it is an overlay, drawn on the staff of another voice."""
        return self._voice.overlay > 0

    def clef_at(self, event: int) -> Clef:
        """The clef in force."""
        return self._voice.clefs[bisect_right(self._clef_starts, event) - 1][1]

    def pauses(self, cell: Cell) -> bool:
        """Whether an overlay has nothing in this cell."""
        return all(index in self._voice.fillers for index in range(cell.first, cell.last))

    def _invisible(self, event: int) -> bool:
        """Whether the event is a rest that is not printed."""
        typed = event not in self._voice.fillers
        return not typed or self._text[self._voice.events[event].start] in "xX"

    def _octaves(self, event: int) -> int:
        """Octaves from the typed to the sounding pitch, without transpositions."""
        clef = self.clef_at(event)
        return clef.octaves + clef.octave

    def cells(self, *, spread_rests: bool, longest: int = MAX_EVENTS) -> list[Cell]:
        """The voice's measures; see `cells.cells`."""
        return cells(
            self._voice, self._text, self._ticks, spread_rests=spread_rests, longest=longest
        )

    def _tuplets_in(self, cell: Cell) -> dict[Span, tuple[int, int]]:
        """The tuplets of a cell: (p, q) by their events."""
        found: dict[Span, tuple[int, int]] = {}
        for index in range(cell.first, cell.last):
            if index in self._tuplets:
                (first, last), p, q = self._tuplets[index]
                found[max(first, cell.first), min(last, cell.last)] = (p, q)
        return found

    def _beams_in(self, cell: Cell, tuplets: Sequence[Span]) -> list[Span]:
        """The beams of a cell, cut so that none crosses the edge of a tuplet."""
        part = cell.bar._replace(first=cell.first, last=cell.last)
        beamed = beams(
            self._text,
            self._voice.events,
            self._flagged,
            part,
            self._ticks,
            loose=self._loose,
            late=cell.late,
        )
        edges = sorted({edge for span in tuplets for edge in span})
        return [piece for beam in beamed for piece in _cut(beam, edges, tuplets)]

    def _spelled(self, index: int) -> list[Spelled]:
        """The heads of an event as printed; none for a rest. Call once for each event, in order."""
        heads = [
            self._speller.spell(lexeme, pitch, (lexeme.step, pitch) in self._held)
            for lexeme, pitch in self._heads(index)
        ]
        tied = self._voice.ties.get(index, ())
        self._held = {(head.step, head.pitch) for head in heads if head.pitch in tied}
        return heads

    def _heads(self, index: int) -> list[tuple[Lexeme, int]]:
        """The notes of an event; each place on the staff occurs once."""
        event = self._voice.events[index]
        if not event.pitches:
            return []
        written = written_notes(self._text[event.start : event.end], event.pitches)
        return list({(lexeme.step, pitch): (lexeme, pitch) for lexeme, pitch in written}.values())


def _cut(beam: Span, edges: Sequence[int], tuplets: Sequence[Span]) -> Iterator[Span]:
    """A beam, cut at the edges of tuplets that it overlaps without one being inside the other."""
    first, last = beam
    crossed = {
        edge
        for span in tuplets
        for edge in span
        if first < edge < last and (span[0] < first or span[1] > last)
    }
    stops = [first, *(edge for edge in edges if edge in crossed), last]
    yield from ((a, b) for a, b in pairwise(stops) if b - a > 1)
