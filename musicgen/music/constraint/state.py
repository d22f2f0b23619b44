"""All that matters of the text that a network has written so far."""

from typing import NamedTuple

from musicgen.music.constraint.form import Form


class Hold(NamedTuple):
    """What is open in the music."""

    tie: str = ""
    """Pitch that the next event must have, as written."""
    pitch: str = ""
    """Pitch just written, which `-` would tie."""
    last: int = 0
    """Grains of the event just written, if `>` may follow."""
    broken: int = 0
    """Grains that the next event must have, as `>` stands before it."""
    tuplet: int = 0
    """Events still to come in a tuplet."""
    tuplet_time: int = 0
    """How many of their lengths it takes: the q of `(p:q`."""
    tuplet_length: int = 0
    """Grains of each of them; 0 before the first one."""
    ornament: str = ""
    """Kinds of the decorations that wait for their note."""
    grace: bool = False
    """Grace notes wait for their note."""
    slur: int = 0
    """1: it has just begun; 2: it may end."""
    notes: bool = False
    """The tune has a note."""

    @property
    def waits(self) -> bool:
        """For a note or chord."""
        return bool(self.ornament or self.grace or self.slur == 1)

    @property
    def within(self) -> bool:
        """Of something that bar lines, line ends and fields must not part."""
        return self.waits or bool(self.broken or self.tuplet)


class State(NamedTuple):
    """Where the automaton is."""

    mode: str = "head"
    """The token that is being written, by kind; `idle` between tokens, `head` between the lines
    of the header."""
    part: str = ""
    """What there is of that token, as far as it matters."""
    column: int = 0
    """Characters on this line; 2 stands for more, too."""
    form: Form = Form()
    hold: Hold = Hold()
    seen: str = ""
    """Letters of the header fields so far that come at most once, `.` for any other; `h` for
    a hornpipe, `m` for a meter that hornpipes have not; in the body `K`, or `Kh`."""

    def at(self, mode: str, part: str = "") -> "State":
        """In the middle of a token, one character further on."""
        # Not _replace, which takes three times as long; this is called for most characters.
        column = self.column + 1 if self.column < 2 else 2
        return State(mode, part, column, self.form, self.hold, self.seen)

    def begun(self, mode: str, part: str = "") -> "State":
        """At the first character of what parts the event before from a tie or `>` behind it: that
        event is forgotten. Players stumble over a broken rhythm around a field, and the fewer
        states there are."""
        hold = self.hold
        if hold.pitch or hold.last:
            hold = Hold(hold.tie, "", 0, *hold[3:])
        return State(mode, part, min(self.column + 1, 2), self.form, hold, self.seen)
