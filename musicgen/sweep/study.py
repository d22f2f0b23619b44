"""The study: every trial that ever began, kept in Optuna's terms. Only the driver writes it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from musicgen.sweep.database import Database
from musicgen.sweep.evidence import Evidence
from musicgen.sweep.folder import Folder
from musicgen.sweep.growth import copy_trials, spread
from musicgen.sweep.journal import JOURNAL, Journal, JournalReader
from musicgen.sweep.judges import RUNG, Course
from musicgen.sweep.plan import Plan
from musicgen.sweep.proposals import Proposals
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.space import distributions
from musicgen.sweep.trial import COMPLETED, FAILED, PRUNED, STATUSES, Result, untrainable

STATES = {COMPLETED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
"""How a configuration's status ends in Optuna; every other one ends as FAIL."""

PRUNED_AT = "pruned_at"
"""Attribute of a trial: the step at which the pruner gave it up."""
ERRORS = "errors"
"""Attribute of a trial: why it failed before it was tried again."""
RUN = re.compile(r"run(\d+)")
"""Attribute of a trial: the result of one of its runs, by the run's index among the seeds."""


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
    errors: tuple[str, ...] = ()
    """Why it failed before it was tried again."""


def _quieten() -> None:
    """As soon as a study is touched: Optuna prints through a handler of its own otherwise."""
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def grow(backing: Journal | Database, folder: Folder, name: str, plan: Plan) -> None:
    """Make the study `name` of the one before the sweep grew, and move runs where seeds are.

    backing: a journal is closed at the end.
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
    """Optuna's own study of the sweep in a folder; what would change it raises InputError.

    Raises InputError if the folder holds no study, which may lie in a database.
    """
    _quieten()
    journal = folder / JOURNAL
    name = Folder(folder).study_name()
    if name is None or not journal.is_file():
        raise InputError(
            f"{folder} holds no {JOURNAL}; read a study that is kept by sweep.storage with "
            "optuna.load_study"
        )
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalReader(journal)))


class Study:
    """One sweep's trials in a journal file or a database, by their numbers."""

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
        foreign.check(trials, plan, own=(t.number for t in trials if _runs(t)))
        with self.batch():
            foreign.take_up(self._storage, trials, plan)
        if plan.retry_failed:
            self._reopen()
        self._pruner = make_pruner(plan.pruner, **plan.pruner_settings)
        self._study = optuna.load_study(study_name=name, storage=self._storage, pruner=self._pruner)
        evidence: Any = Evidence(self._storage, lambda t: any(map(untrainable, _runs(t).values())))
        self._search = optuna.load_study(study_name=name, storage=evidence, pruner=self._pruner)
        """The study as its sampler sees it."""
        trials = self._study.get_trials(deepcopy=False)
        self.count = len(trials)
        """Trials that ever began; the next one's number."""
        courses = [_course(trial) for trial in trials]
        self._pruner.recall(courses)
        self._courses = {
            course.number: course
            for trial, course in zip(trials, courses, strict=True)
            if not trial.state.is_finished()
        }
        """Of running trials: a database would take milliseconds to say the same."""
        self._given_up = {trial.number for trial in trials if PRUNED_AT in trial.user_attrs}
        self._proposals = Proposals(plan, self._search)

    def trials(self) -> Iterator[Stored]:
        """All trials in order; one that a kill caught half made is completed first."""
        for trial in self._study.get_trials(deepcopy=False):
            point = self._proposals.whole(trial)
            self._proposals.note(point)
            pruned = PRUNED_AT in trial.user_attrs
            finished = trial.state.is_finished()
            runs = _runs(trial)
            if finished and not runs:
                runs = {0: foreign.result(trial, self._plan.objectives)}
            yield Stored(trial.number, point, runs, finished, pruned, _errors(trial))

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

    @property
    def points(self) -> int:
        """How many different points its trials have."""
        return len(self._proposals)

    def knows(self, point: Mapping[str, Any]) -> bool:
        """Whether there is a trial of this point's configuration."""
        return self._proposals.knows(point)

    def room(self) -> bool:
        """Whether there may be a point without a trial, for a sampler to propose."""
        return self._proposals.room()

    def report(self, number: int, step: int, value: float, *, last: bool = False) -> bool:
        """Keep a value after a step; returns whether the pruner gives the trial up.

        A step that an earlier life of the trial reported is not judged again. A trial's last step
        counts for others, but the trial itself is not given up: there is nothing left to save.
        """
        if number in self._given_up:
            return not last
        course = self._courses[number]
        if step in course.values or len(self._plan.objectives) > 1:
            return False
        course.values[step] = value
        known = len(course.rungs)
        pruned = self._pruner.judge(self._study, course) and not last
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
        """Keep the result of one finished run.

        The first one, which alone reports, has then shown the pruner all that it will.
        """
        self._storage.set_trial_user_attr(self._trial_id(number), f"run{run}", result)
        if run == 0 and result["status"] == COMPLETED:
            self._complete_course(self._courses[number])

    def retry(self, number: int, runs: Iterable[int], errors: Sequence[str]) -> None:
        """Forget the results of runs that failed; `errors` says why, now and before."""
        identity = self._trial_id(number)
        with self.batch():
            self._storage.set_trial_user_attr(identity, ERRORS, list(errors))
            for run in runs:
                self._storage.set_trial_user_attr(identity, f"run{run}", None)

    def finish(self, number: int, status: str, values: Sequence[float] | None) -> None:
        """End a trial; `values` are its objectives, None unless it completed."""
        self._study.tell(number, values, STATES.get(status, TrialState.FAIL))
        course = self._courses.pop(number)
        if status == COMPLETED:
            self._complete_course(course)

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

    def _reopen(self) -> None:
        """Let trials that failed, though they could be trained another time, go on."""
        trials = self._storage.get_all_trials(self._id, deepcopy=False)
        ended = (trial for trial in trials if trial.state == TrialState.FAIL)
        failed = [trial._trial_id for trial in ended if _failed(_runs(trial))]
        if failed:
            self._backing.reopen(failed)
            self._storage = _storage(self._backing)

    def _complete_course(self, course: Course) -> None:
        if not course.completed:
            course.completed = True
            self._pruner.complete(course)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def _storage(backing: Journal | Database) -> BaseStorage:
    return JournalStorage(backing) if isinstance(backing, Journal) else get_storage(backing)


def _failed(runs: Mapping[int, Result]) -> bool:
    """Whether the first run that did not complete failed."""
    odd = (runs[run]["status"] for run in sorted(runs) if runs[run]["status"] != COMPLETED)
    return next(odd, None) == FAILED


def _runs(trial: FrozenTrial) -> dict[int, Result]:
    """The results of a trial's finished runs, by the run's index among the seeds."""
    named = ((RUN.fullmatch(key), result) for key, result in trial.user_attrs.items())
    return {int(match[1]): result for match, result in named if match and _is_result(result)}


def _errors(trial: FrozenTrial) -> tuple[str, ...]:
    kept = trial.user_attrs.get(ERRORS)
    return tuple(map(str, kept)) if isinstance(kept, list) else ()


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and value.get("status") in STATUSES


def _course(trial: FrozenTrial) -> Course:
    """A trial as far as it has come; complete when its first run is."""
    course = Course.of(trial)
    course.completed |= _runs(trial).get(0, {}).get("status") == COMPLETED
    return course
