"""One run's speed on a GPU: python -m tests.gpu.speed [--device cpu] [--small] [--out gpu.json]

Characters per second of our training (an LSTM of 150 units, slices of 100) at 32, 128 and 512
streams in fp32, TF32 and bf16, against a bare PyTorch loop with the same sizes, optimizer and
clipping, that never waits for the device. Then how long validation takes, whether cuDNN takes
bf16, in which share of a step the GPU has nothing to do but wait for the host (from its kernels'
own times), and what the host does meanwhile.
"""

import argparse
import cProfile
import io
import pstats
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from musicgen.corpus import Corpus
from musicgen.models.arithmetic import products
from musicgen.models.char_rnn import CharRNN
from musicgen.models.evaluation import evaluate
from musicgen.training import device as devices
from musicgen.training.fit import fit
from musicgen.training.watcher import Watcher
from tests.gpu.record import Record, machine
from tests.tunes import composed, tunes

TIME, HIDDEN, EMBEDDING = 100, 150, 64
PROFILED = 30
"""Steps whose kernels are timed."""


@dataclass(frozen=True)
class Size:
    streams: dict[int, int]
    """Steps of an epoch by streams."""
    epochs: int = 3
    validation: int = 120_000
    """Characters: as many as a tenth of the default corpus."""


WHOLE = Size({32: 300, 128: 150, 512: 80})
SMALL = Size({4: 40}, validation=3_000)


class Steps(Watcher):
    """Times the kernels of PROFILED steps of the first epoch, and the host's work in the second."""

    def __init__(self) -> None:
        self.kernels = Kernels()
        self.host = cProfile.Profile()

    def step(self, epoch: int, step: int, steps: int) -> None:
        if epoch == 1:
            self.kernels.step(step)
        elif (epoch, step) == (2, 5):
            self.host.enable()
        elif (epoch, step) == (2, steps - 1):
            self.host.disable()


