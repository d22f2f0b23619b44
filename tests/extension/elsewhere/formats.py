"""Tonic sol-fa of what sounds, as our own reader has it."""

from musicgen.config.registry import register
from musicgen.music.formats import Format, Rendering

SEMITONES = {0: "do", 2: "re", 4: "mi", 5: "fa", 7: "sol", 9: "la", 11: "ti"}


@register("format", "solfa")
class Solfa(Format):
    """Tonic sol-fa in one line"""

    def file(self, rendering: Rendering) -> bytes:
        tune = rendering.tune
        words = [
            SEMITONES.get(pitch % 12, "?") + ("'" if pitch >= 72 else "")
            for voice in tune.voices
            for event in voice.events
            for pitch in event.pitches
        ]
        return f"{tune.field('T')}: {' '.join(words)}\n".encode()
