"""The plan of a sweep of trainings: objectives, seeds, sampler and pruner from its settings."""

import itertools

from musicgen.config.components import given
from musicgen.config.keys import TrainConfig
from musicgen.config.overrides import seconds
from musicgen.config.schema import near
from musicgen.errors import InputError
from musicgen.music.measures import directions
from musicgen.sweep.constraints import parsed
from musicgen.sweep.plan import Direction, Plan, limits
from musicgen.sweep.pruners import NONE
from musicgen.sweep.space import Choice, Space
from musicgen.training.result import FIGURES

PER_EPOCH = tuple(name for name, figure in FIGURES.items() if figure.each_epoch)
"""The objectives that are known after each epoch, so that a pruner can use them."""


def objectives() -> dict[str, Direction]:
    """All objectives: results, and the measures of which higher or lower values are better."""
    results = {name: figure.direction for name, figure in FIGURES.items()}
    return {name: way for name, way in results.items() if way is not None} | directions()


def plan(first: TrainConfig, space: Space) -> Plan:
    """The plan of a sweep. first: the configuration of one of its trials. Raises InputError."""
    settings = first.sweep
    known, measured = objectives(), directions()
    for place, name in enumerate(settings.objective):
        if name in settings.objective[:place]:
            raise InputError(f"sweep.objective must have each name once, got {name} again")
        if name not in known:
            raise InputError(
                f"sweep.objective must be of {', '.join(known)}, got {name}"
                f"{near(name, known) or '; choose one of them'}"
            )
        if name in measured and not first.samples.measure:
            raise InputError(
                f"sweep.objective={name} needs samples.measure=true, got false; set it, or take "
                "another objective"
            )
    if first.pruner.name != NONE and settings.objective[:1] not in [[n] for n in PER_EPOCH]:
        raise InputError(
            f"pruner={first.pruner.name} judges by an objective known after each epoch "
            f"({', '.join(PER_EPOCH)}), got "
            f"{', '.join(settings.objective)}; take pruner=none"
        )
    constraints = parsed(settings.constraints)
    bounded = [name for name, figure in FIGURES.items() if not figure.held_back]
    bounded += measured if first.samples.measure else ()
    for constraint in constraints:
        if constraint.column not in bounded:
            raise InputError(
                f"sweep.constraints must be of {', '.join(bounded)}, got {constraint}"
                f"{near(constraint.column, bounded) or '; choose one of them'}"
            )
    _check_seeds(first, space)
    sampler, pruner = (given(part) for part in (first.sampler, first.pruner))
    return Plan(
        space=space,
        objectives={name: known[name] for name in settings.objective},
        constraints=constraints,
        sampler=first.sampler.name,
        sampler_settings=sampler,
        pruner=first.pruner.name,
        pruner_settings=pruner,
        seed=first.seed,
        timeout_s=None if settings.timeout is None else seconds(settings.timeout),
        **limits(settings),
    )


def judged(settings: list[str]) -> str:
    """The result that trials report after each epoch, for the pruner."""
    return next((name for name in settings[:1] if name in PER_EPOCH), "val_loss")


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
