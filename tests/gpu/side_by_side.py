"""What training many small networks at once might give: python -m tests.gpu.side_by_side

A prototype's figure, in bare PyTorch and nothing of the package: 1, 8, 32 and 128 LSTMs of 150
units, each with a learning rate of its own, trained side by side with stacked weights (`baddbmm`
for each time step, the whole training step in a CUDA graph) against the same networks one after
the other with cuDNN. Characters per second of all of them, and how far apart the losses of each
network are after 50 steps. On a CPU there is no graph, and the figures mean nothing.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.gpu.record import Record

BETAS, EPS, CLIP = (0.9, 0.999), 1e-8, 1.0


@dataclass(frozen=True)
class Size:
    counts: tuple[int, ...] = (1, 8, 32, 128)
    streams: int = 32
    time: int = 100
    steps: int = 50
    vocab: int = 64
    embedding: int = 64
    hidden: int = 150
    limit_s: float = 45.0
    """No further count is begun after this."""


SMALL = Size((1, 3), streams=4, time=10, steps=5, hidden=12, embedding=8)


class Single(nn.Module):
    """One network as PyTorch's own layers."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.vocab, size.embedding)
        self.rnn = nn.LSTM(size.embedding, size.hidden)
        self.head = nn.Linear(size.hidden, size.vocab)

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        out, state = self.rnn(self.embedding(x), state)
        return self.head(out), state


def one_after_the_other(
    nets: list[Single], rates: list[float], text: Tensor, size: Size
) -> tuple[float, Tensor]:
    """Seconds of all steps of all networks, and their last losses (networks,)."""
    warm_up(nets[0], text, size)
    synchronize(text)
    began = time.perf_counter()
    losses = []
    for net, rate in zip(nets, rates, strict=True):
        optimizer = torch.optim.Adam(net.parameters(), lr=rate, betas=BETAS, eps=EPS)
        state = None
        for x, y in slices(text, size):
            logits, state = net(x, state)
            state = tuple(part.detach() for part in state)
            loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimizer.step()
        losses.append(loss.detach())
    synchronize(text)
    return time.perf_counter() - began, torch.stack(losses)


def warm_up(net: Single, text: Tensor, size: Size) -> None:
    """Let libraries load and choose; the network's gradients are forgotten."""
    x, y = next(slices(text, size))
    logits, _ = net(x, None)
    functional.cross_entropy(logits.flatten(0, 1), y.flatten()).backward()
    net.zero_grad()


class Stack:
    """Networks whose weights are stacked: the first dimension of each tensor counts them."""

    def __init__(self, nets: list[Single], rates: list[float], size: Size) -> None:
        named = [dict(net.named_parameters()) for net in nets]
        device = named[0]["head.weight"].device
        self.weights = {
            name: torch.stack([of[name].detach() for of in named]).requires_grad_()
            for name in named[0]
        }
        n = len(nets)
        self.rates = torch.tensor(rates, device=device)
        self.moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights.values()]
        self.steps = torch.zeros((), device=device)
        self.h = torch.zeros(n, size.streams, size.hidden, device=device)
        self.c = torch.zeros_like(self.h)
        self.x = torch.zeros(size.time, size.streams, dtype=torch.int64, device=device)
        self.y = torch.zeros_like(self.x)
        self.losses = torch.zeros(n, device=device)

    def step(self) -> None:
        """A training step of all networks on `x` and `y`; launches kernels and reads nothing."""
        losses, h, c = self._losses()
        gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
        with torch.no_grad():
            self.losses.copy_(losses)
            self.h.copy_(h)
            self.c.copy_(c)
            self._adam(gradients)

    def _losses(self) -> tuple[Tensor, Tensor, Tensor]:
        w = self.weights
        steps, streams = self.x.shape
        n = len(self.rates)
        embedded = w["embedding.weight"].index_select(
            1, self.x.flatten()
        )  # (n, steps * streams, embedding)
        bias = (w["rnn.bias_ih_l0"] + w["rnn.bias_hh_l0"]).unsqueeze(1)
        inputs = torch.baddbmm(bias, embedded, w["rnn.weight_ih_l0"].transpose(1, 2))
        inputs = inputs.view(n, steps, streams, -1)
        recurrent = w["rnn.weight_hh_l0"].transpose(1, 2)
        h, c, states = self.h, self.c, []
        for time_step in range(steps):
            gates = torch.baddbmm(inputs[:, time_step], h, recurrent)
            into, kept, new, out = gates.chunk(4, 2)
            c = torch.sigmoid(kept) * c + torch.sigmoid(into) * torch.tanh(new)
            h = torch.sigmoid(out) * torch.tanh(c)
            states.append(h)
        flat = torch.stack(states, 1).flatten(1, 2)
        head = w["head.weight"].transpose(1, 2)
        logits = torch.baddbmm(w["head.bias"].unsqueeze(1), flat, head)
        targets = self.y.flatten().expand(n, -1)
        losses = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        return losses.mean(1), h, c

    def _adam(self, gradients: tuple[Tensor, ...]) -> None:
        """Adam with a rate and a clipping of the gradient's norm for each network."""
        squares = torch.stack([g.square().flatten(1).sum(1) for g in gradients])
        scale = (CLIP / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)
        self.steps += 1
        corrections = [1 - beta**self.steps for beta in BETAS]
        rows = zip(self.weights.values(), gradients, self.moments, strict=True)
        for weight, gradient, (mean, square) in rows:
            shape = (-1, *[1] * (weight.dim() - 1))
            gradient = gradient * scale.view(shape)
            mean.lerp_(gradient, 1 - BETAS[0])
            square.lerp_(gradient.square(), 1 - BETAS[1])
            root = (square / corrections[1]).sqrt() + EPS
            weight -= self.rates.view(shape) / corrections[0] * mean / root


