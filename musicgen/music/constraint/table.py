"""The automaton as a table that grows as states are met: so that a state is thought about once."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musicgen.music.constraint.automaton import (
    allowed,
    allowed_between,
    end_token,
    step,
    within,
)
from musicgen.music.constraint.form import Form
from musicgen.music.constraint.notes import LETTERS
from musicgen.music.constraint.openings import Openings
from musicgen.music.constraint.rules import END, Rules
from musicgen.music.constraint.state import Hold, State
from musicgen.music.constraint.way_out import way_out
from musicgen.music.kinds import Kinds

LONGEST = 80
"""Characters of the longest way out."""
DONE = -1
"""The state of a text that has ended."""


_LETTER_BITS = 4
"""For the place of a letter in `LETTERS`."""
_PLAIN = str.maketrans(LETTERS, "C" * 7 + "c" * 7)


class Table:
    """States by number, for one vocabulary and one training text; 0 is the start of a tune.

    Which note was written last matters to a tie alone. So notes share their state, and a number is
    that of a state and, in its last bits, of the last letter.
    """

    def __init__(self, vocabulary: str, bars: bool, kinds: Kinds | None = None) -> None:
        """kinds: of the training text, None for all.

        Raises InputError if the vocabulary cannot write a tune.
        """
        self.vocabulary = vocabulary
        self._rules = Rules(vocabulary, bars, kinds)
        self._openings = Openings(self._rules)
        start = State(form=Form(upbeat=bars))
        self._states = [start]
        self._numbers = {start: 0}
        self._next: list[dict[int, int]] = [{}]
        self._letters = {
            number: LETTERS.index(character)
            for number, character in enumerate(vocabulary)
            if character in LETTERS
        }
        self._tie = vocabulary.find("-")
        self._masks: list[int] = [-1]
        self._rows: dict[frozenset[str], int] = {}
        self._between: dict[State, frozenset[str]] = {}
        self._exits: dict[int, int] = {DONE: 0}
        self.rows: NDArray[np.bool_] = np.ones((64, len(vocabulary)), np.bool_)
        """Which characters may come next, one row for each different answer; what comes behind the
        end does not matter."""

    def __len__(self) -> int:
        return len(self._states)

    def step(self, state: int, character: int) -> int:
        """The next state. Raises ValueError if the character may not come; behind the end, all
        may."""
        if state == DONE:
            return DONE
        number, letter = state >> _LETTER_BITS, state & (1 << _LETTER_BITS) - 1
        known = self._next[number]
        # Ties lead to other states for other letters.
        key = character if character != self._tie else -1 - letter
        after = known.get(key)
        if after is None:
            before = _with_letter(self._states[number], LETTERS[letter])
            found = step(self._rules, before, self.vocabulary[character])
            if found is None:
                raise ValueError(f"{self.vocabulary[character]!r} may not come here")
            after = known[key] = self._number(found)
        if after == DONE:
            return DONE
        return after << _LETTER_BITS | self._letters.get(character, letter)

    def mask(self, state: int) -> int:
        """The number of its row in `rows`."""
        number = state >> _LETTER_BITS
        row = self._masks[number]
        if row < 0:
            row = self._masks[number] = self._row(self._may(self._states[number]))
        return row

    def allows(self, state: int, character: int) -> bool:
        """Whether the text goes on well formed, be it with what no network is let write by itself;
        `mask` leaves that out."""
        if state == DONE:
            return True
        number, letter = state >> _LETTER_BITS, state & (1 << _LETTER_BITS) - 1
        before = _with_letter(self._states[number], LETTERS[letter])
        return step(self._rules, before, self.vocabulary[character]) is not None

    def only(self, character: int) -> int:
        """The number of the row that allows this character alone."""
        return self._row(frozenset(self.vocabulary[character]))

    def way_out(self, state: int) -> int:
        """The character that comes next on the way to the end."""
        number = state >> _LETTER_BITS
        return self.vocabulary.index(way_out(self._rules, self._states[number]))

    def exit(self, state: int) -> int:
        """How many characters the way out has."""
        way = []
        while state not in self._exits:
            way.append(state)
            if len(way) > LONGEST:
                raise AssertionError(f"no way out of {self._states[way[0] >> _LETTER_BITS]}")
            state = self.step(state, self.way_out(state))
        length = self._exits[state]
        for passed in reversed(way):
            length += 1
            self._exits[passed] = length
        return length

    def _number(self, state: State) -> int:
        if state.mode == "end" and state.part == END:
            return DONE
        state = _with_letter(state, None)
        if (number := self._numbers.get(state)) is None:
            number = self._numbers[state] = len(self._states)
            self._states.append(state)
            self._next.append({})
            self._masks.append(-1)
        return number

    def _may(self, state: State) -> frozenset[str]:
        """The characters that may come next: well formed, and of a kind that is let in."""
        rules, openings = self._rules, self._openings
        longer = within(rules, state)
        further = openings.within(state, longer)
        ended = end_token(rules, state)
        if ended is not None and openings.may_end(state):
            further |= self._may_follow(ended) - openings.joined(state, longer)
        return further or allowed(rules, state, lambda ended: allowed_between(rules, ended))

    def _may_follow(self, state: State) -> frozenset[str]:
        """What may begin behind a token. Remembered, where of the pitch that might be tied and the
        length that might be broken only that there is one matters (if it is no hornpipe), of the
        column whether it is the first."""
        hold = state.hold
        last = hold.last if "h" in state.seen else min(hold.last, 1)
        hold = Hold(hold.tie, "A" if hold.pitch else "", last, *hold[3:])
        alike = State(
            state.mode, state.part, 2 if state.column else 0, state.form, hold, state.seen
        )
        if (may := self._between.get(alike)) is None:
            well_formed = allowed_between(self._rules, alike)
            may = self._between[alike] = well_formed - self._openings.masked(alike)
        return may

    def _row(self, may: frozenset[str]) -> int:
        if (row := self._rows.get(may)) is None:
            row = self._rows[may] = len(self._rows)
            if row == len(self.rows):
                self.rows = np.concatenate([self.rows, np.ones_like(self.rows)])
            self.rows[row] = [character in may for character in self.vocabulary]
        return row


def _with_letter(state: State, letter: str | None) -> State:
    """With this one in place of the letter of the note that is being, or was just, written; None
    for the one that stands for all of its case. A note behind a tie keeps its own."""
    mode, part, column, form, hold, seen = state
    if hold.tie or not (mode == "note" or hold.pitch):
        return state
    if mode == "note":
        part = (letter or part[0].translate(_PLAIN)) + part[1:]
    else:
        pitch = (letter or hold.pitch[0].translate(_PLAIN)) + hold.pitch[1:]
        hold = Hold(hold.tie, pitch, *hold[2:])
    return State(mode, part, column, form, hold, seen)


@lru_cache(maxsize=8)
def table(vocabulary: str, bars: bool, kinds: Kinds | None = None) -> Table:
    """Shared by all that is sampled with this vocabulary and training text."""
    return Table(vocabulary, bars, kinds)
