"""The interfaces of components: a cell, an optimizer, a schedule, a sampler, a pruner.

A component is a dataclass with its settings. It is registered under the name that configurations
use for it:

    @register("optimizer", "lion")
    @dataclass
    class Lion(Optimizer):
        betas: tuple[float, float] = key("Decay of the step and of the average", ge=0, lt=1)

        def build(self, parameters): ...

Its fields are its keys (`optim.betas`), each with one line of help and bounds. `build` imports
PyTorch or Optuna when it is called, so that --help and a sweep's driver do not import them. Values
are in YAML; the default of a field is used only if a plugin has no YAML.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from omegaconf import MISSING

from musicgen.config.field import key
from musicgen.config.registry import Kind, component, components, register

if TYPE_CHECKING:
    from musicgen.config.keys import Config

__all__ = [
    "Cell",
    "Course",
    "Optimizer",
    "Pruner",
    "Rule",
    "Sampler",
    "Schedule",
    "key",
    "register",
]


@dataclass(frozen=True)
class Rule:
    """A rule that the values of several keys must fulfil together."""

    keys: tuple[str, ...]
    """All keys that `broken` reads. The start of a sweep checks the combinations of these keys
    only."""
    broken: "Callable[[Config], str | None]"
    """Returns the error's line if a configuration breaks the rule, else None."""


@dataclass
class Cell:
    """A recurrent cell with the settings of its network, `model.*`."""

    observable: ClassVar[tuple[str, ...]] = ("hidden",)
    """The names of the states and gates of a unit that can be observed, `hidden` first. Values of
    `hidden`, and of a gate or candidate that is drawn beside it, are between -1 and 1."""
    rules: ClassVar[tuple[Rule, ...]] = ()

    cell: str = key("Recurrent cell", choices=lambda: tuple(components("cell")))
    hidden: int = key("Units per layer", ge=1)
    layers: int = key("Recurrent layers", ge=1)
    dropout: float = key(
        "Share of inputs of each layer and of the head that is dropped", ge=0, lt=1
    )
    embedding: int = key("Size of the character embedding; 0: one-hot", ge=0)
    layer_norm: bool = key("Normalise the output of each layer")
    tie_weights: bool = key("Share the embedding with the head; needs embedding=hidden")
    match: int = key(
        "Extra input: what followed the longest match of the last characters in the tune; "
        "least length of a match, characters; 0: no such input",
        ge=0,
        le=16,
        default=0,
    )
    melody: int = key(
        "The same over melodic steps, which finds transposed phrases; 0: no such input",
        ge=0,
        le=16,
        default=0,
    )
    place: bool = key(
        "Extra input: what is left of the bar, how many bars and parts there are, and how earlier "
        "bars that began alike went on",
        default=False,
    )

    @abstractmethod
    def build(self, inputs: int, hidden: int) -> Any:
        """A layer with new weights, an `nn.Module`.

        Its forward takes x of shape (time, batch, inputs) and the state; None stands for zeros. It
        returns the outputs, (time, batch, hidden), and the state after the last step. The state is
        a tuple of tensors of shape (batch, hidden).
        """

    def observe(self, layer: Any, state: str, x: Any, hidden: Any) -> Any:
        """One of the observable states other than `hidden`, of shape (time, batch, hidden).

        layer: a layer from `build`. x: its input, (time, batch, inputs), read from a zero state.
        hidden: its outputs, (time, batch, hidden).
        """
        raise NotImplementedError(f"{type(self).__name__} must say how {state} is computed")

    def in_numpy(self, layer: Any) -> Any:
        """A class of `models.numpy_layers` that computes the steps of this layer in NumPy, which is
        faster while tunes are drawn; None if there is none."""
        return None


