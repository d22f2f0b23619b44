"""Rules that several keys of a configuration must fulfil together."""

from musicgen.config.components import Rule
from musicgen.config.keys import Config


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


RULES = (
    Rule(("data.name", "data.path"), _path),
    Rule(("data.split", "data.validation_path"), _validation),
    Rule(("data.split", "data.val_fraction", "data.test_fraction"), _fractions),
    Rule(("samples.temperatures",), _temperatures),
    Rule(("model.tie_weights", "model.embedding", "model.hidden"), _tied),
)


def rules(config: Config) -> tuple[Rule, ...]:
    """The rules of every configuration, and those of the components of this one."""
    return (*RULES, *config.model.rules, *config.optim.rules, *config.schedule.rules)
