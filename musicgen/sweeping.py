"""From a composed sweep to a driven one: its configurations, its plan, its folder, its end."""

import itertools
import logging
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen import config as schema
from musicgen import corpus
from musicgen.command import known_keys, near, shown, typed_arguments
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.executors import Accelerator, make_executor
from musicgen.keys import Config, DataConfig, TrainConfig
from musicgen.music.measures import DIRECTIONS
from musicgen.objective import TrainingObjective
from musicgen.overrides import flatten, spelled
from musicgen.sweep.driver import Driver, Outcome
from musicgen.sweep.plan import Direction, Plan
from musicgen.sweep.results import Row
from musicgen.sweep.space import Choice, Float, Space, digest, grid, grid_size
from musicgen.sweep.worker import one_line
from musicgen.sweep_display import SweepDisplay
from musicgen.sweeper import Swept

DRIVERS = ("sweep.", "sampler", "pruner", "resume", "report")
"""Keys of the sweep as a whole."""
OBJECTIVES: dict[str, Direction] = {
    "val_loss": "minimize",
    "val_accuracy": "maximize",
    "val_accuracy_best": "maximize",
    "train_loss": "minimize",
    "train_accuracy": "maximize",
    "parameters": "minimize",
    "epochs": "minimize",
    "seconds": "minimize",
    "chars_per_s": "maximize",
    **DIRECTIONS,
}
"""Results to judge a configuration by. Not test_loss: the test split selects nothing."""
PER_EPOCH = ("val_loss", "val_accuracy", "train_loss", "train_accuracy")
"""Objectives that are known after each epoch, by which a pruner can judge."""
log = logging.getLogger(__name__)
COMMAND = "python -m musicgen.train"
CHECKED = 10_000
"""Points of a grid that are checked before the first trial, at about 0.3 ms each."""


def run(swept: Swept) -> None:
    """Drive a sweep to its end.

    Raises InputError before anything is created, RunError if too much failed, Interrupted after
    Ctrl-C.
    """
    _refuse_driver_keys(swept)
    bases = _bases(swept)
    first = next(iter(bases.values()))
    settings = first.sweep
    space = _converted(swept)
    for base in bases.values():
        base.trainer.threads = base.trainer.threads or 1
    objective = TrainingObjective(
        {choices: schema.to_dict(base) for choices, base in bases.items()},
        swept.groups,
        judged=next((name for name in settings.objective[:1] if name in PER_EPOCH), "val_loss"),
        shelf=settings.shelf and str(Path(settings.shelf).absolute()),
    )
    plan = _plan(first, space, bases)
    _check_points(objective, plan)
    objective = replace(objective, corpora=_corpora(objective, space))
    trial_command = _trial_command(swept)
    plan = replace(
        plan,
        fingerprint={**plan.fingerprint, **_digests(objective, space)},
        commands={
            "command": _command(),
            "trial_command": trial_command,
        },
    )
    folder = _folder(swept, settings.name, space)
    executor = make_executor(first, *_accelerators(objective, bases, space))
    display = SweepDisplay(plan, shown(folder), executor.workers)
    latest: list[Row] = []

    def refreshed(rows: list[Row]) -> None:
        latest[:] = rows
        _draw(folder, plan, rows)

    driver = Driver(
        plan, objective, executor, folder, observe=display.observe, on_refresh=refreshed
    )
    try:
        with _stopping(driver), display.showing(driver):
            outcome = driver.run()
    except RunError:
        display.ranking(latest)
        if first.report:
            display.reported(_report(folder))
        raise
    display.ended(outcome, _best_command(swept, outcome, trial_command))
    if outcome.interrupted:
        raise Interrupted(f"stopped; to go on: {_command()}")
    if first.report:
        display.reported(_report(folder))


def _command() -> str:
    """What started this sweep, as pages and logs may show it."""
    return f"{COMMAND} {typed_arguments()}"


def _trial_command(swept: Swept) -> str:
    """What trains one configuration, up to the swept values."""
    kept = [o for o in swept.fixed if not o.lstrip("+").startswith(DRIVERS)]
    threads = [] if any(o.startswith("trainer.threads=") for o in kept) else ["trainer.threads=1"]
    return f"{COMMAND} {shlex.join([*kept, *threads])}"


def _best_command(swept: Swept, outcome: Outcome, trial_command: str) -> str:
    """What trains the best configuration again."""
    if not outcome.rows:
        return ""
    values = [f"{key}={spelled(outcome.rows[0][key])}" for key in swept.space]
    return f"{trial_command} {shlex.join(values)}"


