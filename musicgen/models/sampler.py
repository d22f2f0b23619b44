"""Drawing tunes from a network, many at a time."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen.models.char_rnn import CharRNN

Constraint = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Called before each draw with the last characters (tunes,), first with the prime's last one;
returns which characters may come next (tunes, vocab). Each row keeps at least one."""


@torch.no_grad()
def sample(
    model: CharRNN,
    prime: Sequence[int],
    temperatures: Sequence[float],
    *,
    seed: int,
    max_chars: int,
    stop: Callable[[list[int]], bool],
    constraint: Constraint | None = None,
) -> list[list[int]]:
    """One tune per temperature (a temperature may come several times), without the prime.

    prime: characters that come before, at least one. temperatures: >= 0; 0 takes the likeliest
    character. stop: told what a tune has so far, says whether it ended.
    Tune k draws from a generator of its own, keyed by (seed, k), one number per character.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    n = len(temperatures)
    generators = [np.random.Generator(np.random.Philox(key=[seed, k])) for k in range(n)]
    tunes: list[list[int]] = [[] for _ in range(n)]
    running = np.ones(n, dtype=bool)
    scale = 1 / np.maximum(np.asarray(temperatures, dtype=np.float64), 1e-4)
    last = torch.tensor([list(prime)] * n, device=device).t()
    state = None
    for _ in range(max_chars):
        logits, state = model(last, state)
        scores = logits[-1].double().cpu().numpy() * scale[:, None]
        if constraint is not None:
            scores[~constraint(last[-1].cpu().numpy())] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        edges = weights.cumsum(axis=1)
        draws = np.array([generator.random() for generator in generators]) * edges[:, -1]
        drawn = (edges <= draws[:, None]).sum(axis=1)
        for k in np.flatnonzero(running):
            tunes[k].append(int(drawn[k]))
            running[k] = not stop(tunes[k])
        if not running.any():
            break
        last = torch.from_numpy(drawn).to(device).unsqueeze(0)
    model.train(was_training)
    return tunes
