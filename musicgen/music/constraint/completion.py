"""The completion: how a tune that has begun comes to an end within a few characters."""

from musicgen.music.constraint.automaton import (
    behind,
    end_token,
    legal_lines,
    may_begin_chord,
    may_end,
)
from musicgen.music.constraint.fields import may_begin, values
from musicgen.music.constraint.form import OPEN, Form
from musicgen.music.constraint.notes import (
    ACCIDENTALS,
    decorations,
    grace_is_open,
    lengths,
    split,
    symbols,
)
from musicgen.music.constraint.rules import END, Rules
from musicgen.music.constraint.state import State
from musicgen.music.kinds import CHORD, CHORD_SYMBOL

_GOING_BACK = (":|2", ":|[2", ":|", ":||", ":|]")
_ENDING = ("|]", "||", ":|", ":||", ":|]")


def completion(rules: Rules, state: State) -> str:
    """The next character on a short way to the end; not defined for a text that has ended."""
    return _TOKENS[state.mode](rules, state)


def _head(rules: Rules, state: State) -> str:
    return "M" if rules.bars and "M" not in state.seen else "K"


def _colon(rules: Rules, state: State) -> str:
    return ":"


def _line_end(rules: Rules, state: State) -> str:
    return "\n"


def _text(rules: Rules, state: State) -> str:
    return rules.note if state.part == "\\" else "\n"


def _number(rules: Rules, state: State) -> str:
    return "\n" if state.part[1:].strip() else rules.digit


def _value(rules: Rules, state: State) -> str:
    inline = state.part[0] == "["
    letter, written = state.part[inline], state.part[inline + 1 :].removeprefix(" ")
    return (values(rules, state, letter).end(written) or ("]" if inline else "\n"))[0]


def _note_letter(rules: Rules, state: State) -> str:
    return rules.note


def _initial(rules: Rules, state: State) -> str:
    """A letter at the start of a line begins a field, or is a decoration of the next note."""
    ways = [(f"{state.part}:", ":")] if may_begin(rules, state, state.part) else []
    if end_token(rules, state) is not None:
        ways.append((state.part, rules.note))
    return _usual(rules, ways)


def _bracket(rules: Rules, state: State, before: str = "") -> str:
    """before: what stands before the `[` of a bar line."""
    legal = legal_lines(rules, state)
    ways = [(f"[{number}", number) for number in "12" if f"{before}[{number}" in legal]
    if before and (there := behind(state, before)):
        state = there
    if may_begin_chord(rules, state):
        ways.append((CHORD, rules.note))
    inline = (letter for letter in rules.inline if may_begin(rules, state, letter))
    ways += [(f"[{letter}:", letter) for letter in inline]
    return _usual(rules, ways)


def _timed(rules: Rules, state: State) -> str:
    """A note, a rest, or the length of a chord."""
    body, written = split(state.part)
    tie = state.hold.tie
    if not written and body != tie and tie.startswith(body) and body:
        return tie[len(body)]
    legal = lengths(rules, state)
    aim = legal.end("") if state.hold.within else rules.longest(_gap(state.form))
    if aim in legal and aim.startswith(written) and aim != written:
        return aim[len(written)]
    ended = end_token(rules, state)
    return legal.end(written)[0] if ended is None else _idle(rules, ended)


def _chord(rules: Rules, state: State) -> str:
    done, _, now = state.part.partition("|")
    if now in ACCIDENTALS:
        return rules.note
    written = split(now)[1]
    if done[0] == "1":
        return ((written and lengths(rules, state).end(written)) or "]")[0]
    return (done[1:] + "]")[len(written)]


def _grace(rules: Rules, state: State) -> str:
    if not state.part:
        return _usual(rules, [("{", rules.note), *([("{/", "/")] if "/" in rules.alphabet else [])])
    return rules.note if grace_is_open(state) else "}"