def _refuse_driver_keys(swept: Swept) -> None:
    for key in swept.space:
        if f"{key}.".startswith((*DRIVERS, "experiment.")):
            raise InputError(f"{key} is not a trial's, so it cannot be swept; give it one value")
    if any(override.startswith("resume=") for override in swept.fixed):
        raise InputError("resume goes on with a run; a sweep goes on by itself: leave resume out")


def _bases(swept: Swept) -> dict[tuple[str, ...], TrainConfig]:
    """The typed configurations of the groups' choices, swept keys at their first values."""
    bases = {}
    for choices, composed in swept.bases.items():
        for key, dimension in swept.space.items():
            if key in swept.groups:
                continue
            path, _, last = key.rpartition(".")
            part = OmegaConf.select(composed, path) if path else composed
            if not OmegaConf.is_dict(part) or last not in part:
                fits = f" with {' '.join(choices)}"
                hint = fits if key in known_keys() else near(key, known_keys())
                raise InputError(f"there is no key {key}{hint}; --help lists the keys")
            if isinstance(dimension, Choice) and OmegaConf.select(composed, key) is None:
                _cast(composed, key, dimension.values[0], keep=True)
        bases[choices] = schema.typed(composed, TrainConfig)
    return bases


def _converted(swept: Swept) -> Space:
    """The space with every value as the key's type has it (150 as 150.0 where that is a float)."""
    space = dict(swept.space)
    composed = next(iter(swept.bases.values()))
    for key, dimension in swept.space.items():
        if isinstance(dimension, Choice) and key not in swept.groups:
            space[key] = Choice(tuple(_cast(composed, key, value) for value in dimension.values))
        elif isinstance(dimension, Float):
            try:
                _cast(composed, key, dimension.low)
            except InputError as error:
                raise InputError(f"{error}; whole numbers are int(interval(...))") from None
    return space


def _cast(composed: DictConfig, key: str, value: Any, *, keep: bool = False) -> Any:
    """The value as the key's type has it. Raises InputError. keep: leave it there."""
    before = OmegaConf.select(composed, key)
    try:
        OmegaConf.update(composed, key, value)
        cast = OmegaConf.select(composed, key)
        return OmegaConf.to_container(cast) if OmegaConf.is_config(cast) else cast
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{key}: {reason}; --help says what {key} takes") from None
    finally:
        if not keep:
            OmegaConf.update(composed, key, before)


def _plan(first: TrainConfig, space: Space, bases: Mapping[Any, Config]) -> Plan:
    settings = first.sweep
    for name in settings.objective:
        if name not in OBJECTIVES:
            raise InputError(
                f"sweep.objective must be of {', '.join(OBJECTIVES)}, got {name}"
                f"{near(name, OBJECTIVES) or '; choose one of them'}"
            )
        if name in DIRECTIONS and not first.samples.measure:
            raise InputError(
                f"sweep.objective={name} needs samples.measure=true, got false; set it, or take "
                "another objective"
            )
    if first.pruner.name != "none" and settings.objective[:1] not in [[n] for n in PER_EPOCH]:
        raise InputError(
            f"pruner={first.pruner.name} judges by an objective known after each epoch "
            f"({', '.join(PER_EPOCH)}), got {settings.objective}; take pruner=none"
        )
    sampler, pruner = (schema.settings(part) for part in (first.sampler, first.pruner))
    limit = settings.max_failures
    return Plan(
        space=space,
        n_trials=settings.n_trials,
        objectives={name: OBJECTIVES[name] for name in settings.objective},
        sampler=first.sampler.name,
        sampler_settings=sampler,
        pruner=first.pruner.name,
        pruner_settings=pruner,
        seed=first.seed,
        seeds=settings.seeds,
        retries=settings.retries,
        max_failures=int(limit) if limit is not None and limit >= 1 else limit,
        storage=settings.storage,
        fingerprint=_fingerprint(space, bases),
    )


def _fingerprint(space: Space, bases: Mapping[Any, Config]) -> dict[str, str]:
    """All that a trial depends on besides the space, as text by key."""
    many = len(bases) > 1
    return {
        f"{'/'.join(choices)} {key}" if many else key: str(value)
        for choices, base in bases.items()
        for key, value in flatten(schema.to_dict(base)).items()
        if key not in space
    }


