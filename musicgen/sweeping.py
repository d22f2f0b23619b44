"""From a composed sweep to a driven one: its configurations, its plan, its folder, its end."""

import itertools
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from musicgen import config as schema
from musicgen import corpus
from musicgen.bases import converted, fingerprint, followed, typed, usual
from musicgen.command import hearing, near, place_flags, shown, typed_arguments
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.executors import Accelerator, make_executor
from musicgen.following import leaders, plain, selected
from musicgen.keys import Config, DataConfig, TrainConfig
from musicgen.music.measures import DIRECTIONS
from musicgen.objective import TrainingObjective
from musicgen.overrides import seconds, shell, spelled
from musicgen.points import check
from musicgen.sweep.driver import Driver, Outcome
from musicgen.sweep.plan import Direction, Plan
from musicgen.sweep.results import Row, told
from musicgen.sweep.space import Choice, Space, digest, ends, points
from musicgen.sweep.trial import COMPLETED, DIVERGED, PRUNED
from musicgen.sweep.worker import one_line
from musicgen.sweep_display import SweepDisplay
from musicgen.swept import Swept

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


def run(swept: Swept) -> None:
    """Drive a sweep to its end.

    Raises InputError before anything is created, RunError if too much failed, Interrupted after
    Ctrl-C.
    """
    _refuse_driver_keys(swept)
    space = converted(swept)
    follows = followed(swept, space, DRIVERS)
    bases = typed(swept, space)
    first = next(iter(bases.values()))
    settings = first.sweep
    for base in bases.values():
        base.trainer.threads = base.trainer.threads or 1
    objective = TrainingObjective(
        {choices: schema.to_dict(base) for choices, base in bases.items()},
        swept.groups,
        judged=next((name for name in settings.objective[:1] if name in PER_EPOCH), "val_loss"),
        shelf=settings.shelf and str(Path(settings.shelf).absolute()),
        following=follows,
    )
    plan = _plan(first, space, fingerprint(swept, space, bases, follows))
    check(objective, space)
    objective = replace(objective, corpora=_corpora(objective, space))
    trial_command = _trial_command(swept)
    if follows:  # a value that is typed and one that follows may be the same
        plan = replace(plan, name=lambda point: schema.digest(objective.config(point)))
    plan = replace(
        plan,
        usual=usual(plan.fingerprint),
        fingerprint={**plan.fingerprint, **_digests(objective, space)},
        commands={
            "command": _command(),
            "trial_command": trial_command,
        },
    )
    keep = _number_kept(settings.keep)
    folder = _folder(swept, settings.name, space)
    executor = make_executor(first, *_accelerators(objective, space))
    display = SweepDisplay(plan, shown(folder), executor.workers, swept.notes)
    latest: list[Row] = []

    def refreshed(rows: list[Row]) -> None:
        latest[:] = rows
        _draw(folder, plan, rows)

    driver = Driver(
        plan, objective, executor, folder, observe=display.observe, on_refresh=refreshed
    )
    try:
        with hearing(lambda _: driver.request_stop()), display.showing(driver):
            outcome = driver.run()
    except RunError:
        display.ranking(latest)
        if first.report:
            display.reported(_report(folder))
        raise
    display.ended(outcome, _best_command(swept, outcome, trial_command))
    if outcome.interrupted:
        failures = outcome.failures
        failed = f"{failures.total():,} failed ({told(failures)}); " if failures else ""
        raise Interrupted(f"stopped; {failed}to go on: {_command()}")
    if first.report:
        display.reported(_report(folder))
    if not outcome.timed_out:
        _keep_best(folder, outcome.rows, keep)
    if outcome.timed_out:
        display.timed_out(str(settings.timeout), _command())
    if outcome.failures:
        raise RunError(
            f"{outcome.failures.total():,} of {plan.total:,} configurations failed "
            f"({told(outcome.failures)}); to try them again: {_command()}"
        )


def _command() -> str:
    """What started this sweep, as pages and logs may show it."""
    return f"{COMMAND} {typed_arguments()}"


def _trial_command(swept: Swept) -> str:
    """What trains one configuration, up to the swept values."""
    kept = [o for o in swept.fixed if not o.lstrip("+").startswith(DRIVERS)]
    threads = [] if any(o.startswith("trainer.threads=") for o in kept) else ["trainer.threads=1"]
    return f"{COMMAND} {shell([*place_flags(), *kept, *threads])}"


def _best_command(swept: Swept, outcome: Outcome, trial_command: str) -> str:
    """What trains the best configuration again."""
    if not outcome.rows:
        return ""
    best = outcome.rows[0]
    values = [f"{key}={spelled(best[key])}" for key in swept.space if key in best]
    return f"{trial_command} {shell(values)}"


def _refuse_driver_keys(swept: Swept) -> None:
    for key in swept.space:
        if f"{key}.".startswith((*DRIVERS, "experiment.")):
            several = "; several are a list: [a,b]" if key == "sweep.objective" else ""
            raise InputError(
                f"{key} is not a trial's, so it cannot be swept; give it one value{several}"
            )
    if any(override.startswith("resume=") for override in swept.fixed):
        raise InputError("resume goes on with a run; a sweep goes on by itself: leave resume out")


