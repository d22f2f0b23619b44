"""Signs above and below the notes, as MEI elements, and the text in them."""

import html
import re

from musicgen.music.grammar import Kind
from musicgen.music.meter import Tempo
from musicgen.music.score.values import Value, values
from musicgen.music.text import plain

MAX_CHARS = 40
"""Longest chord symbol, annotation or label; longer ones are cut."""

_ARTICULATIONS = {
    **dict.fromkeys((".", "staccato"), "stacc"),
    **dict.fromkeys(("L", "accent", "emphasis", ">"), "acc"),
    **dict.fromkeys(("u", "upbow"), "upbow"),
    **dict.fromkeys(("v", "downbow"), "dnbow"),
    **dict.fromkeys(("+", "plus"), "lhpizz"),
    **dict.fromkeys(("^", "marcato"), "marc"),
    "tenuto": "ten",
    "wedge": "stacciss",
    "snap": "snap",
    "open": "harm",
}
_ORNAMENTS = {
    **dict.fromkeys(("T", "trill"), "<trill{}/>"),
    **dict.fromkeys(("~", "R", "roll", "turn"), "<turn{}/>"),
    "invertedturn": '<turn{} form="lower"/>',
    **dict.fromkeys(("M", "lowermordent", "mordent"), '<mordent{} form="lower"/>'),
    **dict.fromkeys(("P", "uppermordent", "pralltriller"), '<mordent{} form="upper"/>'),
    **dict.fromkeys(("H", "fermata"), "<fermata{}/>"),
    "invertedfermata": '<fermata{} place="below" form="inv"/>',
    **dict.fromkeys(("S", "segno"), '<repeatMark{} func="segno" place="above"/>'),
    **dict.fromkeys(("O", "coda"), '<repeatMark{} func="coda" place="above"/>'),
    "breath": "<breath{}/>",
}
_DYNAMICS = {"pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "sf", "sfz", "fz"}
_JUMPS = {"d.c.", "d.s.", "dacapo", "dacoda", "fine", "d.c.alfine", "d.s.alfine", "rit", "rit."}

PLACES = ("^", "_", "<", ">", "@")
"""First characters of an annotation, which a chord symbol does not have."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\uf900-\ufffd\U00010000-\U000effff]")
"""Forbidden by XML, control characters, and private ones, which the music font would draw."""
_CHORD_ACCIDENTAL = re.compile(r"(?<![A-Za-z])([A-G])([#b])")
_GLYPHS = {"breve": "\ueca0", "1": "\ueca2", "2": "\ueca3", "4": "\ueca5", "8": "\ueca7"}
_GLYPHS |= {"16": "\ueca9", "32": "\uecab"}
_DOT = "\uecb7"


def readable(text: str, max_chars: int = MAX_CHARS) -> str:
    """Text of a field, ready for XML: escapes resolved, cut to size, without what XML forbids."""
    text = _UNPRINTABLE.sub("", text[: 4 * max_chars])
    text = _UNPRINTABLE.sub("", " ".join(plain(text).split()))
    if len(text) > max_chars:
        text = text[: max_chars - 1].rstrip() + "…"
    return html.escape(text)


def articulation(decoration: str) -> str:
    """Value of MEI's `artic` for a decoration such as `.` or `!tenuto!`; empty for others."""
    return _ARTICULATIONS.get(name_of(decoration), "")


def is_chord_symbol(kind: Kind, token: str) -> bool:
    """Whether it is a chord symbol such as `"Am"`, not an annotation such as `"^slowly"`."""
    return kind is Kind.STRING and not token[1:].startswith(PLACES)


def name_of(decoration: str) -> str:
    """Name of `!trill!`, of `+trill+` as it was written before ABC 2.1, or of a single sign."""
    return decoration[1:-1] if len(decoration) > 2 else decoration


def sign(kind: Kind, token: str, at: str) -> str:
    """A chord symbol, annotation or decoration as an element of MEI; empty for what has none.

    at: attribute that says where, such as ` startid="#v0e1"`.
    """
    if kind is Kind.STRING:
        return _string(token[1:-1], at)
    name = name_of(token)
    if name in _ORNAMENTS:
        return _ORNAMENTS[name].format(at)
    if name in _DYNAMICS:
        return f'<dynam{at} place="below">{name}</dynam>'
    if name in "012345" and len(name) == 1:
        return f"<fing{at}>{name}</fing>"
    if name.lower() in _ORNAMENTS:
        return _ORNAMENTS[name.lower()].format(at)
    if name.lower().replace(" ", "") in _JUMPS:
        return f'<dir{at} place="above">{readable(name)}</dir>'
    return ""


def _string(text: str, at: str) -> str:
    if text.startswith(PLACES):
        shown = readable(text[1:])
        place = "below" if text[0] == "_" else "above"
        return f'<dir{at} place="{place}">{shown}</dir>' if shown else ""
    shown = readable(_CHORD_ACCIDENTAL.sub(lambda m: m[1] + "♯♭"["#b".index(m[2])], text))
    return f'<harm{at} place="above">{shown}</harm>' if shown else ""


def tempo_sign(tempo: Tempo, at: str) -> str:
    """`Allegro ♩ = 120`, the note as a character of the music font (SMuFL, metronome marks)."""
    beat: Value = values(tempo.beat)[0]
    glyph = _GLYPHS.get(beat.dur, _GLYPHS["4"]) + _DOT * beat.dots
    words = readable(tempo.text)
    note = f'<rend glyph.auth="smufl" fontstyle="normal">{glyph}</rend>'
    return f'<tempo{at} place="above">{note} = {tempo.rate}{"  " * bool(words)}{words}</tempo>'
