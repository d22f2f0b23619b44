"""Music: reads tunes in ABC notation once, for every other room."""

from musicgen.music.midi import midi_bytes
from musicgen.music.parse import parse
from musicgen.music.tune import Field, Problem, Tune
from musicgen.music.unfold import Sounding
from musicgen.music.voice import Bar, Event, Grace, Mark, Tuplet, Voice

__all__ = [
    "Bar",
    "Event",
    "Field",
    "Grace",
    "Mark",
    "Problem",
    "Sounding",
    "Tune",
    "Tuplet",
    "Voice",
    "midi_bytes",
    "parse",
]
