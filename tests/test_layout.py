"""The tests' own house: it mirrors the package's, and helpers are no test files."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FILES = sorted([*TESTS.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
BESIDE = {"gpu", "extension", "examples", "before", "studies", "experiments"}
"""Folders of tests that stand for no room of the package."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: ".".join(path.relative_to(ROOT).parts))
def test_shared_helpers_are_imported_from_tests_and_never_from_a_test_file(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        else:
            continue
        for name in imported:
            parts = name.split(".")
            if parts[0] == "tests":
                assert not any(part.startswith("test_") for part in parts), name
            else:
                helper = path.parent / f"{parts[0]}.py"
                assert not helper.exists(), f"from {helper.relative_to(ROOT)}: {name}"


def test_each_folder_of_tests_stands_for_a_room_of_the_package() -> None:
    rooms = {path.name for path in (ROOT / "musicgen").iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.glob("*/**/test_*.py")}
    assert folders <= rooms | BESIDE, folders - rooms - BESIDE
