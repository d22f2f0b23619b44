"""Results of runs, and the table row of all runs of a configuration."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from musicgen.sweep.constraints import BREAKS, Constraint, broken
from musicgen.sweep.trial import COMPLETED, DIVERGED, FAILED, PAUSED, STATUSES, Result, Scalar

Row = dict[str, Any]
"""One row of a table: number, status, swept keys, results."""
RUNNING = "running"
EARLIER = "earlier_errors"
"""A column: the reasons for which a row failed before it was tried again."""


def judge(result: Result, objectives: Iterable[str]) -> Result:
    """The result, with a status that fits its content."""
    if result.get("status") not in STATUSES:
        return {**result, "status": FAILED, "error": f"no such status: {result.get('status')}"}
    if result["status"] != COMPLETED:
        return result
    for key in objectives:
        value = result.get(key)
        if not isinstance(value, int | float):
            return {**result, "status": FAILED, "error": f"the objective returned no {key}"}
        if not math.isfinite(value):
            return {**result, "status": DIVERGED, "error": f"{key} is {value}"}
    return result


@dataclass
class Configuration:
    """One point of the space and the results of its runs so far."""

    number: int
    params: Mapping[str, Any]
    seeds: int
    runs: dict[int, Result] = field(default_factory=dict)
    due: int | None = None
    """The number of runs that it should have by now; None: all of `seeds`."""
    earlier: list[str] = field(default_factory=list)
    """The reasons for which it failed in earlier starts of the sweep, each once."""
    state: str = RUNNING
    """The state while `status` is None: `running`, `paused`, or `interrupted` after the sweep has
    stopped."""
    constraints: tuple[Constraint, ...] = ()
    standing: Mapping[str, float] = field(default_factory=dict)
    """The objective's value of a paused configuration, by its name."""

    @property
    def status(self) -> str | None:
        """The final status: completed if all runs completed, else the status of the first run that
        did not; None before the end."""
        if len(self.runs) < self.due_runs and not self._first_fell_short:
            return None
        odd = [run["status"] for run in self.counted.values() if run["status"] != COMPLETED]
        return str(odd[0]) if odd else COMPLETED

    @property
    def due_runs(self) -> int:
        return self.seeds if self.due is None else self.due

    @property
    def counted(self) -> dict[int, Result]:
        """The runs that count, in order: only the first if it did not complete, else all."""
        return {0: self.runs[0]} if self._first_fell_short else dict(sorted(self.runs.items()))

    @property
    def _first_fell_short(self) -> bool:
        return 0 in self.runs and self.runs[0]["status"] != COMPLETED

    def forget_failures(self) -> list[int]:
        """Remove the results of failed runs, so that these are pending; returns their indices. The
        reasons are kept."""
        failed = [run for run, result in self.runs.items() if result["status"] == FAILED]
        for run in failed:
            reason = str(self.runs.pop(run).get("error"))
            self.earlier += [reason] if reason not in self.earlier else []
        return failed

    def pending(self) -> list[int]:
        """The runs that are due: first the first run, and after it all others."""
        if self.status is not None:
            return []
        return [
            run for run in range(self.due_runs if 0 in self.runs else 1) if run not in self.runs
        ]

    def row(self) -> Row:
        """The row of the configuration; with several seeds, means over its completed runs."""
        row = self._row()
        breaks = broken(self.constraints, row)
        return row | ({BREAKS: breaks} if breaks else {})

    def _row(self) -> Row:
        status = self.status or self.state
        head = {"number": self.number, "status": status, **self.params}
        if status == PAUSED:
            head |= self.standing
        before = {EARLIER: "; ".join(self.earlier)} if self.earlier else {}
        if self.seeds == 1:
            return {**head, **_results(self.runs.get(0, {})), **before}
        done = [run for run in self.counted.values() if run["status"] == COMPLETED]
        odd = [run for run in self.counted.values() if run["status"] != COMPLETED]
        row = {**head, "n": len(done), **means(done or odd[:1])}
        if odd and "error" in odd[0]:
            row["error"] = odd[0]["error"]
        return {**row, **before}

    def run_rows(self) -> list[Row]:
        """One row per run."""
        return [
            {"number": self.number, "run": index, "status": run["status"]}
            | dict(self.params)
            | _results(run)
            for index, run in self.counted.items()
        ]


def reasons(rows: Iterable[Row]) -> Counter[str]:
    """The number of configurations that failed for each reason."""
    return Counter(str(row.get("error")) for row in rows if row["status"] == FAILED)


def describe_failures(failures: Counter[str], shown: int = 3) -> str:
    """Reasons as text, most frequent first: `12 x OSError: disk full, 1 x out of memory`."""
    parts = [f"{count:,} x {reason}" for reason, count in failures.most_common(shown)]
    rest = failures.total() - sum(count for _, count in failures.most_common(shown))
    return ", ".join([*parts, *([f"{rest:,} for other reasons"] if rest else [])])


def rank(
    row: Row, objectives: Mapping[str, str], seeds: int = 1
) -> tuple[bool, bool, int, tuple[float, ...], int]:
    """A row's sort key: completed rows first, those that break no constraint before the others,
    then by the first objective, then by number.

    With several seeds, a mean of more runs comes before one of fewer, so that the winner wins on a
    mean. If the first objective is equal, the next one decides, so that no row is ranked below a
    row that it beats.
    """
    values = tuple(_worth(row.get(key), way) for key, way in objectives.items())
    completed = row["status"] == COMPLETED
    runs = row["n"] if completed and seeds > 1 else 1
    return not completed, bool(row.get(BREAKS)), -runs, values, row["number"]


def may_be_best(row: Row) -> bool:
    """Whether a row completed and breaks no constraint, so that it is the best if it is the first
    of the ranked rows."""
    return row["status"] == COMPLETED and not row.get(BREAKS)


def _worth(value: Any, way: str) -> float:
    if not isinstance(value, int | float):
        return math.inf
    return -value if way == "maximize" else value


def means(runs: list[Result]) -> Result:
    """The mean of every number and the standard deviation (n - 1) of every float. Other values are
    kept if all runs agree.

    The deviation of `key` is `<key>_std`; it needs at least two runs.
    """
    mean: Result = {}
    for key in dict.fromkeys(key for run in runs for key in run if key not in ("status", "seed")):
        values = [run[key] for run in runs if key in run]
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(set(values)) == 1 and not isinstance(values[0], float):
            mean[key] = values[0]
        elif len(numbers) == len(values):
            mean[key] = statistics.fmean(numbers)
            if len(numbers) > 1 and any(isinstance(v, float) for v in numbers):
                mean[f"{key}_std"] = statistics.stdev(numbers)
    return mean


def _results(run: Mapping[str, Scalar]) -> Row:
    return {key: value for key, value in run.items() if key != "status"}
