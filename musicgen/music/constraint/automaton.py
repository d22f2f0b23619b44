"""The automaton that writes tunes: which character may come next.

It accepts a part of ABC 2.1; what it excludes is rare, or confuses players. Every text that it
accepts can be completed: `completion.py` says how.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import NamedTuple

from musicgen.music.constraint import fields, notes
from musicgen.music.constraint.form import after
from musicgen.music.constraint.rules import END, Rules
from musicgen.music.constraint.spelling import GRAIN, TUPLETS, Words
from musicgen.music.constraint.state import Hold, State

Step = Callable[[Rules, State, str], State | None]
End = Callable[[Rules, State], State | None]
Between = Callable[[State], frozenset[str]]

BODY_FIELDS = "KMLQPTW"
_BAR = Words(["|"])


def step(rules: Rules, state: State, character: str) -> State | None:
    """The state after one more character; None where the character may not come."""
    if character not in rules.alphabet:
        return None
    if (further := _MODES[state.mode].within(rules, state, character)) is not None:
        return further
    # The token may have ended before this character.
    ended = end_token(rules, state)
    if ended is None or (character == ":" and state.column == 1):
        return None  # at the start of a line, a letter and a colon are a field
    return _idle(rules, ended, character)


def end_token(rules: Rules, state: State) -> State | None:
    """The state between tokens if the token may end here."""
    end = _MODES[state.mode].end
    return None if end is None else end(rules, state)


def allowed(rules: Rules, state: State, between: Between) -> frozenset[str]:
    """The characters for which `step` gives a state; faster than trying each.

    between: `allowed_between`, possibly cached.
    """
    further = within(rules, state)
    ended = end_token(rules, state)
    if ended is None:
        return further
    behind = between(ended)
    return (behind - {":"} if state.column == 1 else behind) | further


def within(rules: Rules, state: State) -> frozenset[str]:
    """The characters that continue the token."""
    mode = _MODES[state.mode]
    known = None
    if (depends := _DEPENDS.get(state.mode)) is not None:  # most states are of these
        known = (state.mode, state.part, *depends(rules, state))
        if (found := rules.further.get(known)) is not None:
            return found
    candidates = rules.alphabet if mode.characters is None else mode.characters
    found = frozenset(
        c for c in candidates if c in rules.alphabet and mode.within(rules, state, c) is not None
    )
    if known:
        rules.further[known] = found
    return found


def allowed_between(rules: Rules, state: State) -> frozenset[str]:
    """`allowed` for a state between two tokens of the music."""
    each = state.column == 0 or bool(state.hold.tie)
    return frozenset().union(
        *(group for group in _groups(rules.alphabet, each) if _idle(rules, state, group[0]))
    )


def surroundings(rules: Rules, state: State) -> Hashable:
    """The parts of a state between two tokens on which the next token depends; of most numbers,
    only whether they are 0. States with equal parts have equal answers."""
    form, hold, room = state.form, state.hold, state.form.room
    if "h" in state.seen:
        return state._replace(column=min(state.column, 1))
    return (
        state.column == 0,
        (hold.tie, hold.ornament, hold.grace, hold.slur, hold.notes),
        (bool(hold.pitch), bool(hold.last), bool(hold.broken), bool(hold.tuplet)),
        legal_lines(rules, state).words,
        bool(notes.lengths(rules, state)),
        tuple(room // time >= rules.shortest for time in rules.tuplets.values()),
        bool(notes.symbols(rules, state)),
        (form.empty, form.empty and form.filled == 0, form.complete and form.split == 0),
        (form.ending, form.ended, form.repeat, room == 0),
        state.seen,
    )


@lru_cache(maxsize=32)
def _groups(alphabet: frozenset[str], each: bool) -> list[str]:
    """Beginnings that may come all together or not at all, so that one answers for its group. At
    the start of a line and after a tie each beginning is a group."""
    groups: dict[str, str] = {}
    for character in sorted(_BEGINNINGS & alphabet):
        kind = character
        if not each and character != "H":
            kind = _ALIKE.get(character, character)
        groups[kind] = groups.get(kind, "") + character
    return list(groups.values())


def may_end(rules: Rules, state: State) -> bool:
    """Whether the tune may end here, at the end of a line."""
    form, hold = state.form, state.hold
    closed = form.complete and (form.ended or not rules.bars)
    return closed and hold.notes and not (hold.within or hold.tie or hold.slur)


def legal_lines(rules: Rules, state: State) -> Words:
    """The bar lines that may come here."""
    hold = state.hold
    if hold.within:
        return rules.none
    lines = rules.lines(state.form)
    # A tie or a slur may reach the next bar, but not across a repeat.
    return (_BAR if "|" in lines else rules.none) if hold.tie or hold.slur else lines


def _nothing(rules: Rules, state: State, character: str) -> State | None:
    return None


def _itself(rules: Rules, state: State) -> State | None:
    return state


def _idle(rules: Rules, state: State, character: str) -> State | None:
    """The next state, between two tokens of the music."""
    hold = state.hold
    if character == "\n":
        if not state.column or hold.within:
            return None
        rest = hold._replace(pitch="", last=0)
        return State("idle", "", 0, state.form, rest, state.seen)
    if state.column == 0:
        if character == "<":
            return state.at("end", "<") if may_end(rules, state) else None
        if character in BODY_FIELDS:
            field = fields.may_begin(rules, state, character)
            sign = character in notes.SIGNS and notes.sign(rules, state, character)
            return state.at("initial", character) if field or sign else None
    if character == " ":
        apart = state.column and not hold.ornament
        if not apart:
            return None
        if hold.pitch:
            hold = Hold(hold.tie, "", *hold[2:])
        return State("idle", "", 2, state.form, hold, state.seen)
    if character in "|:":
        return state.at("line", character) if legal_lines(rules, state).begin(character) else None
    if character == "[":
        good = legal_lines(rules, state).begin("[") or may_begin_chord(rules, state)
        field = good or any(fields.may_begin(rules, state, letter) for letter in rules.inline)
        return state.begun("bracket") if field else None
    begin = _BEGIN.get(character)
    return begin(rules, state, character) if begin else None


def _initial(rules: Rules, state: State, character: str) -> State | None:
    """The next state after a letter at the start of a line, which may begin a field or be a
    decoration."""
    field = character == ":" and fields.may_begin(rules, state, state.part)
    return fields.colon(rules, state, character) if field else None


def _end_initial(rules: Rules, state: State) -> State | None:
    sign = state.part in notes.SIGNS
    return notes.sign(rules, state._replace(column=0), state.part) if sign else None


def _line(rules: Rules, state: State, character: str) -> State | None:
    longer, legal = state.part + character, legal_lines(rules, state)
    if legal.begin(longer):
        return state.at("line", longer)
    if state.part[-1] != "[" or state.part[:-1] not in legal:
        return None
    # A bar line, and after it a chord or a field: `|[CEG]` began like `|[1`.
    there = behind(state, state.part[:-1])
    return there and _bracket(rules, there.at("bracket"), character)


def _end_line(rules: Rules, state: State) -> State | None:
    if state.part not in legal_lines(rules, state):
        return None
    return behind(state, state.part)


def behind(state: State, line: str) -> State | None:
    """The state after a bar line."""
    form = after(state.form, line)
    hold = state.hold._replace(pitch="", last=0)
    return form and state._replace(mode="idle", part="", form=form, hold=hold)


def may_begin_chord(rules: Rules, state: State) -> bool:
    """Whether `[` may begin a chord."""
    closes = "]" in rules.alphabet
    return closes and notes.begin_chord(rules, state, rules.note) is not None


def _bracket(rules: Rules, state: State, character: str) -> State | None:
    if character in "12":
        line = "[" + character
        return behind(state.at("idle"), line) if line in legal_lines(rules, state) else None
    if character in rules.inline:
        field = fields.may_begin(rules, state, character)
        return state.at("inline", character) if field else None
    note = character in notes.LETTERS or character in "^_="
    good = note and may_begin_chord(rules, state)
    return notes.begin_chord(rules, state, character) if good else None


def _inline(rules: Rules, state: State, character: str) -> State | None:
    return state.at("value", "[" + state.part) if character == ":" else None


def _parenthesis(rules: Rules, state: State, character: str) -> State | None:
    return notes.begin_tuplet(rules, state, character)


def _end_parenthesis(rules: Rules, state: State) -> State | None:
    """It was a slur, no tuplet."""
    if state.hold.slur or ")" not in rules.alphabet:
        return None
    return state._replace(mode="idle", part="", hold=state.hold._replace(slur=1, last=0, pitch=""))


def _open(rules: Rules, state: State, character: str) -> State | None:
    """The next state after a sign that needs a note: `(`, `{`, `"`, `!` or a decoration."""
    hold = state.hold
    if hold.ornament or not notes.lengths(rules, state):
        return None
    if character == "(":
        slur = hold.slur == 0 and ")" in rules.alphabet
        good = slur or any(notes.begin_tuplet(rules, state, n) for n in rules.tuplets)
        return state.begun("parenthesis") if good else None
    if character == "{":
        good = not (hold.tie or hold.grace) and "}" in rules.alphabet
        return state.begun("grace") if good else None
    if character == '"':
        good = bool(rules.annotations or notes.symbols(rules, state))
        return state.begun("string") if good else None
    good = bool(notes.decorations(rules, state)) and not (hold.tie or hold.broken)
    return state.begun("decoration") if good else None


def _close_slur(rules: Rules, state: State, character: str) -> State | None:
    hold = state.hold
    if hold.slur != 2 or hold.tie or hold.waits or hold.broken:
        return None
    return state.at("idle")._replace(hold=hold._replace(slur=0))


def _tie(rules: Rules, state: State, character: str) -> State | None:
    hold = state.hold
    if not hold.pitch:
        return None
    return state.at("idle")._replace(hold=hold._replace(tie=hold.pitch, pitch="", last=0))


def _begin_broken(rules: Rules, state: State, character: str) -> State | None:
    good = state.hold.last and not ("h" in state.seen and _off_beat(state))
    return state.at("broken", character) if good else None


def _off_beat(state: State) -> bool:
    """Whether the last event may have begun off the quarter notes of a hornpipe. Players dot a
    hornpipe's eighths themselves on quarter notes, and fail on pairs that begin elsewhere."""
    form = state.form
    quarter = form.unit * GRAIN // 4
    # Players count from the last bar line, which may have been at the split.
    unsure = form.filled > form.split and form.split % quarter
    return bool(unsure or (form.filled - state.hold.last) % quarter)


