"""Optimizers by name. A new one is an entry here, its fields in keys.py, a file in conf/optim/.

The fields of a configuration are the keyword arguments of PyTorch's optimizer, name by name.
"""

from collections.abc import Iterable

import torch
from torch import nn

from musicgen.config.keys import OptimConfig
from musicgen.config.schema import settings

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def build(config: OptimConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The configured optimizer over these parameters."""
    return OPTIMIZERS[config.name](parameters, **settings(config))


def settle(optimizer: torch.optim.Optimizer) -> None:
    """Bring NAdam's scalars back to the CPU, where it reads them at each step.

    Resuming takes them to the device with the rest of the state; each reading would wait for all
    that a GPU has still to do.
    """
    for group in optimizer.param_groups:
        if not group.get("capturable"):
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                if "mu_product" in state:
                    state["mu_product"] = state["mu_product"].cpu()
