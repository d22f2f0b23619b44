"""Which characters are of high notes."""

from musicgen.config.registry import register
from musicgen.interpret.annotations import Annotation, Labels
from musicgen.music import Tune

HIGH = 72
"""MIDI pitch of the C above middle C."""


@register("annotation", "high note")
class HighNote(Annotation):
    asks = "a note from the upper octave"
    watched = True

    def mark(self, tune: Tune, labels: Labels) -> None:
        labels[tune.body :] = 0
        for voice in tune.voices:
            for event in voice.events:
                if event.pitches:
                    labels[event.start : event.end] = max(event.pitches) >= HIGH
