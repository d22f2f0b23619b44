"""`make gpu` as far as a machine without a GPU can run it: in small, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.__main__ import LIMITS_S
from tests.tunes import ROOT


def run(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_its_tests_are_not_collected_with_the_others(request: pytest.FixtureRequest) -> None:
    assert not [item.nodeid for item in request.session.items if "tests/gpu/" in item.nodeid]


def test_its_parts_end_within_eight_minutes() -> None:
    assert sum(LIMITS_S.values()) <= 480


@pytest.mark.slow
def test_make_gpus_benchmarks_run_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = ["-m", "tests.gpu", "speed", "side_by_side", "sweeps"]
    printed = run(*command, "--device", "cpu", "--small", "--limit", "8", "--out", str(out))
    found = json.loads(out.read_text())
    assert set(found) >= {"machine", "speed", "validation_s", "side_by_side", "sweeps"}
    assert found["machine"]["device"] == "cpu"
    for row in found["speed"]["4"].values():
        assert row["ratio"] == pytest.approx(row["ours_chars_per_s"] / row["bare_chars_per_s"])
    for row in found["side_by_side"].values():
        assert row["ieee"]["largest_gap_of_losses"] < 1e-4
    assert all(row["same_as_alone"] for row in found["sweeps"].values())
    assert printed.count(" passed (") == 6  # as each part ends, and at the end


@pytest.mark.slow
def test_make_gpus_tests_run_on_a_cpu(tmp_path: Path) -> None:
    """Those that mean something on a CPU; the others are collected."""
    few = "checkpoint_is_the_same or hidden_units or what_is_set or goes_on_elsewhere"
    options = ["-p", "no:cacheprovider", "-c", "tests/gpu/pytest.ini", "--rootdir", str(ROOT)]
    printed = run("-m", "pytest", *options, "tests/gpu", "--device", "cpu", "-v", "-k", few)
    assert " 5 passed, 1 skipped" in printed


@pytest.mark.slow
def test_a_part_that_hangs_or_fails_costs_that_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tests.gpu import __main__ as command

    parts = {
        "tests": ["-c", "import time; print('begun', flush=True); time.sleep(600)"],
        "speed": ["-c", "print('all is well')"],
        "sweeps": ["-c", "raise SystemExit(3)"],
    }
    monkeypatch.setattr(command, "LIMITS_S", {"tests": 5.0, "speed": 60.0, "sweeps": 60.0})
    monkeypatch.setattr(command, "commands", lambda part, *_: [parts[part]])
    monkeypatch.setattr(sys, "argv", ["tests.gpu", "--out", str(tmp_path / "gpu.json")])
    assert command.main() == 1
    printed = capfd.readouterr().out
    assert "tests: FAILED: not done after 5 s" in printed
    assert "all is well" in printed
    assert "speed: passed" in printed
    assert "sweeps: FAILED with exit code 3" in printed
