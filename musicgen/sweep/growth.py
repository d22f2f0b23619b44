"""A sweep that grows by values or seeds and stays in its folder.

Optuna fixes the distributions of a study with its first trial. So a sweep that has grown gets a new
study, and its trials are copied there. The old study is removed when all trials are copied.
"""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from musicgen.sweep.plan import Plan
from musicgen.sweep.record import SEEDS, SEEDS_FOR, Name, SweepRecord
from musicgen.sweep.results import Configuration
from musicgen.sweep.space import Choice, Dimension, Float, Space, applies, distributions


def differences(
    first: SweepRecord, second: SweepRecord, usual: Mapping[str, str]
) -> tuple[list[str], bool]:
    """The differences that make two sweeps different ones, as text, and whether the second sweep is
    the first one grown.

    usual: the values of keys that the first sweep may lack (`Plan.usual`).
    """
    before, after = first.identity(), second.identity()
    known, space = first.space, second.space
    wider = {key for key in known if key in space and str(known[key]) != str(space[key])}
    wider = {key for key in wider if _holds(space[key], known[key])}
    names = {
        str(value)
        for key in wider
        if isinstance(dimension := space[key], Choice)
        for value in dimension.values
        if not known[key].contains(value)
    }
    now_open = _conditional_now(before, known, space)
    changes, grown = [], False
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was == now or (was is None and now == usual.get(name.key)):
            continue
        more = name.key == SEEDS and second.seeds > first.seeds
        more |= name.key == SEEDS_FOR and second.further >= first.further
        # All settings that depend on a new choice are new as well.
        new = was is None and bool(names & {*name.choices, *name.key.split(" ")})
        new = new or name.key in now_open
        grown = grown or more or new or name.key in wider
        if not (more or new or name.key in wider):
            changes.append(f"{name} was {_told(was)}, now {_told(now)}")
    return changes, grown and not changes


def _conditional_now(before: Mapping[Name, str], known: Space, space: Space) -> set[str]:
    """The keys with one value that all choices had and a new choice lacks. Such a key, with the
    same value, has become part of the space."""
    found = set()
    for key in space.keys() - known.keys():
        dimension = space[key]
        if isinstance(dimension, Choice) and dimension.only and len(dimension.values) == 1:
            was = {text for name, text in before.items() if name.key == key}
            if was == {str(dimension.values[0])}:
                found.add(key)
    return found


def _told(text: str | None) -> str:
    return "absent" if text is None else text


def _holds(wide: Dimension, narrow: Dimension) -> bool:
    """Whether a dimension contains all values of another."""
    if isinstance(narrow, Choice):
        return all(wide.contains(value) for value in narrow.values)
    if isinstance(wide, Choice) or wide.log != narrow.log:
        return False
    if isinstance(wide, Float) is not isinstance(narrow, Float):
        return False
    if wide.finite() is None:
        return wide.low <= narrow.low and narrow.high <= wide.high
    values = narrow.finite()
    # A stepped range contains another if it contains its first two values and its last one.
    return values is not None and all(wide.contains(v) for v in (*values[:2], values[-1]))


def renamed(study: str) -> str:
    """The name of the next study of a sweep that has grown: `name`, `name.2`, `name.3`."""
    stem, dot, number = study.rpartition(".")
    return f"{stem}.{int(number) + 1}" if dot and number.isdecimal() else f"{study}.2"


def copy_trials(storage: BaseStorage, before: str, after: str, known: Space, plan: Plan) -> None:
    """Make the study `after` from the study `before`, and remove `before`. Does nothing if that has
    been done.

    known: the space of the existing trials.
    """
    names = {study.study_name: study._study_id for study in storage.get_all_studies()}
    if before not in names:
        return
    if after in names:  # a kill left the new study half made
        storage.delete_study(names[after])
    directions = storage.get_study_directions(names[before])
    storage.create_new_study(list(directions), after)
    study = Study(study_name=after, storage=storage)
    for trial in storage.get_all_trials(names[before]):
        study.add_trial(_copied(trial, known, plan))
    storage.delete_study(names[before])


def _copied(trial: FrozenTrial, known: Space, plan: Plan) -> FrozenTrial:
    """A trial in the grown space. It is set to running if further seeds are due."""
    old = {key: known[key] for key in known if key in trial.params}
    point = {key: old[key].decode(trial.params[key]) for key in old}
    made = copy.deepcopy(trial)
    space: Mapping[str, Any] = plan.space
    for key, dimension in plan.space.items():  # keys that all choices had, now conditional
        if key not in known and isinstance(dimension, Choice) and applies(dimension, point):
            point[key] = dimension.values[0]
    made.params = {key: space[key].encode(value) for key, value in point.items()}
    made.distributions = {key: distributions(space)[key] for key in point}
    runs = {
        int(name.removeprefix("run")): result
        for name, result in trial.user_attrs.items()
        if name.removeprefix("run").isdecimal() and isinstance(result, dict)
    }
    # A trial without runs was added by Optuna itself, and stays as it is.
    if runs and Configuration(trial.number, point, plan.seeds, runs).status is None:
        made.state, made.values, made.datetime_complete = TrialState.RUNNING, None, None
    return made


def spread(folder: Path) -> None:
    """Move the only run of each trial into the folder that it has among several seeds."""
    for trial in _trials(folder):
        for path in [path for path in trial.iterdir() if not _of_seed(path)]:
            (trial / "seed0").mkdir(exist_ok=True)
            path.rename(trial / "seed0" / path.name)


def _trials(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())


def _of_seed(path: Path) -> bool:
    return path.name.removeprefix("seed").isdecimal() and path.name.startswith("seed")
