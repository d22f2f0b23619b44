"""Clefs: where written notes stand on the staff, and how far from it they sound."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

LINES = {"treble": 2, "alto": 3, "tenor": 4, "bass": 4, "perc": 3, "none": 2}
"""Line of the staff on which each clef stands, counted from the lowest; `treble1` names another."""
SHAPES = {"treble": "G", "alto": "C", "tenor": "C", "bass": "F", "perc": "perc", "none": "G"}
_OTHER_NAMES = {"g": "treble", "c": "alto", "f": "bass", "p": "perc"}
_OTHER_CLEFS = {
    "soprano": ("alto", 1),
    "mezzosoprano": ("alto", 2),
    "mezzo": ("alto", 2),
    "baritone": ("bass", 3),
    "subbass": ("bass", 5),
}
_MIDDLE = {"treble": 41, "alto": 35, "tenor": 33, "bass": 29, "perc": 41, "none": 41}
"""Diatonic step on the middle line of the staff, with each clef on its usual line: B, C, A, and D
for the first four (ABC 2.1, section 4.6). Middle C, ABC's `C`, is 35."""

MAX_OCTAVES = 4
"""Octaves up or down by one parameter; MIDI has ten in all."""

_NAMES = "|".join((*LINES, *_OTHER_CLEFS))
_CLEF = re.compile(
    rf"(?<!\S)(?:clef=\"?)?(?i:({_NAMES}))([1-5]?)(?:([+\-^_])(8|15))?\"?(?!\S)"
    r"|(?<!\S)clef=\"?([GCFP])([1-5]?)(?:([+\-^_])(8|15))?\"?(?!\S)"
)
_UNKNOWN_CLEF = re.compile(r"(?<!\S)clef=(\S*)")
_PARAMETER = re.compile(r"(?<!\S)(transpose|octave|middle|m|t)=(\S*)")
_PITCH = re.compile(r"([A-Ga-g])([,']*)")
_NO_KEY = re.compile(r"\s*(?i:none)(?!\S)")
"""In `K:none treble-8` the word `none` is a key; the clef follows it."""
_QUOTED = re.compile(r'(?<=[=\s])"[^"]*"|^"[^"]*"')
_MOVES = re.compile(r"(?<!\S)(?:score|sound|shift|instrument)=\S*")
"""Parameters of other programs (abc2svg), each of which moves pitches in another way."""


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef and the parameters of `K:` and `V:` that go with it (ABC 2.1, section 4.6).

    Each of them holds until a later field sets it again. A field that names a clef without an
    octave sign, such as `treble` after `treble-8`, ends the octave of that sign.
    """

    name: str = "treble"
    """treble, alto, tenor, bass, perc or none."""
    line: int = 2
    """Line of the staff on which it stands, from 1."""
    octaves: int = 0
    """Octaves of the clef's sign: -1 for `treble-8`, 2 for `bass+15`; printed and heard."""
    octave: int = 0
    """Octaves of `octave=`: notes are printed and heard so many octaves higher than they are typed.
    """
    semitones: int = 0
    """Semitones of `transpose=`: heard, not printed."""
    base: int = 0
    """Semitones that the header's `K:` gives all voices. With several voices, a voice's
    `transpose=` adds to it, unless it repeats the value in force: abc2midi plays it so, and in the
    report's corpus a voice undoes what the header does for the others."""
    middle: int = 0
    """Octaves by which `middle=` prints notes lower than the clef would; not heard."""

    @property
    def transpose(self) -> int:
        """Semitones from the typed to the sounding pitch."""
        return self.semitones + 12 * (self.octaves + self.octave)

    def changed(self, options: str) -> tuple["Clef", str]:
        """The clef after the value of a `K:` or `V:` field, and a complaint, empty without one."""
        return _changed(self, options)


def parameters(options: str) -> str:
    """The words of a `V:` field that set clef and transposition, without names and stems."""
    words = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "_"), options).split()
    return " ".join(word for word in words if _CLEF.match(word) or _PARAMETER.match(word))


@lru_cache(maxsize=1024)
def _changed(clef: Clef, options: str) -> tuple[Clef, str]:
    bare = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "_"), options)
    key = _NO_KEY.match(bare)
    complaint = ""
    if found := (_CLEF.search(bare, key.end()) if key else None) or _CLEF.search(bare):
        name = (found[1] or _OTHER_NAMES[found[5].lower()]).lower()
        name, line = _OTHER_CLEFS.get(name, (name, LINES.get(name, 0)))
        sign, eights = found[3] or found[7], found[4] or found[8]
        octaves = (1 if eights == "8" else 2) * (1 if sign in "+^" else -1) if eights else 0
        line = int(found[2] or found[6] or line)
        clef = replace(clef, name=name, line=line, octaves=octaves, middle=0)
    elif unknown := _UNKNOWN_CLEF.search(bare):
        complaint = f"unknown clef {unknown[1][:20]!r}"
    for name, value in _PARAMETER.findall(bare):
        value = value.strip('"')
        if name in ("middle", "m"):
            if (note := _PITCH.fullmatch(value)) is None:
                complaint = f"{name}= names no note: {value[:20]!r}"
            else:
                clef = _with_middle(clef, note[1], note[2])
            continue
        most = MAX_OCTAVES if name == "octave" else 12 * MAX_OCTAVES
        number = int(value) if re.fullmatch(r"[+-]?[0-9]{1,4}", value) else most + 1
        if abs(number) > most:
            complaint = f"{name}= must be a number from -{most} to {most}, got {value[:20]!r}"
        elif name == "octave":
            clef = replace(clef, octave=number)
        else:
            again = number == clef.semitones
            clef = replace(clef, semitones=number + (0 if again else clef.base))
    if found := _MOVES.search(bare):
        complaint = f"{found[0][:20]} is not understood; its notes are read as they stand"
    return clef, complaint


def _with_middle(clef: Clef, letter: str, marks: str) -> Clef:
    """The clef moved to the line, or printed the octaves lower, that put this note on the middle
    line."""
    step = 35 + "CDEFGABcdefgab".index(letter) + 7 * (marks.count("'") - marks.count(","))
    usual = _MIDDLE[clef.name]
    for octaves in (0, 1, -1, 2, -2, 3, -3):
        above = step - 7 * octaves - usual
        line = LINES[clef.name] - above // 2
        if above % 2 == 0 and 1 <= line <= 5:
            return replace(clef, line=line, middle=octaves)
    return clef
