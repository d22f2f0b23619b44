"""The constraint on a batch of tunes."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import InputError, Remedy
from musicgen.music.constraint.table import DONE, LONGEST, Table, table
from musicgen.music.kinds import Kinds

START = "<start>\n"
SLACK = 32
"""No character makes the completion longer by more than this."""
MAX_STATES = 200_000
"""At so many states the tables are begun anew: about 300 MB."""

Ids = NDArray[np.integer[Any]]


class BatchConstraint:
    """Keeps each tune of a batch within the automaton, and brings it to `<end>` in time.

    Implements `musicgen.models.Constraint`.
    """

    def __init__(
        self,
        vocabulary: str,
        tunes: int,
        *,
        bars: bool,
        max_chars: int,
        prime: str = START,
        kinds: Kinds | None = None,
    ) -> None:
        """For tunes that begin with the prime and get at most `max_chars` characters more.

        vocabulary: the characters by number. bars: bars also fill their meter, repeats close, and
        the tune ends in a bar line. kinds: kinds of tokens of the training text; others are not
        written, but may be in the prime. None: everything may be written.

        Raises InputError if the vocabulary cannot write tunes, if the prime does not begin one, or
        if `max_chars` is too few to end it.
        """
        # An empty set of kinds is None, so that both ways of asking share one table.
        key = (vocabulary, bars) if kinds is None else (vocabulary, bars, kinds)
        if len(table(*key)) > MAX_STATES:
            table.cache_clear()
        self._table = table(*key)
        state = read(self._table, prime)
        if max_chars < (least := self._table.exit(state)):
            raise InputError(
                f"max_chars must be at least {least} to complete a tune, got {max_chars}; raise it",
                Remedy.NO_CONSTRAINT,
            )
        self._states = np.full(tunes, state, np.int64)
        self._left = np.full(tunes, max_chars, np.int64)

    def allowed(self, tunes: Ids) -> NDArray[np.bool_]:
        """Which characters may come next: (len(tunes), vocab), at least one for each tune."""
        states, left = self._states[tunes], self._left[tunes]
        masks = self._table.masks(states)
        for place in np.flatnonzero((left <= LONGEST) & (states != DONE)).tolist():
            state = int(states[place])
            if left[place] <= self._table.exit(state) + SLACK:
                masks[place] = self._table.only(self._table.completion(state))
        return self._table.rows[masks]

    def push(self, tunes: Ids, characters: Ids) -> None:
        """Append characters (tunes,) to these tunes, given by number."""
        self._states[tunes] = self._table.steps(self._states[tunes], characters.astype(np.int64))
        self._left[tunes] -= 1


class PrimeError(InputError):
    """No tune of the constraint begins like this."""


def read(known: Table, prime: str) -> int:
    """The state after a prime. Raises PrimeError where the automaton does not accept it."""
    # A given rhythm may be any word, though the automaton writes some words only.
    text = re.sub("^R:.*$", "R:", prime.removeprefix(START), flags=re.MULTILINE)
    state = 0
    for place, character in enumerate(text):
        number = known.vocabulary.find(character)
        if state == DONE or number < 0 or not known.allows(state, number):
            line = text.count("\n", 0, place) + 1
            column = place - text.rfind("\n", 0, place)
            raise PrimeError(
                f"prime must begin a tune that the constraint accepts, got {character!r} at line "
                f"{line}, column {column}; change it",
                Remedy.NO_CONSTRAINT,
            )
        state = known.step(state, number)
    if state == DONE:
        raise PrimeError("prime must not end the tune, got one with '<end>'; leave it out")
    return state
