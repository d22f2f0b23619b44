"""Our optimizers. A new one is a class here, or in a plugin, and a file in conf/optim/.

Their settings are the keyword arguments of PyTorch's optimizer, name by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.config.components import Optimizer, Rule, given, key, register

if TYPE_CHECKING:
    import torch

    from musicgen.config.keys import Config
    from musicgen.models.char_rnn import CharRNN


@dataclass
class _PyTorch(Optimizer):
    """PyTorch's own, whose class has the name of ours."""

    def build(self, parameters: Iterable[Any]) -> "torch.optim.Optimizer":
        import torch

        made: torch.optim.Optimizer = getattr(torch.optim, type(self).__name__)(
            parameters, **given(self)
        )
        return made


@register("optimizer", "adagrad")
@dataclass
class Adagrad(_PyTorch):
    """Duchi, Hazan and Singer (2011)."""

    eps: float = key("Added to the root of the summed squares", gt=0)
    lr_decay: float = key("Step size divided by 1 + steps x lr_decay", ge=0)


@register("optimizer", "adam")
@dataclass
class Adam(_PyTorch):
    """Kingma and Ba (2015)."""

    betas: tuple[float, float] = key("Decay of the running gradient and its square", ge=0, lt=1)
    eps: float = key("Added to the root of the running square", gt=0)


@register("optimizer", "adamw")
@dataclass
class AdamW(Adam):
    """Loshchilov and Hutter (2019): weight decay beside the gradient."""


@register("optimizer", "muon")
@dataclass
class Muon(Optimizer):
    """Jordan et al. (2024): orthogonal steps for the matrices of recurrent layers, Adam for all
    else."""

    momentum: float = key("Decay of the matrices' running gradient", ge=0, lt=1)
    betas: tuple[float, float] = key("Adam's decay of the gradient and its square", ge=0, lt=1)
    eps: float = key("Added to the root of Adam's running square", gt=0)

    def build(self, parameters: Iterable[Any]) -> "torch.optim.Optimizer":
        """Over parameters of an unknown network: each matrix is one, whatever it is for."""
        listed = list(parameters)
        matrices = [{"params": [one], "rows": len(one)} for one in listed if one.ndim == 2]
        others = [one for one in listed if one.ndim != 2]
        return self._build([*matrices, {"params": others, "rows": 0}])

    def of(self, network: "CharRNN", products: "torch.dtype") -> "torch.optim.Optimizer":
        hidden = network.hidden
        matrices = [
            one for one in network.cells.parameters() if one.ndim == 2 and len(one) % hidden == 0
        ]
        apart = {id(one) for one in matrices}
        others = [one for one in network.parameters() if id(one) not in apart]
        return self._build([{"params": matrices, "rows": hidden}, {"params": others, "rows": 0}])

    def _build(self, groups: list[dict[str, Any]]) -> "torch.optim.Optimizer":
        from musicgen.training import muon

        return muon.Muon(groups, **given(self))


@register("optimizer", "nadam")
@dataclass
class NAdam(Adam):
    """Dozat (2016): Adam with Nesterov's look-ahead."""


@register("optimizer", "rmsprop")
@dataclass
class RMSprop(_PyTorch):
    """Hinton (2012)."""

    alpha: float = key("Decay of the running square", ge=0, lt=1)
    eps: float = key("Added to the root of the running square", gt=0)
    momentum: float = key("Decay of the running step", ge=0, lt=1)


def _nesterov(config: "Config") -> str | None:
    optim = config.optim
    if not isinstance(optim, SGD) or not optim.nesterov or optim.momentum > 0:
        return None
    return "optim.nesterov needs optim.momentum above 0, got 0; set it to 0.9"


@register("optimizer", "sgd")
@dataclass
class SGD(_PyTorch):
    """Stochastic gradient descent (Robbins and Monro 1951)."""

    rules = (Rule(("optim.name", "optim.nesterov", "optim.momentum"), _nesterov),)

    momentum: float = key("Decay of the running step", ge=0, lt=1)
    nesterov: bool = key("Nesterov's look-ahead; needs momentum above 0")


def settle(optimizer: "torch.optim.Optimizer") -> None:
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
