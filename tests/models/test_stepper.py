"""Reading character by character: equal to the network's own forward pass, and independent."""

import numpy as np
import pytest
import torch
from torch import nn

from musicgen.models.char_rnn import CharRNN
from musicgen.models.product import Product
from musicgen.models.stepper import ModuleStepper, Stepper, stepper

VOCAB, TIME = 11, 20


def build(cell: str, layers: int, layer_norm: bool, embedding: int) -> CharRNN:
    torch.manual_seed(0)
    network = CharRNN(
        VOCAB,
        16,
        cell=cell,
        layers=layers,
        layer_norm=layer_norm,
        embedding=embedding,
        tie_weights=embedding == 16,
        dropout=0.5,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    return network


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("embedding", [0, 5, 16])
def test_both_steppers_give_the_networks_scores(
    cell: str, layers: int, layer_norm: bool, embedding: int
) -> None:
    network = build(cell, layers, layer_norm, embedding)
    text = np.random.default_rng(0).integers(VOCAB, size=(TIME, 7))
    text[0] = text[0, 0]
    network.eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(text))[0].numpy()
    network.train()
    for steps in (Stepper(network), ModuleStepper(network)):
        first = steps.step(text[0, :1])
        np.testing.assert_allclose(first[0], expected[0, 0], atol=1e-5)
        steps.keep([0] * 7)
        for time in range(1, 10):
            np.testing.assert_allclose(steps.step(text[time]), expected[time], atol=1e-5)
        left = [5, 0, 3]
        steps.keep(left)
        for time in range(10, TIME):
            scores = steps.step(text[time, left])
            np.testing.assert_allclose(scores, expected[time, left], atol=1e-5)
    assert network.training


@pytest.mark.parametrize("shape", [(6, 9), (37, 241), (150, 693), (512, 300)])
@pytest.mark.parametrize("way", ["oneDNN", "public", "one by one"])
def test_a_row_does_not_hang_on_the_others(shape: tuple[int, int], way: str) -> None:
    draw = np.random.default_rng(1)
    weights, bias = (draw.normal(size=s).astype(np.float32) for s in (shape, shape[1:]))
    rows = draw.normal(size=(128, shape[0])).astype(np.float32)
    product = Product(weights, bias)
    if way == "public":
        product._together = product._plain
        product._alone = product._filled_up
    elif way == "one by one":
        product._alone = product._summed
        product._together = lambda rows: torch.mm(rows, product._weights) * len(rows)

    def results(numbers: list[int]) -> np.ndarray:
        product.prepare(len(numbers))[:] = rows[numbers]
        return product.multiply()

    together = results(list(range(128)))
    np.testing.assert_allclose(together, rows @ weights + bias, rtol=1e-3, atol=1e-4)
    for n in (1, 2, 3, 4, 5, 8, 21, 64, 100):
        some = draw.permutation(128)[:n].tolist()
        np.testing.assert_array_equal(results(some), together[some])


def test_a_network_of_another_make_is_read_by_its_module() -> None:
    class Echo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.RNN(VOCAB, 16)

        def forward(self, x, state=None):  # type: ignore[no-untyped-def]
            out, h = self.inner(x, None if state is None else state[0].unsqueeze(0))
            return out, (h[0],)

    network = build("rnn", 1, False, 0)
    assert isinstance(stepper(network), Stepper)
    network.cells[0] = Echo()
    assert isinstance(stepper(network), ModuleStepper)
    assert isinstance(stepper(build("lstm", 1, False, 0).double()), ModuleStepper)
