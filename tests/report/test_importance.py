"""How much each key matters, also where trials were cut short."""

from typing import Any

import pytest

from musicgen.report.importance import importances
from musicgen.sweep.space import Float, Space

SPACE: Space = {"x": Float(0, 1), "y": Float(0, 1)}


def rows(*, cut: bool, sign: float = 1.0) -> list[dict[str, Any]]:
    """Only x matters; where trials are cut, those of small x are pruned at epoch 1 or 3, with
    figures that would be the best of all if they compared."""
    found = []
    for number in range(40):
        x, y = number / 40, (number * 7 % 40) / 40
        pruned = cut and x < 0.9
        value = sign * (-5.0 - y if pruned else 1 - x)
        status = {"status": "pruned", "epochs": 1 if x < 0.4 else 3} if pruned else {}
        found.append({"number": number, "status": "completed", "x": x, "y": y, "epochs": 9,
                      "loss": value, **status})  # fmt: skip
    return found


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(("sign", "direction"), [(1.0, "minimize"), (-1.0, "maximize")])
def test_what_was_cut_short_counts_behind_what_completed(
    cut: bool, sign: float, direction: Any
) -> None:
    shares = importances(rows(cut=cut, sign=sign), SPACE, "loss", direction)
    assert shares["x"] > 0.8


def test_a_state_without_a_figure_does_not_count() -> None:
    few = [{**row, "status": "failed"} for row in rows(cut=False)[:35]]
    assert importances([*few, *rows(cut=False)[35:]], SPACE, "loss", "minimize") == {}
