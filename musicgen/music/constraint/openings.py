"""Openings: which tokens may begin, of those that are well formed.

`automaton.py` says what is well formed. Two more things are masked, both where a token begins:

- a kind of token that the training text lacks, and
- a beginning whose likely kinds may not come here. After `[` stands an ending, a chord or a field.
Where no ending may begin, a network that writes `[` for one would find the digit masked, and write
something else instead. The training text says how likely a kind is here: how often it is the one
that begins with this character, in such a place.

Whatever a tune needs to reach its end may be written, even if the training text lacks it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from musicgen.music.constraint import fields, notes
from musicgen.music.constraint.automaton import BODY_FIELDS, behind, legal_lines, may_begin_chord
from musicgen.music.constraint.form import LINES, OPEN, Form
from musicgen.music.constraint.rules import Rules
from musicgen.music.constraint.state import State
from musicgen.music.kinds import BAR, CHORD, CHORD_SYMBOL, HEADER, SECTION, WITHIN, Kinds
from musicgen.music.kinds import LINES as FIELD_LINES

_ENDINGS = {"[1", "[2"}
_CLOSING = {":|", ":||", ":|]"}
_NONE: frozenset[str] = frozenset()
_COLON = frozenset(":")
_UNCOUNTED = Kinds(tuple((place, kind, 1) for place in (BAR, WITHIN) for kind in ("[1", CHORD)))
"""Kinds for runs whose kinds were not counted: fields in brackets are rarer than these."""


class Openings:
    """The openings of one vocabulary and one training text."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._kinds = kinds = rules.kinds
        self._music = {kind for kind in _music(rules) if rules.usual(kind)}
        self._music |= _needed(self._music)
        lines = (f"{letter}:" for letter in BODY_FIELDS)
        self._fields = {field for field in lines if not kinds or field in kinds.count(FIELD_LINES)}
        header = (f"{letter}:" for letter in "X" + fields.VALUES + fields.TEXTS)
        self._header = {field for field in header if not kinds or field in kinds.count(HEADER)}
        self._header |= {"K:", *(["M:"] if rules.bars else [])}
        self._known = {kind[0]: list[str]() for kind in _music(rules)}
        for kind in sorted(self._music):
            self._known[kind[0]].append(kind)
        counted = kinds or _UNCOUNTED
        places = {place: counted.count(place) for place in (SECTION, BAR, WITHIN)}
        self._by_place = {place: _by_first(counts) for place, counts in places.items()}
        self._anywhere = _by_first(sum(map(Counter, places.values()), Counter()))
        self._remembered: dict[tuple[object, ...], bool] = {}
        self._never = frozenset(first for first, known in self._known.items() if not known)
        self._unsure = [first for first in '[!"({' if self._known.get(first)]

    def masked(self, state: State) -> frozenset[str]:
        """Characters that may begin no token here, between two tokens of the music."""
        if state.form.ending == 3:
            return self._never - {"["}  # `[2` must come
        lines = self._lines(state)
        masked = {first for first in "|:" if not any(line[0] == first for line in lines)}
        masked |= {first for first in self._unsure if not self._meant(state, first)}
        masked |= self._never - set("|:")
        if state.column == 0:
            letters = set(BODY_FIELDS)
            masked = (masked - letters) | {one for one in letters if not self._line(state, one)}
        return frozenset(masked - set(state.hold.tie[:1]))  # after a tie its note must come

    def within(self, state: State, further: frozenset[str]) -> frozenset[str]:
        """Those characters that continue the token towards a kind that the training text has."""
        keep = _WITHIN.get(state.mode)
        if keep is None or (state.part and state.mode in _AT_FIRST):
            return further
        return frozenset(character for character in further if keep(self, state, character))

    def may_end(self, state: State) -> bool:
        """Whether the token may end as it is; asked where that is well formed."""
        part = state.part
        if state.mode == "line":
            return part in self._lines(state)
        if state.mode == "parenthesis":
            return "(" in self._music
        return state.mode not in ("broken", "initial") or part in self._music

    def joined(self, state: State, longer: frozenset[str]) -> frozenset[str]:
        """Characters that may begin no token right after this one, because they would be read as a
        part of it. longer: characters that continue it."""
        if state.mode == "line":
            strokes = {stroke for stroke in "|:" if state.part + stroke not in self._music}
            return (longer | strokes) - {"["}  # after `|` it may still be a chord's
        # A letter and a colon at the start of a line are a field.
        return longer | _COLON if state.column == 1 else longer

    def _lines(self, state: State) -> frozenset[str]:
        """The bar lines that may come here; all well-formed ones, where a bar line must come and
        none of the known ones can."""
        legal = legal_lines(self._rules, state).words
        known = frozenset(line for line in legal if self._leads_on(line, state.form))
        return known if known or state.form.room else legal

    def _leads_on(self, line: str, form: Form) -> bool:
        """Whether the training text has a bar line, and what may follow it."""
        if form.repeat == OPEN and form.ending == 0 and line in ("||", "|]"):
            # In 3 of 1,232 repeats of the default corpus. A network that writes it wants to end the
            # tune or
            # to open another repeat, and finds both masked until this one is closed.
            return False
        if form.ending == 1 and line in _CLOSING and "[2" not in self._music:
            return False
        if LINES[line].opens and form.bar and 0 < form.filled < form.bar and not form.split:
            # A network that writes `|` here wants to end a strain that lacks its upbeat; it would
            # find only `|:` left. No tune of the default corpus opens a repeat here.
            return False
        return (line[-2:] if line[-2:] in _ENDINGS else line) in self._music

    def _meant(self, state: State, first: str, others: Sequence[str] = ()) -> bool:
        """Whether a token with this beginning is likely to be of a kind that may come here."""
        may = [kind for kind in self._known[first] if self._may_come(state, kind)]
        hold, form = state.hold, state.form
        meant = (hold.within, hold.slur > 0, hold.tuplet > 0, form.ended)
        known = (first, _place(state), meant, *may, *others)
        if (found := self._remembered.get(known)) is None:
            counts = self._counts(state, first)
            likely = 2 * sum(counts.get(kind, 0) for kind in {*may, *others})
            found = self._remembered[known] = bool(may or others) and likely >= sum(counts.values())
        return found

    def _counts(self, state: State, first: str) -> Mapping[str, int]:
        """How often the kinds that begin with this character, and are conceivable, begin in such a
        place; or anywhere, if none ever begins in such a place."""
        place = _place(state)
        for counts in self._by_place[place], self._anywhere:
            of_these = counts.get(first, {})
            found = {kind: n for kind, n in of_these.items() if _conceivable(state, kind)}
            if found or self._kinds is None:
                break
        return found

    def _may_come(self, state: State, kind: str) -> bool:
        """Whether this kind may come, given that some kind with this beginning may."""
        rules, hold = self._rules, state.hold
        if kind in LINES:
            return kind in legal_lines(rules, state)
        if kind == CHORD:
            return may_begin_chord(rules, state)
        if kind[0] == "[":
            return fields.may_begin(rules, state, kind[1])
        if kind[0] == "!":
            return kind[1:] in notes.decorations(rules, state)
        if kind == CHORD_SYMBOL:
            return bool(notes.symbols(rules, state))
        if kind[0] == "(":
            slur = not hold.slur and ")" in rules.alphabet
            return slur if kind == "(" else notes.begin_tuplet(rules, state, kind[1]) is not None
        return True

    def _line(self, state: State, letter: str) -> bool:
        """Whether a line of the music may begin with this letter, as a field or as a decoration."""
        rules, counts = self._rules, self._counts(state, letter)
        known = self._kinds.count(FIELD_LINES) if self._kinds else {}
        field, sign = f"{letter}:", letter in self._music
        weights = {True: 0, False: 0}
        allowed = field in self._fields and fields.may_begin(rules, state, letter)
        weights[allowed] += known.get(field, 0)
        sounds = sign and notes.sign(rules, state, letter) is not None
        weights[sounds] += counts.get(letter, 0)
        return (allowed or sounds) and weights[True] >= weights[False]

    def _head(self, state: State, character: str) -> bool:
        return f"{character}:" in self._header

    def _initial(self, state: State, character: str) -> bool:
        return state.part + character in self._fields

    def _begun(self, state: State, character: str) -> bool:
        """The conceivable kinds of a bar line that is being written."""
        if state.part[-1] == "[":
            return self._bracket(state, character)
        longer, lines = state.part + character, self._lines(state)
        if character == "[":
            endings = [line[-2:] for line in lines if line[:-1] == longer]
            there = behind(state, state.part) if state.part in lines else None
            return bool(endings) and self._meant(there or state, "[", endings)
        return any(line.startswith(longer) for line in lines)

    def _bracket(self, state: State, character: str) -> bool:
        field = f"[{character}:"
        kind = field if character in self._rules.inline else CHORD
        if character in "12":
            return f"[{character}" in self._music
        if kind not in self._music:
            return False
        legal = legal_lines(self._rules, state).words
        if any(line[-2:] in _ENDINGS for line in legal):
            return True
        # An ending is masked: a rarer kind would be chosen in its place.
        counts = self._counts(state, "[")
        return counts.get(kind, 0) >= sum(counts.get(ending, 0) for ending in _ENDINGS)

    def _accidental(self, state: State, character: str) -> bool:
        longer = state.part + character
        return (state.part if character in notes.LETTERS else longer) in self._music

    def _parenthesis(self, state: State, character: str) -> bool:
        return f"({character}" in self._music

    def _grace(self, state: State, character: str) -> bool:
        return ("{/" if character == "/" else "{") in self._music

    def _string(self, state: State, character: str) -> bool:
        kind = f'"{character}' if character in self._rules.annotations else CHORD_SYMBOL
        return kind in self._music

    def _decoration(self, state: State, character: str) -> bool:
        longer, words = f"!{state.part}{character}", notes.decorations(self._rules, state)
        known = (kind for kind in self._known["!"] if kind.startswith(longer))
        return any(kind[1:] in words for kind in known)

    def _broken(self, state: State, character: str) -> bool:
        return state.part + character in self._music


