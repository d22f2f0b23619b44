"""The network against PyTorch's own layers, and its dropout against doing nothing."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from musicgen.models import gru
from musicgen.models.char_rnn import CharRNN, detach
from musicgen.models.dropout import Dropout
from musicgen.models.evaluation import evaluate
from musicgen.models.layers import GRU

VOCAB, HIDDEN, TIME, BATCH = 11, 7, 13, 3


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def text(*shape: int) -> torch.Tensor:
    return torch.randint(0, VOCAB, shape)


@pytest.mark.parametrize(("cell", "oracle"), [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
def test_cells_are_pytorchs(cell: str, oracle: type[nn.RNNBase]) -> None:
    model = CharRNN(VOCAB, HIDDEN, cell=cell, layers=2)
    reference = oracle(VOCAB, HIDDEN, num_layers=2)
    with torch.no_grad():
        for layer, own in enumerate(model.cells):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(reference, f"{name}_l{layer}").copy_(getattr(own.fused, f"{name}_l0"))
    x = text(TIME, BATCH)
    logits, _ = model(x)
    expected, _ = reference(functional.one_hot(x, VOCAB).float())
    torch.testing.assert_close(logits, model.head(expected))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)]
)
@pytest.mark.parametrize("state", [False, True])
def test_a_grus_gradients_are_pytorchs(dtype: torch.dtype, tolerance: float, state: bool) -> None:
    own, oracle = GRU(VOCAB, HIDDEN).to(dtype), nn.GRU(VOCAB, HIDDEN).to(dtype)
    own.fused.load_state_dict(oracle.state_dict())
    x, h = torch.randn(TIME, BATCH, VOCAB, dtype=dtype), torch.randn(BATCH, HIDDEN, dtype=dtype)
    weights = torch.randn(TIME, BATCH, HIDDEN, dtype=dtype)  # of the states in the loss
    gradients = []
    for cell in (own, oracle):
        given = [x.clone().requires_grad_(), h.clone().requires_grad_()]
        before = None
        if state:
            before = (given[1],) if cell is own else given[1].unsqueeze(0)
        out, last = cell(given[0], before)
        loss = (out * weights).sum() + (last[0] ** 2).sum()
        wanted = [given[0], *cell.parameters(), *given[1 : 1 + state]]
        gradients.append(torch.autograd.grad(loss, wanted))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("time", "batch"), [(TIME, BATCH), (1, 1)])
def test_a_gru_without_onednn_computes_the_same(
    dtype: torch.dtype, time: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, x = GRU(VOCAB, HIDDEN).to(dtype), torch.randn(time, batch, VOCAB, dtype=dtype)
    cell.fused.bias_ih_l0.requires_grad_(False)
    found = []
    for _ in range(2):
        out, _ = cell(x)
        wanted = [parameter for parameter in cell.parameters() if parameter.requires_grad]
        found.append([out, *torch.autograd.grad(out.sum(), wanted)])
        monkeypatch.setattr(gru, "packed", lambda weights, rows: None)
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_gru_in_autocast_keeps_its_state_in_fp32() -> None:
    """Rounded to bf16 at each of a hundred steps, what fades would end elsewhere."""
    cell, x = GRU(VOCAB, HIDDEN), torch.randn(TIME, BATCH, VOCAB)
    with torch.autocast("cpu", torch.bfloat16):
        out, (h,) = cell(x)
        again, _ = cell(x, (h,))
    assert out.dtype == h.dtype == torch.float32
    whole, _ = cell(torch.cat([x, x]))
    torch.testing.assert_close(torch.cat([out, again]), whole, atol=0.02, rtol=0)
    again.sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in cell.parameters())
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.fused.bias_ih_l0[HIDDEN : 2 * HIDDEN] = 4.5  # 0.989 of the state stays
    x = torch.zeros(100, 1, VOCAB)
    with torch.autocast("cpu", torch.bfloat16):
        _, (h,) = cell(x, (torch.full((1, HIDDEN), 0.5),))
    kept = torch.sigmoid(torch.tensor(4.5)).bfloat16().float()
    torch.testing.assert_close(h, torch.full((1, HIDDEN), 0.5) * kept**100)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("embedding", [0, 5])
def test_a_carried_state_is_as_good_as_one_long_slice(cell: str, embedding: int) -> None:
    model = CharRNN(VOCAB, HIDDEN, cell=cell, layers=2, embedding=embedding, layer_norm=True)
    x = text(TIME, BATCH)
    whole, _ = model(x)
    first, state = model(x[:5])
    second, _ = model(x[5:], detach(state))
    torch.testing.assert_close(whole, torch.cat([first, second]))


@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_changes_a_network_of_any_depth(layers: int) -> None:
    model = CharRNN(VOCAB, HIDDEN, layers=layers, dropout=0.5)
    x = text(TIME, BATCH)
    one, two = model(x)[0], model(x)[0]
    assert not torch.equal(one, two)
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])


def test_dropout_acts_on_input_and_head_of_one_layer() -> None:
    """At p close to 1 nothing of the text is left, and nothing of the layer."""
    model = CharRNN(VOCAB, HIDDEN, dropout=0.999999)
    logits, state = model(text(TIME, BATCH))
    assert torch.allclose(logits, model.head.bias.expand_as(logits))
    blank, _ = model.cells[0](torch.zeros(TIME, BATCH, VOCAB))
    torch.testing.assert_close(state[0][0], blank[-1])


def test_loss_starts_at_the_vocabularys_logarithm() -> None:
    for settings in ({}, {"embedding": HIDDEN, "tie_weights": True}, {"layer_norm": True}):
        loss, _ = evaluate(CharRNN(VOCAB, HIDDEN, **settings), text(2000))
        assert loss == pytest.approx(math.log(VOCAB), abs=0.25)


def test_tied_weights_are_one_tensor() -> None:
    model = CharRNN(VOCAB, HIDDEN, embedding=HIDDEN, tie_weights=True)
    assert model.embedding is not None
    assert model.head.weight is model.embedding.weight


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_evaluation_is_that_of_one_stream(cell: str) -> None:
    """Whatever the segments; the oracle is a loop over single characters in double precision."""
    model = CharRNN(VOCAB, HIDDEN, cell=cell, dropout=0.3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # so that the network remembers for longer than it does at first
    x = text(3001)
    model.double().eval()
    state, total = None, 0.0
    with torch.no_grad():
        for here, there in pairwise(x):
            logits, state = model(here.view(1, 1), state)
            total += float(functional.cross_entropy(logits[0], there.view(1)))
    model.float().train()
    for segments in (1, 2, 5, 32):
        loss, accuracy = evaluate(model, x, segments=segments)
        assert loss == pytest.approx(total / 3000, abs=1e-5)
        assert 0 < accuracy < 1
    assert model.training


def test_evaluation_is_exact_for_a_network_that_never_forgets() -> None:
    """An LSTM whose gates stay open counts characters for ever: every segment needs its pass."""
    model = CharRNN(VOCAB, HIDDEN)
    fused = model.cells[0].fused
    with torch.no_grad():
        fused.bias_ih_l0[: 2 * HIDDEN] = 30.0
        fused.weight_hh_l0.zero_()
        fused.weight_ih_l0[2 * HIDDEN : 3 * HIDDEN] *= 0.01
    x = text(3001)
    one, many = evaluate(model, x, segments=1), evaluate(model, x, segments=11)
    assert one[0] == pytest.approx(many[0], abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.999])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropout = Dropout(p)
    x = torch.ones(101, 997, dtype=dtype, requires_grad=True)
    y = dropout(x)
    assert y.dtype == dtype
    share = (y == 0).float().mean().item()
    assert abs(share - p) < 5 * (p * (1 - p) / x.numel()) ** 0.5 + 2**-16
    kept = y[y != 0].float()
    assert torch.allclose(kept, torch.tensor(1 / (1 - p)), rtol=0.02)
    y.sum().backward()
    assert torch.equal(x.grad, y)
    # Four neighbours share a draw: they must not share their fate.
    fates = (y.flatten()[: x.numel() // 4 * 4].view(-1, 4) == 0).float()
    together = (fates[:, 0] * fates[:, 1]).mean().item()
    assert abs(together - p * p) < 6 * (p * p / len(fates)) ** 0.5 + 1e-4
    assert torch.equal(dropout.eval()(x), x)
