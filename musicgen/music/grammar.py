"""The lexical grammar of ABC 2.1: every character of a tune belongs to exactly one token.

TOKENS is the one place that defines the shape of tokens. The parser matches all patterns at once
(`tokenize`). Programs that work character by character (a sampling constraint, an annotation) can
follow the same table, because each pattern is a plain regular expression: classes, groups, `?`,
`*`, `+`, no anchors, no look-around; so it is also a small automaton. No pattern can run past the
end of its line, none can begin inside itself, and no two alternatives of a repeated group begin
with the same character: matching takes time linear in the length of any line.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from musicgen.music.key import alteration


class Kind(Enum):
    """What a token is; the order is the order in which the patterns are tried."""

    NOTE = "note"
    SPACE = "space"
    BAR = "bar line"
    """Includes the number of an ending that follows at once, as in `|1` and `:|[2`."""
    REST = "rest"
    MULTIREST = "multi-measure rest"
    SPACER = "spacer"
    TUPLET = "tuplet"
    OVERLAY = "overlay"
    """`&`, and abcm2ps' `(&` ... `&` ... `&)` around several bars."""
    SLUR_OPEN = "opening slur"
    SLUR_CLOSE = "closing slur"
    GRACE = "grace notes"
    TIE = "tie"
    BROKEN = "broken rhythm"
    INLINE = "inline field"
    ENDING = "ending"
    CHORD = "chord"
    TEXT_ENDING = "ending with a text"
    STRING = "chord symbol or annotation"
    DECORATION = "decoration"
    COMMENT = "comment"
    CONTINUATION = "continuation"
    BREAK = "score line break"
    JUNK = "unexpected text"


LENGTH = r"[0-9]*(?:/+[0-9]*)?"
"""Multiple of the unit note length: `3`, `3/2`, `/`, `//`, `/4`, or nothing."""
ACCIDENTAL = r"(?:(?:\^\^?|__?)(?:[0-9]*/[0-9]*)?|=)"
"""`^`, `__`, `=`; with a fraction of a semitone, as in `_/` and `^3/2`, a microtone."""
PITCH = rf"{ACCIDENTAL}?[A-Ga-g][,']*"
SPACE = r"[ \t\r]"
APART = rf"(?:{SPACE}+(?:[0-9]+(?:/+[0-9]*)?|/+[0-9]*)|{LENGTH})"
"""A length, next to its note or apart: some corpora write `C 2 D 3/2`, a blank between tokens."""
STRING = r'"[^"\n]*"'
DECORATION = r"(?:![^!|\s\"\[\]](?:[^!|\n\"\[\]]*[^!|\s\"\[\]])?!|\+[A-Za-z.]+\+|[.~H-Wh-w])"
"""`!trill!`, `+trill+` as it was written before ABC 2.1, or a single sign such as `~`."""
OLD_CHORD = rf"\+(?:{PITCH})*{PITCH}(?:[1-9][0-9]*(?:/+[0-9]*)?|/+[0-9]*)(?:{PITCH}{LENGTH})*\+"
"""`+E3A3+` as chords were written before ABC 2.0; `+CEG+`, without a length, is a decoration."""
NUMBERS = r"[0-9][0-9,\-]*"
"""Endings: `1`, `1,3`, `2-4`."""

TOKENS: dict[Kind, str] = {
    Kind.NOTE: PITCH + APART,
    Kind.SPACE: SPACE + "+|`+",
    Kind.BAR: rf"\.?(?::*\[?\|[:|\]]*|:+\]|::+)(?:\[?{NUMBERS})?",
    Kind.REST: rf"[zx]{APART}",
    Kind.MULTIREST: r"[ZX][0-9]*",
    Kind.SPACER: rf"y{LENGTH}",
    Kind.TUPLET: r"\([0-9]+(?::[0-9]*)?(?::[0-9]*)?",
    Kind.OVERLAY: r"\(&|&\)|&+",
    Kind.SLUR_OPEN: r"\.?\(",
    Kind.SLUR_CLOSE: r"\)",
    Kind.GRACE: rf"\{{/?(?:{PITCH}{APART}|{SPACE}|{STRING}|{DECORATION}|[()\[\]<>\-])+\}}",
    Kind.TIE: r"\.?-",
    Kind.BROKEN: r">+|<+",
    Kind.INLINE: r"\[[A-Za-z]:[^\[\]\n]*\]",
    Kind.ENDING: rf"\[{NUMBERS}",
    Kind.CHORD: rf"(?:\[(?:(?:{PITCH}|[zx]){APART}|{SPACE}|{STRING}|{DECORATION}|[()\-])+\]"
    rf"|{OLD_CHORD}){APART}",
    Kind.TEXT_ENDING: r'\["[^"\n]*"',
    Kind.STRING: STRING,
    Kind.DECORATION: DECORATION,
    Kind.COMMENT: r"%[^\n]*",
    Kind.CONTINUATION: r"\\",
    Kind.BREAK: r"\$",
    Kind.JUNK: r"[^\n]",
}

FIELDS = frozenset("ABCDFGHIKLMNOPQRSTUVWXZmrsw+")
"""Letters of the information fields of ABC 2.1, and `+:`, which continues the field above it."""

