"""The driver gives runs to workers and receives reports; it alone writes the study and tables."""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from musicgen.errors import Remedy, RunError
from musicgen.sweep.constraints import attributes
from musicgen.sweep.database import GONE, connect
from musicgen.sweep.executor import LOG, Ended, Executor, Reported
from musicgen.sweep.folder import Folder
from musicgen.sweep.journal import JOURNAL, Journal
from musicgen.sweep.judges import Share
from musicgen.sweep.plan import Plan, pausing_if_possible
from musicgen.sweep.progress import Finished, Judged, Observer, Outcome, Progress, Started, Tally
from musicgen.sweep.pruners import NONE, as_optuna_counts
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.results import (
    RUNNING,
    Configuration,
    Row,
    describe_failures,
    judge,
    rank,
    reasons,
)
from musicgen.sweep.samplers import GRID
from musicgen.sweep.space import grid
from musicgen.sweep.study import Stored, Study, grow
from musicgen.sweep.table import TABLE_MD, Tables
from musicgen.sweep.trial import (
    COMPLETED,
    DIVERGED,
    FAILED,
    INTERRUPTED,
    PAUSED,
    Decision,
    Job,
    Objective,
    Result,
)
from musicgen.sweep.worker import OUTPUT

log = logging.getLogger(__name__)
T = TypeVar("T")

UNFINISHED = (PAUSED, INTERRUPTED, FAILED)
"""The statuses of a run whose trial may go on."""
TABLES_SHARE = 0.05
"""Largest share of the sweep's time that writing tables may take."""


