"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from musicgen.system.files import put, replacing, write_text


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_text(path, "old")

    def broken() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        broken()
    assert path.read_text() == "old"
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("how", ["replacing", "put"])
def test_what_is_written_is_on_the_disk_before_its_name_is(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, draft = tmp_path / "a", tmp_path / "draft"
    path.write_text("old")
    draft.write_text("new")
    seen: list[tuple[str, str]] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        seen.append((Path(os.readlink(f"/proc/self/fd/{descriptor}")).name, path.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    if how == "put":
        put(draft, path)
    else:
        write_text(path, "new")
    names, contents = zip(*seen, strict=True)
    assert names[-1] == tmp_path.name
    assert contents == ("old", "new")
    assert path.read_text() == "new"


def test_two_threads_write_files_of_their_own(tmp_path: Path) -> None:
    """As two hosts with equal pids do; the last one counts, whole."""
    path = tmp_path / "a"
    with replacing(path) as first:
        first.write(b"first")
        with replacing(path) as second:
            second.write(b"2")
        assert path.read_bytes() == b"2"
    assert path.read_bytes() == b"first"
    assert [path] == list(tmp_path.iterdir())
