"""A constraint on sampling: only texts that are music, and that end in time.

While a network writes a tune character by character, an automaton says which characters may come
next. It is stricter than ABC where that costs nothing: what it excludes is rare, or confuses
players (programs that play ABC).

state.py        what matters of the text so far
form.py         bars, repeats and endings
spelling.py, rules.py    words that can be written with the vocabulary's characters
fields.py, notes.py, automaton.py    the next state for each character
openings.py     which tokens may begin, by the training text
completion.py   how a tune is brought to its end
table.py        the automaton as a table of integers, filled on use
batch.py        the tunes of a batch, each in its state
"""

from musicgen.music.constraint.batch import BatchConstraint, PrimeError

__all__ = ["BatchConstraint", "PrimeError"]
