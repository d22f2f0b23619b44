"""Hydra's overrides as dimensions of a sweep, composed for each choice of the swept groups.

A composition takes about 50 ms, so there is one for each combination of swept groups. Other values
are set on the typed configuration.
"""

import itertools
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Transformer,
)
from omegaconf import DictConfig, OmegaConf, open_dict

from musicgen.config.overrides import as_override
from musicgen.config.schema import known_keys, lacking
from musicgen.errors import InputError
from musicgen.sweep.space import Choice, Dimension, Float, Int, Only
from musicgen.workflows.composed_sweep import Choices, ComposedSweep, choices_of

Lacking = Callable[[str, str], str]
"""Returns the text of the error for a key that no configuration has. Its arguments are the key and
the choice of its group."""


def compose(
    loader: ConfigLoader,
    settings: DictConfig,
    arguments: Sequence[str],
    missing: Lacking | None = None,
) -> ComposedSweep:
    """Compose a sweep.

    settings: a composition without the sweep, from which Hydra's own settings are taken. Its
    hydra.sweeper.params has the swept values of an experiment's file, by key.
    arguments: the overrides of the command line, which take precedence.
    missing: the error's text for a missing key in another Hydra application. In such an application
    a swept key may be added (`+key=1,2`).

    Raises InputError.
    """
    sweeper: Any = OmegaConf.to_container(settings.hydra.sweeper, resolve=False)
    params: Mapping[str, Any] = sweeper.get("params") or {}
    given = [f"{key}={_written(value)}" for key, value in params.items()]
    overrides = {_key(o): o for o in _parsed(loader, [*given, *arguments])}
    space = {key: dimension(o) for key, o in overrides.items() if o.is_sweep_override()}
    groups = tuple(key for key in space if loader.get_group_options(key.split("@")[0]))
    fixed = {key: o for key, o in overrides.items() if not o.is_sweep_override()}
    added = {key for key, o in overrides.items() if o.is_add() and missing is not None}
    # Keys inside a swept group; some of its choices may lack them.
    inside = {
        key: o for key, o in fixed.items() if _group_of(key, groups) and not _added_or_gone(o)
    }
    always = [_text(o) for key, o in fixed.items() if key not in inside]
    bases, having = {}, dict[str, set[Choices]]()
    for choices in itertools.product(*(choices_of(group, space) for group in groups)):
        chosen = [f"{group}={name}" for group, name in zip(groups, choices, strict=True)]
        composed = loader.load_sweep_config(settings, [*always, *chosen])
        for key in (*inside, *(key for key in space if key not in groups)):
            having.setdefault(key, set())
            if key in added or _has(composed, key):
                having[key].add(choices)
        if there := [_text(o) for key, o in inside.items() if choices in having[key]]:
            composed = loader.load_sweep_config(settings, [*always, *chosen, *there])
        with open_dict(composed):
            del composed["hydra"]
        bases[choices] = composed
    missing = missing or (lambda key, chosen: lacking(key, known_keys(), chosen))
    conditions = {
        key: _condition(key, found, groups, bases, missing) for key, found in having.items()
    }
    ordered: dict[str, Dimension] = {}
    for key, override in overrides.items():
        only = conditions.get(key)
        if key in space:
            if key not in added:
                _check_prefix(override, key)
            ordered[key] = replace(space[key], only=only)
        elif only is not None:
            ordered[key] = Choice((_plain(override.value()),), only)
    kept = tuple(_text(o) for key, o in fixed.items() if key not in ordered)
    return ComposedSweep(ordered, groups, bases, kept, settings.hydra)


def prefixes(loader: ConfigLoader, texts: Sequence[str]) -> dict[str, str]:
    """The prefix of each key, such as the + of `+key=1`, by key."""
    found = {_key(o): o.get_key_element() for o in _parsed(loader, texts)}
    return {key: element.removesuffix(key) for key, element in found.items()}


def _parsed(loader: ConfigLoader, texts: Sequence[str]) -> Iterator[Override]:
    parser = OverridesParser.create(config_loader=loader)
    for text in texts:
        with _repeatable(text):
            yield from parser.parse_overrides([text])


@contextmanager
def _repeatable(text: str) -> Iterator[None]:
    """Make Hydra's shuffle() give the same order for the same text, so that a sweep that is started
    again is the same sweep."""
    state = random.getstate()
    random.seed(text)
    try:
        yield
    finally:
        random.setstate(state)


def _key(override: Override) -> str:
    return override.get_key_element().lstrip("+")


