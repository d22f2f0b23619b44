"""The contract of a cell's layer, tried once on a small input when a network is built."""

from typing import Any

import torch
from torch import Tensor, nn

from musicgen.config.components import Cell
from musicgen.config.registry import plugin_of
from musicgen.errors import RunError

TIME, BATCH = 2, 3


def check(cell: Cell, layer: nn.Module, inputs: int, hidden: int) -> None:
    """Raise RunError if the layer of a plugin's cell does not take and return what `Cell.build`
    says. Our own layers have tests instead."""
    if plugin_of("cell", cell.cell) is None:
        return
    x = torch.zeros(TIME, BATCH, inputs)
    # A layer may draw random numbers; the training's own must stay what they are.
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            first = layer(x, None)
            _check_returned(cell.cell, first, hidden)
            _check_returned(cell.cell, layer(x, first[1]), hidden)
        except RunError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise RunError(
                f"the layer of cell {cell.cell} must take x of shape (time, batch, inputs) and the "
                f"state that it returned, or None, and failed ({reason}); mend its forward"
            ) from error


def _check_returned(name: str, returned: Any, hidden: int) -> None:
    rule = f"the layer of cell {name} must return"
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise RunError(f"{rule} (outputs, state), got {_described(returned)}; mend its forward")
    outputs, state = returned
    if not isinstance(outputs, Tensor) or outputs.shape != (TIME, BATCH, hidden):
        raise RunError(
            f"{rule} outputs of shape (time, batch, hidden), here {(TIME, BATCH, hidden)}, got "
            f"{_described(outputs)}; mend its forward"
        )
    if not isinstance(state, tuple) or not all(
        isinstance(part, Tensor) and part.shape == (BATCH, hidden) for part in state
    ):
        raise RunError(
            f"{rule} a state that is a tuple of tensors of shape (batch, hidden), here "
            f"{(BATCH, hidden)}, got {_described(state)}; mend its forward"
        )


def _described(value: Any) -> str:
    """Shapes in place of tensors' values."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {', '.join(map(_described, value)) or 'nothing'}"
    return type(value).__name__
