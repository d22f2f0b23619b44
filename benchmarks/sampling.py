"""Speed of sampling as ratios in one run: python -m benchmarks.sampling [run folder]

Characters per second of processor time against two loops that a tutorial would write, for one tune:
`nn.LSTM` called for each character, softmax, multinomial; and the same with this very network, its
side inputs followed. Without a run folder it is an untrained LSTM of 150 units, 93 characters. One
thread; medians of alternating runs. Processor time, because neighbours on a shared machine would
stretch all ways by different amounts.

The constraint's tables are made anew for each draw, as in a command of its own. An untrained
network is its worst case: in a trained one's tunes the same states come again and again.
"""

import os
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
    """The loop of a plain network of this one's size."""
    vocab = network.vocab_size
    rnn, head = nn.LSTM(vocab, network.hidden), nn.Linear(network.hidden, vocab)
    last, state, tune = torch.tensor([1]), None, []
    for _ in range(CHARS):
        one_hot = functional.one_hot(last, vocab).float().unsqueeze(0)
        out, state = rnn(one_hot, state)
        last = torch.multinomial(torch.softmax(head(out[0, 0]) / 1.0, -1), 1)
        tune.append(last.item())
    return len(tune)


@torch.no_grad()
def own(network: CharRNN) -> int:
    """The loop of this network."""
    followers = network.side.follow() if network.side else None
    last, state, tune = torch.tensor([1]), None, []
    for _ in range(CHARS):
        reading = last
        if followers is not None:
            rows = torch.from_numpy(followers.push(last.numpy()))
            reading = torch.cat([last.unsqueeze(1), rows], dim=1)
        out, state = network(reading.unsqueeze(0), state)
        last = torch.multinomial(torch.softmax(out[0, 0] / 1.0, -1), 1)
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
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # numpy reads it when imported
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, sys.orig_argv)
    torch.set_num_threads(1)
    network, vocabulary, kinds, seeds = CharRNN(VOCAB, HIDDEN), VOCABULARY, None, count()
    if len(sys.argv) > 1:
        trained = load_model(Path(sys.argv[1]))
        network, kinds = trained.model, trained.kinds
        vocabulary = trained.vocabulary.characters
    network.eval()

    def bound(bars: bool) -> int:
        return constrained(network, vocabulary, bars, next(seeds), kinds)

    ways: dict[str, Callable[[], int]] = {
        "usual loop, plain network, 1 tune": lambda: usual(network),
        "usual loop, this network, 1 tune": lambda: own(network),
        "1 tune": lambda: ours(network, 1),
        "8 tunes": lambda: ours(network, 8),
        "128 tunes": lambda: ours(network, 128),
        "128 tunes, constrain=syntax": lambda: bound(False),
        "128 tunes, constrain=bars": lambda: bound(True),
    }
    rows = [[speed(draw) for draw in ways.values()] for _ in range(REPEATS)]
    table = Table("way", "characters/s", "of the plain network's", "of this network's")
    for number, way in enumerate(ways):
        median = statistics.median(row[number] for row in rows)
        ratios = [statistics.median(row[number] / row[loop] for row in rows) for loop in (0, 1)]
        table.add_row(way, f"{median:,.0f}", *(f"{ratio:.1f}" for ratio in ratios))
    console = Console(width=100)
    console.print(
        f"sampling, {network.hidden} units, {CHARS:,} characters a tune, one thread; ratios to the "
        "usual loops"
    )
    console.print(table)


if __name__ == "__main__":
    main()
