"""Speed of training as ratios in one run: python -m benchmarks.training [text of tunes]

Characters per second of our training against a bare PyTorch loop around nn.LSTM with the same
sizes, batches, optimizer, gradient clipping and threads, in fp32; of our GRU layer, forward and
backward, against nn.GRU. Medians of alternating runs.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

from musicgen.corpus import Vocabulary
from musicgen.models.layers import GRU
from musicgen.training.fit import fit
from tests.tunes import ROOT, composed, tunes

BATCH, TIME, REPEATS = 50, 100, 5


def bare(text: torch.Tensor, vocab: int, hidden: int) -> float:
    """The loop that a tutorial would write: characters per second of one epoch."""
    embedding = nn.Embedding(vocab, 64)
    rnn, head = nn.LSTM(64, hidden), nn.Linear(hidden, vocab)
    parameters = [*embedding.parameters(), *rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=4e-3)
    length = (len(text) - 1) // BATCH
    xs = text[: BATCH * length].view(BATCH, length).t().contiguous()
    ys = text[1 : BATCH * length + 1].view(BATCH, length).t().contiguous()
    state = None
    began = time.perf_counter()
    for x, y in zip(xs.split(TIME), ys.split(TIME), strict=True):
        out, state = rnn(embedding(x), state)
        state = tuple(part.detach() for part in state)
        loss = functional.cross_entropy(head(out).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        loss.item()
    return BATCH * length / (time.perf_counter() - began)


def ours(path: Path, folder: Path, hidden: int, precision: str, threads: int) -> float:
    config = composed(
        "data=files",
        "data.split=contiguous",
        f"data.path={path}",
        f"data.root={folder / 'data'}",
        f"data.batch_size={BATCH}",
        f"data.seq_len={TIME}",
        f"model.hidden={hidden}",
        "model.dropout=0",
        *("model.match=0", "model.melody=0", "model.place=false"),  # as the bare one
        "trainer=cpu",
        f"trainer.threads={threads}",
        f"trainer.precision={precision}",
        "trainer.max_epochs=1",
        "samples.temperatures=[]",
    )
    result = fit(config, Path(tempfile.mkdtemp(dir=folder)) / "run")
    assert result.chars_per_s is not None
    return result.chars_per_s


def gru_layer(cell: nn.Module, batch: int, hidden: int, precision: torch.dtype) -> float:
    """Characters per second through one layer and back, of one slice."""
    x = torch.randn(TIME, batch, hidden, requires_grad=True)
    began = time.perf_counter()
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        out, _ = cell(x)
    out.sum().backward()
    return batch * TIME / (time.perf_counter() - began)


def gru_table() -> Table:
    table = Table("hidden", "streams", "threads", "precision", "nn.GRU", "ours", "ratio")
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for hidden, batch in ((150, 32), (246, 25)):
            for precision in (torch.float32, torch.bfloat16):
                own = GRU(hidden, hidden)
                rows = [
                    [gru_layer(cell, batch, hidden, precision) for cell in (own.fused, own)]
                    for _ in range(10 * REPEATS)
                ]
                theirs, ours = (statistics.median(column) for column in zip(*rows, strict=True))
                ratio = statistics.median(row[1] / row[0] for row in rows)
                name = str(precision).removeprefix("torch.")
                cells = hidden, batch, threads, name, f"{theirs:,.0f}", f"{ours:,.0f}"
                table.add_row(*map(str, cells), f"{ratio:.2f}")
    return table


def to_first_step(path: Path, folder: Path) -> tuple[float, float, float]:
    """Seconds from the command to the first step, of them imports, and peak memory in GB."""
    code = (
        "import sys, time; began = time.time()\n"
        "import torch, pytorch_lightning; imported = time.time()\n"
        "from musicgen.cli import command, train, training_display\n"
        "class Display(training_display.TrainingDisplay):\n"
        "    def step(self, *a):\n"
        "        if not hasattr(self, 'seen'):\n"
        "            self.seen = 1; print('FIRST', time.time() - began, imported - began)\n"
        "training_display.TrainingDisplay = Display\n"
        "command.run('train', '', train.run)\n"
    )
    arguments = [f"data.path={path}", "data=files", f"data.root={folder / 'data'}"]
    out = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            *arguments,
            "trainer.max_epochs=1",
            "data.split=contiguous",
            f"hydra.run.dir={tempfile.mkdtemp(dir=folder)}/run",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (line,) = [line for line in out.splitlines() if line.startswith("FIRST")]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return float(line.split()[1]), float(line.split()[2]), peak


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        path = given or folder / "tunes.txt"
        if given is None:
            path.write_text(tunes(4000))
        text = path.read_text()[: int(path.stat().st_size * 0.9)]
        vocabulary = Vocabulary.of(path.read_text())
        numbers = torch.from_numpy(vocabulary.encode(text)).long()
        table = Table("hidden", "threads", "bare fp32", "ours fp32", "ratio", "ours auto", "ratio")
        for threads in sorted({1, torch.get_num_threads()}):
            for hidden in (50, 150):
                rows = []
                for _ in range(REPEATS):
                    torch.set_num_threads(threads)
                    rows.append(
                        (
                            bare(numbers, len(vocabulary), hidden),
                            ours(path, folder, hidden, "fp32", threads),
                            ours(path, folder, hidden, "auto", threads),
                        )
                    )
                base, fp32, auto = (statistics.median(column) for column in zip(*rows, strict=True))
                ratio = [statistics.median(row[i] / row[0] for row in rows) for i in (1, 2)]
                table.add_row(
                    str(hidden),
                    str(threads),
                    f"{base:,.0f}",
                    f"{fp32:,.0f}",
                    f"{ratio[0]:.2f}",
                    f"{auto:,.0f}",
                    f"{ratio[1]:.2f}",
                )
        console = Console(width=100)
        console.print("characters per second of training, LSTM, 50 x 100")
        console.print(table)
        console.print(f"characters per second through one GRU layer and back, slices of {TIME}")
        console.print(gru_table())
        seconds, imports, peak = to_first_step(path, folder)
        console.print(f"command to first step {seconds:.1f} s, of them imports {imports:.1f} s")
        console.print(f"peak memory of a default training {peak:.2f} GB")


if __name__ == "__main__":
    main()