def side_by_side(
    nets: list[Single], rates: list[float], text: Tensor, size: Size
) -> tuple[float, Tensor, float]:
    """Seconds of all steps, the last losses (networks,), and seconds to make the graph."""
    stack = Stack(nets, rates, size)
    began = time.perf_counter()
    replay = captured(stack, text, size) if text.device.type == "cuda" else stack.step
    synchronize(text)
    made = time.perf_counter() - began
    began = time.perf_counter()
    for x, y in slices(text, size):
        stack.x.copy_(x)
        stack.y.copy_(y)
        replay()
    synchronize(text)
    return time.perf_counter() - began, stack.losses, made


def captured(stack: Stack, text: Tensor, size: Size) -> Callable[[], None]:
    """The step as a CUDA graph; the stack is as it was."""
    kept = [stack.steps, stack.h, stack.c, *stack.weights.values()]
    kept += [moment for pair in stack.moments for moment in pair]
    before = [tensor.detach().clone() for tensor in kept]
    x, y = next(slices(text, size))
    stack.x.copy_(x)
    stack.y.copy_(y)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            stack.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        stack.step()
    with torch.no_grad():
        for tensor, value in zip(kept, before, strict=True):
            tensor.copy_(value)
    return graph.replay


def slices(text: Tensor, size: Size) -> Any:
    """x and y of each step, (time, streams)."""
    xs, ys = text[:-1].split(size.time), text[1:].split(size.time)
    return zip(xs[: size.steps], ys[: size.steps], strict=True)


def synchronize(tensor: Tensor) -> None:
    if tensor.device.type == "cuda":
        torch.cuda.synchronize()


def compare(kind: str, size: Size, record: Record) -> None:
    # A text with something to learn: each character follows from the one before, or is drawn.
    torch.manual_seed(0)
    text = torch.zeros(size.time * size.steps + 1, size.streams, dtype=torch.int64)
    for place in range(1, len(text)):
        drawn = torch.randint(0, size.vocab, (size.streams,))
        follows = (text[place - 1] * 7 + 3) % size.vocab
        text[place] = torch.where(torch.rand(size.streams) < 0.2, drawn, follows)
    text = text.to(kind)
    print("| networks | product | one by one, chars/s | side by side | times | largest | median |")
    print("|---|---|---|---|---|---|---|", flush=True)
    began = time.perf_counter()
    for count in size.counts:
        for product in ("ieee", "tf32") if kind == "cuda" else ("ieee",):
            if time.perf_counter() - began > size.limit_s:
                print(f"({count} networks in {product} left out: out of time)", flush=True)
                continue
            settings: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.rnn]
            for setting in settings:
                setting.fp32_precision = product
            nets = [Single(size).to(kind) for _ in range(count)]
            rates = [1e-3 * 10 ** (i / max(1, count - 1)) for i in range(count)]
            together, losses, made = side_by_side(nets, rates, text, size)
            apart, oracle = one_after_the_other(nets, rates, text, size)
            chars = count * size.time * size.streams * size.steps
            gaps = (losses - oracle).abs()
            row = {
                "one_by_one_chars_per_s": chars / apart,
                "side_by_side_chars_per_s": chars / together,
                "times": apart / together,
                "largest_gap_of_losses": float(gaps.max()),
                "median_gap_of_losses": float(gaps.median()),
                "mean_loss": float(oracle.mean()),
                "seconds_to_make_the_graph": made,
            }
            record.put("side_by_side", str(count), product, value=row)
            figures = f"{chars / apart:,.0f} | {chars / together:,.0f} | {apart / together:.2f}"
            gap = f"{row['largest_gap_of_losses']:.2g} | {row['median_gap_of_losses']:.2g}"
            print(f"| {count} | {product} | {figures} | {gap} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    asked = parser.parse_args()
    compare(asked.device, SMALL if asked.small else Size(), Record(asked.out))


if __name__ == "__main__":
    main()
