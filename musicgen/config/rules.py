"""Rules that several keys of a configuration must fulfil together."""

from collections.abc import Callable
from dataclasses import dataclass

from musicgen.config.keys import Config, SGDConfig


@dataclass(frozen=True)
class Rule:
    """What is wrong with the values of some keys, if anything is."""

    keys: tuple[str, ...]
    """All that `broken` reads: a sweep's start checks their combinations, and no others."""
    broken: Callable[[Config], str | None]
    """The error's line, or None."""


def _path(config: Config) -> str | None:
    data = config.data
    if data.name == "folk" or data.path is not None:
        return None
    return f"data={data.name} needs data.path, got none; add data.path=<your tunes>"


def _validation(config: Config) -> str | None:
    if config.data.split != "files" or config.data.validation_path is not None:
        return None
    return "data.split=files needs data.validation_path, got none; add data.validation_path=<file>"


def _fractions(config: Config) -> str | None:
    data = config.data
    if data.split != "tunes" or data.val_fraction + data.test_fraction < 1:
        return None
    return (
        "data.val_fraction + data.test_fraction must be below 1, got "
        f"{data.val_fraction} + {data.test_fraction}; lower one of them"
    )


def _temperatures(config: Config) -> str | None:
    temperatures = config.samples.temperatures
    if len(set(temperatures)) == len(temperatures):
        return None
    return (
        f"samples.temperatures must not have a value twice, got {temperatures}; "
        "one tune is written at each"
    )


def _tied(config: Config) -> str | None:
    model = config.model
    if not model.tie_weights or model.embedding == model.hidden:
        return None
    return (
        f"model.tie_weights needs model.embedding = model.hidden, got {model.embedding} and "
        f"{model.hidden}; set model.embedding={model.hidden}"
    )


def _nesterov(config: Config) -> str | None:
    optim = config.optim
    if not isinstance(optim, SGDConfig) or not optim.nesterov or optim.momentum > 0:
        return None
    return "optim.nesterov needs optim.momentum above 0, got 0; set optim.momentum=0.9"


RULES = (
    Rule(("data.name", "data.path"), _path),
    Rule(("data.split", "data.validation_path"), _validation),
    Rule(("data.split", "data.val_fraction", "data.test_fraction"), _fractions),
    Rule(("samples.temperatures",), _temperatures),
    Rule(("model.tie_weights", "model.embedding", "model.hidden"), _tied),
    Rule(("optim.name", "optim.nesterov", "optim.momentum"), _nesterov),
)
