"""Reads the body of a tune, token by token, into one draft for each voice."""

import re
from fractions import Fraction
from math import gcd

from musicgen.music.draft import Draft
from musicgen.music.findings import Findings
from musicgen.music.grammar import BarLine, Kind, Lexeme, lexicon, read_bar_line, tokenize
from musicgen.music.key import Key, parse_key, transposition
from musicgen.music.meter import Meter, parse_meter, parse_tempo, parse_unit
from musicgen.music.voice import Grace, Mark, Tuplet, Voice

TICKS = 80_640
"""Ticks to a whole note unless a tune needs finer ones: 256ths, in tuplets of 3, 5, 7 and 9."""
MAX_TICKS = 2**32
"""No finer than this: a length that would need it is rounded, and listed as a problem."""
MAX_BARS_OF_REST = 1000
MAX_VOICES = 64

_TUPLET = re.compile(r"\(([0-9]+):?([0-9]*):?([0-9]*)").match
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
_UNPAIRED = {
    "[": "`[` opens no chord, no field and no ending",
    "]": "`]` without `[`",
    "{": "grace notes that are never closed",
    "}": "`}` without `{`",
    '"': "chord symbol that is never closed",
    "!": "decoration that is never closed",
}
_JUST_ENDS = BarLine(0, False, False, ())


