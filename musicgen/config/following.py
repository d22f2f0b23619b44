"""Keys that follow swept keys by interpolation: `model.embedding=${model.hidden}`."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.config.overrides import flatten
from musicgen.config.unfit import unfit
from musicgen.errors import InputError

_MISSING = "???"


@dataclass(frozen=True)
class Following:
    """The keys of a composed configuration whose values follow the swept keys."""

    composed: DictConfig
    texts: Mapping[str, Any]
    """The values that follow swept keys, by key, with their interpolations unresolved."""
    leaders: Mapping[str, tuple[str, ...]]
    """The swept keys that each of these keys follows."""

    def at(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the following keys at a point, and the values of swept keys that are
        interpolations themselves.

        values: the values of the swept keys without groups. Raises InputError.
        """
        for key, value in values.items():
            OmegaConf.update(self.composed, key, value)
        own = [key for key, value in values.items() if interpolates(value)]
        return {key: self._resolved(key) for key in (*self.texts, *own)}

    def _resolved(self, key: str) -> Any:
        try:
            return selected(self.composed, key)
        except OmegaConfBaseException as error:
            raise InputError(f"{unfit(error, key)}; name a key that has such a value") from None


def selected(composed: DictConfig, key: str) -> Any:
    """The plain value at a key. Raises OmegaConf's error if it can't be resolved."""
    value = OmegaConf.select(composed, key)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def interpolates(value: Any) -> bool:
    """Whether a value, or a value inside it, is an interpolation."""
    return "${" in str(value)


def following(composed: DictConfig, ends: Mapping[str, Iterable[Any]]) -> Following | None:
    """The keys that follow the swept keys; None if there are none.

    ends: the values of each swept key without groups. A key follows another if its value changes
    with the other's value, or can't be resolved if the other has none. This also finds keys that
    follow through a resolver.
    """
    values = {key: tuple(found) for key, found in ends.items()}
    texts = flatten(plain(composed))
    open_keys = [
        key
        for key, text in texts.items()
        if interpolates(text) and not any(f"{key}.".startswith(f"{swept}.") for swept in values)
    ]
    if not open_keys and not any(interpolates(value) for value in values.values()):
        return None
    probes = [copy.deepcopy(composed) for _ in range(3)]
    for key, found in values.items():
        for probe, value in zip(probes, (_MISSING, found[0], found[-1]), strict=True):
            for name, part in flatten({key: value}).items():
                OmegaConf.update(probe, name, part)
    changing = [key for key in open_keys if len({_shown(probe, key) for probe in probes}) > 1]
    found_leaders = {key: leaders(composed, key, values) or tuple(values) for key in changing}
    return Following(composed, {key: texts[key] for key in changing}, found_leaders)


def leaders(composed: DictConfig, key: str, swept: Iterable[str]) -> tuple[str, ...]:
    """The swept keys that a key follows: without them it has another value, or none."""
    usual = _shown(composed, key)
    found = []
    for name in swept:
        probe = copy.deepcopy(composed)
        OmegaConf.update(probe, name, _MISSING)
        if _shown(probe, key) != usual:
            found.append(name)
    return tuple(found)


def _shown(composed: DictConfig, key: str) -> str:
    try:
        return repr(selected(composed, key))
    except OmegaConfBaseException as error:
        return f"none: {type(error).__name__}"


def plain(composed: DictConfig) -> dict[Any, Any]:
    """The configuration as plain dictionaries, with its interpolations unresolved."""
    plain = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(plain, dict)
    return plain