def _text(override: Override) -> str:
    """A fixed override as text, with its functions replaced by their values."""
    line = str(override.input_line)
    if override.value_type is None or "(" not in line:
        return line
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"


def _added_or_gone(override: Override) -> bool:
    """Whether an override is Hydra's `+key=` or `~key`, which does not need an existing key."""
    return override.is_add() or override.is_delete()


def _check_prefix(override: Override, key: str) -> None:
    if override.is_add():
        raise InputError(f"{key} is there already, so it cannot be added; leave out +")


def _written(value: Any) -> str:
    """A value of an experiment's file as an override. Text may be a sweep, so it is not quoted."""
    return value if isinstance(value, str) else as_override(value)


def _has(composed: DictConfig, key: str) -> bool:
    path, _, last = key.rpartition(".")
    part = OmegaConf.select(composed, path) if path else composed
    return OmegaConf.is_dict(part) and last in part


def _group_of(key: str, groups: Choices) -> str | None:
    """The swept group that contains a key; None if none does."""
    places = ((group, group.split("@")[-1].replace("/", ".")) for group in groups)
    return next((group for group, place in places if f"{key}.".startswith(f"{place}.")), None)


def _condition(
    key: str,
    having: Collection[Choices],
    groups: Choices,
    all_choices: Collection[Choices],
    missing: Lacking,
) -> Only | None:
    """The condition that the choices with this key fulfil; None if all choices have it. Raises
    InputError if none has it."""
    if len(having) == len(all_choices):
        return None
    first = _group_of(key, groups)
    if not having:
        taken = [
            dict(zip(groups, choices, strict=True)).get(first or "") for choices in all_choices
        ]
        chosen = ", ".join(dict.fromkeys(filter(None, taken)))
        raise InputError(missing(key, chosen))
    for place, group in sorted(enumerate(groups), key=lambda pair: pair[1] != first):
        names = {choices[place] for choices in having}
        if sum(choices[place] in names for choices in all_choices) == len(having):
            in_order = dict.fromkeys(choices[place] for choices in all_choices)
            return Only(group, tuple(name for name in in_order if name in names))
    raise InputError(
        f"{key} must be there by the choice of one group, but depends on {' and '.join(groups)}; "
        "sweep one of them"
    )


def dimension(override: Override) -> Dimension:
    """The dimension of the space for a swept key in Hydra's grammar. Raises InputError."""
    sweep = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep)
        if isinstance(sweep, RangeSweep):
            return _range(sweep)
        with _repeatable(str(override.input_line)):
            values = list(override.sweep_iterator(transformer=Transformer.identity))
        return Choice(tuple(_plain(value) for value in values))
    except InputError as error:
        raise InputError(f"{_key(override)}: {error}") from None


def _interval(sweep: IntervalSweep) -> Dimension:
    assert sweep.start is not None
    assert sweep.end is not None
    if unknown := sorted(sweep.tags - {"log"}):
        raise InputError(f"an interval's tag must be log, got {unknown[0]}; tag(log,interval(..))")
    log = "log" in sweep.tags
    if isinstance(sweep.start, int) and isinstance(sweep.end, int):
        # Hydra's interval() has floats for ends unless int() is around it.
        return Int(sweep.start, sweep.end, log=log)
    return Float(float(sweep.start), float(sweep.end), log=log)


def _range(sweep: RangeSweep) -> Dimension:
    """Hydra's half-open range. Its values are computed in decimals; Hydra's own range with step 0.1
    contains 0.30000000000000004."""
    ends: Sequence[Any] = (sweep.start, sweep.stop, sweep.step)
    start, stop, step = (Decimal(str(end)) for end in ends)
    if not all(end.is_finite() for end in (start, stop, step)) or not step:
        raise InputError(f"a range needs finite ends and a step, got {start} to {stop} by {step}")
    count = int(((stop - start) / step).to_integral_value(ROUND_CEILING))
    if count < 1:
        raise InputError(f"a range must have a value, got none from {start} to {stop} by {step}")
    low, high = sorted((start, start + (count - 1) * step))
    order: Any = "shuffled" if sweep.shuffle else "up" if step > 0 else "down"
    if all(isinstance(end, int) for end in ends):
        log = "log" in sweep.tags and abs(step) == 1
        return Int(int(low), int(high), log, int(abs(step)), order)
    return Float(float(low), float(high), step=float(abs(step)), order=order)


def _plain(value: Any) -> Any:
    """A parsed value in types of JSON: strings without quotes, dicts with text keys."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(_plain(k)): _plain(v) for k, v in value.items()}
    return value
