"""The automaton as a table that grows on use: each state is computed once."""

from collections.abc import Hashable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musicgen.music.constraint.automaton import (
    allowed,
    allowed_between,
    end_token,
    step,
    surroundings,
    within,
)
from musicgen.music.constraint.completion import completion
from musicgen.music.constraint.form import Form
from musicgen.music.constraint.notes import LETTERS
from musicgen.music.constraint.openings import Openings
from musicgen.music.constraint.rules import END, Rules
from musicgen.music.constraint.state import Hold, State
from musicgen.music.kinds import Kinds

LONGEST = 80
"""Characters of the longest completion."""
DONE = -1
"""The state of a text that has ended."""

States = NDArray[np.int64]

_LETTER_BITS = 4
"""Bits for the index of a letter in `LETTERS`."""
_LETTER = (1 << _LETTER_BITS) - 1
_UNKNOWN = -2
_ROOM = 1024
"""States for which a table has room at first."""
_PLAIN = str.maketrans(LETTERS, "C" * 7 + "c" * 7)


class Table:
    """Numbered states of one vocabulary and one training text; 0 is the start of a tune.

    The last letter matters to ties alone. So all notes share their state; a number is that of a
    state and, in its last bits, of the last letter.
    """

    def __init__(self, vocabulary: str, bars: bool, kinds: Kinds | None = None) -> None:
        """kinds: kinds of tokens of the training text; None for all.

        Raises InputError if the vocabulary cannot write a tune.
        """
        self.vocabulary = vocabulary
        self._rules = Rules(vocabulary, bars, kinds)
        self._openings = Openings(self._rules)
        start = State(form=Form(upbeat=bars))
        self._states = [start]
        self._numbers = {start: 0}
        size = len(vocabulary)
        self._next: NDArray[np.int32] = np.full((_ROOM, size + len(LETTERS)), _UNKNOWN, np.int32)
        """The next state by state and character, without its letter; in the last columns the states
        after a tie, by the tied letter."""
        self._letters = np.array([LETTERS.find(character) for character in vocabulary])
        self._tie = vocabulary.find("-")
        self._masks: NDArray[np.int32] = np.full(_ROOM, _UNKNOWN, np.int32)
        self._rows: dict[frozenset[str], int] = {}
        self._between: dict[Hashable, frozenset[str]] = {}
        self._exits: dict[int, int] = {DONE: 0}
        self.rows: NDArray[np.bool_] = np.ones((64, len(vocabulary)), np.bool_)
        """Which characters may come next, one row for each distinct answer. The row after the end
        is arbitrary."""

    def __len__(self) -> int:
        return len(self._states)

    def step(self, state: int, character: int) -> int:
        """The next state. Raises ValueError if the character may not come; after the end every
        character may."""
        if state == DONE:
            return DONE
        number, letter = state >> _LETTER_BITS, state & _LETTER
        # Ties lead to another state for each letter.
        column = character if character != self._tie else len(self.vocabulary) + letter
        after = int(self._next[number, column])
        if after == _UNKNOWN:
            before = _with_letter(self._states[number], LETTERS[letter])
            found = step(self._rules, before, self.vocabulary[character])
            if found is None:
                raise ValueError(f"{self.vocabulary[character]!r} may not come here")
            after = self._number(found)
            self._next[number, column] = after
        if after == DONE:
            return DONE
        written = int(self._letters[character])
        return after << _LETTER_BITS | (letter if written < 0 else written)

    def steps(self, states: States, characters: States) -> States:
        """`step` for many texts at once: (texts,) each."""
        numbers, letters = states >> _LETTER_BITS, states & _LETTER
        tied = characters == self._tie
        columns = np.where(tied, len(self.vocabulary) + letters, characters)
        after = self._next[numbers, columns].astype(np.int64)
        written = self._letters[characters]
        found: States = after << _LETTER_BITS | np.where(written < 0, letters, written)
        found[(after == DONE) | (states == DONE)] = DONE
        for text in np.flatnonzero((after == _UNKNOWN) & (states != DONE)).tolist():
            found[text] = self.step(int(states[text]), int(characters[text]))
        return found

    def mask(self, state: int) -> int:
        """The number of the state's row in `rows`."""
        number = state >> _LETTER_BITS
        row = int(self._masks[number])
        if row == _UNKNOWN:
            row = self._row(self._may(self._states[number]))
            self._masks[number] = row
        return row

    def masks(self, states: States) -> States:
        """`mask` for many texts at once: (texts,). After the end it is an arbitrary row."""
        found: States = self._masks[states >> _LETTER_BITS].astype(np.int64)
        for text in np.flatnonzero((found == _UNKNOWN) & (states != DONE)).tolist():
            found[text] = self.mask(int(states[text]))
        return found

    def allows(self, state: int, character: int) -> bool:
        """Whether the text stays well formed, including characters that `mask` excludes because no
        network should write them by itself."""
        if state == DONE:
            return True
        number, letter = state >> _LETTER_BITS, state & _LETTER
        before = _with_letter(self._states[number], LETTERS[letter])
        return step(self._rules, before, self.vocabulary[character]) is not None

    def only(self, character: int) -> int:
        """The number of the row that allows this character alone."""
        return self._row(frozenset(self.vocabulary[character]))

    def completion(self, state: int) -> int:
        """The next character of the completion."""
        number = state >> _LETTER_BITS
        return self.vocabulary.index(completion(self._rules, self._states[number]))

    def exit(self, state: int) -> int:
        """The length of the completion, in characters."""
        way = []
        while state not in self._exits:
            way.append(state)
            if len(way) > LONGEST:
                raise AssertionError(f"no way out of {self._states[way[0] >> _LETTER_BITS]}")
            state = self.step(state, self.completion(state))
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
            if number == len(self._masks):
                self._next = np.concatenate([self._next, np.full_like(self._next, _UNKNOWN)])
                self._masks = np.concatenate([self._masks, np.full_like(self._masks, _UNKNOWN)])
        return number

    def _may(self, state: State) -> frozenset[str]:
        """The characters that may come next: well formed, and of a kind that may be written."""
        rules, openings = self._rules, self._openings
        longer = within(rules, state)
        further = openings.within(state, longer)
        ended = end_token(rules, state)
        if ended is not None and openings.may_end(state):
            further |= self._may_follow(ended) - openings.joined(state, longer)
        return further or allowed(rules, state, lambda ended: allowed_between(rules, ended))

    def _may_follow(self, state: State) -> frozenset[str]:
        """What may begin after a token; cached."""
        alike = surroundings(self._rules, state)
        if (may := self._between.get(alike)) is None:
            well_formed = allowed_between(self._rules, state)
            may = self._between[alike] = well_formed - self._openings.masked(state)
        return may

    def _row(self, may: frozenset[str]) -> int:
        if (row := self._rows.get(may)) is None:
            row = self._rows[may] = len(self._rows)
            if row == len(self.rows):
                self.rows = np.concatenate([self.rows, np.ones_like(self.rows)])
            self.rows[row] = [character in may for character in self.vocabulary]
        return row


def _with_letter(state: State, letter: str | None) -> State:
    """The number with this letter as that of the current or last note; None for the letter that
    stands for all of its case. A note after a tie keeps its own letter."""
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
    """The table of this vocabulary and training text, shared by all samplers."""
    return Table(vocabulary, bars, kinds)