_WITHIN = {
    "head": Openings._head,
    "initial": Openings._initial,
    "line": Openings._begun,
    "bracket": Openings._bracket,
    "accidental": Openings._accidental,
    "parenthesis": Openings._parenthesis,
    "grace": Openings._grace,
    "string": Openings._string,
    "decoration": Openings._decoration,
    "broken": Openings._broken,
}


def _by_first(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Counts of kinds by their first character."""
    found: dict[str, dict[str, int]] = {}
    for kind, count in counts.items():
        found.setdefault(kind[0], {})[kind] = count
    return found


def _place(state: State) -> str:
    """Which of `kinds.PLACES` the music is at."""
    if not state.form.empty:
        return WITHIN
    return SECTION if state.form.ended or not state.hold.notes else BAR


def _conceivable(state: State, kind: str) -> bool:
    """Whether a writer who knows the tune so far could intend it here, even if it is not well
    formed."""
    hold = state.hold
    if kind[0] == "[" and hold.within:
        return kind == CHORD
    if kind == "[2":
        return not state.form.ended  # it stands after `:|`, but after that of a first ending
    if kind == "(":
        return not hold.slur
    return not (kind[0] == "(" and hold.tuplet)


_AT_FIRST = ("string", "grace")
"""Characters that alone decide the kind."""


def _music(rules: Rules) -> list[str]:
    """Kinds that the automaton writes in the music, plain notes aside."""
    return [
        *(line for line in LINES if line not in ("|[1", ":|[2")),
        *(f"[{letter}:" for letter in rules.inline),
        *(f"!{word}" for word in rules.decorations.words),
        *(f'"{mark}' for mark in rules.annotations),
        *(f"({number}" for number in rules.tuplets),
        *(CHORD, CHORD_SYMBOL, "(", "{", "{/", "-", ">", ">>", "<", "<<", "\\"),
        *("z", "x", "^", "^^", "_", "__", "=", *notes.SIGNS),
    ]


def _needed(known: set[str]) -> set[str]:
    """Further kinds that tunes of these kinds need to reach their end."""
    needed = {"|"}
    if known.isdisjoint({"|]", "||", *_CLOSING}):
        needed |= {"|]"}
    first = not known.isdisjoint({"|1", "[1"})
    if (first or not known.isdisjoint({"|:", "::"})) and known.isdisjoint(_CLOSING):
        needed |= _CLOSING
    if first and ":|2" not in known and not known >= {":|", "[2"}:
        needed |= {":|2", ":|", "[2"}
    return needed