class Kernels:
    """Seconds of a step in which any kernel runs, of PROFILED steps after the fifth."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._profile: Any = None

    def step(self, step: int) -> None:
        """Called after each step, from 1."""
        if step == 5:
            activities = [torch.profiler.ProfilerActivity.CUDA]
            self._profile = torch.profiler.profile(activities=activities)
            torch.cuda.synchronize()
            self._profile.__enter__()
        elif step == 5 + PROFILED:
            torch.cuda.synchronize()
            self._profile.__exit__(None, None, None)
            spans = sorted(
                (event.time_range.start, event.time_range.end)
                for event in self._profile.events()
                if event.device_type == torch.autograd.DeviceType.CUDA
            )
            busy = until = 0.0
            for start, end in spans:
                busy += max(0.0, end - max(start, until))
                until = max(until, end)
            self.seconds = busy / 1e6 / PROFILED


def synchronize(kind: str) -> None:
    if kind == "cuda":
        torch.cuda.synchronize()


def corpus(streams: int, steps: int, size: Size) -> Corpus:
    characters = streams * TIME * steps + 1
    train = tunes(characters // 100 + 10)[:characters]
    validation = tunes(size.validation // 100 + 10, seed=1)[: size.validation]
    return Corpus("bench", "0", "tunes", train, validation, None, {}, Path())


def ours(
    data: Corpus, kind: str, streams: int, precision: str, size: Size, watcher: Watcher
) -> float:
    """Characters per second of the last epoch; the first ones warm up."""
    with tempfile.TemporaryDirectory() as folder:
        config = composed(
            "data=files",
            "data.path=none",
            f"data.batch_size={streams}",
            f"data.seq_len={TIME}",
            f"model.hidden={HIDDEN}",
            f"model.embedding={EMBEDDING}",
            "model.dropout=0",
            *("model.match=0", "model.melody=0", "model.place=false"),  # as the bare one
            f"trainer={'gpu' if kind == 'cuda' else 'cpu'}",
            f"trainer.precision={precision}",
            f"trainer.max_epochs={size.epochs}",
            "samples.temperatures=[]",
            "samples.measure=false",
            "samples.media=false",
            "early_stopping.patience=0",
        )
        result = fit(config, Path(folder) / "run", watcher, data=data)
    assert result.chars_per_s is not None
    return result.chars_per_s


def bare(
    text: torch.Tensor,
    vocab: int,
    kind: str,
    streams: int,
    precision: str,
    epochs: int,
    after: Callable[[int], object] = lambda step: None,
) -> float:
    """The loop that a tutorial would write: characters per second of the last epoch.

    after: called after each step of the first epoch. In bf16 the recurrent layers are fp16 on a
    GPU: that is autocast's way.
    """
    embedding = nn.Embedding(vocab, EMBEDDING)
    rnn, head = nn.LSTM(EMBEDDING, HIDDEN), nn.Linear(HIDDEN, vocab)
    parameters = [p for module in (embedding, rnn, head) for p in module.to(kind).parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=4e-3)
    length = (len(text) - 1) // streams
    xs = text[: streams * length].view(streams, length).t().contiguous().to(kind)
    ys = text[1 : streams * length + 1].view(streams, length).t().contiguous().to(kind)
    casts = torch.autocast(kind, torch.bfloat16) if precision == "bf16" else nullcontext()
    with products("ieee" if precision == "fp32" else "tf32"):
        for epoch in range(epochs):
            state: Any = None
            total = torch.zeros((), device=kind)
            synchronize(kind)
            began = time.perf_counter()
            for step, (x, y) in enumerate(zip(xs.split(TIME), ys.split(TIME), strict=True), 1):
                with casts:
                    out, state = rnn(embedding(x), state)
                    logits = head(out)
                state = tuple(part.detach() for part in state)
                loss = functional.cross_entropy(logits.flatten(0, 1).float(), y.flatten())
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                total += loss.detach()
                if epoch == 0:
                    after(step)
            synchronize(kind)
            taken = time.perf_counter() - began
    return streams * length / taken


def compare(kind: str, size: Size, record: Record) -> None:
    print("| streams | precision | bare chars/s | ours chars/s | ratio |\n|---|---|---|---|---|")
    for streams, steps in size.streams.items():
        data = corpus(streams, steps, size)
        vocabulary = data.vocabulary()
        text = torch.from_numpy(vocabulary.encode(data.train)).long()
        for precision in ("fp32", "tf32", "bf16") if kind == "cuda" else ("fp32", "bf16"):
            given = kind, streams, precision
            before = bare(text, len(vocabulary), *given, size.epochs)
            own = ours(data, *given, size, Watcher())
            plain = max(before, bare(text, len(vocabulary), *given, size.epochs))
            row = {"bare_chars_per_s": plain, "ours_chars_per_s": own, "ratio": own / plain}
            record.put("speed", str(streams), precision, value=row)
            figures = f"{plain:,.0f} | {own:,.0f} | {own / plain:.2f}"
            print(f"| {streams} | {precision} | {figures} |", flush=True)


def waiting(kind: str, size: Size, record: Record) -> None:
    """The share of a step in which the GPU waits, in TF32, and what the host does in that time.

    Behind all that is timed: a profiler that was there once may slow down what comes after it.
    """
    print(
        "| streams | bare: kernels, ms | waits | ours: kernels, ms | waits |\n|---|---|---|---|---|"
    )
    timed = record.get()["speed"]
    for number, (streams, steps) in enumerate(size.streams.items()):
        data = corpus(streams, min(steps, 60), size)
        vocabulary = data.vocabulary()
        text = torch.from_numpy(vocabulary.encode(data.train)).long()
        kernels, watcher = Kernels(), Steps()
        precision = "tf32" if kind == "cuda" else "fp32"
        if kind != "cuda":
            kernels.step = watcher.kernels.step = lambda step: None  # type: ignore[method-assign]
        bare(text, len(vocabulary), kind, streams, precision, 1, kernels.step)
        ours(data, kind, streams, precision, size, watcher)
        row = {}
        for name, found in (("bare", kernels), ("ours", watcher.kernels)):
            if found.seconds is not None:
                speed = timed[str(streams)][precision][f"{name}_chars_per_s"]
                row[f"{name}_kernels_ms"] = 1e3 * found.seconds
                row[f"{name}_waits"] = 1 - found.seconds / (streams * TIME / speed)
        record.put("waiting", str(streams), value=row)
        print(f"| {streams} | " + " | ".join(f"{v:.3f}" for v in row.values()) + " |", flush=True)
        if number == 0:
            found_host = io.StringIO()
            pstats.Stats(watcher.host, stream=found_host).sort_stats("tottime").print_stats(40)
    print(f"the host's work in {min(next(iter(size.streams.values())), 60) - 6} steps:")
    print(found_host.getvalue(), flush=True)


def median(work: Callable[[], object], times: int, kind: str) -> float:
    taken = []
    for _ in range(times):
        synchronize(kind)
        began = time.perf_counter()
        work()
        synchronize(kind)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def validation(kind: str, size: Size, record: Record) -> None:
    """Seconds for a text as long as the default corpus's validation split, after some training."""
    text = torch.randint(0, 60, (size.validation,)).to(kind)
    print("| cell | validation, s |\n|---|---|")
    for cell in ("lstm", "gru", "rnn"):
        model = CharRNN(60, HIDDEN, cell=cell, embedding=EMBEDDING).to(kind)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3)  # so that the network remembers for longer than it does at first
        evaluate(model, text[:3000])
        taken = median(lambda model=model: evaluate(model, text), 3, kind)
        record.put("validation_s", cell, value=taken)
        print(f"| {cell} | {taken:.3f} |", flush=True)


def bf16_kernel(kind: str, record: Record) -> None:
    """Whether cuDNN takes a layer of bf16 weights, and what a slice through it costs."""
    found: dict[str, Any] = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        layer = nn.LSTM(EMBEDDING, HIDDEN).to(kind, dtype)
        x = torch.randn(TIME, 32, EMBEDDING, device=kind, dtype=dtype)

        def through(layer: nn.LSTM = layer, x: torch.Tensor = x) -> None:
            out, _ = layer(x)
            out.float().sum().backward()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            through()
            found[f"{name}_ms"] = 1e3 * median(through, 20, kind)
            out, _ = layer(x)
        found[f"{name}_backward"] = type(out.grad_fn).__name__
    record.put("bf16_layer", value=found)
    print(f"a layer in its own type, forward and backward: {found}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    asked = parser.parse_args()
    size, record = SMALL if asked.small else WHOLE, Record(asked.out)
    record.put("machine", value=machine(asked.device))
    print(record.get()["machine"], flush=True)
    with devices.reproducible(torch.device(asked.device)):
        pass  # sets what cuBLAS reads when CUDA starts, for the bare loop as for ours
    compare(asked.device, size, record)
    validation(asked.device, size, record)
    bf16_kernel(asked.device, record)
    waiting(asked.device, size, record)


if __name__ == "__main__":
    main()
