"""A voice under construction: one list per property, made into a Voice at the end.

Lists of integers, not events: later text may still change a length (`a>b`), or make every tick
finer (a tuplet of 11), and both must be cheap.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate

from musicgen.music.clef import Clef
from musicgen.music.grammar import MAX_ENDING, STEPS, BarLine, read_numbers
from musicgen.music.key import Key, scale_of, sounding
from musicgen.music.meter import Meter, Tempo
from musicgen.music.voice import Bar, Event, Grace, Mark, Tuplet, Voice

Scale = list[tuple[int]] | tuple[tuple[int], ...]
"""Sounding pitch by diatonic step, as one-note tuples."""


MAX_OVERLAYS = 16
"""Most overlays at one place of a voice."""
_NUMBER = re.compile(r"[0-9]+(?:-[0-9]+)?")
JUST_ENDS = BarLine(0, False, False, ())


@dataclass(slots=True)
class OpenBar:
    """A bar whose closing line is still to come; its times are computed at the end."""

    start: int
    first: int
    meter: Meter
    key: Key
    opens: bool = False
    ending: tuple[int, ...] = ()
    part: str = ""
    end: int = 0
    last: int = 0
    line: str = ""
    closes: int = 0
    section: bool = False
    ending_text: str = ""


@dataclass(slots=True)
class VoiceBuilder:
    """The music of one voice so far, and the settings at its end: key, meter, unit note length."""

    name: str
    key: Key
    meter: Meter
    unit: int
    """Unit note length in ticks."""
    start: int
    """Offset of its first character."""
    clef: Clef = Clef()
    over: "VoiceBuilder | None" = None
    """The voice under this overlay (`&`); None for a voice."""
    overlays: "list[VoiceBuilder]" = field(default_factory=list)
    """The overlays of this voice."""
    opened: int = 0
    """Offset of the `&` that began this overlay in this bar."""
    overlaid_from: int = -1
    """Bar at which an overlay of several bars begins (`(&`); -1 outside of one."""
    fillers: set[int] = field(default_factory=set)
    clefs: list[tuple[int, Clef]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    pitches: list[tuple[int, ...]] = field(default_factory=list)
    ties: dict[int, tuple[int, ...]] = field(default_factory=dict)
    bars: list[OpenBar] = field(default_factory=list)
    tuplets: list[Tuplet] = field(default_factory=list)
    graces: list[Grace] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    slurs: list[int] = field(default_factory=list)
    """Offsets of the slurs that are open."""
    tempos: list[tuple[int, Tempo]] = field(default_factory=list)
    scale: Scale = ()
    """Sounding pitches with the accidentals of this bar."""
    bent: bool = False
    """Whether something changes the next event: a tuplet, a broken rhythm, a tied accidental."""
    broken: tuple[int, int] = (1, 1)
    """Factor of the next length, as a numerator and a denominator."""
    tuplet: tuple[int, int, int] = (0, 1, 1)
    """Events still to come in the tuplet, and the factor of their lengths."""
    carried: dict[int, tuple[int]] = field(default_factory=dict)
    """Step to pitch: accidentals that a tie carries over a bar line."""
    carried_to: int = -1
    """The event for which they hold."""
    bar: OpenBar = field(init=False)

    def __post_init__(self) -> None:
        self.scale = scale_of(self.key)
        self.clefs.append((0, self.clef))
        self.bar = OpenBar(self.start, 0, self.meter, self.key)

    def set_key(self, key: Key) -> None:
        """Set the key from here on."""
        self.key = key
        self.scale = scale_of(key)
        if self.bar.first == len(self.starts):
            self.bar.key = key

    def set_clef(self, clef: Clef) -> None:
        """Set the clef, and the transposition that goes with it, from here on."""
        if clef != self.clef:
            self.clef = clef
            self.clefs.append((len(self.starts), clef))
        if self.key.transpose != clef.transpose:
            self.set_key(replace(self.key, transpose=clef.transpose))

    def set_meter(self, meter: Meter) -> None:
        """Set the meter from here on."""
        self.meter = meter
        if self.bar.first == len(self.starts):
            self.bar.meter = meter

    def add(self, start: int, end: int, length: int, pitches: tuple[int, ...]) -> None:
        """Append an event."""
        self.starts.append(start)
        self.ends.append(end)
        self.lengths.append(length)
        self.pitches.append(pitches)

    def ending_of(self, text: str) -> tuple[int, ...]:
        """Times in which an ending with this text is played: its numbers, or the next time."""
        if numbers := read_numbers(",".join(_NUMBER.findall(text))):
            return numbers
        last = 0
        for bar in reversed(self.bars):
            last = max(bar.ending, default=last)
            if last or bar.opens:
                break
        return (min(last + 1, MAX_ENDING),)

    @property
    def filled(self) -> int:
        """Ticks in the open bar."""
        return sum(self.lengths[self.bar.first :])

    def fill(self, start: int, end: int, length: int) -> None:
        """Append silence that the text does not have, at an existing place of the text."""
        self.fillers.add(len(self.starts))
        self.add(start, end, length, ())

    def lay(self, opened: int, back: int) -> "VoiceBuilder | None":
        """The overlay that a `&` at offset `opened` begins, `back` bars before the open one; None
        if there are MAX_OVERLAYS."""
        target = max(len(self.bars) - back, 0)
        free = (o for o in self.overlays if o.bar.first == len(o.starts) and len(o.bars) <= target)
        overlay = next(free, None)
        if overlay is None:
            if len(self.overlays) == MAX_OVERLAYS:
                return None
            overlay = VoiceBuilder(
                self.name, self.key, self.meter, self.unit, opened, self.clef, self
            )
            self.overlays.append(overlay)
        overlay.rest_until(target)
        overlay.opened, overlay.unit = opened, self.unit
        overlay.set_key(self.key)
        overlay.set_clef(self.clef)
        return overlay

    def rest_until(self, bar: int) -> None:
        """Let an overlay pause up to a bar of its voice."""
        assert self.over is not None
        if self.bar.first < len(self.starts):
            self.close_bar("", JUST_ENDS, self.opened, self.opened)
        for its in self.over.bars[len(self.bars) : bar]:
            self.fill(its.start, its.end, sum(self.over.lengths[its.first : its.last]))
            self.close_bar("", JUST_ENDS, its.start, its.end)

    def catch_up(self, start: int, end: int) -> bool:
        """Read a bar line inside an overlay of several bars; False if the bars then differ."""
        assert self.over is not None
        its = self.over.bars[len(self.bars)]
        if self.bar.first == len(self.starts):
            return True
        missing = sum(self.over.lengths[its.first : its.last]) - self.filled
        if missing > 0:
            self.fill(start, end, missing)
        self.close_bar("", JUST_ENDS, start, end)
        return missing == 0

    def level(self, start: int, end: int) -> bool:
        """Make the open bar and its overlays equally long, before it closes at offset `start`.

        False if they were not. Without a bar line (`end` is `start`) there is no place for more.
        """
        bar = len(self.bars)
        here = [o for o in self.overlays if len(o.bars) == bar and o.bar.first < len(o.starts)]
        if not here:
            return True
        longest = max(self.filled, *(overlay.filled for overlay in here))
        equal = True
        for builder in (self, *here):
            missing = longest - builder.filled
            equal = equal and not missing
            if missing and end > start:
                builder.fill(start, start + 1, missing)
            elif missing and builder is self and self.bar.first == len(self.starts):
                self.fill(here[0].opened, here[0].opened + 1, missing)
        for overlay in here:
            overlay.close_bar("", JUST_ENDS, start, end)
        return equal

    def alter(self, step: int, alter: int) -> None:
        """Record an accidental: it holds in all octaves to the end of the bar (ABC 2.1, section
        11.3)."""
        self.scale = list(self.scale)
        for same_letter in range(step % 7, STEPS, 7):
            self.scale[same_letter] = (sounding(self.key, same_letter, alter),)

    def pitch(self, step: int, alter: int | None) -> tuple[int]:
        """Pitch of the next note."""
        if alter is None and self.carried_to == len(self.starts) and step in self.carried:
            return self.carried[step]
        return self.scale[step]

    def tie(self) -> bool:
        """Tie the last event to the next one; False if it is not a note."""
        last = len(self.starts) - 1
        if last < 0 or not self.pitches[last]:
            return False
        self.ties[last] = self.pitches[last]
        if self.carried_to == last:
            self.carried_to = last + 1
            self.bent = True
        return True

    def close_bar(self, text: str, line: BarLine, start: int, end: int) -> None:
        """Close the bar with a bar line, or with an empty text where a bar ends without one, as
        before a part's label."""
        events = len(self.starts)
        bar = self.bar
        if events > bar.first:
            bar.end, bar.last, bar.line = start, events, text
            bar.closes, bar.section = line.closes, line.double
            self.bars.append(bar)
            self.bar = OpenBar(end, events, self.meter, self.key, line.opens, line.ending)
            plain = scale_of(self.key)
            if self.scale is not plain:
                if carried := self._tied_accidentals(plain):
                    self.carried, self.carried_to = carried, events
                    self.bent = True
                self.scale = plain
        else:
            # Nothing between two lines, as in `:| |:` or at the start of a score line.
            if self.bars:
                last = self.bars[-1]
                last.closes = max(last.closes, line.closes)
                last.section = last.section or line.double
            bar.start = end
            bar.opens = bar.opens or line.opens
            bar.ending = line.ending or bar.ending

    def _tied_accidentals(self, plain: Scale) -> dict[int, tuple[int]]:
        held = self.ties.get(len(self.starts) - 1)
        if held is None:
            return {}
        pairs = enumerate(zip(self.scale, plain, strict=True))
        return {step: now for step, (now, then) in pairs if now != then and now[0] in held}

    def multiply(self, factor: int) -> None:
        """Make ticks `factor` times as fine."""
        self.unit *= factor
        self.lengths[:] = [length * factor for length in self.lengths]
        for overlay in self.overlays:
            overlay.multiply(factor)

    def voices(self) -> Iterator[Voice]:
        """The voice and its overlays; the last bar is closed."""
        yield self._voice(self.bars)
        for overlay in self.overlays:
            overlay.rest_until(len(self.bars))
            yield overlay._voice(self.bars)

    def _voice(self, bars: Sequence[OpenBar]) -> Voice:
        """bars: they determine where bars begin and end, and what repeats; an overlay uses its
        voice's."""
        places = [0, *accumulate((self.over or self).lengths)]
        onsets = places if self.over is None else self._onsets(bars, places)
        columns = zip(self.starts, self.ends, onsets, self.lengths, self.pitches, strict=False)
        return Voice(
            self.name,
            tuple(
                Bar(
                    bar.start,
                    bar.end,
                    own.first,
                    own.last,
                    places[bar.first],
                    places[bar.last] - places[bar.first],
                    bar.line,
                    bar.opens,
                    bar.closes,
                    bar.section,
                    bar.ending,
                    bar.part,
                    bar.meter,
                    bar.key,
                    bar.ending_text,
                )
                for own, bar in zip(self.bars, bars, strict=True)
            ),
            tuple(map(Event._make, columns)),
            self.ties,
            tuple(self.tuplets),
            tuple(self.graces),
            tuple(self.marks),
            tuple(self.tempos),
            tuple(dict(self.clefs).items()),  # of several at one event, the last
            self.over.overlays.index(self) + 1 if self.over else 0,
            frozenset(self.fillers),
        )

    def _onsets(self, bars: Sequence[OpenBar], places: Sequence[int]) -> Iterator[int]:
        """Onsets of an overlay's events: its bars begin with its voice's, at any length."""
        for own, bar in zip(self.bars, bars, strict=True):
            now = places[bar.first]
            for length in self.lengths[own.first : own.last]:
                yield now
                now += length


def misfits(voice: Voice, text: str, ticks: int) -> Iterator[tuple[int, str]]:
    """Offset and complaint for each bar that is too long, or too short in the middle of a section.

    A bar may be short next to a repeat, a double bar, an ending, a part or an end of the tune:
    there it is a pickup, or shares its time with another one. An overlay's bars are its voice's.
    """
    if voice.overlay:
        return
    free = True  # the bar before ends a section, or there is none
    for number, bar in enumerate(voice.bars):
        following = voice.bars[number + 1] if number + 1 < len(voice.bars) else None
        shares = free or bar.opens or bar.ending or bar.part or bar.section or following is None
        if following is not None:
            shares = shares or following.opens or following.ending or following.part
        free = bar.section
        meter = bar.meter
        excess = bar.length * meter.denominator - ticks * meter.numerator
        short = excess < 0 and not shares
        start = voice.events[bar.first].start
        if meter.numerator and (excess > 0 or short) and text[start] not in "ZX":
            size = "short" if short else "long"
            written = Fraction(bar.length, ticks)
            yield start, f"bar too {size}: {written} in a meter of {meter.text}"