tokenize = re.compile("|".join(TOKENS.values())).findall
"""The tokens of one line (without its newline) as strings; joined, they are the line again."""

_SHAPES = [(kind, re.compile(pattern).fullmatch) for kind, pattern in TOKENS.items()]
_NOTES = re.compile(r"([!+])(?!f+\1)[A-Ga-g][A-Ga-g0-9/,' ]*\1")
_TIMED = {Kind.NOTE, Kind.REST, Kind.MULTIREST, Kind.SPACER, Kind.CHORD}
STEPS = 75
"""Diatonic steps within MIDI's range: 0 is its lowest C, seven to the octave, 35 is middle C."""


MAX_ENDING = 16
"""Highest number of an ending that is read."""


class Lexeme(NamedTuple):
    """The meaning of a token by itself, without key, meter and neighbours."""

    kind: Kind
    step: int = 0
    """Diatonic step of a note, 0 to STEPS - 1; `step % 7` is its letter, C is 0."""
    alter: int | None = None
    """Semitones of the written accidental; None without one."""
    numerator: int = 1
    denominator: int = 1
    """Length as a multiple of the unit note length (of a MULTIREST: bars)."""
    fault: str = ""
    """What is wrong with it: a pitch outside MIDI's range or an absurd length, both of which were
    changed to fit, or a microtone, which was rounded."""


class Lexicon(dict[str, Lexeme]):
    """Token to lexeme, cached. Tunes share few distinct tokens, so each is parsed once."""

    LIMIT = 20_000

    def __missing__(self, token: str) -> Lexeme:
        kind = next(kind for kind, matches in _SHAPES if matches(token))
        lexeme = _timed(kind, token) if kind in _TIMED else Lexeme(kind)
        if kind is Kind.DECORATION and _NOTES.fullmatch(token):
            lexeme = lexeme._replace(fault=f"notes between {token[0]} are taken for a decoration")
        if len(token) <= 16:
            if len(self) >= self.LIMIT:
                self.clear()  # only hostile text has so many; memory stays bounded
            self[token] = lexeme
        return lexeme


lexicon = Lexicon()


def _timed(kind: Kind, token: str) -> Lexeme:
    """The lexeme of a token that takes time: a pitch (of a note) and a length."""
    body = token.rstrip("0123456789/")
    length = token[len(body) :]
    body = body.rstrip()
    above, slash, below = length.partition("/")
    halvings = len(below) - len(below.lstrip("/")) + (below.strip("/") == "") if slash else 0
    below = below.lstrip("/")
    # Nine digits and sixteen slashes are more than music needs, and keep hostile numbers small.
    playable = len(above) < 10 and len(below) < 10 and halvings <= 16
    numerator = int(above[:9] or 1)
    denominator = int(below[:9] or 1) << min(halvings, 16)
    if not (numerator and denominator):
        numerator, denominator, playable = 1, 1, False
    step, alter, cents = 0, None, 0
    if kind is Kind.NOTE:
        name = body.rstrip(",'")
        if len(name) > 1:
            alter, cents = alteration(name[:-1])
        step = 35 + "CDEFGABcdefgab".index(name[-1]) + 7 * (body.count("'") - body.count(","))
        if not 2 <= step < STEPS - 2:  # two steps to spare: no double accidental can leave MIDI
            step = step % 7 + (7 if step < 2 else STEPS - 12)
            playable = False
    fault = "" if playable else "pitch or length that cannot be played"
    if cents and not fault:
        fault = "microtone; rounded to a semitone"
    return Lexeme(kind, step, alter, numerator, denominator, fault)


class BarLine(NamedTuple):
    """What a bar line, with the ending that may follow at once, says about repeats."""

    closes: int
    """How often a repeat goes back: `:|` once, `::|` twice."""
    opens: bool
    double: bool
    """Whether a section ends here: double, thick or repeat."""
    ending: tuple[int, ...]


@lru_cache(maxsize=4096)
def read_bar_line(token: str) -> BarLine:
    """Meaning of a BAR or ENDING token."""
    line = token.rstrip("0123456789,-")
    ending = read_numbers(token[len(line) :])
    line = line.lstrip(".").removesuffix("[" if ending else "").replace("[|]", "")
    if line.strip(":") == "":
        return BarLine(len(line) // 2, len(line) > 1, len(line) > 1, ending)
    closes = max(len(colons) for colons in re.findall(r"(:*)(?=[|\[\]])", line))
    return BarLine(closes, line.endswith(":"), len(line) > 1, ending)


def read_numbers(text: str) -> tuple[int, ...]:
    """Numbers of an ending: `1,3` or `2-4`; at most MAX_ENDING, each once."""
    numbers: dict[int, None] = {}
    for part in text.split(",")[: 2 * MAX_ENDING]:
        low, _, high = part.partition("-")
        first = int(low[:3] or 0)
        last = int(high.partition("-")[0][:3] or first)
        numbers |= dict.fromkeys(range(max(first, 1), min(last, MAX_ENDING) + 1))
    return tuple(numbers)
