"""From a composed sweep to a driven one: its configurations, its plan, its folder, its end."""

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen import config as schema
from musicgen import corpus
from musicgen.command import known_keys, near, shown
from musicgen.errors import InputError, Interrupted
from musicgen.objective import TrainingObjective
from musicgen.sweep.driver import Driver, Outcome
from musicgen.sweep.local import LocalExecutor, slots
from musicgen.sweep.plan import Direction, Plan
from musicgen.sweep.space import Choice, Space, digest, grid, grid_size
from musicgen.sweep_display import SweepDisplay
from musicgen.sweeper import Swept, written

DRIVERS = ("sweep.", "sampler", "pruner", "resume")
"""Keys of the sweep as a whole."""
MAXIMIZE = {"val_accuracy", "val_accuracy_best", "train_accuracy", "chars_per_s"}
"""Objectives of which more is better."""
COMMAND = "python -m musicgen.train"
CHECKED = 10_000
"""Points of a grid that are checked before the first trial, at about 0.3 ms each."""


def run(swept: Swept) -> None:
    """Drive a sweep to its end.

    Raises InputError before anything is created, RunError if too much failed, Interrupted after
    Ctrl-C.
    """
    bases = {
        choices: schema.typed(base, schema.TrainConfig) for choices, base in swept.bases.items()
    }
    first = next(iter(bases.values()))
    settings = first.sweep
    _refuse_driver_keys(swept.space)
    space = _converted(swept, bases)
    for base in bases.values():
        base.trainer.threads = base.trainer.threads or 1
    objective = TrainingObjective(
        {choices: schema.to_dict(base) for choices, base in bases.items()}, swept.groups
    )
    plan = _plan(first, space, bases)
    _check_points(objective, plan)
    environments = slots(
        settings.workers if settings.workers == "auto" else _count(settings.workers),
        gpus=0 if first.trainer.accelerator == "cpu" else _gpus(),
        trials_per_gpu=settings.trials_per_gpu,
    )
    _prepare_corpora(bases.values())
    folder = _folder(swept, settings.name, space)
    display = SweepDisplay(plan, shown(folder), len(environments))
    driver = Driver(
        plan,
        objective,
        LocalExecutor(environments),
        folder,
        observe=display.observe,
        on_refresh=lambda rows: _draw(folder, plan, rows),
    )
    with _stopping(driver), display.showing(driver):
        outcome = driver.run()
    display.ended(outcome, _best_command(swept, outcome))
    if outcome.interrupted:
        raise Interrupted(f"stopped; to go on: {COMMAND} {shlex.join(sys.argv[1:])}")


def _best_command(swept: Swept, outcome: Outcome) -> str:
    """What trains the best configuration again."""
    if not outcome.rows:
        return ""
    kept = [o for o in swept.fixed if not o.lstrip("+").startswith(DRIVERS)]
    values = [f"{key}={written(outcome.rows[0][key])}" for key in swept.space]
    threads = [] if any(o.startswith("trainer.threads=") for o in kept) else ["trainer.threads=1"]
    return f"{COMMAND} {shlex.join([*kept, *values, *threads])}"


def _refuse_driver_keys(space: Space) -> None:
    for key in space:
        if f"{key}.".startswith(DRIVERS):
            raise InputError(f"{key} is not a trial's, so it cannot be swept; give it one value")


def _converted(swept: Swept, bases: Mapping[Any, schema.TrainConfig]) -> Space:
    """The space with every value as the key's type has it (150 as 150.0 where that is a float)."""
    space = dict(swept.space)
    for key, dimension in swept.space.items():
        if key in swept.groups:
            continue
        for base in bases.values():
            known = {name for name, _, _ in schema.leaves(base)}
            if key not in known:
                hint = near(key, known_keys()) or "; --help lists the keys"
                raise InputError(f"there is no key {key}{hint}")
        if isinstance(dimension, Choice):
            composed = next(iter(swept.bases.values()))
            values = tuple(_cast(composed, key, value) for value in dimension.values)
            space[key] = Choice(values)
    return space


def _cast(composed: DictConfig, key: str, value: Any) -> Any:
    before = OmegaConf.select(composed, key)
    try:
        OmegaConf.update(composed, key, value)
        cast = OmegaConf.select(composed, key)
        return OmegaConf.to_container(cast) if OmegaConf.is_config(cast) else cast
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{key}: {reason}; --help says what {key} takes") from None
    finally:
        OmegaConf.update(composed, key, before)


def _plan(first: schema.TrainConfig, space: Space, bases: Mapping[Any, schema.Config]) -> Plan:
    settings = first.sweep
    directions: dict[str, Direction] = {
        name: "maximize" if name in MAXIMIZE else "minimize" for name in settings.objective
    }
    sampler, pruner = (schema.settings(part) for part in (first.sampler, first.pruner))
    limit = settings.max_failures
    return Plan(
        space=space,
        n_trials=settings.n_trials,
        objectives=directions,
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


def _fingerprint(space: Space, bases: Mapping[Any, schema.Config]) -> dict[str, str]:
    """All that a trial depends on besides the space, as text by key."""
    many = len(bases) > 1
    return {
        f"{'/'.join(choices)} {key}" if many else key: str(value)
        for choices, base in bases.items()
        for key, value in schema.flatten(schema.to_dict(base)).items()
        if key not in space
    }


def _check_points(objective: TrainingObjective, plan: Plan) -> None:
    """Raise InputError for a point that no training could start from."""
    if plan.sampler == "grid":
        if grid_size(plan.space) <= CHECKED:
            for point in grid(plan.space):
                objective.config(point)
        return
    ends = {
        key: dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for key, dimension in plan.space.items()
    }
    first = {key: values[0] for key, values in ends.items()}
    for key, values in ends.items():
        for value in values:
            objective.config({**first, key: value})


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"sweep.workers must be auto or at least 1, got {text}") from None


def _gpus() -> int:
    """GPUs of this machine. The driver does without PyTorch, which takes seconds to import."""
    if (program := shutil.which("nvidia-smi")) is None:
        return 0
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def _prepare_corpora(bases: Iterable[schema.Config]) -> None:
    """Read the corpora once here: workers find them prepared, and what is wrong is said once."""
    for data in {str(base.data): base.data for base in bases}.values():
        corpus.of(data)


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
    from musicgen.report.curves import draw

    draw(folder, rows, list(plan.space), plan.seeds)
