"""The study: every trial that ever began, stored as an Optuna study. Only the driver writes it."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import get_param_importances
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from musicgen.errors import InputError
from musicgen.sweep import foreign
from musicgen.sweep.constraints import attributes
from musicgen.sweep.database import Database
from musicgen.sweep.evidence import Evidence
from musicgen.sweep.folder import Folder
from musicgen.sweep.growth import copy_trials, spread
from musicgen.sweep.journal import JOURNAL, Journal, JournalReader
from musicgen.sweep.judges import RUNG, Course, Share
from musicgen.sweep.plan import Plan
from musicgen.sweep.proposals import Proposals
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.space import Point, distributions
from musicgen.sweep.trial import COMPLETED, FAILED, PRUNED, STATUSES, Result, untrainable

STATES = {COMPLETED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
"""Optuna's state for each final status; a configuration with any other status ends as FAIL."""

PRUNED_AT = "pruned_at"
"""Attribute of a trial: the step at which the pruner gave it up."""
LAST_AT = "last_at"
"""Attribute of a trial whose last step is a rung: that step. The trial is not paused there."""
ERRORS = "errors"
"""Attribute of a trial: the reasons for which it failed before it was tried again."""
RUN = re.compile(r"run(\d+)")
"""Attribute of a trial: the result of one of its runs, by the run's index among the seeds."""


@dataclass(frozen=True)
class Stored:
    """A trial as the study stores it."""

    number: int
    params: Mapping[str, Any]
    runs: dict[int, Result]
    """Results of finished runs, by the run's index among the seeds."""
    finished: bool
    pruned: bool
    """Whether the pruner gave the trial up, even if a kill kept the trial from hearing it."""
    errors: tuple[str, ...] = ()
    """The reasons for which the trial failed before it was tried again."""


def _quieten() -> None:
    """Silence the handler through which Optuna prints. Call it before any study is used."""
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def grow(backing: Journal | Database, folder: Folder, name: str, plan: Plan) -> None:
    """Make the study `name` from the study before the sweep grew. If the sweep had one seed and now
    has several, move the folders of runs.

    backing: the storage; a journal is closed at the end.
    """
    _quieten()
    before = folder.grown
    assert before is not None
    if isinstance(backing, Journal):
        with closing(backing), backing.batch(durable=True):
            copy_trials(_storage(backing), before.study, name, before.space, plan)
    else:
        copy_trials(_storage(backing), before.study, name, before.space, plan)
    if plan.seeds > 1 and before.seeds == 1:
        spread(folder.path)
    folder.settle()


def read_only(folder: Path) -> optuna.Study:
    """Optuna's own study of the sweep in a folder; any method that would change it raises
    InputError.

    Raises InputError if the folder holds no study; a study may be in a database.
    """
    _quieten()
    journal = folder / JOURNAL
    name = Folder(folder).study_name()
    if name is None or not journal.is_file():
        raise InputError(
            f"{folder} holds no {JOURNAL}; read a study that is kept in a database with "
            "optuna.load_study"
        )
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalReader(journal)))


