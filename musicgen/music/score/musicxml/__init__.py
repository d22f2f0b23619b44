"""A tune as MusicXML 4, for MuseScore and other notation programs.

document.py   the whole: parts, measures, keys, meters, clefs, bar lines
part.py       the notes of one voice
signs.py      signs at notes: chord symbols, decorations, words, tempo
xml.py        elements
"""

from musicgen.music.score.musicxml.document import musicxml

__all__ = ["musicxml"]
