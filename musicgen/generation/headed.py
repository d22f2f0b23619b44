"""A constraint that writes a given header, around a constraint that keeps to the grammar."""

import numpy as np
from numpy.typing import NDArray

from musicgen.generation.header import Cursor
from musicgen.models.sampler import Constraint
from musicgen.models.stepper import Ids


class Headed:
    """Replaces characters so that each given field gets its value. When the network begins the line
    of a given field, the line gets the given value. A given field that the network skips goes in
    before `K:`, a title behind `X:`. Implements `musicgen.models.Constraint`."""

    def __init__(
        self, vocabulary: str, cursors: list[Cursor], inner: Constraint | None = None
    ) -> None:
        """vocabulary: characters by number. cursors: one for each tune, behind the prime."""
        self._vocabulary = vocabulary
        self._open = {tune: cursor for tune, cursor in enumerate(cursors) if not cursor.done}
        self._inner = inner
        self._every = np.ones((len(cursors), len(vocabulary)), np.bool_)
        self._masks: dict[str, NDArray[np.bool_]] = {}

    def allowed(self, tunes: Ids) -> NDArray[np.bool_]:
        """Which characters may come next: (len(tunes), vocab), at least one for each tune."""
        rows = self._every[tunes] if self._inner is None else self._inner.allowed(tunes)
        if not self._open:
            return rows
        for row, tune in enumerate(tunes.tolist()):
            cursor = self._open.get(tune)
            if cursor is not None and (characters := cursor.allowed()):
                mask = self._mask(characters)
                both = rows[row] & mask
                # Close to max_chars the inner constraint completes a tune and ignores the header:
                # given fields take precedence.
                rows[row] = both if both.any() else mask if cursor.rest else rows[row]
        return rows

    def push(self, tunes: Ids, characters: Ids) -> Ids:
        """These tunes have drawn these characters; returns the characters that they get instead."""
        seen = np.ones(len(tunes), np.bool_)
        if self._open:
            characters = characters.copy()
            for place, tune in enumerate(tunes.tolist()):
                if (cursor := self._open.get(tune)) is None:
                    continue
                got = cursor.instead(self._vocabulary[characters[place]])
                characters[place] = self._vocabulary.index(got)
                # The inner constraint may refuse a given text: it does not see it.
                seen[place] = not cursor.hidden
                cursor.push(got)
                if cursor.done:
                    del self._open[tune]
        if self._inner is not None:
            self._inner.push(tunes[seen], characters[seen])
        return characters

    def _mask(self, characters: str) -> NDArray[np.bool_]:
        if (mask := self._masks.get(characters)) is None:
            mask = np.array([character in characters for character in self._vocabulary])
            self._masks[characters] = mask
        return mask
