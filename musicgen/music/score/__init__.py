"""Scores: a tune as MEI, engraved as SVG, drawn as PNG; and as MusicXML."""

from musicgen.music.score.engrave import engrave
from musicgen.music.score.mei import mei
from musicgen.music.score.musicxml import musicxml
from musicgen.music.score.png import png_bytes
from musicgen.music.score.staff import note_id

__all__ = ["engrave", "mei", "musicxml", "note_id", "png_bytes"]
