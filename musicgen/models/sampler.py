"""Draws tunes from a network, many at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from musicgen.models.char_rnn import CharRNN
from musicgen.models.stepper import MOST, Floats, Ids, Steps, stepper

Scores = NDArray[np.float64]
_AHEAD = 1024
"""Random numbers that a tune draws in advance."""


class Constraint(Protocol):
    """Says which characters may come next; one object follows all tunes of one call of `sample`."""

    def allowed(self, tunes: Ids) -> NDArray[np.bool_]:
        """Which characters may come next (len(tunes), vocab); at least one for each tune."""

    def push(self, tunes: Ids, characters: Ids) -> Ids | None:
        """These tunes, given by their numbers in `temperatures`, have drawn these characters.

        Returns the characters that they get instead, or None to keep them.
        """


@dataclass(frozen=True)
class Cut:
    """Leaves unlikely characters out, after the constraint and the temperature were applied. All
    given limits hold at once."""

    top_k: int = 0
    """Keep only this many of the likeliest characters; 0 keeps all."""
    top_p: float = 1.0
    """Keep the likeliest characters whose probabilities add up to this (Holtzman et al. 2020)."""
    min_p: float = 0.0
    """Keep characters with at least this share of the likeliest's probability (Nguyen et al. 2024).
    """

    def __call__(self, weights: Scores) -> None:
        """Set the weights (tunes, vocab) of all other characters to zero. Each row's highest weight
        is 1."""
        if self.top_k or self.top_p < 1:
            order = np.argsort(-weights, axis=1, kind="stable")
            if self.top_k:
                np.put_along_axis(weights, order[:, self.top_k :], 0, axis=1)
            if self.top_p < 1:
                falling = np.take_along_axis(weights, order, axis=1)
                before = falling.cumsum(axis=1) - falling
                falling[before >= self.top_p * falling.sum(axis=1, keepdims=True)] = 0
                np.put_along_axis(weights, order, falling, axis=1)
        weights[weights < self.min_p] = 0


def sample(
    model: CharRNN,
    prime: Sequence[int],
    temperatures: Sequence[float],
    *,
    seed: int,
    max_chars: int,
    end: Sequence[int] = (),
    numbers: Sequence[int] | None = None,
    cut: Cut | None = None,
    constraint: Constraint | None = None,
) -> list[list[int]]:
    """One tune per temperature (a temperature may occur several times), without the prime.

    prime: characters that come before, at least one. temperatures: >= 0; 0 takes the likeliest
    character. max_chars: most characters of a tune. end: characters that end a tune, included in
    it. numbers: of the tunes; by default the tunes of each temperature count from 0.

    A tune depends on network, prime, seed, number, temperature and options alone, not on the tunes
    drawn beside it. It draws one random number for each character from its own generator.
    """
    if numbers is None:
        seen: Counter[float] = Counter()
        numbers = []
        for temperature in temperatures:
            numbers.append(seen[temperature])
            seen[temperature] += 1
    tunes: list[list[int]] = []
    for first in range(0, len(temperatures), MOST):
        batch = slice(first, first + MOST)
        keys = zip(numbers[batch], temperatures[batch], strict=True)
        drawing = _Drawing([_generator(seed, *key) for key in keys], temperatures[batch], cut)
        steps = stepper(model)
        for character in prime[:-1]:
            steps.step(np.array([character]))
        scores = steps.step(np.array([prime[-1]]))
        here = np.arange(first, first + len(temperatures[batch]))
        tunes += _draw(steps, scores, drawing, here, max_chars, list(end), constraint)
    return tunes


def _generator(seed: int, number: int, temperature: float) -> np.random.Generator:
    key = [seed, number, int(np.float64(temperature).view(np.uint64))]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


class _Drawing:
    """From scores to characters, for tunes with their own generators and temperatures."""

    def __init__(
        self,
        generators: list[np.random.Generator],
        temperatures: Sequence[float],
        cut: Cut | None,
    ) -> None:
        self._generators = generators
        self._cut = cut
        self._cold = np.flatnonzero(np.asarray(temperatures) == 0)
        # Lower temperatures also take the likeliest character, but must not overflow.
        self._scale = 1 / np.maximum(np.asarray(temperatures, np.float64), 1e-9)[:, None]
        self._chances: Scores = np.empty((len(generators), 0))
        self._used = 0

    def keep(self, tunes: Ids) -> None:
        self._generators = [self._generators[tune] for tune in tunes]
        self._cold = np.flatnonzero(np.isin(tunes, self._cold))
        self._scale, self._chances = self._scale[tunes], self._chances[tunes]

    def __call__(self, scores: Floats, allowed: NDArray[np.bool_] | None) -> Ids:
        """A character for each row of scores (tunes, vocab)."""
        if self._used == self._chances.shape[1]:
            self._chances = np.stack([generator.random(_AHEAD) for generator in self._generators])
            # So far below 1 that its product with the total cannot be rounded up to the total,
            # which would be after the last character.
            self._chances *= 1 - 2**-50
            self._used = 0
        chance = self._chances[:, self._used : self._used + 1]
        self._used += 1
        weights: Scores = scores * self._scale
        if allowed is not None:
            weights[~allowed] = -np.inf
        weights -= np.maximum.reduce(weights, axis=1, keepdims=True)
        np.exp(weights, out=weights)
        if self._cut is not None:
            self._cut(weights)
        if len(self._cold):
            likeliest = weights[self._cold].argmax(axis=1)
            weights[self._cold] = 0
            weights[self._cold, likeliest] = 1
        edges = np.add.accumulate(weights, axis=1)
        drawn: Ids = (edges > chance * edges[:, -1:]).argmax(axis=1)
        return drawn


def _draw(
    steps: Steps,
    scores: Floats,
    drawing: _Drawing,
    tunes: Ids,
    max_chars: int,
    end: list[int],
    constraint: Constraint | None,
) -> list[list[int]]:
    """Draw the tunes with these numbers, after the one text that was read."""
    ended: dict[int, list[int]] = {}
    written = np.empty((len(tunes), min(max_chars, _AHEAD)), np.int32)
    scores = scores.repeat(len(tunes), axis=0)
    steps.keep([0] * len(tunes))
    for place in range(max_chars):
        drawn = drawing(scores, None if constraint is None else constraint.allowed(tunes))
        if constraint is not None and (others := constraint.push(tunes, drawn)) is not None:
            drawn = others
        if place == written.shape[1]:
            written = np.hstack([written, np.empty_like(written)])
        written[:, place] = drawn
        if 0 < len(end) <= place + 1 and end[-1] in drawn.tolist():
            at_end = (written[:, place + 1 - len(end) : place + 1] == end).all(axis=1)
            if at_end.any():
                done, left = np.flatnonzero(at_end), np.flatnonzero(~at_end)
                finished = written[done, : place + 1].tolist()
                ended |= zip(tunes[done].tolist(), finished, strict=True)
                tunes, drawn, written = tunes[left], drawn[left], written[left]
                if not len(left):
                    break
                drawing.keep(left)
                steps.keep(left)
        scores = steps.step(drawn)
    ended |= zip(tunes.tolist(), written[:, :max_chars].tolist(), strict=True)
    return [ended[tune] for tune in sorted(ended)]
