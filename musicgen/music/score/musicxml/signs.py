"""Signs in MusicXML: chord symbols, decorations, annotations, tempo."""

from collections.abc import Iterator
from fractions import Fraction
from xml.etree.ElementTree import Element

from musicgen.music.grammar import Kind
from musicgen.music.harmony import NO_CHORD, Chord, chord
from musicgen.music.key import LETTERS
from musicgen.music.meter import Tempo
from musicgen.music.score.musicxml.xml import element, plain
from musicgen.music.score.signs import PLACES, articulation, name_of
from musicgen.music.score.values import values

TYPES = {
    "breve": "breve",
    "1": "whole",
    "2": "half",
    "4": "quarter",
    "8": "eighth",
    "16": "16th",
    "32": "32nd",
    "64": "64th",
    "128": "128th",
    "256": "256th",
}
"""Names of note values, by those of MEI."""
_ARTICULATIONS = {
    "stacc": "staccato",
    "acc": "accent",
    "marc": "strong-accent",
    "ten": "tenuto",
    "stacciss": "staccatissimo",
}
_TECHNICAL = {
    "upbow": "up-bow",
    "dnbow": "down-bow",
    "lhpizz": "stopped",
    "snap": "snap-pizzicato",
    "harm": "open-string",
}
_ORNAMENTS = {
    **dict.fromkeys(("T", "trill"), "trill-mark"),
    **dict.fromkeys(("~", "R", "roll", "turn"), "turn"),
    "invertedturn": "inverted-turn",
    **dict.fromkeys(("M", "lowermordent", "mordent"), "mordent"),
    **dict.fromkeys(("P", "uppermordent", "pralltriller"), "inverted-mordent"),
}
_DYNAMICS = {"pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "sf", "sfz", "fz"}
_WEDGES = {
    **dict.fromkeys(("<(", "crescendo("), "crescendo"),
    **dict.fromkeys((">(", "diminuendo("), "diminuendo"),
    **dict.fromkeys(("<)", "crescendo)", ">)", "diminuendo)"), "stop"),
}
_JUMPS = {
    "d.c.": {"dacapo": "yes"},
    "dacapo": {"dacapo": "yes"},
    "d.c.alfine": {"dacapo": "yes"},
    "d.s.": {"dalsegno": "segno"},
    "d.s.alfine": {"dalsegno": "segno"},
    "dacoda": {"tocoda": "coda"},
    "fine": {"fine": "yes"},
}
"""Words that make a player jump, and MusicXML's attributes for them."""
_KINDS = {
    "": "major",
    "m": "minor",
    "7": "dominant",
    "m7": "minor-seventh",
    "maj7": "major-seventh",
    "mmaj7": "major-minor",
    "6": "major-sixth",
    "m6": "minor-sixth",
    "69": "major-sixth",
    "aug": "augmented",
    "aug7": "augmented-seventh",
    "dim": "diminished",
    "dim7": "diminished-seventh",
    "m7b5": "half-diminished",
    "9": "dominant-ninth",
    "m9": "minor-ninth",
    "maj9": "major-ninth",
    "11": "dominant-11th",
    "m11": "minor-11th",
    "13": "dominant-13th",
    "add9": "major",
    "madd9": "minor",
    "dim9": "diminished-seventh",
    "sus4": "suspended-fourth",
    "sus9": "suspended-second",
    "7sus4": "suspended-fourth",
    "7sus9": "suspended-second",
    "5": "power",
    "note": "major",
}
_ADDED = {
    "69": (9, 0),
    "add9": (9, 0),
    "madd9": (9, 0),
    "dim9": (9, -1),
    "7sus4": (7, -1),
    "7sus9": (7, -1),
}
"""A degree that MusicXML adds to the kind, and its alteration."""


def direction(children: list[Element], place: str = "above", **sound: object) -> Element:
    """Text above or below the staff. sound: its meaning for a player."""
    inner = [element("direction-type", [child]) for child in children]
    inner += [element("sound", **sound)] if sound else []
    return element("direction", inner, placement=place)


def before_note(kind: Kind, token: str) -> Iterator[Element]:
    """A chord symbol, annotation or decoration that stands before its note in MusicXML."""
    if kind is Kind.STRING:
        yield from _string(token[1:-1])
        return
    name = name_of(token)
    folded = name.lower().replace(" ", "")
    if name in _DYNAMICS:
        yield direction([element("dynamics", [element(name)])], "below")
    elif name in ("S", "segno"):
        yield direction([element("segno")], segno="segno")
    elif name in ("O", "coda"):
        yield direction([element("coda")], coda="coda")
    elif name in _WEDGES:
        yield direction([element("wedge", type_=_WEDGES[name])], "below")
    elif folded in _JUMPS or folded in ("rit", "rit."):
        yield direction([element("words", plain(name))], **_JUMPS.get(folded, {}))


def _string(text: str) -> Iterator[Element]:
    if text.startswith(PLACES):
        if shown := plain(text[1:]):
            place = "below" if text[0] == "_" else "above"
            yield direction([element("words", shown)], place)
    elif named := chord(text):
        yield _harmony(named, text)
    elif shown := plain(text):
        yield direction([element("words", shown)])


def _harmony(named: Chord, text: str) -> Element:
    if named is NO_CHORD:
        silent = element("kind", "none", text=plain(text))
        root = element("root", [element("root-step", "C", text="")])
        return element("harmony", [root, silent])
    children = [
        element("root", _place("root", named.step, named.alter)),
        element("kind", _KINDS[named.kind] if named.known else "other", **_text(named)),
    ]
    if named.bass:
        children.append(element("bass", _place("bass", *named.bass)))
    if named.kind in _ADDED:
        value, alter = _ADDED[named.kind]
        degree = [
            element("degree-value", value),
            element("degree-alter", alter),
            element("degree-type", "add"),
        ]
        # The kind's text says it already.
        children.append(element("degree", degree, print_object="no"))
    return element("harmony", children)


def _text(named: Chord) -> dict[str, str]:
    """The kind as the tune's writer spells it."""
    shown = plain(named.written)
    return {"text": shown} if shown else {}


def _place(what: str, step: int, alter: int) -> list[Element]:
    sign = [element(f"{what}-alter", alter)] if alter else []
    return [element(f"{what}-step", LETTERS[step]), *sign]


def notations(decorations: list[str]) -> list[Element]:
    """Decorations at a note itself, in MusicXML's groups."""
    groups: dict[str, list[Element]] = {"ornaments": [], "technical": [], "articulations": []}
    alone: list[Element] = []
    for token in decorations:
        name = name_of(token)
        sign = articulation(token)
        if sign in _ARTICULATIONS:
            groups["articulations"].append(element(_ARTICULATIONS[sign]))
        elif sign in _TECHNICAL:
            groups["technical"].append(element(_TECHNICAL[sign]))
        elif name in _ORNAMENTS or name.lower() in _ORNAMENTS:
            ornament = _ORNAMENTS.get(name) or _ORNAMENTS[name.lower()]
            groups["ornaments"].append(element(ornament))
        elif name == "breath":
            groups["articulations"].append(element("breath-mark"))
        elif name in ("H", "fermata"):
            alone.append(element("fermata", type_="upright"))
        elif name == "invertedfermata":
            alone.append(element("fermata", type_="inverted"))
        elif name == "arpeggio":
            alone.append(element("arpeggiate"))
        elif len(name) == 1 and name in "012345":
            groups["technical"].append(element("fingering", name))
    return [element(tag, inner) for tag, inner in groups.items() if inner] + alone


def metronome(tempo: Tempo) -> Element:
    """`Allegro (quarter) = 120`, and the tempo for a player."""
    value = values(tempo.beat)[0]
    mark = [element("beat-unit", TYPES[value.dur])]
    mark += [element("beat-unit-dot") for _ in range(value.dots)]
    mark.append(element("per-minute", tempo.rate))
    words = [element("words", plain(tempo.text))] if plain(tempo.text) else []
    return direction([*words, element("metronome", mark)], tempo=quarters(tempo))


def quarters(tempo: Tempo) -> str:
    """Quarter notes a minute."""
    return f"{float(Fraction(tempo.rate) * tempo.beat * 4):g}"
