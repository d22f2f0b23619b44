"""Gates and cells against PyTorch's single-step cells."""

import numpy as np
import pytest
import torch
from torch import nn

from musicgen.config.registry import components
from musicgen.interpret.activations import record
from musicgen.models.char_rnn import CharRNN


def network(cell: str, **options) -> CharRNN:
    torch.manual_seed(3)
    return CharRNN(7, 5, cell=cell, embedding=4, dropout=0.5, **options)


def texts(*lengths: int) -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [draw.integers(0, 7, length) for length in lengths]


def recorded(model: CharRNN, given: list[np.ndarray]) -> dict[tuple[int, str], np.ndarray]:
    states = sorted({state for cell in components("cell").values() for state in cell.observable})
    return {(found.layer, found.state): found.values for found in record(model, given, states)}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_states_are_those_of_single_steps(cell: str) -> None:
    model = network(cell)
    (text,) = texts(9)
    found = recorded(model, [text])
    assert set(found) == {(1, state) for state in components("cell")[cell].observable}
    single = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[cell](4, 5)
    names = {
        name.removeprefix("fused.").removesuffix("_l0"): value
        for name, value in model.cells[0].state_dict().items()
    }
    single.load_state_dict(names)
    h = c = torch.zeros(1, 5)
    for time, character in enumerate(text):
        x = model.embedded(torch.tensor([character]))
        gates = [
            part.chunk(4 if cell == "lstm" else 3, 1)
            for part in (
                x @ single.weight_ih.T + single.bias_ih,
                h @ single.weight_hh.T + single.bias_hh,
            )
        ]
        if cell == "lstm":
            expected = dict(
                zip(
                    ("input_gate", "forget_gate", "candidate", "output_gate"),
                    (one + other for one, other in zip(*gates, strict=True)),
                    strict=True,
                )
            )
            expected = {
                name: torch.tanh(value) if name == "candidate" else torch.sigmoid(value)
                for name, value in expected.items()
            }
            h, c = single(x, (h, c))
            expected |= {"hidden": h, "cell": c}
        elif cell == "gru":
            reset = torch.sigmoid(gates[0][0] + gates[1][0])
            expected = {
                "reset_gate": reset,
                "update_gate": torch.sigmoid(gates[0][1] + gates[1][1]),
                "candidate": torch.tanh(gates[0][2] + reset * gates[1][2]),
            }
            h = single(x, h)
            expected["hidden"] = h
        else:
            h = single(x, h)
            expected = {"hidden": h}
        for state, value in expected.items():
            np.testing.assert_allclose(
                found[1, state][:, time], value[0].detach(), atol=1e-6, err_msg=state
            )


def test_texts_of_any_length_keep_their_order_and_their_own_values() -> None:
    model = network("lstm", layers=2, layer_norm=True)
    model.train()
    given = texts(3, 60, 1, 20, *range(1, 70))
    before = torch.get_rng_state()
    together = recorded(model, given)
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert {layer for layer, _ in together} == {1, 2}
    alone = [recorded(model, [text]) for text in given]
    for key, values in together.items():
        parts = np.concatenate([found[key] for found in alone], axis=1)
        assert values.shape == (5, sum(map(len, given)))
        np.testing.assert_allclose(values, parts, atol=1e-6)
