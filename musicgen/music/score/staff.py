"""A staff: the notes of one voice as MEI, measure by measure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from musicgen.music.clef import SHAPES, Clef
from musicgen.music.grammar import Kind
from musicgen.music.score.beams import Span
from musicgen.music.score.cells import Cell
from musicgen.music.score.layout import Layout
from musicgen.music.score.signs import articulation, is_chord_symbol, sign
from musicgen.music.score.spelling import Spelled, written_notes
from musicgen.music.score.values import Value

MAX_MARKS = 6
"""Most signs at one note; more would pile up higher than the page."""
_DISPLACED = {1: 8, 2: 15, 3: 22}
MAX_GRACES = 12
"""Most notes of one group of grace notes."""


def note_id(voice: int, event: int) -> str:
    """Id, in MEI and SVG, of the element of an event: `v0e12` for `tune.voices[0].events[12]`."""
    return f"v{voice}e{event}"


class Staff(Layout):
    """One voice of a tune on its way into a score. Its cells must be drawn in their order."""

    def layer(self, cell: Cell) -> tuple[str, list[str]]:
        """The music of a cell, and the signs that refer to it, as elements of MEI."""
        if cell.begins:
            self._speller.begin_bar(cell.bar.key)
        signs = [s for index in range(cell.first, cell.last) for s in self._signs(index)]
        if cell.rests:
            return self._whole_rest(cell), signs if cell.begins else []
        opening: dict[int, str] = defaultdict(str)
        closing: dict[int, str] = defaultdict(str)
        for (first, last), tag, attributes in self._groups(cell):
            opening[first] += f"<{tag}{attributes}>"
            closing[last - 1] = f"</{tag}>" + closing[last - 1]
        parts: list[str] = []
        for index in range(cell.first, cell.last):
            notes, ties = self._event(index)
            if index in self._clef_starts and index > cell.first and not self.overlays:
                parts.append(f"<clef{clef_attributes(self.clef_at(index))}/>")
            parts += (opening[index], self._grace_notes(index), notes, closing[index])
            signs += ties
        return "".join(parts), signs

    def _groups(self, cell: Cell) -> list[tuple[Span, str, str]]:
        """Tuplets and beams as (events, tag, attributes), outer ones first, properly nested."""
        tuplets = self._tuplets_in(cell)
        groups = [(span, "tuplet", f' num="{p}" numbase="{q}"') for span, (p, q) in tuplets.items()]
        groups += [(span, "beam", "") for span in self._beams_in(cell, list(tuplets))]
        # By first event, the wider one first: a tuplet encloses its own beam.
        return sorted(groups, key=lambda group: (group[0][0], -group[0][1], group[1] == "beam"))

    def _whole_rest(self, cell: Cell) -> str:
        invisible = self._invisible(cell.first)
        name = f' xml:id="{note_id(self.number, cell.first)}"' if cell.begins else ""
        if cell.rests > 1:
            return f'<multiRest{name} num="{cell.rests}"/>'
        return f"<mSpace{name}/>" if invisible else f"<mRest{name}/>"

    def _event(self, index: int) -> tuple[str, list[str]]:
        """Notes, chords or rests of an event, and the ties from it."""
        event, pieces = self._voice.events[index], self._values[index]
        names = _piece_names(note_id(self.number, index), len(pieces))
        if not event.pitches:
            self._held = set()
            tag = "space" if self._invisible(index) else "rest"
            rests = (
                f'<{tag} xml:id="{name}"{_duration(value)}/>'
                for name, value in zip(names, pieces, strict=True)
            )
            return "".join(rests), []
        heads = self._spelled(index)
        artics = {articulation(self._text[m.start : m.end]) for m in self._marks[index]} - {""}
        artic = f' artic="{" ".join(sorted(artics))}"' if artics else ""
        notes = ""
        for name, value in zip(names, pieces, strict=True):
            notes += _notes(name, heads, _duration(value) + artic, self._octaves(index))
            heads = [head._replace(accidental="") for head in heads]
            artic = ""
        return notes, list(self._ties(index, names, heads))

    def _ties(self, index: int, names: Sequence[str], heads: Sequence[Spelled]) -> Iterator[str]:
        """Ties between the pieces of an event, and to the same pitches of the next event."""
        for name, following in pairwise(names):
            for number in range(len(heads)):
                ends = (_head_name(n, number, len(heads)) for n in (name, following))
                yield '<tie startid="#{}" endid="#{}"/>'.format(*ends)
        tied = self._voice.ties.get(index, ())
        if not tied or index + 1 == len(self._voice.events):
            return
        pitches = [pitch for _, pitch in self._heads(index + 1)]
        target = note_id(self.number, index + 1)
        for number, head in enumerate(heads):
            if head.pitch in tied and head.pitch in pitches:
                start = _head_name(names[-1], number, len(heads))
                end = _head_name(target, pitches.index(head.pitch), len(pitches))
                yield f'<tie startid="#{start}" endid="#{end}"/>'

    def _grace_notes(self, index: int) -> str:
        drawn = ""
        for grace in self._graces[index][:MAX_MARKS] if index in self._graces else ():
            token = self._text[grace.start : grace.end]
            if not grace.pitches:
                continue
            notes = list(written_notes(token, grace.pitches))[:MAX_GRACES]
            heads = [self._speller.spell(lexeme, pitch) for lexeme, pitch in notes]
            slash = ' stem.mod="1slash"' if token[1] == "/" else ""
            kind = "unacc" if slash else "acc"
            shape = f' grace="{kind}" stem.dir="up" dur="{16 if len(heads) > 1 else 8}"{slash}'
            octaves = self._octaves(index)
            group = "".join(f"<note {head.attributes(octaves)}{shape}/>" for head in heads)
            drawn += f"<beam>{group}</beam>" if len(heads) > 1 else group
        return drawn

    def _signs(self, index: int) -> Iterator[str]:
        name = note_id(self.number, index)
        at = f' startid="#{name}" staff="{self.place}"'
        marks = self._marks[index][:MAX_MARKS] if index in self._marks else ()
        tokens = [(mark.kind, self._text[mark.start : mark.end]) for mark in marks]
        # One text: verovio sets all chord symbols of a note at the same place.
        chords = " ".join(token[1:-1] for kind, token in tokens if is_chord_symbol(kind, token))
        others = [pair for pair in tokens if not is_chord_symbol(*pair)]
        for kind, token in [(Kind.STRING, f'"{chords}"'), *others] if chords else others:
            if drawn := sign(kind, token, at):
                yield drawn
        for end in sorted(self._slurs.get(index, ())):
            yield f'<slur startid="#{name}" endid="#{note_id(self.number, end)}"/>'


def clef_attributes(clef: Clef, prefix: str = "") -> str:
    """Attributes of MEI's `<clef>`, or with the prefix `clef.` of its `<staffDef>`."""
    shown = f' {prefix}shape="{SHAPES[clef.name]}" {prefix}line="{clef.line}"'
    octaves = clef.octaves + clef.middle
    if abs(octaves) not in _DISPLACED:
        return shown
    place = "above" if octaves > 0 else "below"
    return f'{shown} {prefix}dis="{_DISPLACED[abs(octaves)]}" {prefix}dis.place="{place}"'


def _piece_names(name: str, count: int) -> list[str]:
    return [name, *(f"{name}p{number}" for number in range(1, count))]


def _head_name(name: str, number: int, of: int) -> str:
    """In a chord each note has a name of its own."""
    return f"{name}n{number}" if of > 1 else name


def _duration(value: Value) -> str:
    return f' dur="{value.dur}"' + (f' dots="{value.dots}"' if value.dots else "")


def _notes(name: str, heads: Sequence[Spelled], attributes: str, octaves: int) -> str:
    if len(heads) == 1:
        return f'<note xml:id="{name}"{attributes} {heads[0].attributes(octaves)}/>'
    inner = "".join(
        f'<note xml:id="{_head_name(name, number, len(heads))}" {head.attributes(octaves)}/>'
        for number, head in enumerate(heads)
    )
    return f'<chord xml:id="{name}"{attributes}>{inner}</chord>'