def _broken(rules: Rules, state: State, character: str) -> State | None:
    return state.at("broken", character * 2) if character == state.part else None


def _end_broken(rules: Rules, state: State) -> State | None:
    hold = state.hold
    broken = hold._replace(broken=hold.last, last=0, pitch="")
    return state._replace(mode="idle", part="", hold=broken)


def _begin_continuation(rules: Rules, state: State, character: str) -> State | None:
    goes_on = state.column and not state.hold.within
    return state.at("continuation") if goes_on else None


def _continuation(rules: Rules, state: State, character: str) -> State | None:
    return _idle(rules, state, character) if character == "\n" else None


def _end(rules: Rules, state: State, character: str) -> State | None:
    longer = state.part + character
    return state.at("end", longer) if END.startswith(longer) else None


_BEGIN: dict[str, Step] = {
    **dict.fromkeys((*notes.LETTERS, *"^_=zx"), notes.begin_note),
    **dict.fromkeys('({"!', _open),
    **dict.fromkeys(notes.SIGNS, notes.sign),
    ")": _close_slur,
    "-": _tie,
    ">": _begin_broken,
    "<": _begin_broken,
    "\\": _begin_continuation,
}
"""The first step of the token that begins with each character, bar lines and brackets aside."""
_ALIKE = {
    **dict.fromkeys(notes.LETTERS + "^_=", "note"),
    **{sign: f"sign {kind}" for sign, kind in notes.KINDS.items()},
    **dict.fromkeys("zx", "rest"),
    **dict.fromkeys("<>", "broken"),
}
"""Groups of beginnings."""
_BEGINNINGS = frozenset(_BEGIN) | set("\n |:[" + BODY_FIELDS)


