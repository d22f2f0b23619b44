"""Measures of what a trained network writes, in its result."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from musicgen.music.measures import DIRECTIONS, SetMeasures
from musicgen.training.fit import fit
from tests.tunes import composed, small


@pytest.mark.slow
def test_a_training_is_measured(tmp_path: Path) -> None:
    overrides = small(tmp_path, "samples.measure=true", "trainer.max_epochs=2")
    first = fit(composed(*overrides), tmp_path / "first")
    again = fit(composed(*overrides), tmp_path / "again")
    measures = json.loads((tmp_path / "first" / "result.json").read_text())["measures"]
    assert list(measures) == [field.name for field in fields(SetMeasures)]
    assert set(DIRECTIONS) <= set(measures)
    assert all(0 <= measures[name] <= 1 for name in DIRECTIONS)
    assert first.measures == again.measures == measures
    other = fit(composed(*overrides, "seed=2"), tmp_path / "other")
    assert other.measures != measures


def test_it_can_be_left_out(tmp_path: Path) -> None:
    result = fit(composed(*small(tmp_path, "trainer.max_epochs=1")), tmp_path / "run")
    assert result.measures == {}
