"""A user's function as an objective: its return value becomes a result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musicgen.errors import Interrupted
from musicgen.sweep.trial import (
    COMPLETED,
    INTERRUPTED,
    PAUSED,
    PRUNED,
    Decision,
    Result,
    Trial,
)

ENDS = {
    Decision.CONTINUE: COMPLETED,
    Decision.PRUNE: PRUNED,
    Decision.PAUSE: PAUSED,
    Decision.STOP: INTERRUPTED,
}
"""The status of a result that has none, by the decision that its trial has read last."""


@dataclass(frozen=True)
class FunctionObjective:
    """An objective that calls a function of a trial.

    objectives: the names of the results that the trial is judged by.

    The function returns a number (the one objective), a number for each objective, or a dictionary
    of results. A result without `status` counts as pruned, paused or interrupted if `report` or
    `should_stop` told the function so, and as completed otherwise. If the function raises
    `Interrupted`, the status is interrupted or paused; any other exception is a failure. Its method
    `prepare()`, if there is one, is called once before all trials.
    """

    function: Callable[[Trial], Any]
    objectives: tuple[str, ...]

    @property
    def pauses(self) -> bool:
        """Whether the function says by an attribute of this name that its trials can pause."""
        return bool(getattr(self.function, "pauses", False))

    def prepare(self) -> None:
        prepare = getattr(self.function, "prepare", None)
        if callable(prepare):
            prepare()

    def __call__(self, trial: Trial) -> Result:
        try:
            returned = self.function(trial)
        except Interrupted:
            paused = trial.decision is Decision.PAUSE
            return {"status": PAUSED if paused else INTERRUPTED}
        status = ENDS[trial.decision_read]
        if returned is None and status != COMPLETED:
            return {"status": status}
        return {"status": status, **self._results(returned)}

    def _results(self, returned: Any) -> dict[str, Any]:
        """The results by name. Raises TypeError for a return value that is no result."""
        if isinstance(returned, Mapping):
            return {str(key): value for key, value in returned.items()}
        values = list(returned) if _is_sequence(returned) else [returned]
        if len(values) == len(self.objectives) and all(map(_is_number, values)):
            return dict(zip(self.objectives, values, strict=True))
        wanted = " and ".join(self.objectives)
        numbers = "a number" if len(self.objectives) == 1 else f"{len(self.objectives)} numbers"
        raise TypeError(
            f"the objective must return {numbers} ({wanted}) or a dictionary of results, "
            f"got {type(returned).__name__}"
        )


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_number(value: Any) -> bool:
    """Whether a value is a number of Python, numpy or torch."""
    return isinstance(value, int | float) or getattr(value, "shape", None) == ()