class Study:
    """The trials of one sweep, by number, in a journal file or a database."""

    def __init__(self, backing: Journal | Database, name: str, plan: Plan) -> None:
        _quieten()
        self._backing = backing
        self._plan = plan
        self._distributions = distributions(plan.space)
        self._storage = _storage(backing)
        try:
            self._id = self._storage.get_study_id_from_name(name)
        except KeyError:
            directions = [StudyDirection[way.upper()] for way in plan.objectives.values()]
            self._id = self._storage.create_new_study(directions, name)
        trials = self._storage.get_all_trials(self._id, deepcopy=False)
        foreign.check(trials, plan, own=(t.number for t in trials if results_of(t)))
        with self.batch():
            foreign.take_up(self._storage, trials, plan)
        if plan.retry_failed:
            self._reopen()
        self._pruner = make_pruner(plan.pruner, **plan.pruner_settings)
        self._study = optuna.load_study(study_name=name, storage=self._storage, pruner=self._pruner)
        warm = plan.warm_start
        earlier = warm.frozen(plan.sampler, plan.space) if warm else []
        evidence: Any = Evidence(
            self._storage,
            untrainable_trial,
            self._as_seen,
            earlier,
            attributes(plan.constraints, {}),
        )
        self._search = optuna.load_study(study_name=name, storage=evidence, pruner=self._pruner)
        """The study as its sampler sees it."""
        trials = self._study.get_trials(deepcopy=False)
        self.count = len(trials)
        """The number of trials that ever began, which is the number of the next trial."""
        courses = [_course(trial) for trial in trials]
        self._pruner.recall(courses)
        self._courses = {
            course.number: course
            for trial, course in zip(trials, courses, strict=True)
            if not trial.state.is_finished()
        }
        """The courses of running trials, kept here because a database would take milliseconds to
        return them."""
        self._pruner.begin(self._study)
        self._given_up = {trial.number for trial in trials if PRUNED_AT in trial.user_attrs}
        self._proposals = Proposals(plan, self._search, new=not trials)

    def trials(self) -> Iterator[Stored]:
        """All trials in order. A trial that a kill left half made is completed first."""
        for trial in self._study.get_trials(deepcopy=False):
            point = self._proposals.whole(trial)
            self._proposals.note(point)
            pruned = PRUNED_AT in trial.user_attrs
            finished = trial.state.is_finished()
            runs = results_of(trial)
            if finished and not runs:
                runs = {0: foreign.result(trial, self._plan.objectives)}
            yield Stored(trial.number, point, runs, finished, pruned, _errors(trial))

    def create(self, point: Mapping[str, Any] | None) -> Stored:
        """Begin a trial. point: a point of the grid; None: one that is tried first, or one that
        the sampler proposes."""
        number = self.count
        point = self._proposals.first() if point is None else point
        # Durable, because a folder must never exist for a number that the study has lost.
        with self.batch(durable=True):
            if point is None:
                point = self._proposals.begin(number)
            else:
                params = {key: self._plan.space[key].encode(v) for key, v in point.items()}
                known = {key: self._distributions[key] for key in params}
                self._study.add_trial(
                    create_trial(state=TrialState.RUNNING, params=params, distributions=known)
                )
                self._proposals.introduce(number)
        self._proposals.note(point)
        self.count += 1
        self._courses[number] = Course(number)
        return Stored(number, point, {}, finished=False, pruned=False)

    @property
    def points(self) -> int:
        """The number of different points that its trials have."""
        return len(self._proposals)

    def waiting(self) -> list[Point]:
        """The points that are tried first and have no trial."""
        return self._proposals.waiting()

    def knows(self, point: Mapping[str, Any]) -> bool:
        """Whether a trial with this point's configuration exists."""
        return self._proposals.knows(point)

    def room(self) -> bool:
        """Whether a point without a trial may exist, which a sampler can propose."""
        return self._proposals.room()

    def report(self, number: int, step: int, value: float, *, last: bool = False) -> bool:
        """Store a trial's value after a step; returns whether the pruner gives the trial up.

        A step that the trial reported before a kill is not judged again. The last step of a trial
        counts for other trials, but the trial itself is not given up, because that would save no
        time.
        """
        if number in self._given_up:
            return not last
        course = self._courses[number]
        if step in course.values or len(self._plan.objectives) > 1:
            return False
        course.values[step] = value
        course.over = last
        known = len(course.rungs)
        pruned = self._pruner.judge(self._study, course) and not last
        identity = self._trial_id(number)
        # A database makes these writes one after the other. A kill between any two of them is
        # harmless: the resumed trial is given up, or reports the step again and is judged.
        with self.batch():
            if pruned:
                self._given_up.add(number)
                self._storage.set_trial_user_attr(identity, PRUNED_AT, step)
            if last and len(course.rungs) > known:
                self._storage.set_trial_user_attr(identity, LAST_AT, step)
            for rung, at in enumerate(course.rungs[known:], start=known):
                self._storage.set_trial_system_attr(identity, RUNG.format(rung), at)
            self._storage.set_trial_intermediate_value(identity, step, value)
        return pruned

    @property
    def paused(self) -> Set[int]:
        """The numbers of the trials that are paused at a rung. It follows from their reports."""
        return self._pruner.paused

    def paused_value(self, number: int) -> float:
        """The last value that a paused trial has reported."""
        values = self._courses[number].values
        return values[max(values)]

    def promote(self, share: Share, busy: Set[int]) -> int | None:
        """The number of the paused trial that goes on next; None if none may.

        busy: the numbers of trials whose workers have not let go of them yet.
        """
        return self._pruner.promote(share, busy)

    def give_up(self, number: int) -> None:
        """Record that a paused trial will not go on."""
        self._given_up.add(number)
        step = max(self._courses[number].values)
        self._storage.set_trial_user_attr(self._trial_id(number), PRUNED_AT, step)
        self._pruner.release(number)

    def save(self, number: int, run: int, result: Result) -> None:
        """Store the result of one finished run.

        Only the first run reports to the pruner. When it is finished, the trial's course is
        complete.
        """
        self._storage.set_trial_user_attr(self._trial_id(number), f"run{run}", result)
        if run == 0 and result["status"] == COMPLETED:
            self._complete_course(self._courses[number])

    def retry(self, number: int, runs: Iterable[int], errors: Sequence[str]) -> None:
        """Remove the results of runs that failed. errors: all reasons so far, also earlier ones."""
        identity = self._trial_id(number)
        with self.batch():
            self._storage.set_trial_user_attr(identity, ERRORS, list(errors))
            for run in runs:
                self._storage.set_trial_user_attr(identity, f"run{run}", None)

    def finish(
        self,
        number: int,
        status: str,
        values: Sequence[float] | None,
        bounds: Mapping[str, float] | None = None,
    ) -> None:
        """End a trial. values: its objectives; None unless it completed. bounds: its attributes of
        constraints (`constraints.attributes`)."""
        for name, excess in (bounds or {}).items():
            self._storage.set_trial_system_attr(self._trial_id(number), name, excess)
        self._study.tell(number, values, STATES.get(status, TrialState.FAIL))
        course = self._courses.pop(number)
        self._pruner.release(number)
        if status == COMPLETED:
            self._complete_course(course)

    def front(self) -> set[int]:
        """The numbers of the trials that no other trial beats in every objective."""
        return {trial.number for trial in self._study.best_trials}

    def importances(self) -> dict[str, float]:
        """The share of each parameter in what makes a trial good, largest first.

        The shares are PED-ANOVA's, as in Optuna. The result is empty if fewer than ten trials have
        completed, or if no parameter varies.
        """
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < 10 or len({tuple(trial.values) for trial in done}) == 1:
            return {}
        return dict(get_param_importances(self._study))

    def batch(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Write the changes made inside together; a database writes each of them at once."""
        if isinstance(self._backing, Journal):
            return self._backing.batch(durable=durable)
        return nullcontext()

    def close(self) -> None:
        self._storage.remove_session()
        if isinstance(self._backing, Journal):
            self._backing.close()

    def _reopen(self) -> None:
        """Set failed trials to running again if their failure may not occur a second time."""
        trials = self._storage.get_all_trials(self._id, deepcopy=False)
        ended = (trial for trial in trials if trial.state == TrialState.FAIL)
        failed = [trial._trial_id for trial in ended if _failed(results_of(trial))]
        if failed:
            self._backing.reopen(failed)
            self._storage = _storage(self._backing)

    def _as_seen(self, trial: FrozenTrial) -> FrozenTrial:
        """A running trial as its sampler sees it: pruned if it is paused, completed if it waits for
        further seeds."""
        first: Any = results_of(trial).get(0, {}) if self._plan.seeds_for is not None else {}
        waits = first.get("status") == COMPLETED
        if not waits and trial.number not in self.paused:
            return trial
        seen = copy.copy(trial)
        seen.state = TrialState.COMPLETE if waits else TrialState.PRUNED
        if waits:
            seen.values = [first[key] for key in self._plan.objectives]
            bounds = attributes(self._plan.constraints, first)
            seen.system_attrs = {**trial.system_attrs, **bounds}
        return seen

    def _complete_course(self, course: Course) -> None:
        if not course.completed:
            course.completed = True
            self._pruner.complete(course)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def untrainable_trial(trial: FrozenTrial) -> bool:
    """Whether the configuration made a run of a trial fail."""
    return any(map(untrainable, results_of(trial).values()))


def _storage(backing: Journal | Database) -> BaseStorage:
    return JournalStorage(backing) if isinstance(backing, Journal) else get_storage(backing)


def _failed(runs: Mapping[int, Result]) -> bool:
    """Whether the first run that did not complete has the status `failed`."""
    odd = (runs[run]["status"] for run in sorted(runs) if runs[run]["status"] != COMPLETED)
    return next(odd, None) == FAILED


def results_of(trial: FrozenTrial) -> dict[int, Result]:
    """The results of a trial's finished runs, by the run's index among the seeds."""
    named = ((RUN.fullmatch(key), result) for key, result in trial.user_attrs.items())
    return {int(match[1]): result for match, result in named if match and _is_result(result)}


def _errors(trial: FrozenTrial) -> tuple[str, ...]:
    kept = trial.user_attrs.get(ERRORS)
    return tuple(map(str, kept)) if isinstance(kept, list) else ()


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and value.get("status") in STATUSES


def _course(trial: FrozenTrial) -> Course:
    """What a trial has reported so far; complete if its first run is."""
    course = Course.of(trial)
    first = results_of(trial).get(0, {}).get("status")
    course.completed |= first == COMPLETED
    course.over |= first not in (None, FAILED) or bool(
        {LAST_AT, PRUNED_AT} & trial.user_attrs.keys()
    )
    return course
