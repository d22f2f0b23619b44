"""The state of the text that a network has written so far."""

from typing import NamedTuple

from musicgen.music.constraint.form import Form


class Hold(NamedTuple):
    """Open parts of the music: what the next event must or may be."""

    tie: str = ""
    """Pitch, as written, that the next event must have."""
    pitch: str = ""
    """Pitch of the last note, which `-` would tie."""
    last: int = 0
    """Grains of the last event, if `>` may follow."""
    broken: int = 0
    """Grains that the next event must have after `>`."""
    tuplet: int = 0
    """Events still to come in a tuplet."""
    tuplet_time: int = 0
    """How many of their lengths the tuplet takes: the q of `(p:q`."""
    tuplet_length: int = 0
    """Grains of each of its events; 0 before the first one."""
    ornament: str = ""
    """Kinds of the decorations before the next note."""
    grace: bool = False
    """Whether grace notes stand before the next note."""
    slur: int = 0
    """1: a slur has just begun; 2: it may end."""
    notes: bool = False
    """Whether the tune has a note."""

    @property
    def waits(self) -> bool:
        """Whether a note or chord must follow."""
        return bool(self.ornament or self.grace or self.slur == 1)

    @property
    def within(self) -> bool:
        """Whether bar lines, line ends and fields may not come here."""
        return self.waits or bool(self.broken or self.tuplet)


class State(NamedTuple):
    """The state of the automaton."""

    mode: str = "head"
    """The kind of token that is being written; `idle` between tokens, `head` between the lines of
    the header."""
    part: str = ""
    """The token so far, as far as it matters."""
    column: int = 0
    """Characters on this line; 2 stands for two or more."""
    form: Form = Form()
    hold: Hold = Hold()
    seen: str = ""
    """Letters of the header fields so far that come at most once, `.` for any other; `h` for a
    hornpipe, `m` for a meter in which there are no hornpipes; in the body `K`, or `Kh`."""

    def at(self, mode: str, part: str = "") -> "State":
        """The state one character further on in the middle of a token."""
        # Not _replace, which takes three times as long; this is called for most characters.
        column = self.column + 1 if self.column < 2 else 2
        return State(mode, part, column, self.form, self.hold, self.seen)

    def begun(self, mode: str, part: str = "") -> "State":
        """The state at the first character of a token that separates the event before from a tie or
        `>` after it: that event is forgotten. Players fail on a broken rhythm around a field, and
        forgetting makes states fewer."""
        hold = self.hold
        if hold.pitch or hold.last:
            hold = Hold(hold.tie, "", 0, *hold[3:])
        return State(mode, part, min(self.column + 1, 2), self.form, hold, self.seen)
