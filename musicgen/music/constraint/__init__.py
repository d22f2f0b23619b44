"""A constraint on sampling: only texts that are music, and that end in time.

While a network writes a tune character by character, an automaton says which characters may come
next. It is stricter than ABC where that is free of cost: what it leaves out is rare, or something
that players stumble on.

state.py    what matters of the text so far
form.py     bars, repeats and endings
spelling.py, rules.py    words that may be written with the characters there are
fields.py, notes.py, automaton.py    the next state for each character
openings.py what of that a tune of the training text may begin
completion.py  how a tune comes to its end
table.py    the automaton as a table of integers, filled as it is used
batch.py    the tunes of a batch, each in its state
"""

from musicgen.music.constraint.batch import BatchConstraint

__all__ = ["BatchConstraint"]
