"""A tunebook in ABC notation: its tunes, and the parts of them that a network should learn.

data/README.md explains the rules. Source: the ABC standard 2.1.
"""

import re
from collections import Counter
from collections.abc import Sequence

from musicgen.corpus.setting import Reading, Setting, kin_by_title
from musicgen.corpus.variants import opening
from musicgen.music.book import read_book
from musicgen.music.clef import Clef, parameters
from musicgen.music.grammar import DECORATION, PITCH
from musicgen.music.prose import is_prose

HEADER = "TRMLQPVK"
"""Header fields that are kept, in the order in which they are written; `V:` if it moves pitches."""

BODY = "KMLQPV"
"""Fields that are kept within the music, on lines of their own and in brackets."""

_MODES = {"maj": "", "ion": "", "min": "m", "aeo": "m"}
_MODES |= {mode: mode for mode in ("dor", "phr", "lyd", "mix", "loc")}

_HEADER_FIELD = re.compile(r"([A-Za-z+]):(.*)")
# A line of music may begin with a note and a repeat sign: `d:|`, `G::`.
_BODY_FIELD = re.compile(r"([A-Zmrsw+]):(?![|:])(.*)")
_OTHER_INLINE_FIELD = re.compile(rf"\[(?![{BODY}])[A-Zmr]:[^\]]*\]")
_COMMENT = re.compile(r"(?<!\\)%.*")
_FINGERING = re.compile(r'"[\^_<>@]?[\d ,]*\d"|!\d!')
_KEY = re.compile(rf"([A-G][#b]?) ?(?i:({'|'.join(_MODES)})[a-z]*)(?= |$)")
_ACCIDENTALS = str.maketrans({"♯": "#", "♭": "b", "♮": "="})
_WHOLE = r'"[^"]*"|\[[A-Za-z]:[^\]]*\]'
_TOKEN = re.compile(rf"{_WHOLE}|{DECORATION}|!")
"""What may be dropped; a `!` without a partner on its line is an old line break."""
_DROPPED = re.compile(rf"!|{_FINGERING.pattern}|{_OTHER_INLINE_FIELD.pattern}")
_APART = re.compile(rf"({_WHOLE})|({PITCH}|[zx]|(?<!\|)\]) +(?=[0-9/])")
_TYPOGRAPHIC = str.maketrans("‘’‚“”„", "'''\"\"\"")


def read_tunebook(text: str, *, over_blank_lines: bool = False) -> Reading:
    """The tunes of a text in ABC, cleaned. A tune ends before the next `X:`, or at a blank line.

    over_blank_lines: read on after a blank line.
    """
    book = read_book(text, over_blank_lines=over_blank_lines)
    reading = Reading(prose=book.prose, cut=book.cut)
    reading.left_out["blocks of text between tunes"] += book.texts
    reading.left_out["comments and %% lines"] += book.comments
    for piece in book.keyless:
        clean(piece.lines, reading.left_out)
    for piece in book.pieces:
        if (cleaned := clean(piece.lines, reading.left_out)) is not None:
            reading.settings.append(Setting(cleaned, kin_by_title(cleaned)))
    return reading


def clean(lines: Sequence[str], left_out: Counter[str]) -> str | None:
    """One tune's lines as a network should read them, or None if they hold no tune.

    lines: without comments. left_out: counts what is dropped, by reason.
    """
    lines = [" ".join(line.translate(_TYPOGRAPHIC).split()) for line in lines]
    end = next((place for place, line in enumerate(lines, 1) if line.startswith("K:")), None)
    if end is None:
        tune = any(line.startswith(("X:", "T:")) for line in lines)
        left_out["tunes without K:" if tune else "blocks of text between tunes"] += 1
        return None
    text = "\n".join(_header(lines[:end], left_out) + _body(lines[end:], left_out))
    if opening(text) is None:
        left_out["tunes without notes"] += 1
        return None
    return text


def without_comment(line: str, left_out: Counter[str]) -> str:
    code = _COMMENT.sub("", line)
    left_out["comments and %% lines"] += code != line
    return code


def _header(lines: list[str], left_out: Counter[str]) -> list[str]:
    kept: dict[str, list[str]] = {name: [] for name in HEADER}
    key = Clef().changed(lines[-1].removeprefix("K:"))[0]
    for line in lines:
        found = _HEADER_FIELD.match(line)
        value = found[2].strip() if found else ""
        if found and found[1] == "V":
            name, _, options = value.partition(" ")
            moves = key.changed(options)[0].transpose != key.transpose
            value = f"{name} {parameters(options)}" if moves else ""
        if found and found[1] in kept and (value or found[1] == "K"):
            kept[found[1]].append(written_field(found[1], value))
        else:
            left_out[f"{found[1]}: lines" if found else "header lines that are no field"] += 1
    return [line for name in HEADER for line in kept[name]]


def _body(lines: list[str], left_out: Counter[str]) -> list[str]:
    kept = []
    for line in lines:
        if not (found := _BODY_FIELD.match(line)):
            if is_prose(line):
                left_out["lines of words"] += 1
                continue
            kept.append(_music(line, left_out))
        elif found[1] in BODY and (found[2].strip() or found[1] == "K"):
            kept.append(written_field(found[1], found[2].strip()))
        else:
            left_out[f"{found[1]}: lines"] += 1
    return [line for line in kept if line]


def written_field(name: str, value: str) -> str:
    """A field as cleaned corpora have it: `K:Gm` for `G Minor`."""
    if name == "R":
        value = value.lower()
    elif name == "K":
        value = value.translate(_ACCIDENTALS) or "none"
        value = _KEY.sub(lambda key: key[1] + _MODES[key[2].lower()], value, count=1)
    return f"{name}:{value}"


def _music(line: str, left_out: Counter[str]) -> str:
    """A line of music. Its tokens are told apart once, before any is dropped: in `!A[I:x]!trill!`
    the first `!` breaks the line, in `!A!trill!` it would open a decoration."""
    line = line.replace("`", "")
    if _DROPPED.search(line):
        line = _TOKEN.sub(lambda token: _kept(token, left_out), line)
    if _APART.search(line):
        line = _APART.sub(lambda found: found[1] or found[2], line)
    return " ".join(line.rstrip("\\ ").split())


def _kept(token: re.Match[str], left_out: Counter[str]) -> str:
    if token[0] == "!":
        left_out["line breaks (!)"] += 1
    elif _FINGERING.fullmatch(token[0]):
        left_out["fingerings"] += 1
    elif _OTHER_INLINE_FIELD.fullmatch(token[0]):
        left_out["other fields in brackets"] += 1
    else:
        return token[0]
    return ""