@dataclass
class Optimizer:
    """An optimizer, `optim.*`."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    name: str = key("Optimizer", choices=lambda: tuple(components("optimizer")))
    lr: float = key("Step size", gt=0)
    weight_decay: float = key("Weight decay", ge=0)

    @abstractmethod
    def build(self, parameters: Iterable[Any]) -> Any:
        """A `torch.optim.Optimizer` over these parameters."""

    def of(self, network: Any, products: Any) -> Any:
        """A `torch.optim.Optimizer` of a `models.CharRNN`; overridden by an optimizer that treats
        some of its parameters differently. products: the `torch.dtype` in which a training step of
        the network multiplies."""
        return self.build(network.parameters())


class Course:
    """The learning rate during one training, with the state that a schedule needs."""

    def __init__(self, share: Callable[[int, int], float] = lambda step, steps: 1.0) -> None:
        self._share = share

    def __call__(self, step: int, steps: int) -> float:
        """The share of optim.lr at a step, counted from 0, of `steps` in all."""
        return self._share(step, steps)

    def epoch_end(self, val_loss: float) -> None:
        """Take the validation loss (nats per character) after each epoch."""

    def state_dict(self) -> dict[str, Any]:
        """The state that a resumed run needs besides the step, in plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""


@dataclass
class Schedule:
    """A course of the learning rate, `schedule.*`."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    name: str = key("Course of the learning rate", choices=lambda: tuple(components("schedule")))

    def share(self, step: int, steps: int) -> float:
        """The share of optim.lr at a step, counted from 0, of `steps` in all; 1 by default."""
        return 1.0

    def build(self) -> Course:
        """The course of one training; a subclass of `Course` if it depends on val_loss."""
        return Course(self.share)


@dataclass
class Sampler:
    """A sampler, which proposes the configurations of a sweep: `sampler.*`."""

    informed: ClassVar[bool] = False
    """Whether finished trials of another sweep inform it, which it reads from the study."""
    constrained: ClassVar[bool] = False
    """Whether it looks for configurations that keep constraints (Optuna's `set_constraint`)."""
    conditional: ClassVar[bool] = False
    """Whether it models keys that apply only at some choices of others; if not, it draws them at
    random."""

    name: str = key("Proposes configurations", choices=lambda: tuple(components("sampler")))

    @abstractmethod
    def build(self, seed: int, conditional: bool) -> Any:
        """An Optuna sampler; a new one is made for each trial. Our grid has none.

        conditional: whether some keys of the space apply only at some choices of others.
        """

    def check(self, space: Any) -> None:
        """Raise InputError if it can't search this space (`sweep.space.Space`)."""


@dataclass
class Pruner:
    """A pruner, which stops unpromising configurations early: `pruner.*`."""

    name: str = key(
        "Stops unpromising configurations early", choices=lambda: tuple(components("pruner"))
    )

    @abstractmethod
    def build(self) -> Any:
        """An Optuna pruner, or a `sweep.judges.Judge`, which is faster if there are many trials."""

    def as_optuna_counts(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a plan, in which steps count from 1, converted to Optuna's meaning."""
        return settings


@dataclass(frozen=True)
class Group:
    """A group of the configuration whose keys differ from component to component."""

    kind: Kind
    key: str
    """The key that names the component."""
    base: type[Any]
    """The class whose keys all components of the group have."""


GROUPS = {
    "model": Group("cell", "cell", Cell),
    "optim": Group("optimizer", "name", Optimizer),
    "schedule": Group("schedule", "name", Schedule),
    "sampler": Group("sampler", "name", Sampler),
    "pruner": Group("pruner", "name", Pruner),
}


def variants(group: str) -> dict[str, type[Any]]:
    """The components of a group by name; empty if the group has none."""
    return dict(components(GROUPS[group].kind)) if group in GROUPS else {}


def given(settings: Any) -> dict[str, Any]:
    """The settings of a component in their order, without its name and without missing values."""
    names = [field.name for field in dataclasses.fields(settings) if field.name != "name"]
    values = {name: getattr(settings, name) for name in names}
    return {name: value for name, value in values.items() if value != MISSING}


def made(kind: Kind, name: str, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A component made with the settings that are its fields, and the remaining settings.

    Raises InputError if no component has this name.
    """
    chosen = component(kind, name)
    fields = {field.name for field in dataclasses.fields(chosen)}
    own = {key: value for key, value in settings.items() if key in fields}
    return chosen(name=name, **own), {k: v for k, v in settings.items() if k not in own}
