"""Networks of the application, as `conf/model/` names them."""

from torch import nn


def wide(width: int) -> nn.Module:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))


def deep(width: int, layers: int) -> nn.Module:
    """Several hidden layers."""
    hidden = [nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(layers - 1)]
    return nn.Sequential(nn.Linear(1, width), nn.Tanh(), *hidden, nn.Linear(width, 1))
