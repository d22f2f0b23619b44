"""Fields: in the header, on lines of their own in the body, and in brackets."""

from musicgen.music.constraint.form import Form
from musicgen.music.constraint.rules import Rules
from musicgen.music.constraint.spelling import GRAIN, HORNPIPE_METERS, Words, meter_length
from musicgen.music.constraint.state import State

VALUES = "MLQ"
"""Fields of the header that come at most once and determine the music."""
TEXTS = "TCOABDFGHNRSZ"
"""Fields of the header with any text as value. A part order (`P:`) is not written, because it would
bind what follows; neither are voices, lyrics, macros and directives."""
BODY_TEXTS = "TPW"
HORNPIPE = "hornpipe"
_BOUND = {"<": "e", "\\": "\n"}
"""What may not follow: `<end>` ends the tune, and a line that ends in a backslash continues."""
_UNTEXTUAL = frozenset("\n\\%<")
"""Not in a text: comments and escapes have a meaning, and `<end>` ends the tune."""


def may_write(character: str) -> bool:
    """Whether the character may be written in any text."""
    return character not in _UNTEXTUAL and (character.isprintable() or character == "\t")


def head(rules: Rules, state: State, character: str) -> State | None:
    """The first character of a line of the header."""
    if character == "X":
        return state.at("colon", "X") if rules.digit and not state.seen else None
    if character in VALUES:
        known = bool(values(rules, state, character)) and character not in state.seen
        return state.at("colon", character) if known else None
    if character == "K":
        return None if rules.bars and "M" not in state.seen else state.at("colon", "K")
    return state.at("colon", character) if character in TEXTS else None


def values(rules: Rules, state: State, letter: str) -> Words:
    """The values that such a field may have."""
    return rules.hornpipe_meters if letter == "M" and "h" in state.seen else rules.values[letter]


def may_begin(rules: Rules, state: State, letter: str) -> bool:
    """Whether such a field may come here in the music."""
    form, hold = state.form, state.hold
    if hold.within or hold.tie or form.ending == 3:
        return False
    if letter in "MLP" and rules.bars and not (form.empty and form.filled == 0):
        return False
    if letter == "M" and rules.bars and not (form.complete and form.split == 0):
        return False
    return letter in BODY_TEXTS or bool(rules.values[letter])


def colon(rules: Rules, state: State, character: str) -> State | None:
    """The state after the letter of a field on a line of its own."""
    letter = state.part
    mode = "value" if letter in rules.values else "number" if letter == "X" else "text"
    return state.at(mode, letter) if character == ":" else None


def text(rules: Rules, state: State, character: str) -> State | None:
    """part: the letter, until the text has begun; a character that binds the next one; or `R` and
    the written part of `hornpipe`."""
    part = state.part
    if character == "\n":
        hornpipe = part[1:] == HORNPIPE
        return None if part == "\\" else _next_line(state, "h" if hornpipe else "")
    if len(part) == 1 and character in _BOUND.get(part, ":|"):
        return None  # `d:|` begins a line of music
    if character in "<\\":
        return state._replace(part=character)
    if not may_write(character):
        return None
    if part[:1] == "R" and (part[1:] == HORNPIPE or (part == "R" and character == " ")):
        return state
    rhythm = part[1:] + character.lower()
    if part[:1] != "R" or not HORNPIPE.startswith(rhythm):
        return state._replace(part="")
    # Players refuse a hornpipe in another meter. They dot its eighths by their place in the bar,
    # and fail where bars are not filled.
    refused = rhythm == HORNPIPE and ("m" in state.seen or not rules.bars)
    return None if refused else state._replace(part="R" + rhythm)


def number(rules: Rules, state: State, character: str) -> State | None:
    """`X:12`: part is `X` and the written digits."""
    digits = state.part[1:]
    if character == "\n":
        return _next_line(state, "") if digits.strip() else None
    if character == " ":
        return None if digits else state._replace(part="X ")
    good = character in "0123456789" and len(digits) < 6 and digits.strip() + character != "0"
    return state._replace(part=state.part + character) if good else None


def value(rules: Rules, state: State, character: str) -> State | None:
    """A field that determines the music. part: its letter, after `[` if inline, and value."""
    inline = state.part[0] == "["
    letter, written = state.part[inline], state.part[inline + 1 :]
    if character == ("]" if inline else "\n"):
        word = written.removeprefix(" ")
        if word not in values(rules, state, letter):
            return None
        form = _set(rules, state, letter, word)
        if inline:
            return state._replace(mode="idle", part="", form=form)
        refused = letter == "M" and word not in HORNPIPE_METERS
        return _next_line(state._replace(form=form), "Mm" if refused else letter)
    if character == " " and not written:
        return state._replace(part=state.part + " ")
    if values(rules, state, letter).begin(written.removeprefix(" ") + character):
        return state._replace(part=state.part + character)
    return None


def _next_line(state: State, letter: str) -> State:
    if letter == "K" or "K" in state.seen:
        hornpipe = "h" if "h" in state.seen else ""
        return state._replace(mode="idle", part="", column=0, seen=f"K{hornpipe}")
    seen = "".join(sorted({*state.seen, *(letter or ".")}))
    return State("head", form=state.form, seen=seen)


def _set(rules: Rules, state: State, letter: str, word: str) -> Form:
    """The form with a field's value. It is unchanged where bars need not be filled."""
    form = state.form
    if not rules.bars:
        return form
    if letter == "M":
        whole = meter_length(word)
        assert whole is not None
        bar = int(whole * form.unit * GRAIN)
        return form._replace(bar=bar) if "K" not in state.seen else form.remetered(bar)
    if letter == "L":
        return _in_units(form, int(word[2:]))
    if letter == "K" and not {"L", "K"} & set(state.seen):
        # ABC 2.1, section 3.1.7: the unit note length where no L: says otherwise
        return _in_units(form, 16 if 4 * form.bar < 3 * GRAIN * form.unit else 8)
    return form


def _in_units(form: Form, unit: int) -> Form:
    """The form in another unit note length: grains are parts of the unit, so all times change."""
    times = (form.bar, form.split, form.start)
    bar, split, start = (time * unit // form.unit for time in times)
    return form._replace(unit=unit, bar=bar, split=split, start=start)
