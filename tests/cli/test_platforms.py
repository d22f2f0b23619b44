"""Platforms that nobody here has: said to be one, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tunes import ROOT

WINDOWS = """import sys
sys.platform = "win32"
sys.modules["fcntl"] = None
"""


def on_windows(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A Python that takes itself for one on Windows, where there is no fcntl."""
    (folder / "sitecustomize.py").write_text(WINDOWS)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["train", "generate", "report", "heatmap", "studies"])
def test_on_windows_a_command_says_what_is_missing(tmp_path: Path, name: str) -> None:
    done = on_windows(tmp_path, "-m", f"musicgen.{name}", "--help")
    assert done.returncode == 2
    assert done.stderr == (
        "error: musicgen needs Linux or macOS, got Windows; run it in WSL (wsl --install)\n"
    )


def test_on_windows_an_import_says_so_too(tmp_path: Path) -> None:
    done = on_windows(tmp_path, "-c", "import musicgen")
    assert done.stderr.splitlines()[-1] == (
        "ImportError: musicgen needs Linux or macOS, got Windows; run it in WSL (wsl --install)"
    )
