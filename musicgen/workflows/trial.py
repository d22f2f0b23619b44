"""One trial of a sweep of trainings, as a worker process runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from musicgen import corpus
from musicgen.config import record
from musicgen.config.components import Rule
from musicgen.config.following import Following
from musicgen.config.keys import Config, DataConfig
from musicgen.config.overrides import flatten
from musicgen.config.registry import load_plugins, loaded_plugins
from musicgen.config.rules import rules
from musicgen.music.measures import directions
from musicgen.sweep.trial import Decision, Trial
from musicgen.training.initial import Initial
from musicgen.workflows.initial import begun


@dataclass(frozen=True)
class TrainingObjective:
    """The objective of a sweep of trainings. It is sent to each worker once, and PyTorch is
    imported there and not in the driver."""

    pauses: ClassVar[bool] = True
    """Whether the driver may pause its trials, because each epoch's end is a checkpoint."""
    bases: Mapping[tuple[str, ...], Mapping[str, Any]]
    """Configurations (as `to_dict` gives them) by the choices of the swept groups."""
    groups: tuple[str, ...]
    judged: str = "val_loss"
    """The result reported after each epoch: the column of metrics.csv that decides pruning."""
    shelf: str | None = None
    """The folder of completed runs that sweeps share; see `training.run_cache`."""
    corpora: Mapping[str, corpus.Corpus] = field(default_factory=dict)
    """The trials' corpora, by `label`. They are sent because a worker on another machine has
    neither the tunes nor the prepared corpus. A missing corpus is read where the trial runs."""
    following: Mapping[tuple[str, ...], Following] = field(default_factory=dict)
    """The keys that follow swept keys by interpolation, by the choices of the swept groups."""
    initials: Mapping[str, Initial] = field(default_factory=dict)
    """The networks that trials begin with, by the values of `init`. They are sent for the same
    reason as the corpora."""
    given: frozenset[str] = frozenset()
    """The keys that the user chose, which must not differ from an initial network."""
    plugins: Sequence[str] = field(default_factory=loaded_plugins)
    """The modules of plugins, which declare components of its configurations."""
    _read: dict[tuple[str, ...], Config] = field(default_factory=dict, init=False, repr=False)
    """A cache of configurations, because building one takes longer than all other steps."""

    def config(self, params: Mapping[str, Any]) -> Config:
        """The configuration at a point of the space. Raises InputError."""
        choices = tuple(params[group] for group in self.groups)
        base = self._base(choices)
        values = {key: value for key, value in params.items() if key not in self.groups}
        if following := self.following.get(choices):
            values |= following.at(values)
        config = record.replaced(base, values)
        if config.init is None:
            return config
        return begun(config, self.initials[config.init], self.given)

    def _base(self, choices: tuple[str, ...]) -> Config:
        if choices not in self._read:
            self._read[choices] = record.from_dict(dict(self.bases[choices]))
        return self._read[choices]

    def rules(self) -> Sequence[Rule]:
        """The rules of all its configurations."""
        found = (rule for choices in self.bases for rule in rules(self._base(choices)))
        return tuple(dict.fromkeys(found))

    @staticmethod
    def label(data: DataConfig) -> str:
        """A text that is equal for two configurations exactly if they use the same corpus."""
        return str(corpus.arguments(data))

    def prepare(self) -> None:
        load_plugins(self.plugins)
        import musicgen.training.fit  # noqa: F401 - PyTorch and Lightning take seconds

    def __call__(self, trial: Trial) -> dict[str, Any]:
        from musicgen.training.fit import fit
        from musicgen.training.result import Epoch
        from musicgen.training.run_cache import RunCache
        from musicgen.training.watcher import Watcher

        class Reporter(Watcher):
            def epoch(self, row: Epoch) -> Decision:
                return self._told(row, last=False)

            def last_epoch(self, row: Epoch) -> Decision:
                return self._told(row, last=True)

            def should_stop(self) -> bool:
                return trial.decision is Decision.STOP

            def _told(self, row: Epoch, *, last: bool) -> Decision:
                return trial.report(row.epoch, getattr(row, judged), last=last)

        judged = self.judged
        config = self.config(trial.params)
        config.seed += trial.run
        data = self.corpora.get(self.label(config.data)) or corpus.of(config.data)
        cache = RunCache(Path(self.shelf)) if self.shelf else None
        if cache:
            cache.copy(config, data.digest, trial.folder)
        result = fit(
            config,
            trial.folder,
            Reporter(),
            resume=True,
            one_of_many=True,
            data=data,
            initial=self.initials[config.init] if config.init else None,
        )
        if cache:
            cache.put(trial.folder, result)
        row = asdict(result)
        del row["arithmetic"]  # result.json has it
        # The table has the measures with a direction (higher or lower is better); result.json has
        # all.
        better = directions()
        measures = {k: v for k, v in row.pop("measures").items() if k in better}
        return flatten(row) | {"corpus": result.corpus["name"]} | measures