class Mode(NamedTuple):
    """A kind of token while it is being written."""

    within: Step
    """The next state within the token."""
    end: End | None
    """The state at the token's end; None: a character of its own ends it."""
    characters: str | None
    """The characters that may continue it; None for any."""


_PITCH, _LENGTH = notes.LETTERS + "^_=", "0123456789/"

_DEPENDS: dict[str, Callable[[Rules, State], tuple[Hashable, ...]]] = {
    "head": lambda rules, state: (state.seen,),
    "text": lambda rules, state: ("m" in state.seen,),
    "number": lambda rules, state: (),
    "value": lambda rules, state: ("h" in state.seen,),
    "accidental": lambda rules, state: (),
    "note": lambda rules, state: (state.hold.tie, notes.lengths(rules, state)),
    "rest": lambda rules, state: (notes.lengths(rules, state),),
    "chord": lambda rules, state: (notes.lengths(rules, state),),
    "chord length": lambda rules, state: (notes.lengths(rules, state),),
    "grace": lambda rules, state: (),
    "string": lambda rules, state: (notes.symbols(rules, state),),
    "decoration": lambda rules, state: (notes.decorations(rules, state),),
}
"""Tokens whose next characters depend on what is written and on these values of the state."""

_MODES = {
    "head": Mode(fields.head, None, "XK" + fields.VALUES + fields.TEXTS),
    "colon": Mode(fields.colon, None, ":"),
    "text": Mode(fields.text, None, None),
    "number": Mode(fields.number, None, "0123456789 \n"),
    "value": Mode(fields.value, None, None),
    "idle": Mode(_nothing, _itself, ""),
    "initial": Mode(_initial, _end_initial, ":"),
    "line": Mode(_line, _end_line, "|:[]12" + _PITCH + BODY_FIELDS),
    "bracket": Mode(_bracket, None, _PITCH + BODY_FIELDS + "12"),
    "inline": Mode(_inline, None, ":"),
    "accidental": Mode(notes.accidental, None, _PITCH),
    "note": Mode(notes.note, notes.end_note, _LENGTH + ",'"),
    "rest": Mode(notes.rest, notes.end_rest, _LENGTH),
    "chord": Mode(notes.chord, None, _PITCH + _LENGTH + ",']"),
    "chord length": Mode(notes.chord_length, notes.end_chord, _LENGTH),
    "parenthesis": Mode(_parenthesis, _end_parenthesis, "".join(TUPLETS)),
    "grace": Mode(notes.grace, None, _PITCH + "/2,'}"),
    "string": Mode(notes.string, None, None),
    "decoration": Mode(notes.decoration, None, None),
    "broken": Mode(_broken, _end_broken, "<>"),
    "continuation": Mode(_continuation, None, "\n"),
    "end": Mode(_end, None, END),
}
