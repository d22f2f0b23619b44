"""`import musicgen` costs nothing that is not needed yet."""

import subprocess
import sys

import pytest

import musicgen
from tests.tunes import ROOT

HEAVY = {"torch", "pytorch_lightning", "hydra", "omegaconf", "optuna", "numpy", "pandas", "rich"}


def imported(code: str) -> set[str]:
    """Names of the modules that a new process imports for a line of Python."""
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return {line.split("|")[-1].strip() for line in process.stderr.splitlines()}


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    found = imported("import musicgen")
    assert not found & HEAVY
    assert {name for name in found if name.startswith("musicgen")} == {"musicgen"}


def test_public_names_come_without_hydra_and_torch() -> None:
    code = "from musicgen import Run, Sweep, parse"
    assert not imported(code) & {"torch", "pytorch_lightning", "hydra", "optuna", "pandas", "rich"}


def test_every_public_name_is_there_and_is_listed() -> None:
    for name in musicgen.__all__:
        assert getattr(musicgen, name).__doc__
    assert {*musicgen.__all__, "__version__"} <= set(dir(musicgen))
    with pytest.raises(AttributeError, match="no attribute 'Sweeep'"):
        musicgen.Sweeep  # noqa: B018 - reading it is the test
