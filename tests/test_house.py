"""The house's one rule: a room imports only from floors below its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import musicgen

PACKAGE = Path(__file__).parent.parent / "musicgen"

FLOORS = [
    {"errors"},
    {"system"},
    {"config"},
    {"music", "corpus", "models", "memory"},
    {"generation", "interpret", "sweep"},
    {"training"},
    {"report"},
    {"workflows"},
    {"cli"},
    {"api"},
    {"train", "generate", "heatmap", "evaluate", "convert", "studies"},
]
"""Rooms by floor, ground first. On one floor, only NEIGHBOURS may import each other."""

NEIGHBOURS = {("corpus", "music"), ("memory", "music")}

DOORS = {"report/__main__.py"}
"""Files of rooms that are commands too: they may import whatever lies below the doors."""

RESERVED = {
    "hydra": {"config", "cli"},
    "omegaconf": {"config", "cli", "workflows"},
    "pytorch_lightning": {"training", "api"},
    "rich": {"cli"},
}
"""Libraries and the rooms that may import them."""

ALONE = {
    "system": {"errors"},
    "sweep": {"errors", "system", "config.components", "config.registry"},
    "music": {"errors", "config.registry"},
    "memory": {"music"},
    "report": {
        "errors",
        "system",
        "config",
        "sweep",
        "music",
        "training.folder",
        "training.result",
    },
}
"""Rooms that may import these rooms or modules alone, whatever lies below them. What can be named
is registered in `sweep` and `music` by the means that plugins have."""

TORCHLESS = {"errors", "system", "config", "music", "memory", "corpus", "report", "sweep"}


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
    inside = path.relative_to(PACKAGE)
    room = "train" if str(inside) in DOORS else inside.with_suffix("").parts[0]
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    assert room in floor, f"give {room} a floor in FLOORS"
    for name in imports(path):
        top = name.split(".")[0]
        if top == "musicgen" and (other := room_of(name)) not in ("", room, "__version__"):
            below = floor[other] < floor[room] or (room, other) in NEIGHBOURS
            assert below, f"{room} imports {other}"
            module = ".".join(name.split(".")[1:3])
            assert {other, module} & ALONE.get(room, {other}), f"{room} imports {module}"
        allowed = RESERVED.get(top)
        assert allowed is None or room in allowed, f"{room} imports {top}"
        assert top != "torch" or room not in TORCHLESS, f"{room} imports torch"


APPLICATION = {
    "musicgen",
    "musicgen.errors",
    "musicgen.config.overrides",
    "musicgen.system",
    "musicgen.cli.ending",
}
"""What experiments/ may import of the package, with what lies below it: the door, and helpers."""


def test_the_experiments_use_the_door() -> None:
    door = {f"musicgen.{name}" for name in musicgen.__all__}
    for path in sorted((PACKAGE.parent / "experiments").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names]
            for name in names:
                inside = name == "musicgen" or name.startswith("musicgen.")
                below = any(name.startswith(f"{module}.") for module in APPLICATION - {"musicgen"})
                assert not inside or name in door | APPLICATION or below, f"{path}: {name}"


ADVICE = re.compile(
    r"python -m|\bhydra\.|\bsweep\.(?!json)[a-z]+ |"
    r"\b(use|take|add|set|with|or|try|choose|write|give|drop|lower|raise) [\w.{}]+="
)
"""Advice in the words of the command line, `use trainer=cpu`, and keys of whole sweeps."""

BELOW_THE_DOORS = {"system", "music", "corpus", "memory", "models", "generation", "interpret",
                   "sweep", "training", "report"}  # fmt: skip
"""Rooms that say facts: who has words for a command adds a `Remedy`'s. `config` owns the keys."""


def texts(tree: ast.AST) -> Iterator[str]:
    """All texts in a file's code but docstrings, with {} where an f-string has a value."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            inside |= set(ast.walk(node.value)) if isinstance(node.value, ast.Constant) else set()
        elif isinstance(node, ast.JoinedStr):
            inside |= set(ast.walk(node))
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.value


@pytest.mark.parametrize("room", sorted(BELOW_THE_DOORS))
def test_rooms_below_the_doors_say_facts_and_give_no_advice_about_commands(room: str) -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in FILES
        if path.relative_to(PACKAGE).parts[0] == room
        and str(path.relative_to(PACKAGE)) not in DOORS
        for text in texts(ast.parse(path.read_text()))
        if ADVICE.search(text)
    }
    assert not found


OWNERS = {
    "config.yaml": "training/folder.py",
    "command.json": "training/folder.py",
    "result.json": "training/folder.py",
    "metrics.csv": "training/folder.py",
    "model.json": "training/folder.py",
    "best.safetensors": "training/folder.py",
    "last.safetensors": "training/folder.py",
    ".lock": "training/folder.py",
    "sweep.json": "sweep/record.py",
    "lock": "sweep/folder.py",
    "study.journal": "sweep/journal.py",
    "warm_start.json": "sweep/warm_start.py",
    "table.csv": "sweep/table.py",
    "table.md": "sweep/table.py",
    "runs.csv": "sweep/table.py",
    "units.json": "report/units.py",
    "measures.csv": "workflows/generate.py",
    "manifest.json": "corpus/prepared.py",
    "reference.npz": "generation/real.py",
    "function.json": "workflows/function_sweep.py",
    "sweep.ckpt": "api/lightning.py",
    "workers.log": "sweep/executor.py",
    "output.log": "sweep/worker.py",
    "report.html": "report/write.py",
    "table.tex": "report/paper.py",
    "curves.csv": "report/curves.py",
    "units.csv": "workflows/explain.py",
    "parts.csv": "workflows/explain.py",
    ".json": "config/recipe.py",
    "card.json": "training/packaged.py",
}
"""Files on disk, and the one module that knows the name of each: who else needs it asks there. A
tune's recipe has the tune's name and the ending .json."""


def test_each_file_on_disk_has_one_owner() -> None:
    found = {
        node.value: str(path.relative_to(PACKAGE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and node.value in OWNERS
        and str(path.relative_to(PACKAGE)) != OWNERS[node.value]
    }
    assert not found
    for name, owner in OWNERS.items():
        assert f'"{name}"' in (PACKAGE / owner).read_text(), name


def test_the_map_in_contributing_is_the_house() -> None:
    """Each floor of the map has the rooms of FLOORS and no others, the top floor first. Rooms stand
    in a column of their own; the doors' floor lists its files in one line."""
    drawn: dict[int, set[str]] = {}
    for line in (PACKAGE.parent / "CONTRIBUTING.md").read_text().splitlines():
        if floor := re.match(r"floor (\d+) ", line):
            level = int(floor[1])
            drawn[level] = set()
        if drawn and line.startswith("```"):
            break
        if drawn and len(line) > 20 and line[20] != " ":
            words = line[20:].split()
            drawn[level] |= {*(words if level == len(FLOORS) - 1 else words[:1])}
    assert list(drawn) == list(reversed(range(len(FLOORS))))
    for level, rooms in enumerate(FLOORS):
        named = drawn[level] - DOORS
        assert {name.removesuffix("/").removesuffix(".py") for name in named} == rooms