def _check_points(objective: TrainingObjective, plan: Plan) -> None:
    """Raise InputError for a point that no training could start from."""
    small = plan.sampler == "grid" and grid_size(plan.space) <= CHECKED
    for point in grid(plan.space) if small else _axes(plan.space):
        objective.config(point)


def _axes(space: Space) -> Iterator[dict[str, Any]]:
    """Points that take every value of every key at least once, a range's ends for a range."""
    values = _ends(space)
    first = {key: ends[0] for key, ends in values.items()}
    for key, ends in values.items():
        for value in ends:
            yield {**first, key: value}


def _ends(space: Space) -> dict[str, tuple[Any, ...]]:
    """Each key's values, a range's ends for a range."""
    return {
        key: dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for key, dimension in space.items()
    }


def _corpora(objective: TrainingObjective, space: Space) -> dict[str, corpus.Corpus]:
    """Every corpus that a trial may read, by label, prepared here once.

    Workers are given them, and what is wrong is said once and before the first trial. Of a range
    there are its ends; what lies between is read where the trial runs.
    """
    return {objective.label(data): corpus.of(data) for data in _corpus_settings(objective, space)}


def _digests(objective: TrainingObjective, space: Space) -> dict[str, str]:
    """The corpora's digests: a sweep does not go on with other tunes than it began with."""
    settings = _corpus_settings(objective, space)
    digests = {}
    for data in settings:
        alike = [
            corpus.arguments(other)
            for other in settings
            if (other.name, other.path) == (data.name, data.path)
        ]
        rest = [
            f"{key}={value}"
            for key, value in corpus.arguments(data).items()
            if any(arguments[key] != value for arguments in alike)
        ]
        name = " ".join(["corpus", data.name, *filter(None, [data.path]), *rest])
        digests[name] = objective.corpora[objective.label(data)].digest
    return digests


def _corpus_settings(objective: TrainingObjective, space: Space) -> list[DataConfig]:
    """What trials ask of corpora, each once: every combination of what is swept of the data."""
    values = _ends(space)
    axes = [
        ends if key == "data" or key.startswith("data.") else ends[:1]
        for key, ends in values.items()
    ]
    points = (dict(zip(values, point, strict=True)) for point in itertools.product(*axes))
    found = [objective.config(point).data for point in points]
    return list({objective.label(data): data for data in found}.values())


def _accelerators(
    objective: TrainingObjective, bases: Mapping[Any, Config], space: Space
) -> tuple[set[str], Accelerator]:
    """trainer.accelerator of all trials, and that of one by its params."""
    swept = space.get("trainer.accelerator")
    asked = {base.trainer.accelerator for base in bases.values()}
    if isinstance(swept, Choice):
        asked = {str(value) for value in swept.values}

    def of(params: Mapping[str, Any]) -> str:
        if len(asked) == 1:
            return next(iter(asked))
        return objective.config(params).trainer.accelerator

    return asked, of


def _folder(swept: Swept, name: str | None, space: Space) -> Path:
    experiment = swept.settings.runtime.choices.get("experiment")
    name = name or experiment or digest(space)
    sweep = OmegaConf.to_container(swept.settings.sweep, resolve=False)
    assert isinstance(sweep, dict)
    written = str(sweep["dir"]).replace("${sweep.name}", name)
    return Path(OmegaConf.create({"dir": written}).dir).absolute()


@contextmanager
def _stopping(driver: Driver) -> Iterator[None]:
    """Ctrl-C once stops at checkpoints, twice at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        driver.request_stop()

    before = [(n, signal.signal(n, stop)) for n in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _draw(folder: Path, plan: Plan, rows: list[dict[str, Any]]) -> None:
    """Draw the curves; whatever fails there is not worth a sweep."""
    try:
        from musicgen.report.curves import draw

        draw(folder, rows, list(plan.space), plan.seeds)
    except Exception as error:
        log.warning("no curves this time: %s", one_line(error))


def _report(folder: Path) -> Path | None:
    """Write the sweep's page; None if that failed, which is not worth a sweep either."""
    try:
        from musicgen.report.write import write

        return write([folder])
    except Exception as error:
        again = f"python -m musicgen.report {shown(folder)}"
        log.warning("no report this time: %s; %s", one_line(error), again)
    except KeyboardInterrupt:
        log.warning("no report; python -m musicgen.report %s makes one", shown(folder))
    return None
