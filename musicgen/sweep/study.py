"""The study: every trial that ever began, kept in Optuna's terms. Only the driver writes it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.importance import get_param_importances
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from musicgen.sweep.database import Database
from musicgen.sweep.folder import Folder
from musicgen.sweep.growth import SEEDS, copy_trials, recalled, spread
from musicgen.sweep.journal import Journal
from musicgen.sweep.plan import Plan
from musicgen.sweep.proposals import Proposals
from musicgen.sweep.pruners import RUNG, Course, make_pruner
from musicgen.sweep.space import distributions
from musicgen.sweep.trial import COMPLETED, PRUNED, Result

STATES = {COMPLETED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
"""How a configuration's status ends in Optuna; every other one ends as FAIL."""

PRUNED_AT = "pruned_at"
"""Attribute of a trial: the step at which the pruner gave it up."""


@dataclass(frozen=True)
class Stored:
    """A trial as the study remembers it."""

    number: int
    params: Mapping[str, Any]
    runs: dict[int, Result]
    """Results of finished runs, by the run's index among the seeds."""
    finished: bool
    pruned: bool
    """The pruner has spoken, whether or not the trial heard of it."""


def grow(backing: Journal | Database, folder: Folder, name: str, plan: Plan) -> None:
    """Make the study `name` of the one before the sweep grew, and move runs where seeds are.

    backing: a journal is closed at the end.
    """
    before = folder.grown
    assert before is not None
    known = recalled(before)
    if isinstance(backing, Journal):
        with closing(backing), backing.batch(durable=True):
            copy_trials(JournalStorage(backing), str(before["study"]), name, known, plan)
    else:
        copy_trials(get_storage(backing), str(before["study"]), name, known, plan)
    if plan.seeds > 1 and before["sweep"].get(SEEDS) == "1":
        spread(folder.path)
    folder.settle()


class Study:
    """One sweep's trials in a journal file or a database, by their numbers."""

    def __init__(self, backing: Journal | Database, name: str, plan: Plan) -> None:
        # As soon as a study is touched: Optuna prints through a handler of its own otherwise.
        optuna.logging.disable_default_handler()
        optuna.logging.enable_propagation()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._backing = backing
        self._plan = plan
        self._distributions = distributions(plan.space)
        self._storage: BaseStorage = (
            JournalStorage(backing) if isinstance(backing, Journal) else get_storage(backing)
        )
        try:
            self._id = self._storage.get_study_id_from_name(name)
        except KeyError:
            directions = [StudyDirection[way.upper()] for way in plan.objectives.values()]
            self._id = self._storage.create_new_study(directions, name)
        self._pruner = make_pruner(plan.pruner, **plan.pruner_settings)
        self._study = optuna.load_study(study_name=name, storage=self._storage, pruner=self._pruner)
        trials = self._study.get_trials(deepcopy=False)
        self.count = len(trials)
        """Trials that ever began; the next one's number."""
        courses = [Course.of(trial) for trial in trials]
        self._pruner.recall(courses)
        self._courses = {
            course.number: course
            for trial, course in zip(trials, courses, strict=True)
            if not trial.state.is_finished()
        }
        """Of running trials: a database would take milliseconds to say the same."""
        self._given_up = {trial.number for trial in trials if PRUNED_AT in trial.user_attrs}
        self._proposals = Proposals(plan, self._study)

    def trials(self) -> Iterator[Stored]:
        """All trials in order; one that a kill caught half made is completed first."""
        for trial in self._study.get_trials(deepcopy=False):
            point = self._proposals.whole(trial)
            self._proposals.note(point)
            runs = {
                int(key.removeprefix("run")): result
                for key, result in trial.user_attrs.items()
                if key.startswith("run")
            }
            pruned = PRUNED_AT in trial.user_attrs
            finished = trial.state.is_finished()
            yield Stored(trial.number, point, runs, finished, pruned)

    def create(self, point: Mapping[str, Any] | None) -> Stored:
        """Begin a trial: at a point of the grid, or at one that the sampler proposes."""
        number = self.count
        # Durable: a folder must never exist for a number that the study has forgotten.
        with self.batch(durable=True):
            if point is None:
                point = self._proposals.begin(number)
            else:
                params = {key: self._plan.space[key].encode(v) for key, v in point.items()}
                known = {key: self._distributions[key] for key in params}
                self._study.add_trial(
                    create_trial(state=TrialState.RUNNING, params=params, distributions=known)
                )
        self._proposals.note(point)
        self.count += 1
        self._courses[number] = Course(number)
        return Stored(number, point, {}, finished=False, pruned=False)

    def knows(self, point: Mapping[str, Any]) -> bool:
        """Whether there is a trial at this point."""
        return self._proposals.knows(point)

    def report(self, number: int, step: int, value: float) -> bool:
        """Keep a value after a step; returns whether the pruner gives the trial up.

        A step that an earlier life of the trial reported is not judged again.
        """
        if number in self._given_up:
            return True
        course = self._courses[number]
        if step in course.values or len(self._plan.objectives) > 1:
            return False
        course.values[step] = value
        known = len(course.rungs)
        pruned = self._pruner.judge(self._study, course)
        identity = self._trial_id(number)
        # A database writes one after the other. Whatever it is cut off behind, the next life of
        # the trial does the right thing: gives up, or reports the step again and is judged.
        with self.batch():
            if pruned:
                self._given_up.add(number)
                self._storage.set_trial_user_attr(identity, PRUNED_AT, step)
            for rung, at in enumerate(course.rungs[known:], start=known):
                self._storage.set_trial_system_attr(identity, RUNG.format(rung), at)
            self._storage.set_trial_intermediate_value(identity, step, value)
        return pruned

    def save(self, number: int, run: int, result: Result) -> None:
        """Keep the result of one finished run."""
        self._storage.set_trial_user_attr(self._trial_id(number), f"run{run}", result)

    def finish(self, number: int, status: str, values: Sequence[float] | None) -> None:
        """End a trial; `values` are its objectives, None unless it completed."""
        self._study.tell(number, values, STATES.get(status, TrialState.FAIL))
        course = self._courses.pop(number)
        if status == COMPLETED:
            self._pruner.complete(course)

    def front(self) -> set[int]:
        """Numbers of the trials that no other trial beats in every objective."""
        return {trial.number for trial in self._study.best_trials}

    def importances(self) -> dict[str, float]:
        """Each parameter's share in what makes a trial a good one, largest first.

        PED-ANOVA, as in Optuna. Empty below ten completed trials, and where nothing varies.
        """
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < 10 or len({tuple(trial.values) for trial in done}) == 1:
            return {}
        return dict(get_param_importances(self._study))

    def batch(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Changes made inside are written together; a database writes each at once."""
        if isinstance(self._backing, Journal):
            return self._backing.batch(durable=durable)
        return nullcontext()

    def close(self) -> None:
        self._storage.remove_session()
        if isinstance(self._backing, Journal):
            self._backing.close()

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