class Driver:
    """Runs a sweep in a folder, or resumes the one that is there.

    folder: gets `sweep.json`, `study.journal`, `table.csv`, `table.md` and a folder per trial.
    on_refresh: called with the rows, best first, after the tables are written; its time counts as
    time for the tables (TABLES_SHARE).
    """

    def __init__(
        self,
        plan: Plan,
        objective: Objective,
        executor: Executor,
        folder: Path,
        *,
        observe: Observer = lambda event: None,
        on_refresh: Callable[[list[Row]], None] = lambda rows: None,
    ) -> None:
        self.plan = plan
        self._objective = objective
        self._executor = executor
        self._folder = Folder(folder)
        self._observe = observe
        self._on_refresh = on_refresh
        self._configurations: dict[int, Configuration] = {}
        self._tally = Tally(plan)
        self._queue: deque[Job] = deque()
        self._failed_before: deque[Job] = deque()
        """Runs that failed, which are tried again after all others: a run that always fails must
        not keep a sweep from its end."""
        self._running: dict[tuple[int, int], Job] = {}
        self._attempts: Counter[tuple[int, int]] = Counter()
        self._ahead: set[tuple[int, int]] = set()
        """Runs that began before the first run of their configuration had ended."""
        self._awaiting: set[int] = set()
        """The configurations that may get further seeds at the end of the search."""
        self._given_up: set[int] = set()
        """Trials that the pruner gave up, in this start of the sweep or an earlier one."""
        self._points: Iterator[Mapping[str, Any]] | None = None
        """The points of a grid without a trial, from the second on."""
        self._point: Mapping[str, Any] | None = None
        """The first point of a grid without a trial."""
        self._stop_requests = 0
        self._failures = 0
        self._failures_in_a_row = 0
        self._timed_out = False
        self._too_many_in_a_row = False
        """Whether so many runs failed in a row that their configurations can't be the cause."""

    def run(self) -> Outcome:
        """Run the trials of the sweep that are not finished.

        Raises InputError, before anything is created, if the storage can't be reached or the folder
        belongs to another sweep or driver. Raises RunError if more configurations failed than the
        plan allows, if none completed, or if workers can't start; the tables are complete in these
        cases. Also raises RunError if the storage fails.
        """
        with ExitStack() as stack:
            url = self.plan.storage
            database = stack.enter_context(connect(url)) if url else None
            self.plan = self._folder.as_begun(pausing_if_possible(self.plan, self._objective))
            name = self._folder.claim(
                SweepRecord.of(self.plan), usual=self.plan.usual, shared=database is not None
            )
            stack.callback(self._folder.release)
            if self.plan.warm_start is not None:
                self.plan.warm_start.keep(self._folder.path)
            journal = self._folder.path / JOURNAL
            if self._folder.grown is not None:
                grow(database or Journal(journal), self._folder, name, self.plan)
            backing = database or stack.enter_context(closing(Journal(journal)))
            settings = as_optuna_counts(self.plan.pruner, self.plan.pruner_settings)
            self._study = Study(backing, name, replace(self.plan, pruner_settings=settings))
            stack.callback(self._study.close)
            self._tables = Tables(self._folder.path, self.plan)
            self._recall()
            try:
                self._executor.start(self._objective, self._folder.path)
                self._drive()
            finally:
                self._executor.close(kill=self._stop_requests > 1)
                for configuration in self._configurations.values():
                    if configuration.state != PAUSED:
                        configuration.state = INTERRUPTED
                importances = self._asked(self._study.importances) or {}
                rows = self._write_tables(importances)
        failures = reasons(rows)
        if self.plan.too_many(self._failures):
            raise RunError(
                f"{self._failures} configurations failed, max_failures allows "
                f"{self.plan.max_failures:g}{_why(failures)}; see "
                f"{self._folder.path / TABLE_MD}, start again to go on"
            )
        if self._too_many_in_a_row:
            raise RunError(
                f"{self._failures_in_a_row} runs failed one after another{_why(failures)}; mend "
                f"that and start again: the sweep goes on, and tries them again (see "
                f"{self._folder.path / LOG} and {OUTPUT} in the trials' folders)",
                Remedy.ANY_FAILURES_IN_A_ROW,
            )
        reached = self.progress()
        left = self._awaiting or any(c.status is None for c in self._configurations.values())
        timed_out = self._timed_out and (bool(left) or reached.done < self.plan.total)
        if self._stop_requests == 0 and not timed_out and not reached.completed + reached.pruned:
            raise RunError(
                f"none of {self.plan.total} configurations completed, the last one: "
                f"{rows[-1].get('error', rows[-1]['status'])}; see {self._folder.path / TABLE_MD} "
                f"and {OUTPUT} in the trials' folders"
            )
        return Outcome(rows, self._stop_requests > 0, importances, failures, timed_out)

    def request_stop(self) -> None:
        """Stop the sweep. The first call lets running trials stop at their checkpoints, the second
        one kills them.

        In both cases the sweep can be resumed. Safe in a signal handler and from any thread.
        """
        self._stop_requests += 1
        self._executor.wake()

    def progress(self) -> Progress:
        """The state of the sweep. The call is quick and safe from any thread."""
        running = {number for number, _ in tuple(self._running)}
        paused = sum(c.state == PAUSED for c in tuple(self._configurations.values()))
        return self._tally.progress(len(running), paused)

    def _recall(self) -> None:
        """Read the study. Finished trials are kept, the others are queued."""
        self._folder.check_numbers(self._study.count)
        for stored in self._study.trials():
            configuration = self._admit(stored)
            if stored.finished:
                self._tally.count(configuration.row())
            elif configuration.status == FAILED and self.plan.retry_failed:
                self._try_again(configuration)
            elif configuration.status is not None:
                self._settle(configuration)  # a kill may have come between its last run and its end
            elif stored.number in self._study.paused:
                self._pause(configuration)
            elif configuration.earlier:
                self._failed_before.extend(self._pending(configuration))
            else:
                self._enqueue(configuration)
        # First runs that a stop cut short are queued first. Without the stop they would be over by
        # now, and the pruner's decisions on other trials depend on them.
        self._queue = deque(sorted(self._queue, key=lambda job: job.run > 0))
        first = self._study.waiting()
        if self.plan.n_trials is not None:  # enqueued points are tried in any case
            due = max(self.plan.n_trials, self._study.points + len(first))
            self.plan = replace(self.plan, n_trials=due)
        self._tally.begin(self.plan.total)
        if self.plan.sampler == GRID:
            points = chain(first, grid(self.plan.space))
            fresh = (point for point in points if not self._study.knows(point))
            self._points = islice(fresh, max(0, self.plan.total - self._study.points))
            self._point = next(self._points, None)
        if self._study.count:
            runs = len(self._queue), len(self._failed_before)
            log.info("going on with %s, %d runs under way, %d again", self.progress(), *runs)

    def _drive(self) -> None:
        stopping = False
        limit = self.plan.timeout_s
        self._deadline = math.inf if limit is None else time.monotonic() + limit
        while self._stop_requests < 2:
            enough = self.plan.too_many(self._failures) or self._too_many_in_a_row
            self._timed_out |= not stopping and time.monotonic() >= self._deadline
            if not stopping and (self._stop_requests or enough or self._timed_out):
                stopping = True
                self._executor.stop()
            if not stopping:
                self._fill()
            if not self._running:
                return
            for event in self._executor.wait(self._patience(stopping)):
                if isinstance(event, Reported):
                    self._judge(event, stopping)
                else:
                    self._end(event, stopping)
            if self._tables.due_in() == 0:
                self._write_tables({})

    def _patience(self, stopping: bool) -> float | None:
        """Seconds until the driver must act even without an event; None: no limit."""
        due = self._tables.due_in()
        if stopping or self._deadline == math.inf:
            return due
        left = max(0.0, self._deadline - time.monotonic())
        return left if due is None else min(left, due)

    def _fill(self) -> None:
        """Give every free worker a run."""
        while self._executor.free and (job := self._next()):
            self._running[job.key] = job
            self._executor.submit(job)
            self._observe(Started(job, self._attempts[job.key]))

    def _next(self) -> Job | None:
        """The next run; None if there is none yet.

        On a grid all first runs come first. Otherwise workers would idle at the end, while the last
        first run decides whether its other seeds are due. With a sampler the other seeds of a
        configuration come first, so that the sampler knows their results.
        """
        fresh = self._study.points < self.plan.total and (
            self._study.room() if self._points is None else self._point is not None
        )
        while self._queue and not (fresh and self._points is not None and self._queue[0].run):
            job = self._queue.popleft()
            if self._configurations[job.number].status is None:  # its first run has not failed
                return job
        if (promoted := self._promoted(Share.BEST)) is not None:
            return promoted
        if not fresh:
            return self._next_at_end()
        configuration = self._admit(self._study.create(self._point))
        if self._points is not None:
            self._point = next(self._points, None)
        return self._job(configuration, 0)

    def _next_at_end(self) -> Job | None:
        """The next run where no configuration is left to begin.

        With a time budget the best paused trials go on as long as it lasts, unless the best are to
        get further seeds. Without one, each rung's best one goes on, and all others are given up;
        but only once nothing runs that may still change which is the best.
        """
        if self._failed_before:
            return self._failed_before.popleft()
        if (ahead := self._next_ahead()) is not None:
            return ahead
        if self.plan.timeout_s is not None and self.plan.seeds_for is None:
            return self._promoted(Share.ALL)
        if self._running:
            return None
        if (last := self._promoted(Share.ONE)) is not None:
            return last
        for number in sorted(self._study.paused):
            self._study.give_up(number)
            self._given_up.add(number)
            self._configurations[number].state = RUNNING
            self._enqueue(self._configurations[number])
        if not self._queue:
            self._give_seeds()
        return self._queue.popleft() if self._queue else None

    def _promoted(self, share: Share) -> Job | None:
        """The run of the paused trial that goes on next; None if none may."""
        if not self._study.paused:
            return None
        number = self._study.promote(share, busy={number for number, _ in self._running})
        if number is None:
            return None
        configuration = self._configurations[number]
        configuration.state = RUNNING
        return self._job(configuration, 0)

    def _pause(self, configuration: Configuration) -> None:
        """Record that a configuration is paused and no worker has it."""
        objective = next(iter(self.plan.objectives))
        configuration.state = PAUSED
        configuration.standing = {objective: self._study.paused_value(configuration.number)}

    def _next_ahead(self) -> Job | None:
        """Another seed of a configuration whose first run is running, for an idle worker.

        Such a run is void if the first run fails, which is rare. With a pruner first runs often end
        early, so no run begins ahead.
        """
        if self.plan.pruner != NONE or self.plan.seeds_for is not None:
            return None
        for number in (number for number, run in self._running if run == 0):
            configuration = self._configurations[number]
            for run in range(1, self.plan.seeds):
                if run not in configuration.runs and (number, run) not in self._ahead:
                    self._ahead.add((number, run))
                    return self._job(configuration, run)
        return None

    def _judge(self, event: Reported, stopping: bool) -> None:
        job = event.job
        pruned = job.run == 0 and self._study.report(
            job.number, event.step, event.value, last=event.last
        )
        decision = Decision.CONTINUE
        if pruned:
            decision = Decision.PRUNE
            self._given_up.add(job.number)
        elif job.run == 0 and job.number in self._study.paused:
            decision = Decision.PAUSE
        if stopping or self._configurations[job.number].status is not None:
            decision = Decision.STOP
        self._executor.decide(job, decision)
        self._observe(Judged(job, event.step, event.value, decision))

    def _end(self, event: Ended, stopping: bool) -> None:
        job, result = event.job, judge(event.result, self.plan.judged)
        del self._running[job.key]
        self._tables.outdated = True
        configuration = self._configurations[job.number]
        if configuration.status is not None:  # it began ahead, and the first run has failed since
            self._observe(Finished(job, result, again=False))
            return
        if result["status"] == INTERRUPTED and not stopping:
            result = {**result, "status": FAILED, "error": "it stopped without being asked to"}
        if job.run == 0 and job.number in self._study.paused and result["status"] in UNFINISHED:
            self._end_paused(configuration, job, result)
            return
        if result["status"] == PAUSED:
            result = {**result, "status": FAILED, "error": "it paused without being asked to"}
        again = result["status"] == FAILED and self._attempts[job.key] < self.plan.retries
        self._observe(Finished(job, result, again))
        if again:
            self._attempts[job.key] += 1
            self._queue.appendleft(self._job(configuration, job.run))
        elif result["status"] != INTERRUPTED:
            log.info("trial %d, run %d: %s", job.number, job.run, result["status"])
            self._count_in_a_row(result["status"] == FAILED)
            with self._study.batch():
                self._study.save(job.number, job.run, result)
                configuration.runs[job.run] = result
                if configuration.status is not None:
                    self._settle(configuration)
            if job.run == 0:
                self._enqueue(configuration)

    def _end_paused(self, configuration: Configuration, job: Job, result: Result) -> None:
        """Leave a trial at its checkpoint, where it was told to pause.

        The checkpoint is older than the report that was answered so. So the trial is paused even if
        its worker has died or the sweep has stopped since.
        """
        if result["status"] == FAILED:
            log.warning(
                "trial %d failed after it was told to pause (%s); it will go on from there",
                job.number,
                result.get("error"),
            )
        self._pause(configuration)
        self._count_in_a_row(False)
        self._observe(Finished(job, {**result, "status": PAUSED}, again=False))

    def _admit(self, stored: Stored) -> Configuration:
        number = stored.number
        configuration = Configuration(
            number,
            stored.params,
            self.plan.seeds,
            stored.runs,
            constraints=self.plan.constraints,
        )
        if self.plan.seeds_for is not None:
            configuration.due = len(stored.runs) if stored.finished else 1
        configuration.earlier += stored.errors
        self._configurations[number] = configuration
        if stored.pruned:
            self._given_up.add(number)
        self._tables.outdated = True
        return configuration

    def _try_again(self, configuration: Configuration) -> None:
        """Queue again the runs of a configuration that failed in an earlier start of the sweep."""
        failed = configuration.forget_failures()
        self._study.retry(configuration.number, failed, configuration.earlier)
        if configuration.number in self._study.paused:
            self._pause(configuration)
        elif configuration.status is not None:  # what failed was a further seed
            self._settle(configuration)
        else:
            self._failed_before.extend(self._pending(configuration))

    def _count_in_a_row(self, failed: bool) -> None:
        most = self.plan.max_failures_in_a_row
        if not self._too_many_in_a_row:  # runs that end later do not change the outcome
            self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
            self._too_many_in_a_row = most is not None and self._failures_in_a_row >= most

    def _enqueue(self, configuration: Configuration) -> None:
        self._queue.extend(self._pending(configuration))

    def _pending(self, configuration: Configuration) -> list[Job]:
        number = configuration.number
        due = (run for run in configuration.pending() if (number, run) not in self._ahead)
        return [self._job(configuration, run) for run in due]

    def _job(self, configuration: Configuration, run: int) -> Job:
        number = configuration.number
        pruned = run == 0 and number in self._given_up
        return Job(
            number,
            run,
            seed=self.plan.seed + run,
            params=configuration.params,
            folder=self._folder.trial(number, run, self.plan.seeds),
            decision=Decision.PRUNE if pruned else Decision.CONTINUE,
        )

    def _settle(self, configuration: Configuration) -> None:
        """Conclude a configuration whose runs have ended, unless it may get further seeds."""
        if configuration.status == COMPLETED and configuration.due_runs < self.plan.seeds:
            self._awaiting.add(configuration.number)
            self._tally.count(configuration.row())
        else:
            self._conclude(configuration)

    def _give_seeds(self) -> None:
        """Queue the further seeds of the best configurations, and conclude the others.

        First runs alone decide, so a resumed sweep chooses the same ones.
        """
        firsts = [
            {**c.row(), **c.runs[0]}
            for c in self._configurations.values()
            if c.runs and c.runs[0]["status"] == COMPLETED
        ]
        firsts.sort(key=lambda row: rank(row, self.plan.objectives))
        best = {row["number"] for row in firsts[: self.plan.seeds_for]}
        awaiting, self._awaiting = sorted(self._awaiting), set()
        for configuration in map(self._configurations.__getitem__, awaiting):
            if configuration.number in best:
                configuration.due = self.plan.seeds
            if configuration.status is None:
                self._enqueue(configuration)
            else:
                self._conclude(configuration)

    def _conclude(self, configuration: Configuration) -> None:
        status = configuration.status
        assert status is not None
        values, row = None, configuration.row()
        if status == COMPLETED:
            values = [float(row[key]) for key in self.plan.objectives]
        bounds = attributes(self.plan.constraints, row)
        self._study.finish(configuration.number, status, values, bounds)
        self._tally.count(row)
        self._failures += status in (FAILED, DIVERGED)

    def _asked(self, question: Callable[[], T]) -> T | None:
        """The study's answer; None if its database is gone, which ends the sweep."""
        try:
            return question()
        except GONE:
            return None

    def _write_tables(self, importances: Mapping[str, float]) -> list[Row]:
        begun = time.monotonic()
        many = len(self.plan.objectives) > 1
        front = self._asked(self._study.front) if many else None
        rows = self._tables.write(self._configurations.values(), front, importances)
        self._on_refresh(rows)
        self._tables.written((time.monotonic() - begun) / TABLES_SHARE)
        return rows


def _why(failures: Counter[str]) -> str:
    return f" ({describe_failures(failures)})" if failures else ""