def _plan(first: TrainConfig, space: Space, fingerprint: Mapping[str, str]) -> Plan:
    settings = first.sweep
    for place, name in enumerate(settings.objective):
        if name in settings.objective[:place]:
            raise InputError(f"sweep.objective must have each name once, got {name} again")
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
    _check_seeds(first, space)
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
        max_failures_in_a_row=settings.max_failures_in_a_row,
        retry_failed=settings.retry_failed,
        timeout_s=None if settings.timeout is None else seconds(settings.timeout),
        storage=settings.storage,
        fingerprint=fingerprint,
    )


def _check_seeds(first: TrainConfig, space: Space) -> None:
    """Raise InputError if two configurations would train the same seed."""
    dimension, runs = space.get("seed"), first.sweep.seeds
    if dimension is None or runs == 1:
        return
    if isinstance(dimension, Choice):
        begins = sorted(dimension.values)
        apart = all(b - a >= runs for a, b in itertools.pairwise(begins))
    else:
        apart = (dimension.step or 0) >= runs or dimension.low == dimension.high
    if not apart:
        raise InputError(
            f"seed={dimension} and sweep.seeds={runs} must not give two configurations the same "
            f"seed (each trains its own and the {runs - 1} after it); leave out one of the two keys"
        )


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
    """What trials ask of corpora, each once."""
    found = [config.data for config in _differing(objective, space, "data")]
    return list({objective.label(data): data for data in found}.values())


def _accelerators(objective: TrainingObjective, space: Space) -> tuple[set[str], Accelerator]:
    """trainer.accelerator of all trials, and that of one by its params."""
    differing = _differing(objective, space, "trainer.accelerator")
    asked = {config.trainer.accelerator for config in differing}

    def of(params: Mapping[str, Any]) -> str:
        return objective.config(params).trainer.accelerator

    return asked, of


def _differing(objective: TrainingObjective, space: Space, part: str) -> list[Config]:
    """Configurations with every combination of what is swept of a part, or decides it."""
    leading = {
        leader
        for follows in objective.following.values()
        for key, found in follows.leaders.items()
        if _is_within(key, part)
        for leader in found
    }
    leading |= {*objective.groups}
    axes = {
        key: found if _is_within(key, part) or key in leading else found[:1]
        for key, found in ends(space).items()
    }
    return [objective.config(point) for point in points(space, axes)]


def _is_within(key: str, part: str) -> bool:
    return f"{key}.".startswith(f"{part}.")


def _folder(swept: Swept, name: str | None, space: Space) -> Path:
    experiment = swept.settings.runtime.choices.get("experiment")
    name = name or experiment or digest(space)
    sweep = OmegaConf.to_container(swept.settings.sweep, resolve=False)
    assert isinstance(sweep, dict)
    if sweep["subdir"] != "${hydra.job.num}":
        raise InputError(
            f"hydra.sweep.subdir has no effect here, got {sweep['subdir']}: trials lie in folders "
            "by their numbers; leave it out of the file"
        )
    written = str(sweep["dir"]).replace("${sweep.name}", name)
    found = set()
    for base in swept.bases.values():
        composed = OmegaConf.create({**plain(base), "sweep_dir": written})
        found.add(str(selected(composed, "sweep_dir")))
        keys = [key for key in space if key not in swept.groups]
        if len(found) > 1 or leaders(composed, "sweep_dir", keys):
            raise InputError(
                f"hydra.sweep.dir is of the sweep as a whole, so it cannot follow what is swept, "
                f"got {written}; give the sweep a name with sweep.name"
            )
    path = found.pop()
    if not path.strip():
        raise InputError(
            "hydra.sweep.dir must be a folder, got an empty text; leave it out, or say . for the "
            "current one"
        )
    return Path(path).absolute()


def _number_kept(text: str) -> int | None:
    """How many runs keep their last checkpoint, None for all. Raises InputError."""
    if text == "all":
        return None
    if not text.isdecimal():
        raise InputError(f"sweep.keep must be all or a number of configurations, got {text}")
    return int(text)


def _keep_best(folder: Path, rows: list[Row], keep: int | None) -> None:
    """Remove the checkpoints to go on from, of all that has ended but the best `keep`."""
    ended = [row for row in rows if row["status"] in (COMPLETED, PRUNED, DIVERGED)]
    for row in [] if keep is None else ended[keep:]:
        for last in (folder / str(row["number"])).glob("**/checkpoints/last.safetensors"):
            last.unlink()


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
        again = f"python -m musicgen.report {shell([shown(folder)])}"
        log.warning("no report this time: %s; %s", one_line(error), again)
    except KeyboardInterrupt:
        log.warning("no report; python -m musicgen.report %s makes one", shell([shown(folder)]))
    return None
