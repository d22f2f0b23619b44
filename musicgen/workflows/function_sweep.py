"""Preparation of a sweep of a user's function: it is checked before it starts. No terminal is
needed."""

import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from musicgen.config.conf import conf
from musicgen.config.overrides import seconds
from musicgen.config.registry import component
from musicgen.errors import InputError
from musicgen.sweep.constraints import parsed
from musicgen.sweep.driver import Driver
from musicgen.sweep.enqueued import complete, listed
from musicgen.sweep.executor import Executor, packed
from musicgen.sweep.function_objective import FunctionObjective
from musicgen.sweep.plan import Plan, Settings, limits, pausing_if_possible
from musicgen.sweep.progress import Finished, Judged, Observer, Started
from musicgen.sweep.results import Row
from musicgen.sweep.samplers import GRID
from musicgen.sweep.space import Choice, Dimension, Float, Int, Point, Space, grid_size
from musicgen.sweep.trial import Trial
from musicgen.sweep.warm_start import warm_started
from musicgen.system.files import write_text
from musicgen.workflows.executor import executor_at
from musicgen.workflows.sweep_settings import SweepSettings

log = logging.getLogger(__name__)
CODE = "function.json"
"""The file of a sweep's folder with the name of the swept function and a digest of its source."""


@dataclass(frozen=True)
class FunctionSweep:
    """A sweep of a function that is completely checked and has not begun."""

    plan: Plan
    objective: FunctionObjective
    executor: Executor
    folder: Path
    code: Callable[..., Any]
    """The function that is watched for changes."""

    @property
    def notes(self) -> list[str]:
        """Lines about how it begins."""
        warm = self.plan.warm_start
        return [] if warm is None else [warm.described(self.plan.sampler)]

    def driver(
        self, observe: Observer, on_refresh: Callable[[list[Row]], None] = lambda rows: None
    ) -> Driver:
        """The driver that runs or resumes the sweep."""
        kept = False

        def observed(event: Started | Judged | Finished) -> None:
            nonlocal kept
            if not kept:  # only since its first event the folder belongs to this sweep
                kept = True
                _keep_code(self.code, self.folder)
            observe(event)

        return Driver(
            self.plan,
            self.objective,
            self.executor,
            self.folder,
            observe=observed,
            on_refresh=on_refresh,
        )


def prepare(
    function: Callable[[Trial], Any],
    space: Mapping[str, Any],
    folder: Path,
    settings: SweepSettings,
    *,
    code: Callable[..., Any] | None = None,
    groups: tuple[str, ...] = (),
    fixed: tuple[Settings, ...] = (),
    commands: Mapping[str, list[str]] | None = None,
    own: Point | None = None,
) -> FunctionSweep:
    """Check a sweep of a function and connect its executor.

    space: the varied parameters by name, each a Choice, Float, Int, or a list of values. code: the
    function to watch for changes, if it is not `function` itself; a change since the sweep began is
    logged. groups, fixed: the groups and settings of an application's configuration, see `Plan`.
    commands: the commands that the folder keeps for reports. own: the point with which a search
    begins, see `Plan`.
    Raises InputError before anything is created.
    """
    if not callable(function):
        raise InputError(
            f"the objective must be a function of a trial, got {type(function).__name__}"
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"folder must be a folder, got {folder}, which is a file")
    made = _plan(_space(space, settings.seeds), settings, groups, fixed, commands or {}, own)
    objective = FunctionObjective(function, tuple(settings.objectives))
    made = pausing_if_possible(made, objective)
    made = replace(made, warm_start=warm_started(made, settings.warm_start, folder))
    packed(objective)  # raises InputError if it can't be sent, before a folder is made
    executor = executor_at(
        _Place(settings), {"auto" if settings.gpus else "cpu"}, lambda params: "auto"
    )
    _tell_changes(code or function, folder)
    return FunctionSweep(made, objective, executor, folder, code or function)


def _tell_changes(function: Callable[..., Any], folder: Path) -> None:
    """Log a line if the function has changed since the sweep began.

    Finished trials are kept. They must not be lost because a comment was changed or an error was
    corrected.
    """
    path = folder / CODE
    now = {"function": _name(function), "source": _digest(function)}
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        before = now
    if before != now:
        log.warning(
            "the code of %s has changed since the sweep in %s began: trials that have ended stay "
            "as they are; another folder begins anew",
            now["function"],
            folder,
        )


