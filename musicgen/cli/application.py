"""Sweeps of any Hydra application, which has `hydra/sweeper: musicgen` in its defaults and runs
with -m."""

import hashlib
import json
import logging
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from musicgen.cli.advice import APPLICATION
from musicgen.cli.ending import ending
from musicgen.cli.function_sweep import drive
from musicgen.cli.hydra_job import HydraJob
from musicgen.cli.sweep_overrides import compose, prefixes
from musicgen.config.following import plain
from musicgen.config.overrides import flatten, shell, without_password
from musicgen.config.schema import near
from musicgen.errors import InputError, Interrupted, settings_of
from musicgen.sweep.plan import Settings
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.samplers import GRID
from musicgen.sweep.space import describe
from musicgen.system.paths import display_path
from musicgen.workflows.composed_sweep import ComposedSweep
from musicgen.workflows.enqueued import enqueued, own_point
from musicgen.workflows.function_sweep import prepare
from musicgen.workflows.sweep_settings import SweepSettings


def sweep(
    context: HydraContext, task: TaskFunction, config: DictConfig, arguments: list[str]
) -> None:
    """Sweep an application to the end, or go on with the sweep in its folder.

    config: the configuration, composed without the swept keys. arguments: the typed overrides.
    After an error the process ends with the error's line and exit code, as in our own commands.
    """
    with ending(words=APPLICATION), settings_of("hydra.sweeper."):
        _sweep(context, task, config, arguments)


def _sweep(
    context: HydraContext, task: TaskFunction, config: DictConfig, arguments: list[str]
) -> None:
    known = flatten(plain(config))

    def missing(key: str, chosen: str) -> str:
        return (
            f"there is no key {key}{near(key, known) or ''}; what the configuration has not is "
            f"added with +{key}=..."
        )

    loader = context.config_loader
    swept = compose(loader, config, arguments, missing)
    if not swept.space:
        raise InputError("-m needs a key with several values, such as key=1,2; or leave out -m")
    settings = _settings(config.hydra.sweeper)
    own, note = None, ""
    if config.hydra.sweeper.defaults_first:
        own, note = own_point(swept, swept.space, "hydra.sweeper.defaults_first")
    points = enqueued(swept, swept.space, settings.enqueue, "hydra.sweeper.enqueue")
    job = HydraJob(
        context,
        task,
        config,
        groups=swept.groups,
        fixed=swept.fixed,
        prefixes=prefixes(loader, arguments),
        seed_key=_seed_key(config, swept, settings),
    )
    folder = _folder(config, swept)
    program = ["python", *_program()]
    trial_command = [*program, *map(without_password, swept.fixed)]
    again = [*program, *map(without_password, sys.argv[1:])]
    prepared = prepare(
        job,
        swept.space,
        folder,
        replace(settings, enqueue=points),
        code=task,
        groups=swept.groups,
        fixed=_fixed(swept),
        commands={"command": again, "trial_command": trial_command},
        own=own,
    )
    if not config.hydra.verbose:  # the display shows the same as the log
        logging.getLogger("musicgen").setLevel(logging.WARNING)
    begins = note and prepared.plan.sampler != GRID and not SweepRecord.within(folder)
    display, outcome = drive(prepared, [*swept.notes, *([note] if begins else [])])
    display.ended(outcome, swept.best_command(outcome.rows, trial_command))
    if outcome.interrupted:
        raise Interrupted(f"stopped; to go on: {shell(again)}")


def _settings(sweeper: DictConfig) -> SweepSettings:
    """The settings of the sweep. Raises InputError."""
    given: Any = OmegaConf.to_container(sweeper, resolve=True)
    names, ways = (_listed(given[key]) for key in ("objective", "direction"))
    if len(names) != len(ways):
        raise InputError(
            f"hydra.sweeper.direction must have a way for each objective, got {len(ways)} for "
            f"{len(names)}; list as many"
        )
    own = {f.name: given[f.name] for f in fields(SweepSettings) if f.name in given}
    return SweepSettings(objectives=dict(zip(names, ways, strict=True)), **own)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _seed_key(config: DictConfig, swept: ComposedSweep, settings: SweepSettings) -> str | None:
    """The key that is set to each run's seed; None if configurations have one run. Raises
    InputError."""
    key = config.hydra.sweeper.seed_key
    if settings.seeds == 1 or key is None:
        return None
    if key in swept.space:
        raise InputError(f"{key} is swept, so it cannot get the seeds too; leave out one of them")
    if not all(key in flatten(plain(base)) for base in swept.bases.values()):
        raise InputError(
            f"hydra.sweeper.seed_key must be a key of the configuration, got {key}; name the one "
            "that gets each run's seed, or null if the program asks musicgen.current_trial().seed"
        )
    return str(key)


def _folder(config: DictConfig, swept: ComposedSweep) -> Path:
    """The sweep's folder. It is the same for the same command, so that the command resumes it.

    Hydra's own default contains the time, so the same command would not find the sweep again.
    """
    named = config.hydra.sweeper.folder
    if named is None:
        sweep: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        timed = "${now:" in str(sweep["dir"])
        named = None if timed else config.hydra.sweep.dir
    if named is None:
        text = json.dumps([describe(swept.space), swept.fixed])
        name = f"{config.hydra.job.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        named = Path("multirun") / name
    return Path(str(named)).absolute()


def _fixed(swept: ComposedSweep) -> tuple[Settings, ...]:
    """The settings that are not swept, with their interpolations unresolved: these may depend on
    the folder or the time."""
    keys = tuple(f"{key}." for key in swept.space if key not in swept.groups)
    made = []
    for choices, base in swept.bases.items():
        values = {
            key: _as_json(value)
            for key, value in flatten(plain(base)).items()
            if not f"{key}.".startswith(keys)
        }
        made.append(Settings(values, choices))
    return tuple(made)


def _as_json(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return str(value)


def _program() -> list[str]:
    """The words that run this program: its file, or -m with its module."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return ["-m", spec.name] if spec is not None else [display_path(Path(sys.argv[0]).absolute())]
