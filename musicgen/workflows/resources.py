"""The corpora, initial networks and accelerators that the trials of a sweep share."""

from collections.abc import Iterable, Mapping
from typing import Any

from musicgen import corpus
from musicgen.config.keys import Config, DataConfig
from musicgen.sweep.space import Space, ends, points
from musicgen.training.initial import Initial
from musicgen.workflows.executor import Accelerator
from musicgen.workflows.initial import all_of
from musicgen.workflows.trial import TrainingObjective


def corpora(objective: TrainingObjective, space: Space) -> dict[str, corpus.Corpus]:
    """Every corpus that a trial may read, by label, prepared once in this process.

    Workers receive the corpora, and errors are reported once, before the first trial. For a range
    of settings its ends are prepared; a corpus between them is read where the trial runs.
    """
    return {objective.label(data): corpus.of(data) for data in _corpus_settings(objective, space)}


def digests(objective: TrainingObjective, space: Space) -> dict[str, str]:
    """The digests of the corpora, so that a sweep is not resumed with other tunes."""
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


def initials(first: Iterable[Config], space: Space) -> Mapping[str, Initial]:
    """Every network that a trial begins with, by the value of `init`. first: the bases of the
    sweep."""
    swept = ends(space).get("init", ())
    texts = [*swept, *(config.init for config in first)]
    return all_of(str(text) for text in texts if text is not None)


def initial_digests(found: Mapping[str, Initial]) -> dict[str, str]:
    """The digests of initial networks, so that a sweep is not resumed with other weights."""
    return {f"init {initial.name}": initial.digest for initial in found.values()}


def accelerators(objective: TrainingObjective, space: Space) -> tuple[set[str], Accelerator]:
    """trainer.accelerator of all trials, and a function that returns it for a trial's params."""
    differing = _differing(objective, space, "trainer.accelerator")
    asked = {config.trainer.accelerator for config in differing}

    def of(params: Mapping[str, Any]) -> str:
        return objective.config(params).trainer.accelerator

    return asked, of


def _corpus_settings(objective: TrainingObjective, space: Space) -> list[DataConfig]:
    """The corpus settings of all trials, each once."""
    found = [config.data for config in _differing(objective, space, "data")]
    return list({objective.label(data): data for data in found}.values())


def _differing(objective: TrainingObjective, space: Space, part: str) -> list[Config]:
    """The configurations with every combination of the swept keys that a part has or follows."""
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
