"""The check of a sweep's points before its first trial, so that no trial fails by its values.

A bound concerns one key, so each value is checked once. A rule connects some keys, so all
combinations of their values are checked. A grid of ten million points needs no more checks than a
small one.
"""

import copy
import time
from collections.abc import Iterator, Mapping
from typing import Any

from musicgen.config.components import Rule
from musicgen.config.keys import Config
from musicgen.errors import InputError
from musicgen.sweep.space import Space, ends, points
from musicgen.workflows.trial import TrainingObjective

QUIET_S = 2.0
"""Seconds after which a check prints what it is doing."""


def check(objective: TrainingObjective, space: Space) -> None:
    """Raise InputError for a point that no training could start from."""
    begun = time.monotonic()
    quiet = True
    for keys, checked in (*_axes(objective, space), *_rules(objective, space)):
        for number, _ in enumerate(checked):
            if quiet and time.monotonic() > begun + QUIET_S:
                quiet = False
                print(f"checking the values of {' with '.join(keys)} ({number:,} so far)")


Checks = tuple[tuple[str, ...], Iterator[None]]
"""Some keys, and an iterator that checks one of their points at each step."""


def _axes(objective: TrainingObjective, space: Space) -> Iterator[Checks]:
    """Checks of every value of every key; of a range the two ends are checked."""
    values = ends(space)
    for key, found in values.items():
        only = space[key].only
        where = {only.key: only.values} if only is not None else {}
        yield (key,), _whole(objective, points(space, {**_first(values), **where, key: found}))


def _rules(objective: TrainingObjective, space: Space) -> Iterator[Checks]:
    """Checks of every combination of the values that a rule connects."""
    values = ends(space)
    for rule in objective.rules():
        swept, follows = _connected(objective, space, rule)
        if len(swept) < 2:
            continue
        axes = {**_first(values), **{key: values[key] for key in swept}}
        made = points(space, axes)
        if follows or any(isinstance(v, Mapping) for key in swept for v in values[key]):
            yield swept, _whole(objective, made)
        else:
            yield swept, _alone(objective, rule, made)


def _first(values: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {key: found[:1] for key, found in values.items()}


def _connected(
    objective: TrainingObjective, space: Space, rule: Rule
) -> tuple[tuple[str, ...], bool]:
    """The swept keys that a rule depends on, and whether it depends on any through an
    interpolation."""
    keys = set(rule.keys)
    leaders = {
        leader
        for following in objective.following.values()
        for key, found in following.leaders.items()
        if key in keys
        for leader in found
    }
    own = {key for key in space if any(f"{name}.".startswith(f"{key}.") for name in keys)}
    texts = any("${" in str(value) for key in own for value in ends(space)[key])
    return tuple(key for key in space if key in own | leaders), bool(leaders) or texts


def _whole(objective: TrainingObjective, made: Iterator[dict[str, Any]]) -> Iterator[None]:
    for point in made:
        objective.config(point)
        yield


def _alone(
    objective: TrainingObjective, rule: Rule, made: Iterator[dict[str, Any]]
) -> Iterator[None]:
    """Check one rule on a configuration that is changed in place: some microseconds per point."""
    configs: dict[tuple[str, ...], Config] = {}
    for point in made:
        choices = tuple(point[group] for group in objective.groups)
        if choices not in configs:
            configs[choices] = copy.deepcopy(objective.config(point))
        config = configs[choices]
        for key, value in point.items():
            if key not in objective.groups and key in rule.keys:
                group, _, last = key.partition(".")
                setattr(getattr(config, group), last, value)
        if message := rule.broken(config):
            raise InputError(message)
        yield
