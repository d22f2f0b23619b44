"""Preparation of a sweep of trainings: from the composed sweep to its driver; without terminal."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from musicgen.config import record
from musicgen.config.following import leaders, plain, selected
from musicgen.config.keys import TrainConfig
from musicgen.errors import InputError, Remedy
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Executor
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Observer
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.results import Row
from musicgen.sweep.samplers import GRID
from musicgen.sweep.space import Space, digest
from musicgen.sweep.trial import COMPLETED, DIVERGED, PRUNED
from musicgen.sweep.warm_start import warm_started
from musicgen.sweep.worker import one_line
from musicgen.workflows import resources
from musicgen.workflows.bases import checked_bases, converted, followed, settings, usual
from musicgen.workflows.composed_sweep import ComposedSweep
from musicgen.workflows.enqueued import enqueued, own_point
from musicgen.workflows.executor import make_executor
from musicgen.workflows.initial import begun, given_keys
from musicgen.workflows.plan import judged, plan
from musicgen.workflows.points import check
from musicgen.workflows.trial import TrainingObjective

DRIVERS = ("sweep.", "sampler", "pruner", "resume", "report", "plugins")
"""The prefixes of the keys of a sweep as a whole."""
UNLIKE = ("seed", "samples.", "trainer.threads", "data.root", "data.path")
"""The prefixes of keys in which two trainings may differ whose results compare; the digest of the
corpus stands for its place."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSweep:
    """A sweep that is completely checked and has not begun."""

    plan: Plan
    objective: TrainingObjective
    executor: Executor
    folder: Path
    settings: TrainConfig
    """The configuration of one of its trials, with the settings of the sweep as a whole."""
    notes: tuple[str, ...] = ()
    """Lines about what is swept and how it begins."""
    latest: list[Row] = field(default_factory=list)
    """The rows of its table, best first, as last written."""

    def driver(self, observe: Observer) -> Driver:
        """The driver that runs or resumes the sweep. After each writing of the table the curves are
        drawn."""

        def refreshed(rows: list[Row]) -> None:
            self.latest[:] = rows
            _draw(self.folder, self.plan, rows)

        return Driver(
            self.plan,
            self.objective,
            self.executor,
            self.folder,
            observe=observe,
            on_refresh=refreshed,
        )

    def remove_checkpoints(self, rows: list[Row]) -> None:
        """Remove the checkpoints for resuming of all ended trials but the best `sweep.keep`."""
        keep = _number_kept(self.settings.sweep.keep)
        ended = [row for row in rows if row["status"] in (COMPLETED, PRUNED, DIVERGED)]
        for row in [] if keep is None else ended[keep:]:
            for last in (self.folder / str(row["number"])).glob("**/checkpoints/last.safetensors"):
                last.unlink()


def prepare(swept: ComposedSweep, commands: Mapping[str, list[str]]) -> TrainingSweep:
    """Check a sweep, prepare its corpora, and connect its executor.

    commands: the commands that its folder keeps for reports (`Plan.commands`).
    Raises InputError before anything is created.
    """
    _refuse_driver_keys(swept)
    space = converted(swept)
    follows = followed(swept, space, DRIVERS)
    bases = checked_bases(swept, space)
    first = next(iter(bases.values()))
    asked = first.sweep
    for base in bases.values():
        base.trainer.threads = base.trainer.threads or 1
    initials = resources.initials(bases.values(), space)
    given = given_keys([*swept.fixed, *space])
    if "init" not in space:
        bases = {
            choices: begun(base, initials[base.init], given) if base.init else base
            for choices, base in bases.items()
        }
    objective = TrainingObjective(
        {choices: record.to_dict(base) for choices, base in bases.items()},
        swept.groups,
        judged=judged(asked.objective),
        shelf=asked.shelf and str(Path(asked.shelf).absolute()),
        following=follows,
        initials=initials,
        given=given,
    )
    made = plan(first, space)
    check(objective, space)
    objective = replace(objective, corpora=resources.corpora(objective, space))
    if follows:  # two points may be the same configuration: a given value may equal a followed one
        made = replace(made, name=lambda point: record.digest(objective.config(point)))
    own, note = None, ""
    if asked.defaults_first and made.sampler != GRID:
        own, note = own_point(swept, space, "sweep.defaults_first", objective.config)
    made = replace(
        made,
        own=own,
        enqueued=enqueued(swept, space, asked.enqueue, "sweep.enqueue", objective.config),
        groups=swept.groups,
        settings=settings(swept, space, bases, follows),
        usual=usual(),
        fingerprint=resources.digests(objective, space) | resources.initial_digests(initials),
        commands=commands,
    )
    _number_kept(asked.keep)
    folder = _folder(swept, asked.name, space)
    warm_start = warm_started(made, asked.warm_start, folder, UNLIKE)
    made = replace(made, warm_start=warm_start)
    executor = make_executor(first, *resources.accelerators(objective, space))
    new = not SweepRecord.within(folder)
    notes = [*swept.notes, *([note] if note and new else [])]
    notes += [warm_start.described(made.sampler)] if warm_start else []
    return TrainingSweep(made, objective, executor, folder, first, tuple(notes))


def _refuse_driver_keys(swept: ComposedSweep) -> None:
    for key in swept.space:
        if f"{key}.".startswith((*DRIVERS, "experiment.")):
            several = "; several are a list: [a,b]" if key == "sweep.objective" else ""
            raise InputError(
                f"{key} is not a trial's, so it cannot be swept; give it one value{several}"
            )
    if any(override.startswith("resume=") for override in swept.fixed):
        raise InputError("resume goes on with a run; a sweep goes on by itself: leave resume out")


def _folder(swept: ComposedSweep, name: str | None, space: Space) -> Path:
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
                f"got {written}",
                Remedy.OTHER_SWEEP,
            )
    path = found.pop()
    if not path.strip():
        raise InputError(
            "hydra.sweep.dir must be a folder, got an empty text; leave it out, or say . for the "
            "current one"
        )
    return Path(path).absolute()


def _number_kept(text: str) -> int | None:
    """The number of runs that keep their last checkpoint; None: all. Raises InputError."""
    if text == "all":
        return None
    if not text.isdecimal():
        raise InputError(f"sweep.keep must be all or a number of configurations, got {text}")
    return int(text)


def _draw(folder: Path, plan: Plan, rows: list[dict[str, Any]]) -> None:
    """Draw the curves. An error there is logged and does not end the sweep."""
    try:
        from musicgen.report.curves import draw

        draw(folder, rows, list(plan.space), plan.seeds)
    except Exception as error:
        log.warning("no curves this time: %s", one_line(error))
