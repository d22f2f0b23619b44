"""Reads the body of a tune, token by token, into one builder for each voice."""

import re
from dataclasses import replace
from fractions import Fraction
from math import gcd

from musicgen.music.clef import Clef
from musicgen.music.findings import Findings
from musicgen.music.grammar import BarLine, Kind, Lexeme, lexicon, read_bar_line, tokenize
from musicgen.music.key import Key, parse_key
from musicgen.music.meter import Meter, parse_meter, parse_tempo, parse_unit
from musicgen.music.voice import Grace, Mark, Tuplet, Voice
from musicgen.music.voice_builder import JUST_ENDS, MAX_OVERLAYS, VoiceBuilder

TICKS = 80_640
"""Default ticks of a whole note: enough for 256ths, in tuplets of 3, 5, 7 and 9."""
MAX_TICKS = 2**32
"""The finest ticks; a length that would need finer ones is rounded, and listed as a problem."""
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
    """The builders of all voices, and the ticks that they share."""

    def __init__(self, found: Findings, key: Key, clef: Clef, meter: Meter, unit: Fraction) -> None:
        self.found = found
        self.ticks = TICKS
        self.builders: dict[str, VoiceBuilder] = {}
        self._key, self._meter, self._unit = key, meter, unit
        self._builder: VoiceBuilder | None = None
        self._clef = clef
        self._clefs: dict[str, Clef] = {}
        self._junk_end = -1

    def voices(self, end: int) -> tuple[Voice, ...]:
        """The voices with music in them; the body ends at offset `end`."""
        voices: list[Voice] = []
        for builder in self.builders.values():
            self._close_bar(builder, "", JUST_ENDS, end, end)
            for each in (builder, *builder.overlays):
                for slur in each.slurs:
                    self.found.complain(slur, "slur that is never closed")
                if each.tuplet[0]:
                    self.found.complain(each.tuplets[-1].start, "tuplet that is never filled")
            if builder.starts:
                voices += builder.voices()
        return tuple(voices)

    def declare(self, value: str, start: int) -> str:
        """Record a `V:` field's clef and transposition; returns the voice's name."""
        name, _, options = value.replace("\t", " ").partition(" ")
        builder = self.builders.get(name)
        shared = replace(self._clef, base=self._clef.semitones)
        before = builder.clef if builder else self._clefs.get(name, shared)
        clef = self.found.understood(start, before.changed(options))
        self._clefs[name] = clef
        if builder:
            builder.set_clef(clef)
        return name

    def voice(self, name: str, start: int) -> VoiceBuilder:
        """The builder of the voice in which music continues at offset `start`."""
        if name not in self.builders:
            if len(self.builders) == MAX_VOICES:
                self.found.complain(start, f"more than {MAX_VOICES} voices")
                return self._builder or next(iter(self.builders.values()))
            unit = self._ticks_of(self._unit, start)
            clef = self._clefs.get(name, self._clef)
            key = replace(self._key, transpose=clef.transpose)
            self.builders[name] = VoiceBuilder(name, key, self._meter, unit, start, clef)
        self._builder = self.builders[name]
        return self._builder

    def field(self, letter: str, written: str, start: int, end: int) -> None:
        """Read a field in the body, on a line of its own or inline."""
        value = self.found.field(letter, written, start, end)
        if letter == "V":
            self.voice(self.declare(value, start), end)
        elif letter in "KMLQP":
            builder = self._builder or self.voice("1", end)
            main = builder.over or builder
            builders = (main, builder) if builder.over else (main,)
            if letter == "K":
                key = self.found.understood(start, parse_key(value, main.key, main.clef))
                clef = main.clef.changed(value)[0]
                for each in builders:
                    each.set_key(key)
                    each.set_clef(clef)
            elif letter == "M":
                meter = self.found.understood(start, parse_meter(value))
                for each in builders:
                    each.set_meter(meter)
            elif letter == "L":
                if unit := self.found.understood(start, parse_unit(value)):
                    ticks = self._ticks_of(unit, start)
                    for each in builders:
                        each.unit = ticks
            elif letter == "Q":
                if tempo := parse_tempo(value, Fraction(main.unit, self.ticks)):
                    main.tempos.append((len(main.starts), tempo))
            else:
                self._close_bar(builder, "", JUST_ENDS, start, end)
                main.bar.part = value

    def music(self, line: str, offset: int) -> None:
        """Read a line of music that begins at `offset`."""
        note, space, bar = Kind.NOTE, Kind.SPACE, Kind.BAR
        tokens = iter(tokenize(line))
        end = offset
        while True:
            builder = self._builder or self.voice("1", offset)
            starts, ends, lengths, pitches = (
                builder.starts,
                builder.ends,
                builder.lengths,
                builder.pitches,
            )
            unit, scale = builder.unit, builder.scale
            # Nine of ten tokens are notes, spaces and bar lines: this loop determines the parser's
            # speed.
            for token in tokens:
                kind, step, alter, numerator, denominator, fault = lexeme = lexicon[token]
                start = end
                end += len(token)
                if kind is note:
                    if alter is not None:
                        builder.alter(step, alter)
                        scale = builder.scale
                    length, left = divmod(unit * numerator, denominator)
                    pitch: tuple[int, ...] = scale[step]
                    if left or builder.bent or fault:
                        pitch = builder.pitch(step, alter)
                        length = self._length(builder, lexeme, start)
                        unit = builder.unit
                    starts.append(start)
                    ends.append(end)
                    lengths.append(length)
                    pitches.append(pitch)
                elif kind is bar:
                    if builder.overlays or builder.over:
                        self._close_bar(builder, token, read_bar_line(token), start, end)
                        break
                    builder.close_bar(token, read_bar_line(token), start, end)
                    scale = builder.scale
                elif kind is not space:
                    self._special(builder, token, lexeme, start, end)
                    break  # voice, key and unit may differ from here on
            else:
                return

    def _special(
        self, builder: VoiceBuilder, token: str, lexeme: Lexeme, start: int, end: int
    ) -> None:
        """Read any token but notes, spaces and bar lines."""
        match lexeme.kind:
            case Kind.SLUR_OPEN:
                builder.slurs.append(start)
                builder.marks.append(Mark(Kind.SLUR_OPEN, start, end, len(builder.starts)))
            case Kind.SLUR_CLOSE:
                if builder.slurs:
                    builder.slurs.pop()
                    builder.marks.append(Mark(Kind.SLUR_CLOSE, start, end, len(builder.starts) - 1))
                else:
                    self.found.complain(start, "`)` without a slur")
            case Kind.STRING | Kind.DECORATION:
                self.found.complain(start, lexeme.fault)
                builder.marks.append(Mark(lexeme.kind, start, end, len(builder.starts)))
            case Kind.BROKEN:
                self._broken(builder, token, start)
            case Kind.TUPLET:
                self._tuplet(builder, token, start)
            case Kind.GRACE:
                pitches = [pitch for pitch, _ in self._inner(builder, token[1:-1], start + 1)]
                builder.graces.append(Grace(start, end, len(builder.starts), tuple(pitches)))
            case Kind.REST:
                builder.add(start, end, self._length(builder, lexeme, start), ())
            case Kind.TIE:
                if not builder.tie():
                    self.found.complain(start, "tie without a note before it")
            case Kind.CHORD:
                self._chord(builder, token, lexeme, start)
            case Kind.INLINE:
                self.field(token[1], token[3:-1], start, end)
            case Kind.ENDING:
                line = JUST_ENDS._replace(ending=read_bar_line(token).ending)
                self._close_bar(builder, "", line, start, end)
            case Kind.TEXT_ENDING:
                main = builder.over or builder
                line = JUST_ENDS._replace(ending=main.ending_of(token[2:-1]))
                self._close_bar(builder, "", line, start, end)
                main.bar.ending_text = token[2:-1]
            case Kind.MULTIREST:
                bars = min(lexeme.numerator, MAX_BARS_OF_REST)
                length = self._ticks_of(builder.meter.length or Fraction(1), start)
                builder.add(start, end, length * bars, ())
            case Kind.OVERLAY:
                self._overlay(builder, token, start)
            case Kind.JUNK if token != "!":  # a lone `!` is an old line break
                if start != self._junk_end:
                    message = _UNPAIRED.get(token, f"unexpected text at {token!a}")
                    self.found.complain(start, message)
                self._junk_end = end

    def _close_bar(
        self, builder: VoiceBuilder, token: str, line: BarLine, start: int, end: int
    ) -> None:
        """Close the bar of a voice or of an overlay; music continues in the voice."""
        main = builder.over or builder
        if builder.over and len(builder.bars) < len(main.bars):
            if not builder.catch_up(start, end):
                self.found.complain(start, _UNEQUAL)
            return
        if self._builder is builder:
            self._builder = main
        if main.overlays and not main.level(start, end):
            self.found.complain(start, _UNEQUAL)
        main.close_bar(token, line, start, end)

    def _overlay(self, builder: VoiceBuilder, token: str, start: int) -> None:
        """`&`: back to the beginning of the bar, and one bar more for each further `&`."""
        main = builder.over or builder
        if token == "(&":
            main.overlaid_from = len(main.bars)
        elif token == "&)":
            main.overlaid_from = -1
            self._builder = main
        else:
            back = len(main.bars) - main.overlaid_from if main.overlaid_from >= 0 else 0
            overlay = main.lay(start, max(back, len(token) - 1))
            if overlay is None:
                self.found.complain(start, f"more than {MAX_OVERLAYS} overlays (&)")
            self._builder = overlay or builder

    def _broken(self, builder: VoiceBuilder, token: str, start: int) -> None:
        """`a>b`: one and a half times the length, and half of it; more signs take more."""
        if builder.bar.first == len(builder.starts):
            self.found.complain(start, "broken rhythm without a note before it")
            return
        denominator = 2 ** min(len(token), 8)
        longer, shorter = (2 * denominator - 1, denominator), (1, denominator)
        before, builder.broken = (longer, shorter) if token[0] == ">" else (shorter, longer)
        builder.bent = True
        length = self._times(builder.lengths[-1], before[0], before[1], start)
        builder.lengths[-1] = length  # a statement of its own: _times may multiply every length

    def _tuplet(self, builder: VoiceBuilder, token: str, start: int) -> None:
        """`(p:q:r`: the next r lengths, p of them in the time of q (ABC 2.1, section 4.13)."""
        match = _TUPLET(token)
        assert match is not None
        p, q, r = (int(number[:3] or 0) for number in match.groups())
        q = q or _TUPLET_TIME.get(p, 3 if builder.meter.compound else 2)
        r = r or p
        if not 1 < p < 32 or q > 32:
            self.found.complain(start, f"no such tuplet: {token}")
            return
        if builder.tuplet[0]:
            self.found.complain(start, "tuplet inside a tuplet")
        first = len(builder.starts)
        builder.tuplet = (r, q, p)
        builder.tuplets.append(Tuplet(start, first, first + r, p, q))
        builder.bent = True

    def _chord(self, builder: VoiceBuilder, token: str, lexeme: Lexeme, start: int) -> None:
        """Notes that sound together, for as long as the first of them (ABC 2.1, section 4.17)."""
        close = token.rindex("]" if token[0] == "[" else "+")
        notes = self._inner(builder, token[1:close], start + 1)
        if not notes:
            self.found.complain(start, "chord without notes")
            return
        first = notes[0][1]
        length = lexeme._replace(
            numerator=lexeme.numerator * first.numerator,
            denominator=lexeme.denominator * first.denominator,
        )
        builder.add(
            start,
            start + len(token),
            self._length(builder, length, start),
            tuple(pitch for pitch, _ in notes),
        )

    def _inner(self, builder: VoiceBuilder, text: str, start: int) -> list[tuple[int, Lexeme]]:
        """Pitch and lexeme of the notes inside a chord or grace notes."""
        notes: list[tuple[int, Lexeme]] = []
        for token in tokenize(text):
            lexeme = lexicon[token]
            if lexeme.kind is Kind.NOTE:
                self.found.complain(start, lexeme.fault)
                if lexeme.alter is not None:
                    builder.alter(lexeme.step, lexeme.alter)
                notes.append((builder.pitch(lexeme.step, lexeme.alter)[0], lexeme))
            elif lexeme.kind is Kind.CHORD:  # among grace notes
                notes += self._inner(builder, token[1 : token.rindex("]")], start + 1)
            elif lexeme.kind is Kind.TIE and notes:
                event = len(builder.starts)
                builder.ties[event] = (*builder.ties.get(event, ()), notes[-1][0])
            elif lexeme.kind in (Kind.STRING, Kind.DECORATION):
                builder.marks.append(
                    Mark(lexeme.kind, start, start + len(token), len(builder.starts))
                )
            start += len(token)
        return notes

    def _length(self, builder: VoiceBuilder, lexeme: Lexeme, start: int) -> int:
        """Length in ticks of the next event, with all that changes it; ends what changes one event
        only."""
        self.found.complain(start, lexeme.fault)
        numerator, denominator = lexeme.numerator, lexeme.denominator
        if builder.bent:
            numerator *= builder.broken[0]
            denominator *= builder.broken[1]
            left, q, p = builder.tuplet
            if left:
                numerator *= q
                denominator *= p
                builder.tuplet = (left - 1, q, p)
            builder.broken = (1, 1)
            builder.bent = left > 1
        return self._times(builder.unit, numerator, denominator, start)

    def _ticks_of(self, length: Fraction, start: int) -> int:
        return self._times(self.ticks, length.numerator, length.denominator, start)

    def _times(self, ticks: int, numerator: int, denominator: int, start: int) -> int:
        """`ticks` times a fraction, exactly: makes all ticks finer where necessary."""
        product = ticks * numerator
        if product % denominator:
            finer = denominator // gcd(product, denominator)
            if self.ticks * finer > MAX_TICKS:
                self.found.complain(start, "length too fine to be exact; rounded")
                return product // denominator
            self.ticks *= finer
            for builder in self.builders.values():
                builder.multiply(finer)
            product *= finer
        return product // denominator
