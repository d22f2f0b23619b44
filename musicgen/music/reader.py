"""Reads the body of a tune, token by token, into one draft for each voice."""

import re
from dataclasses import replace
from fractions import Fraction
from math import gcd

from musicgen.music.clef import Clef
from musicgen.music.draft import JUST_ENDS, Draft
from musicgen.music.findings import Findings
from musicgen.music.grammar import BarLine, Kind, Lexeme, lexicon, read_bar_line, tokenize
from musicgen.music.key import Key, parse_key
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
_UNEQUAL = "overlay (&) and its bar are not equally long; the shorter one rests"
_UNPAIRED = {
    "[": "`[` opens no chord, no field and no ending",
    "]": "`]` without `[`",
    "{": "grace notes that are never closed",
    "}": "`}` without `{`",
    '"': "chord symbol that is never closed",
}


class Reader:
    """The drafts of all voices and the tick that they share."""

    def __init__(self, found: Findings, key: Key, clef: Clef, meter: Meter, unit: Fraction) -> None:
        self.found = found
        self.ticks = TICKS
        self.drafts: dict[str, Draft] = {}
        self._key, self._meter, self._unit = key, meter, unit
        self._draft: Draft | None = None
        self._clef = clef
        self._clefs: dict[str, Clef] = {}
        self._junk_end = -1

    def voices(self, end: int) -> tuple[Voice, ...]:
        """The voices with music in them; the body ends at offset `end`."""
        voices: list[Voice] = []
        for draft in self.drafts.values():
            self._close_bar(draft, "", JUST_ENDS, end, end)
            for each in (draft, *draft.overlays):
                for slur in each.slurs:
                    self.found.complain(slur, "slur that is never closed")
                if each.tuplet[0]:
                    self.found.complain(each.tuplets[-1].start, "tuplet that is never filled")
            if draft.starts:
                voices += draft.voices()
        return tuple(voices)

    def declare(self, value: str, start: int) -> str:
        """Note a `V:` field's clef and transposition; the voice's name."""
        name, _, options = value.replace("\t", " ").partition(" ")
        draft = self.drafts.get(name)
        shared = replace(self._clef, base=self._clef.semitones)
        before = draft.clef if draft else self._clefs.get(name, shared)
        clef = self.found.understood(start, before.changed(options))
        self._clefs[name] = clef
        if draft:
            draft.set_clef(clef)
        return name

    def voice(self, name: str, start: int) -> Draft:
        """The draft of the voice in which music goes on at offset `start`."""
        if name not in self.drafts:
            if len(self.drafts) == MAX_VOICES:
                self.found.complain(start, f"more than {MAX_VOICES} voices")
                return self._draft or next(iter(self.drafts.values()))
            unit = self._ticks_of(self._unit, start)
            clef = self._clefs.get(name, self._clef)
            key = replace(self._key, transpose=clef.transpose)
            self.drafts[name] = Draft(name, key, self._meter, unit, start, clef)
        self._draft = self.drafts[name]
        return self._draft

    def field(self, letter: str, written: str, start: int, end: int) -> None:
        """A field in the body, on a line of its own or inline."""
        value = self.found.field(letter, written, start, end)
        if letter == "V":
            self.voice(self.declare(value, start), end)
        elif letter in "KMLQP":
            draft = self._draft or self.voice("1", end)
            main = draft.over or draft
            drafts = (main, draft) if draft.over else (main,)
            if letter == "K":
                key = self.found.understood(start, parse_key(value, main.key, main.clef))
                clef = main.clef.changed(value)[0]
                for each in drafts:
                    each.set_key(key)
                    each.set_clef(clef)
            elif letter == "M":
                meter = self.found.understood(start, parse_meter(value))
                for each in drafts:
                    each.set_meter(meter)
            elif letter == "L":
                if unit := self.found.understood(start, parse_unit(value)):
                    ticks = self._ticks_of(unit, start)
                    for each in drafts:
                        each.unit = ticks
            elif letter == "Q":
                if tempo := parse_tempo(value, Fraction(main.unit, self.ticks)):
                    main.tempos.append((len(main.starts), tempo))
            else:
                self._close_bar(draft, "", JUST_ENDS, start, end)
                main.bar.part = value

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
                kind, step, alter, numerator, denominator, fault = lexeme = lexicon[token]
                start = end
                end += len(token)
                if kind is note:
                    if alter is not None:
                        draft.alter(step, alter)
                        scale = draft.scale
                    length, left = divmod(unit * numerator, denominator)
                    pitch: tuple[int, ...] = scale[step]
                    if left or draft.bent or fault:
                        pitch = draft.pitch(step, alter)
                        length = self._length(draft, lexeme, start)
                        unit = draft.unit
                    starts.append(start)
                    ends.append(end)
                    lengths.append(length)
                    pitches.append(pitch)
                elif kind is bar:
                    if draft.overlays or draft.over:
                        self._close_bar(draft, token, read_bar_line(token), start, end)
                        break
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
                line = JUST_ENDS._replace(ending=read_bar_line(token).ending)
                self._close_bar(draft, "", line, start, end)
            case Kind.TEXT_ENDING:
                main = draft.over or draft
                line = JUST_ENDS._replace(ending=main.ending_of(token[2:-1]))
                self._close_bar(draft, "", line, start, end)
                main.bar.ending_text = token[2:-1]
            case Kind.MULTIREST:
                bars = min(lexeme.numerator, MAX_BARS_OF_REST)
                length = self._ticks_of(draft.meter.length or Fraction(1), start)
                draft.add(start, end, length * bars, ())
            case Kind.OVERLAY:
                self._overlay(draft, token, start)
            case Kind.JUNK if token != "!":  # alone on its line, it broke the score's line once
                if start != self._junk_end:
                    message = _UNPAIRED.get(token, f"unexpected text at {token!a}")
                    self.found.complain(start, message)
                self._junk_end = end

    def _close_bar(self, draft: Draft, token: str, line: BarLine, start: int, end: int) -> None:
        """Close the bar of a voice or of what is laid over it; music goes on in the voice."""
        main = draft.over or draft
        if draft.over and len(draft.bars) < len(main.bars):
            if not draft.catch_up(start, end):
                self.found.complain(start, _UNEQUAL)
            return
        if self._draft is draft:
            self._draft = main
        if main.overlays and not main.level(start, end):
            self.found.complain(start, _UNEQUAL)
        main.close_bar(token, line, start, end)

    def _overlay(self, draft: Draft, token: str, start: int) -> None:
        """`&`: back to the beginning of the bar, and one bar more for each further `&`."""
        main = draft.over or draft
        if token == "(&":
            main.overlaid_from = len(main.bars)
        elif token == "&)":
            main.overlaid_from = -1
            self._draft = main
        else:
            back = len(main.bars) - main.overlaid_from if main.overlaid_from >= 0 else 0
            self._draft = main.lay(start, max(back, len(token) - 1))

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
                self.found.complain(start, lexeme.fault)
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
        self.found.complain(start, lexeme.fault)
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
