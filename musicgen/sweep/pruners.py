"""Who cuts a trial short, by name."""

from collections.abc import Callable, Mapping
from typing import Any

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)

from musicgen.errors import InputError

NONE = "none"

PRUNERS: Mapping[str, Callable[..., BasePruner]] = {
    NONE: NopPruner,
    "median": MedianPruner,
    "asha": SuccessiveHalvingPruner,
    "hyperband": HyperbandPruner,
}
"""Settings have the names that Optuna gives them, and its defaults; a step is a report's step."""


def make_pruner(name: str, **settings: Any) -> BasePruner:
    """A pruner of PRUNERS. Raises InputError for settings that it doesn't have or accept."""
    try:
        return PRUNERS[name](**settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"pruner={name} refuses its settings: {error}") from None


def check_pruner(name: str, settings: Mapping[str, Any], objectives: int) -> None:
    """Raises InputError if there is no such pruner, or several objectives and a pruner."""
    if name not in PRUNERS:
        raise InputError(f"pruner must be one of {', '.join(PRUNERS)}, got {name}")
    if name != NONE and objectives > 1:
        raise InputError(
            f"pruner={name} needs one objective to judge by, got {objectives}; take pruner=none"
        )
    make_pruner(name, **settings)