class Reader:
    """The drafts of all voices and the tick that they share."""

    def __init__(self, found: Findings, key: Key, meter: Meter, unit: Fraction) -> None:
        self.found = found
        self.ticks = TICKS
        self.drafts: dict[str, Draft] = {}
        self._key, self._meter, self._unit = key, meter, unit
        self._draft: Draft | None = None
        self._moved: dict[str, int] = {}
        self._junk_end = -1

    def voices(self, end: int) -> tuple[Voice, ...]:
        """The voices with music in them; the body ends at offset `end`."""
        drafts = [draft for draft in self.drafts.values() if draft.starts]
        for draft in drafts:
            for slur in draft.slurs:
                self.found.complain(slur, "slur that is never closed")
            if draft.tuplet[0]:
                self.found.complain(draft.tuplets[-1].start, "tuplet that is never filled")
        return tuple(draft.finish(end) for draft in drafts)

    def declare(self, value: str) -> str:
        """Note a `V:` field's transposition, for a voice still to begin; the voice's name."""
        name, _, options = value.partition(" ")
        self._moved.setdefault(name, transposition(options))
        return name

    def voice(self, name: str, start: int) -> Draft:
        """The draft of the voice in which music goes on at offset `start`."""
        if name not in self.drafts:
            if len(self.drafts) == MAX_VOICES:
                self.found.complain(start, f"more than {MAX_VOICES} voices")
                return self._draft or next(iter(self.drafts.values()))
            unit = self._ticks_of(self._unit, start)
            key = self._key.moved(self._moved.get(name, 0))
            self.drafts[name] = Draft(name, key, self._meter, unit, start)
        self._draft = self.drafts[name]
        return self._draft

    def field(self, letter: str, written: str, start: int, end: int) -> None:
        """A field in the body, on a line of its own or inline."""
        value = self.found.field(letter, written, start, end)
        if letter == "V":
            self.voice(self.declare(value), end)
        elif letter in "KMLQP":
            draft = self._draft or self.voice("1", end)
            if letter == "K":
                draft.set_key(self.found.understood(start, parse_key(value, draft.key)))
            elif letter == "M":
                draft.set_meter(self.found.understood(start, parse_meter(value)))
            elif letter == "L":
                if unit := self.found.understood(start, parse_unit(value)):
                    draft.unit = self._ticks_of(unit, start)
            elif letter == "Q":
                if tempo := parse_tempo(value, Fraction(draft.unit, self.ticks)):
                    draft.tempos.append((len(draft.starts), tempo))
            else:
                draft.close_bar("", _JUST_ENDS, start, end)
                draft.bar.part = value

    def music(self, line: str, offset: int) -> None:
        """A line of music that begins at `offset`."""
        note, space, bar = Kind.NOTE, Kind.SPACE, Kind.BAR
        tokens = iter(tokenize(line))
        end = offset
        while True:
            draft = self._draft or self.voice("1", offset)
            starts, ends, lengths, pitches = (
                draft.starts,
                draft.ends,
                draft.lengths,
                draft.pitches,
            )
            unit, scale = draft.unit, draft.scale
            # Nine of ten tokens are notes, spaces and bar lines: this loop is the parser's speed.
            for token in tokens:
                kind, step, alter, numerator, denominator, sound = lexeme = lexicon[token]
                start = end
                end += len(token)
                if kind is note:
                    if alter is not None:
                        draft.alter(step, alter)
                        scale = draft.scale
                    length, left = divmod(unit * numerator, denominator)
                    pitch: tuple[int, ...] = scale[step]
                    if left or draft.bent or not sound:
                        pitch = draft.pitch(step, alter)
                        length = self._length(draft, lexeme, start)
                        unit = draft.unit
                    starts.append(start)
                    ends.append(end)
                    lengths.append(length)
                    pitches.append(pitch)
                elif kind is bar:
                    draft.close_bar(token, read_bar_line(token), start, end)
                    scale = draft.scale
                elif kind is not space:
                    self._special(draft, token, lexeme, start, end)
                    break  # voice, key, unit: what holds from here on may be another
            else:
                return

    def _special(self, draft: Draft, token: str, lexeme: Lexeme, start: int, end: int) -> None:
        """Any token but notes, spaces and bar lines."""
        match lexeme.kind:
            case Kind.SLUR_OPEN:
                draft.slurs.append(start)
                draft.marks.append(Mark(Kind.SLUR_OPEN, start, end, len(draft.starts)))
            case Kind.SLUR_CLOSE:
                if draft.slurs:
                    draft.slurs.pop()
                    draft.marks.append(Mark(Kind.SLUR_CLOSE, start, end, len(draft.starts) - 1))
                else:
                    self.found.complain(start, "`)` without a slur")
            case Kind.STRING | Kind.DECORATION:
                draft.marks.append(Mark(lexeme.kind, start, end, len(draft.starts)))
            case Kind.BROKEN:
                self._broken(draft, token, start)
            case Kind.TUPLET:
                self._tuplet(draft, token, start)
            case Kind.GRACE:
                pitches = [pitch for pitch, _ in self._inner(draft, token[1:-1], start + 1)]
                draft.graces.append(Grace(start, end, len(draft.starts), tuple(pitches)))
            case Kind.REST:
                draft.add(start, end, self._length(draft, lexeme, start), ())
            case Kind.TIE:
                if not draft.tie():
                    self.found.complain(start, "tie without a note before it")
            case Kind.CHORD:
                self._chord(draft, token, lexeme, start)
            case Kind.INLINE:
                self.field(token[1], token[3:-1], start, end)
            case Kind.ENDING:
                ending = read_bar_line(token).ending
                draft.close_bar("", _JUST_ENDS._replace(ending=ending), start, end)
            case Kind.MULTIREST:
                bars = min(lexeme.numerator, MAX_BARS_OF_REST)
                length = self._ticks_of(draft.meter.length or Fraction(1), start)
                draft.add(start, end, length * bars, ())
            case Kind.OVERLAY:
                self.found.complain(start, "overlay (&): read no further than the first voice")
            case Kind.JUNK:
                if start != self._junk_end:
                    message = _UNPAIRED.get(token, f"unexpected text at {token!a}")
                    self.found.complain(start, message)
                self._junk_end = end

    def _broken(self, draft: Draft, token: str, start: int) -> None:
        """`a>b`: one and a half times the length, and half of it; more signs, more of it."""
        if draft.bar.first == len(draft.starts):
            self.found.complain(start, "broken rhythm without a note before it")
            return
        denominator = 2 ** min(len(token), 8)
        longer, shorter = (2 * denominator - 1, denominator), (1, denominator)
        before, draft.broken = (longer, shorter) if token[0] == ">" else (shorter, longer)
        draft.bent = True
        length = self._times(draft.lengths[-1], before[0], before[1], start)
        draft.lengths[-1] = length  # a line of its own: _times may multiply every length

    def _tuplet(self, draft: Draft, token: str, start: int) -> None:
        """`(p:q:r`: the next r lengths, p of them in the time of q (ABC 2.1, section 4.13)."""
        match = _TUPLET(token)
        assert match is not None
        p, q, r = (int(number[:3] or 0) for number in match.groups())
        q = q or _TUPLET_TIME.get(p, 3 if draft.meter.compound else 2)
        r = r or p
        if not 1 < p < 32 or q > 32:
            self.found.complain(start, f"no such tuplet: {token}")
            return
        if draft.tuplet[0]:
            self.found.complain(start, "tuplet inside a tuplet")
        first = len(draft.starts)
        draft.tuplet = (r, q, p)
        draft.tuplets.append(Tuplet(start, first, first + r, p, q))
        draft.bent = True

    def _chord(self, draft: Draft, token: str, lexeme: Lexeme, start: int) -> None:
        """Notes that sound together, for as long as the first of them (ABC 2.1, section 4.17)."""
        close = token.rindex("]" if token[0] == "[" else "+")
        notes = self._inner(draft, token[1:close], start + 1)
        if not notes:
            self.found.complain(start, "chord without notes")
            return
        first = notes[0][1]
        length = lexeme._replace(
            numerator=lexeme.numerator * first.numerator,
            denominator=lexeme.denominator * first.denominator,
            playable=lexeme.playable and first.playable,
        )
        draft.add(
            start,
            start + len(token),
            self._length(draft, length, start),
            tuple(pitch for pitch, _ in notes),
        )

    def _inner(self, draft: Draft, text: str, start: int) -> list[tuple[int, Lexeme]]:
        """Pitch and lexeme of the notes inside of a chord or of grace notes."""
        notes: list[tuple[int, Lexeme]] = []
        for token in tokenize(text):
            lexeme = lexicon[token]
            if lexeme.kind is Kind.NOTE:
                if lexeme.alter is not None:
                    draft.alter(lexeme.step, lexeme.alter)
                notes.append((draft.pitch(lexeme.step, lexeme.alter)[0], lexeme))
            elif lexeme.kind is Kind.CHORD:  # among grace notes
                notes += self._inner(draft, token[1 : token.rindex("]")], start + 1)
            elif lexeme.kind is Kind.TIE and notes:
                event = len(draft.starts)
                draft.ties[event] = (*draft.ties.get(event, ()), notes[-1][0])
            elif lexeme.kind in (Kind.STRING, Kind.DECORATION):
                draft.marks.append(Mark(lexeme.kind, start, start + len(token), len(draft.starts)))
            start += len(token)
        return notes

    def _length(self, draft: Draft, lexeme: Lexeme, start: int) -> int:
        """Length in ticks of the next event, with what bends it; ends what bends only one."""
        if not lexeme.playable:
            self.found.complain(start, "pitch or length that cannot be played")
        numerator, denominator = lexeme.numerator, lexeme.denominator
        if draft.bent:
            numerator *= draft.broken[0]
            denominator *= draft.broken[1]
            left, q, p = draft.tuplet
            if left:
                numerator *= q
                denominator *= p
                draft.tuplet = (left - 1, q, p)
            draft.broken = (1, 1)
            draft.bent = left > 1
        return self._times(draft.unit, numerator, denominator, start)

    def _ticks_of(self, length: Fraction, start: int) -> int:
        return self._times(self.ticks, length.numerator, length.denominator, start)

    def _times(self, ticks: int, numerator: int, denominator: int, start: int) -> int:
        """`ticks` times a fraction, exactly: makes all ticks finer where that takes it."""
        product = ticks * numerator
        if product % denominator:
            finer = denominator // gcd(product, denominator)
            if self.ticks * finer > MAX_TICKS:
                self.found.complain(start, "length too fine to be exact; rounded")
                return product // denominator
            self.ticks *= finer
            for draft in self.drafts.values():
                draft.multiply(finer)
            product *= finer
        return product // denominator
