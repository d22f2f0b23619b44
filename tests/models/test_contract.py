"""A plugin's cell that breaks the contract of layers is told so in one line."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from musicgen.config.components import Cell
from musicgen.errors import RunError
from musicgen.models import contract

Forward = Callable[[Tensor, Any], Any]


class Odd(nn.Module):
    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.says = forward

    def forward(self, x: Tensor, state: Any = None) -> Any:
        return self.says(x, state)


class OddCell(Cell):
    cell = "odd"

    def __init__(self) -> None:
        """Without settings."""

    def build(self, inputs: int, hidden: int) -> Any:
        raise NotImplementedError


def out(x: Tensor) -> Tensor:
    return torch.rand(*x.shape[:2], 4)


@pytest.mark.parametrize(
    ("forward", "line"),
    [
        (lambda x, state: out(x), r"\(outputs, state\), got a tensor \(2, 3, 4\); mend"),
        (
            lambda x, state: (out(x)[:, :, :3], ()),
            r"here \(2, 3, 4\), got a tensor \(2, 3, 3\); mend",
        ),
        (
            lambda x, state: (out(x).transpose(0, 1), ()),
            r"here \(2, 3, 4\), got a tensor \(3, 2, 4\)",
        ),
        (
            lambda x, state: (out(x), out(x)[-1]),
            r"a tuple of tensors .* \(3, 4\), got a tensor \(3, 4\)",
        ),
        (
            lambda x, state: (out(x), (out(x),)),
            r"\(3, 4\), got a tuple of a tensor \(2, 3, 4\); mend",
        ),
        (lambda x, state: (out(x), (state[0],)), r"and failed \(TypeError: 'NoneType' .*; mend"),
        (lambda x, state: (out(x), x.sum(0) @ out(x)), r"and failed \(RuntimeError: .*; mend"),
    ],
)
def test_a_layer_that_breaks_the_contract_is_one_line(
    forward: Forward, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "plugin_of", lambda kind, name: "theirs")
    with pytest.raises(RunError, match=f"^the layer of cell odd must .*?{line}") as caught:
        contract.check(OddCell(), Odd(forward), 5, 4)
    assert "\n" not in str(caught.value)


def test_a_layer_is_tried_without_drawing_from_the_trainings_random_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contract, "plugin_of", lambda kind, name: "theirs")
    before = torch.get_rng_state()
    contract.check(OddCell(), Odd(lambda x, state: (out(x), (out(x)[-1],))), 5, 4)
    assert torch.equal(torch.get_rng_state(), before)


def test_our_own_layers_are_not_tried() -> None:
    contract.check(OddCell(), Odd(lambda x, state: None), 5, 4)
