"""Measures of what a trained network writes, in its result."""

import json
from pathlib import Path

import pytest

from musicgen.music.measures import directions, measures
from musicgen.training.fit import fit
from tests.tunes import composed, small


@pytest.mark.slow
def test_a_training_is_measured(tmp_path: Path) -> None:
    overrides = small(tmp_path, "samples.measure=true", "trainer.max_epochs=2")
    first = fit(composed(*overrides), tmp_path / "first")
    again = fit(composed(*overrides), tmp_path / "again")
    kept = json.loads((tmp_path / "first" / "result.json").read_text())["measures"]
    assert list(kept) == list(measures())
    assert set(directions()) <= set(kept)
    assert all(0 <= kept[name] <= 1 for name in directions())
    assert first.measures == again.measures == kept
    other = fit(composed(*overrides, "seed=2"), tmp_path / "other")
    assert other.measures != kept


def test_it_can_be_left_out(tmp_path: Path) -> None:
    result = fit(composed(*small(tmp_path, "trainer.max_epochs=1")), tmp_path / "run")
    assert result.measures == {}
