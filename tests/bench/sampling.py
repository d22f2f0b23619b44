"""Speed of sampling as ratios in one run: python -m tests.bench.sampling

Characters per second of processor time against the loop that a tutorial would write: one tune,
`nn.LSTM` called for each character, softmax, multinomial. LSTM of 150 units, 93 characters, one
thread; medians of alternating runs. Processor time, because neighbours on a shared machine would
stretch both by different amounts.
"""

import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

from musicgen.models import CharRNN, sample

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


def speed(draw: Callable[[], int]) -> float:
    began = time.process_time()
    return draw() / (time.process_time() - began)


def main() -> None:
    torch.set_num_threads(1)
    network = CharRNN(VOCAB, HIDDEN)
    ways: dict[str, Callable[[], int]] = {
        "usual loop, 1 tune": lambda: usual(network),
        "1 tune": lambda: ours(network, 1),
        "8 tunes": lambda: ours(network, 8),
        "128 tunes": lambda: ours(network, 128),
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
