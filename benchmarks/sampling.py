"""Speed of sampling as ratios in one run: python -m benchmarks.sampling

Characters per second of processor time against the loop that a tutorial would write: one tune,
`nn.LSTM` called for each character, softmax, multinomial. LSTM of 150 units, 93 characters, one
thread; medians of alternating runs. Processor time, because neighbours on a shared machine would
stretch both by different amounts.

The constraint's tables are made anew for each draw, as in a command of its own. An untrained
network is its worst case: in a trained one's tunes the same states come again and again. To measure
with a trained one, which may have side inputs: python -m benchmarks.sampling <run folder>
"""

import statistics
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

from musicgen.models.char_rnn import CharRNN
from musicgen.models.sampler import sample
from musicgen.music.constraint import BatchConstraint
from musicgen.music.constraint.table import table
from musicgen.music.kinds import Kinds
from musicgen.training.checkpoint import load_model

START, END = "<start>\n", "<end>"
VOCABULARY = "\n" + "".join(chr(code) for code in range(32, 127) if chr(code) not in "$@`")
VOCAB, HIDDEN, CHARS, REPEATS = 93, 150, 1000, 7


@torch.no_grad()
def usual(network: CharRNN) -> int:
    rnn = nn.LSTM(VOCAB, HIDDEN)
    last, state, tune = torch.tensor([1]), None, []
    for _ in range(CHARS):
        one_hot = functional.one_hot(last, VOCAB).float().unsqueeze(0)
        out, state = rnn(one_hot, state)
        last = torch.multinomial(torch.softmax(network.head(out[0, 0]) / 1.0, -1), 1)
        tune.append(last.item())
    return len(tune)


def ours(network: CharRNN, tunes: int) -> int:
    drawn = sample(network, [1], [1.0] * tunes, seed=0, max_chars=CHARS)
    return sum(map(len, drawn))


def constrained(
    network: CharRNN, vocabulary: str, bars: bool, seed: int, kinds: Kinds | None = None
) -> int:
    """128 tunes up to their ends."""
    table.cache_clear()
    constraint = BatchConstraint(vocabulary, 128, bars=bars, max_chars=CHARS, kinds=kinds)
    start, end = ([vocabulary.index(character) for character in text] for text in (START, END))
    drawn = sample(
        network, start, [1.0] * 128, seed=seed, max_chars=CHARS, end=end, constraint=constraint
    )
    return sum(map(len, drawn))


def speed(draw: Callable[[], int]) -> float:
    began = time.process_time()
    return draw() / (time.process_time() - began)


def main() -> None:
    torch.set_num_threads(1)
    network, vocabulary, seeds = CharRNN(VOCAB, HIDDEN), VOCABULARY, count()
    trained = load_model(Path(sys.argv[1])) if len(sys.argv) > 1 else None
    writer, kinds = (trained.model, trained.kinds) if trained else (network, None)

    def bound(bars: bool) -> int:
        return constrained(writer, vocabulary, bars, next(seeds), kinds)

    if trained:
        vocabulary = trained.vocabulary.characters
    ways: dict[str, Callable[[], int]] = {
        "usual loop, 1 tune": lambda: usual(network),
        "1 tune": lambda: ours(writer, 1),
        "8 tunes": lambda: ours(writer, 8),
        "128 tunes": lambda: ours(writer, 128),
        "128 tunes, constrain=syntax": lambda: bound(False),
        "128 tunes, constrain=bars": lambda: bound(True),
    }
    rows = [[speed(draw) for draw in ways.values()] for _ in range(REPEATS)]
    table = Table("way", "characters/s", "ratio")
    for number, way in enumerate(ways):
        median = statistics.median(row[number] for row in rows)
        ratio = statistics.median(row[number] / row[0] for row in rows)
        table.add_row(way, f"{median:,.0f}", f"{ratio:.1f}")
    console = Console(width=100)
    console.print(f"sampling, LSTM of {HIDDEN} units, {CHARS:,} characters a tune, one thread")
    console.print(table)


if __name__ == "__main__":
    main()