def _string(rules: Rules, state: State) -> str:
    part = state.part
    if part[:1] == "^":
        return '"'
    symbol = (rules.chord_symbols.end(part) or '"')[0] if rules.chord_symbols else '"'
    if part:
        return symbol
    ways = [(f'"{mark}', mark) for mark in rules.annotations]
    return _usual(rules, [*ways, *([(CHORD_SYMBOL, symbol)] if symbols(rules, state) else [])])


def _decoration(rules: Rules, state: State) -> str:
    part = state.part
    words = [word for word in decorations(rules, state).words if word.startswith(part)]
    words.sort(key=lambda word: (len(word), word))
    return _usual(rules, [(f"!{word}", word[len(part)]) for word in words])


def _parenthesis(rules: Rules, state: State) -> str:
    ended = end_token(rules, state)
    room = state.form.room
    ways = [] if ended is None else [("(", _idle(rules, ended))]
    if not state.hold.tuplet and not state.hold.broken:
        fitting = (n for n, time in rules.tuplets.items() if rules.fitting(room // time))
        ways += [(f"({number}", number) for number in fitting]
    return _usual(rules, ways)


def _broken(rules: Rules, state: State) -> str:
    ended = end_token(rules, state)
    assert ended is not None
    return _idle(rules, ended)


def _line(rules: Rules, state: State) -> str:
    if state.part[-1] == "[":
        return _bracket(rules, state, state.part[:-1])
    legal = legal_lines(rules, state)
    aim = _aim(rules, state.form, legal.words)
    if aim.startswith(state.part) and aim != state.part:
        return aim[len(state.part)]
    ended = end_token(rules, state)
    if ended is not None:
        return _idle(rules, ended)
    part = state.part
    lines = (line for line in (*_GOING_BACK, *_ENDING, *sorted(legal.words)) if line in legal)
    return _usual(rules, [(line, line[len(part)]) for line in lines if line.startswith(part)])


def _end(rules: Rules, state: State) -> str:
    return END[len(state.part)]


def _idle(rules: Rules, state: State) -> str:
    form, hold = state.form, state.hold
    if form.ending == 3:
        return "["
    if hold.tie:
        return hold.tie[0] if lengths(rules, state) else "|"
    if hold.within:
        return rules.note
    if hold.slur:
        return ")"
    if may_end(rules, state):
        return "\n" if state.column else "<"
    aim = _aim(rules, form, legal_lines(rules, state).words)
    if aim and hold.notes:
        # A letter and a colon at the start of a line would be a field.
        return "\n" if aim[0] == ":" and state.column == 1 else aim[0]
    if lengths(rules, state):
        return rules.rest if hold.notes else rules.note
    return "|"


def _usual(rules: Rules, ways: list[tuple[str, str]]) -> str:
    """The character of the first (kind, character) pair whose kind the training text has."""
    return min(ways, key=lambda way: not rules.usual(way[0]))[1]


def _aim(rules: Rules, form: Form, legal: frozenset[str]) -> str:
    """The bar line to write next in the completion, empty if there is none; if possible, a bar line
    that the training text has."""
    back = form.ending == 1 or (form.repeat == OPEN and form.ending == 0)
    lines = [line for line in (_GOING_BACK if back else _ENDING) if line in legal]
    return min(lines, key=lambda line: not rules.usual(line), default="")


def _gap(form: Form) -> int:
    """Grains up to the place where such a bar line may come; at least one."""
    back = form.ending == 1 or form.repeat == OPEN
    there = form.start if back else form.split
    if form.upbeat or there <= form.filled:
        return form.room
    return there - form.filled


_TOKENS = {
    "head": _head,
    "colon": _colon,
    "text": _text,
    "number": _number,
    "value": _value,
    "idle": _idle,
    "initial": _initial,
    "line": _line,
    "bracket": _bracket,
    "inline": _colon,
    "accidental": _note_letter,
    "note": _timed,
    "rest": _timed,
    "chord": _chord,
    "chord length": _timed,
    "parenthesis": _parenthesis,
    "grace": _grace,
    "string": _string,
    "decoration": _decoration,
    "broken": _broken,
    "continuation": _line_end,
    "end": _end,
}
