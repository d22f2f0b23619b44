"""Hydra's sweeper for -m: it composes what is swept and hands it to the command.

Hydra reads the overrides; trials do not run inside Hydra. Composition costs about 50 ms, so it
happens once for each combination of swept groups; other values are set on the typed config.
"""

import importlib.util
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from musicgen.errors import InputError
from musicgen.overrides import spelled
from musicgen.sweep.space import Choice, Dimension, Float, Int


@dataclass(frozen=True)
class Swept:
    """A sweep as composed from the command line and an experiment's file."""

    space: Mapping[str, Dimension]
    """By config key or group, in the order of the sweep."""
    groups: tuple[str, ...]
    """The keys of the space that are config groups."""
    bases: Mapping[tuple[str, ...], DictConfig]
    """The composed config for each combination of the groups' choices."""
    fixed: tuple[str, ...]
    """The overrides of one value, as written."""
    settings: DictConfig
    """Hydra's own settings, of the sweep as a whole."""


captured: list[Swept] = []
"""What the last composition made; Hydra gives a sweeper no way to return it."""


class Capture(Sweeper):
    """Found by Hydra as hydra_plugins.musicgen.Capture, though no such package exists."""

    def __init__(self, params: Mapping[str, Any] | None) -> None:
        """params: from an experiment's hydra.sweeper.params; the command line has precedence."""
        self.params = params or {}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader = hydra_context.config_loader
        self.composed = config

    def sweep(self, arguments: list[str]) -> None:
        """arguments: the command line's overrides, those with several values too."""
        parser = OverridesParser.create(config_loader=self.loader)
        given = [f"{key}={_written(value)}" for key, value in self.params.items()]
        overrides = {o.get_key_element(): o for o in parser.parse_overrides(given + arguments)}
        fixed = [str(o.input_line) for o in overrides.values() if not o.is_sweep_override()]
        space = {key: dimension(o) for key, o in overrides.items() if o.is_sweep_override()}
        groups = tuple(key for key in space if self.loader.get_group_options(key))
        bases = {}
        for choices in itertools.product(*(_choices(key, space[key]) for key in groups)):
            chosen = [f"{group}={name}" for group, name in zip(groups, choices, strict=True)]
            composed = self.loader.load_sweep_config(self.composed, [*fixed, *chosen])
            with open_dict(composed):
                del composed["hydra"]
            bases[choices] = composed
        captured.append(Swept(space, groups, bases, tuple(fixed), self.composed.hydra))


def register() -> None:
    """Let Hydra find the sweeper, which it only looks for in the package hydra_plugins.

    This module goes by a second name there, so that no top-level package of ours is needed.
    """
    Capture.__module__ = "hydra_plugins.musicgen"
    sys.modules[Capture.__module__] = sys.modules[__name__]
    if importlib.util.find_spec("hydra_plugins") is None:  # no other plugin is installed
        sys.modules["hydra_plugins"] = package = ModuleType("hydra_plugins")
        package.__path__ = []
    Plugins.instance().register(Capture)


def _written(value: Any) -> str:
    """A value of an experiment's file as an override; a text may be a sweep and stays as it is."""
    plain = OmegaConf.to_container(value) if isinstance(value, ListConfig) else value
    return plain if isinstance(plain, str) else spelled(plain)


def _choices(group: str, dimension: Dimension) -> tuple[str, ...]:
    if not isinstance(dimension, Choice) or not all(isinstance(v, str) for v in dimension.values):
        raise InputError(f"{group} is a group, so it takes names, got {dimension}; see --help")
    return dimension.values


def dimension(override: Override) -> Dimension:
    """One swept key in Hydra's grammar as a dimension of the space. Raises InputError."""
    key, sweep = override.get_key_element(), override.value()
    try:
        if override.is_interval_sweep():
            assert isinstance(sweep, IntervalSweep)
            assert sweep.start is not None
            assert sweep.end is not None
            log = "log" in sweep.tags
            if isinstance(sweep.start, int) and isinstance(sweep.end, int):
                # interval() reads its ends as numbers with a point unless int() is around it.
                return Int(sweep.start, sweep.end, log=log)
            return Float(float(sweep.start), float(sweep.end), log=log)
        return Choice(tuple(_values(override)))
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _values(override: Override) -> Iterator[Any]:
    sweep = override.value()
    if isinstance(sweep, RangeSweep) and not sweep.shuffle:
        yield from sweep.range()
        return
    for value in override.sweep_iterator(transformer=Transformer.identity):
        yield _plain(value)


def _plain(value: Any) -> Any:
    """A parsed value as JSON has it: quoted strings lose their quotes, dicts get text keys."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(_plain(k)): _plain(v) for k, v in value.items()}
    return value