def _keep_code(function: Callable[..., Any], folder: Path) -> None:
    """Store the name and digest of a sweep's function, for `_tell_changes`."""
    about = {"function": _name(function), "source": _digest(function)}
    write_text(folder / CODE, json.dumps(about, indent=2) + "\n")


def _name(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _digest(function: Any) -> str:
    """The digest of a function's source, or its class's; of its bytecode if there is no source."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if not hasattr(function, "__code__") and not inspect.isclass(function):
        function = getattr(function, "__func__", type(function))
    try:
        data = inspect.getsource(function).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        data = b"" if code is None else code.co_code + repr(code.co_names).encode()
    return hashlib.sha256(data).hexdigest()[:16]


class _Place:
    """The place where a function's trials run, for `executor_at`."""

    def __init__(self, settings: SweepSettings) -> None:
        self.executor = settings.executor
        self.workers = str(settings.workers)
        self.trials_per_gpu = settings.trials_per_gpu
        self.ray = settings.ray_config()


def _space(given: Mapping[str, Any], seeds: int) -> Space:
    """The dimensions by name. Raises InputError."""
    if not isinstance(given, Mapping) or not given:
        raise InputError(
            'space must be a dictionary of what is varied, such as {"lr": Float(1e-4, 0.1)}, '
            f"got {given!r}"
        )
    taken = ("number", "status", *(("n", "run") if seeds > 1 else ()))
    for name in given:
        if not isinstance(name, str) or name in taken:
            raise InputError(
                f"space must have names other than {', '.join(taken)}, which are columns of its "
                f"tables, got {name!r}; choose another one"
            )
    return {name: _dimension(name, values) for name, values in given.items()}


def _dimension(name: str, values: Any) -> Dimension:
    if isinstance(values, Choice | Float | Int):
        return values
    if isinstance(values, Sequence) and not isinstance(values, str):
        try:
            return Choice(tuple(values))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    raise InputError(
        f"{name} must be a Choice, a Float, an Int or a list of values, got {values!r}"
    )


def _plan(
    space: Space,
    settings: SweepSettings,
    groups: tuple[str, ...],
    fixed: tuple[Settings, ...],
    commands: Mapping[str, list[str]],
    own: Point | None,
) -> Plan:
    if shared := space.keys() & settings.objectives.keys():
        raise InputError(f"{sorted(shared)[0]} is varied, so it cannot be an objective too")
    usual = GRID if settings.n_trials is None else "tpe"
    sampler, sampler_settings = _component("sampler", settings.sampler or usual)
    pruner, pruner_settings = _component("pruner", settings.pruner)
    if settings.n_trials is None and sampler != GRID:
        raise InputError(f"n_trials must be given for sampler={sampler}; say how many, or grid")
    if settings.n_trials is None and not grid_size(space):
        raise InputError(
            "n_trials must be given where a range has no step; say how many, or give it a step"
        )
    return Plan(
        space,
        own=own,
        constraints=parsed(settings.constraints),
        enqueued=listed(settings.enqueue, "enqueue", lambda point: complete(point, {}, space)),
        objectives=settings.objectives,
        sampler=sampler,
        sampler_settings=sampler_settings,
        pruner=pruner,
        pruner_settings=pruner_settings,
        seed=settings.seed,
        timeout_s=_seconds(settings.timeout),
        **limits(settings),
        groups=groups,
        settings=fixed,
        commands=commands,
    )


def _component(
    kind: Literal["sampler", "pruner"], given: str | Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The name and settings of a sampler or a pruner; settings that are not given come from
    `conf/`."""
    asked = {"name": given} if isinstance(given, str) else dict(given)
    name = asked.pop("name", None)
    if not isinstance(name, str):
        raise InputError(f"{kind} must be a name, or a dictionary with a name, got {given!r}")
    component(kind, name)
    # A plugin's component has no file there: its class has the defaults. What interpolates a key is
    # left out, because only trainings have that key.
    usual = {key: v for key, v in conf(f"{kind}/{name}").items() if "${" not in str(v)}
    return name, {**{k: v for k, v in usual.items() if k not in ("defaults", "name")}, **asked}


def _seconds(timeout: str | float | None) -> float | None:
    if timeout is None:
        return None
    try:
        return seconds(str(timeout))
    except ValueError:
        raise InputError(
            f"timeout must be a time such as 2h, 30m or 90 (seconds), got {timeout!r}"
        ) from None
