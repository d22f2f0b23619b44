"""A voice: its bars and events, each with its place in the text.

Spans are offsets into the tune's text, the first inside, the second just after. Times are integer
ticks, exact. Nothing is played out here: a repeated bar occurs once, and `unfold.py` plays it
twice.
"""

from dataclasses import dataclass
from typing import NamedTuple

from musicgen.music.clef import Clef
from musicgen.music.grammar import Kind
from musicgen.music.key import Key
from musicgen.music.meter import Meter, Tempo


class Event(NamedTuple):
    """A note, a chord or a rest, as written."""

    start: int
    end: int
    onset: int
    """Ticks since the start of the voice, repeats not played out."""
    length: int
    """Ticks."""
    pitches: tuple[int, ...]
    """MIDI pitches in written order; empty for a rest."""


class Grace(NamedTuple):
    """A group of grace notes; it takes no time."""

    start: int
    end: int
    event: int
    """Index of the event that it ornaments."""
    pitches: tuple[int, ...]


class Mark(NamedTuple):
    """A sign at a note: chord symbol or annotation, decoration, slur."""

    kind: Kind
    start: int
    end: int
    event: int
    """Index of the event it belongs to: the one after it, or for a closing slur the one before."""


class Tuplet(NamedTuple):
    """`p` written lengths in the time of `q`."""

    start: int
    first: int
    """Index of its first event."""
    last: int
    """Index after its last event."""
    p: int
    q: int


class Bar(NamedTuple):
    """The music between two bar lines; bar lines with nothing between them count as one."""

    start: int
    end: int
    """Span of the content; the bar line begins at `end`."""
    first: int
    last: int
    """Events `first` to `last - 1` of the voice."""
    onset: int
    length: int
    """Ticks."""
    line: str
    """The bar line after it, as written; empty if the bar ends without one."""
    opens: bool
    """Whether a repeat begins here (`|:`)."""
    closes: int
    """How often a repeat goes back from its end: 0, or 1 for `:|`, 2 for `::|`."""
    section: bool
    """Whether it ends in a double or thick bar line or a repeat."""
    ending: tuple[int, ...]
    """Times through the repeat in which it is played, if an ending begins here; else empty."""
    part: str
    """Label of the part that begins here, else empty."""
    meter: Meter
    key: Key
    ending_text: str = ""
    """Text over the ending that begins here, in place of its numbers: `last time`."""


@dataclass(frozen=True)
class Voice:
    """One line of music. A tune without `V:` has one, called `1`."""

    name: str
    bars: tuple[Bar, ...]
    events: tuple[Event, ...]
    ties: dict[int, tuple[int, ...]]
    """Event index to the pitches that it ties to the next event."""
    tuplets: tuple[Tuplet, ...]
    graces: tuple[Grace, ...]
    marks: tuple[Mark, ...]
    tempos: tuple[tuple[int, Tempo], ...]
    """Changes of tempo inside the music, as (index of the event at which it starts, tempo)."""
    clefs: tuple[tuple[int, Clef], ...] = ((0, Clef()),)
    """The clef at the beginning, and each change, as (index of the event at which it starts, clef).
    """
    overlay: int = 0
    """0 for a voice; 1 for an overlay (`&`) of the voice before it in the tune, 2 for a second `&`.
    An overlay has that voice's name, and bar by bar that voice's bars, with events of its own."""
    fillers: frozenset[int] = frozenset()
    """Events that the text does not have: silence where an overlay pauses, or ends before its bar.
    Their spans are those of the bar, or of the bar line after it."""
