"""What is computed on the device, against the CPU in fp32."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from musicgen.config.registry import components
from musicgen.interpret.activations import record
from musicgen.models.arithmetic import FP32, TF32, exact, products
from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.evaluation import evaluate
from musicgen.models.sampler import sample
from musicgen.training import device as devices

VOCAB, HIDDEN, TIME, STREAMS, STEPS = 40, 150, 50, 16, 20
TOLERANCE = {"fp32": (1e-4, 1e-3), "tf32": (5e-3, 2e-2), "bf16": (1e-2, 4e-2)}
"""Of losses (nats), and of gradients (share of their norm)."""


def network(**settings: Any) -> CharRNN:
    torch.manual_seed(1)
    return CharRNN(VOCAB, HIDDEN, **{"embedding": 32, **settings})


def texts(n: int) -> Tensor:
    """Streams in which most characters follow from the one before, (n, STREAMS)."""
    torch.manual_seed(2)
    text = torch.zeros(n, STREAMS, dtype=torch.int64)
    for place in range(1, n):
        drawn = torch.randint(0, VOCAB, (STREAMS,))
        text[place] = torch.where(
            torch.rand(STREAMS) < 0.2, drawn, (text[place - 1] * 7 + 3) % VOCAB
        )
    return text


def train(model: CharRNN, device: torch.device, precision: str) -> tuple[list[float], list[Tensor]]:
    """The loss of each step, and the first step's gradients; as a training step does it."""
    model.to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    text = texts(TIME * STEPS + 1).to(device)
    losses: list[Tensor] = []
    first: list[Tensor] = []
    state = None
    for x, y in zip(text[:-1].split(TIME), text[1:].split(TIME), strict=True):
        with products(devices.products(precision)):
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits, state = model(x, state)
            loss = functional.cross_entropy(logits.flatten(0, 1).float(), y.flatten())
            optimizer.zero_grad()
            loss.backward()
        if device.type != "cpu":
            assert all(part.dtype == torch.float32 for layer in state for part in layer)
        assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
        state = detach(state)
        first = first or [p.grad.detach().clone().cpu() for p in model.parameters()]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist(), first


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_training_is_the_cpus_within_its_precision(
    cell: str, layers: int, device: torch.device, precisions: list[str]
) -> None:
    settings = {"cell": cell, "layers": layers, "layer_norm": layers > 1}
    expected, oracle = train(network(**settings), torch.device("cpu"), "fp32")
    assert expected[-1] < expected[0] - 0.1
    found = []
    for precision in precisions:
        losses, gradients = train(network(**settings), device, precision)
        gap = float(np.abs(np.subtract(losses, expected)).max())
        off = max(float((a - b).norm() / b.norm()) for a, b in zip(gradients, oracle, strict=True))
        found.append((precision, gap, off))
        print(f"{cell} {layers} {precision}: losses off by {gap:.2g}, gradients by {off:.2g}")
    for precision, gap, off in found:
        assert gap < TOLERANCE[precision][0], found
        assert off < TOLERANCE[precision][1], found


@pytest.mark.cuda
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_small_gradients_survive_bf16(cell: str, device: torch.device) -> None:
    """Those of a mean over many characters are subnormal in fp16, or nothing at all."""
    model = network(cell=cell).to(device)
    x = texts(2 * TIME)[:TIME].repeat(1, 32).to(device)
    y = x.roll(-1, 0)
    gradients = []
    for precision in ("fp32", "bf16"):
        model.zero_grad()
        with products(devices.products(precision)):
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
                logits, _ = model(x)
            loss = functional.cross_entropy(logits.flatten(0, 1).float(), y.flatten())
            (1e-3 * loss).backward()
        gradients.append([p.grad.clone() for p in model.cells.parameters()])
    for wide, narrow in zip(*gradients, strict=True):
        assert float((wide - narrow).norm() / wide.norm()) < 0.04


@pytest.mark.cuda
def test_autocast_by_itself_would_train_in_fp16(device: torch.device) -> None:
    """Why recurrent layers run outside it; if PyTorch mends that, `cells.run` can go."""
    layer = nn.LSTM(8, 8).to(device)
    with torch.autocast("cuda", torch.bfloat16):
        out, _ = layer(torch.randn(3, 2, 8, device=device))
    assert out.dtype == torch.float16


@pytest.mark.cuda
def test_recurrent_layers_are_fp32_where_that_is_said(device: torch.device) -> None:
    """And TF32 where not, so that this test sees the difference."""
    torch.manual_seed(3)
    layer, x = nn.LSTM(64, 150), torch.randn(100, 32, 64)
    with torch.no_grad():
        expected, _ = layer.double()(x.double())
        layer.float().to(device)
        off = {}
        for name in (FP32, TF32):
            with products(name):
                out, _ = layer(x.to(device))
            off[name] = float((out.cpu().double() - expected).abs().max())
    print(off)
    assert off[FP32] < 1e-5 < off[TF32]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_validation_is_the_cpus(cell: str, device: torch.device) -> None:
    model = network(cell=cell, layers=2)
    text = texts(400).t().flatten()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    expected = evaluate(model, text, segments=1)
    model.to(device)
    with products(TF32):  # as within a training
        found = evaluate(model, text.to(device))
        alone = evaluate(model, text.to(device), segments=1)
    assert found == pytest.approx(alone, abs=1e-5)
    assert found[0] == pytest.approx(expected[0], abs=1e-5)
    assert found[1] == pytest.approx(expected[1], abs=1e-3)


def test_tunes_are_the_cpus(device: torch.device) -> None:
    model = network()
    settings: dict[str, Any] = {"seed": 1, "max_chars": 150}
    expected = sample(model, [1, 2], [0.7, 1.0, 1.0], **settings)
    model.to(device)
    with products(TF32):
        found = sample(model, [1, 2], [0.7, 1.0, 1.0], **settings)
        alone = sample(model, [1, 2], [1.0], numbers=[1], **settings)
    assert found == expected
    assert alone == found[2:]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_hidden_units_are_the_cpus(cell: str, device: torch.device) -> None:
    model = network(cell=cell)
    read = [text.numpy() for text in texts(60).t()[:3]]
    expected = {
        found.state: found.values
        for found in record(model, read, components("cell")[cell].observable)
    }
    model.to(device)
    with products(TF32):
        for found in record(model, read, components("cell")[cell].observable):
            np.testing.assert_allclose(found.values, expected[found.state], atol=2e-5)


def test_what_is_set_within_is_set_back(device: torch.device) -> None:
    before = torch.backends.cudnn.rnn.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    with products(TF32):
        with exact(device):
            assert torch.backends.cudnn.rnn.fp32_precision == FP32
        assert torch.backends.cudnn.rnn.fp32_precision == TF32
    after = torch.backends.cudnn.rnn.fp32_precision, torch.backends.cuda.matmul.fp32_precision
    assert after == before
