"""The house's one rule: a room imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "musicgen"

FLOORS = [
    {"errors", "overrides", "paths", "keys", "rules", "config", "gpus"},
    {"music", "corpus", "models", "memory"},
    {"generation", "interpret"},
    {"training"},
    {"sweep"},
    {"report"},
    {
        "arguments",
        "bases",
        "command",
        "console",
        "executors",
        "objective",
        "points",
        "following",
        "sweeper",
        "sweeping",
        "swept",
        "exhibits",
        "sweep_display",
        "train",
        "runs",
        "generating",
        "generate",
        "studies",
        "tune_display",
        "explaining",
        "heatmap",
        "convert",
        "converting",
    },
]
"""Rooms by floor, ground first. On one floor, only NEIGHBOURS may import each other."""

NEIGHBOURS = {
    ("config", "errors"),
    ("config", "keys"),
    ("config", "overrides"),
    ("config", "rules"),
    ("rules", "keys"),
    ("paths", "errors"),
    ("corpus", "music"),
    ("memory", "music"),
}

RESERVED = {
    "hydra": {"arguments", "config", "command", "sweeper", "swept"},
    "pytorch_lightning": {"training"},
}
"""Libraries and the rooms that may import them."""

ALONE = {
    "sweep": {"errors"},
    "music": {"errors"},
    "memory": {"music"},
    "report": {"errors", "overrides", "paths", "sweep", "music"},
}
"""Rooms that may import these rooms alone, whatever lies below them."""

TORCHLESS = {
    "errors",
    "overrides",
    "paths",
    "keys",
    "rules",
    "config",
    "music",
    "memory",
    "corpus",
    "report",
    "sweep",
}


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, relative ones made absolute."""
    package = ".".join(("musicgen", *path.relative_to(PACKAGE).parent.parts))
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{above}.{base}".rstrip(".")
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    room = parts[0]
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    assert room in floor, f"give {room} a floor in FLOORS"
    for name in imports(path):
        top = name.split(".")[0]
        if top == "musicgen" and (other := room_of(name)) not in ("", room, "__version__"):
            below = floor[other] < floor[room] or (room, other) in NEIGHBOURS
            assert below or floor[room] == len(FLOORS) - 1, f"{room} imports {other}"
            assert other in ALONE.get(room, {other}), f"{room} imports {other}"
        allowed = RESERVED.get(top)
        assert allowed is None or room in allowed, f"{room} imports {top}"
        assert top != "torch" or room not in TORCHLESS, f"{room} imports torch"
