import hashlib
import json
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from musicgen.corpus import prepared
from musicgen.errors import InputError

TEXTS = {"train": "<start>\nT:Bourrée\n<end>\n" * 1000, "validation": "\r\n\n", "test": ""}
DIGEST = "0123456789abcdef"


def manifest() -> dict[str, object]:
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in TEXTS.items()}
    return {"digest": DIGEST, "splits": {name: {"sha256": told} for name, told in sums.items()}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "name" / DIGEST
    prepared.write(path, TEXTS, manifest())
    return path


def test_what_is_written_is_read(folder: Path) -> None:
    assert prepared.read(folder) == (TEXTS, manifest())
    assert list(folder.parent.iterdir()) == [folder]


def damages(path: Path) -> list[bytes | None]:
    """The file gone, empty, cut off, and with one byte changed."""
    data = path.read_bytes()
    return [None, b"", data[:-1], bytes([data[0] ^ 1]) + data[1:]]


@pytest.mark.parametrize("name", ["train.txt", "validation.txt", "manifest.json"])
def test_a_damaged_folder_is_not_trusted_and_is_replaced(folder: Path, name: str) -> None:
    for damaged in damages(folder / name):
        (folder / name).unlink()
        if damaged is not None:
            (folder / name).write_bytes(damaged)
        # The last character of the manifest is a line end, which vouches for nothing.
        if name == "manifest.json" and damaged and damaged.endswith(b"}"):
            continue
        assert prepared.read(folder) is None
        prepared.write(folder, TEXTS, manifest())
        assert prepared.read(folder) == (TEXTS, manifest())
        assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize(
    "told",
    [[], 3, {}, {"splits": {}}, {"splits": [], "digest": DIGEST}, {"splits": {"train": 1}}],
)
def test_another_manifest_is_not_trusted(folder: Path, told: object) -> None:
    (folder / prepared.MANIFEST).write_text(json.dumps(told))
    assert prepared.read(folder) is None


def test_a_folder_of_another_name_is_not_trusted(folder: Path) -> None:
    assert prepared.read(folder.rename(folder.with_name("fedcba9876543210"))) is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"^data\.root must be a folder that can be written, got "):
        prepared.write(tmp_path / "data" / "name" / DIGEST, TEXTS, manifest())


def write_and_read(place: str, together: Barrier) -> None:
    for turn in range(40):
        folder = Path(place, str(turn), DIGEST)
        together.wait()
        prepared.write(folder, TEXTS, manifest())
        assert prepared.read(folder) == (TEXTS, manifest())


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
def test_processes_may_write_at_once(tmp_path: Path, damaged: bool) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3, timeout=300)
    if damaged:
        for turn in range(40):
            (tmp_path / str(turn) / DIGEST).mkdir(parents=True)
            (tmp_path / str(turn) / DIGEST / "train.txt").write_text("half")
    writers = [spawn.Process(target=write_and_read, args=(str(tmp_path), together)) for _ in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    for turn in range(40):
        assert [path.name for path in (tmp_path / str(turn)).iterdir()] == [DIGEST]
