"""The device that is tried, and a time limit for each test."""

import importlib.util
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
import torch

from musicgen.system.gpus import WORKSPACE

LIMIT_S = 60

os.environ.setdefault(*WORKSPACE)  # before CUDA starts


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=("cuda", "cpu"), default="cuda")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a CPU the tests show that they run; what needs a GPU is left out there."""
    if config.getoption("--device") == "cpu":
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.fixture(autouse=True)
def _in_time(kind: str) -> Iterator[None]:
    limit_s = LIMIT_S if kind == "cuda" else 10 * LIMIT_S

    def late(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"not done after {limit_s} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(limit_s)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.config.getoption("--device")
    return found


@pytest.fixture(scope="session")
def device(kind: str) -> torch.device:
    return torch.device(kind)


@pytest.fixture(scope="session")
def on_device(kind: str) -> list[str]:
    """Overrides for a training on the device."""
    return ["trainer=gpu" if kind == "cuda" else "trainer=cpu"]


@pytest.fixture(scope="session")
def precisions(kind: str) -> list[str]:
    return ["fp32", "tf32", "bf16"] if kind == "cuda" else ["fp32", "bf16"]


@pytest.fixture(scope="session")
def media() -> bool:
    """Whether scores and pictures can be made on this machine."""
    return all(importlib.util.find_spec(name) for name in ("verovio", "resvg_py", "matplotlib"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in FOUND:
        terminalreporter.write_line(line)


FOUND: list[str] = []
"""Figures that tests have found, printed at the end."""
