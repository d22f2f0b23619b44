"""Files that exist whole or not at all, even if their writer is killed."""

import csv
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Write a new file under `path`: it replaces the old one when the block ends without an error.

    durable: after a power cut the folder has the old file or the new one; costs some milliseconds.
    """
    # Hosts may share the folder and the pid, threads share it always.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace a file's content by `text` at once, as `replacing` does."""
    with replacing(path, durable=durable) as file:
        file.write(text.encode())


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace a file's content by rows that have the same columns, under their names; by nothing if
    there is no row."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())


def put(draft: Path, path: Path) -> None:
    """Give a file that another library has written its name: the old one is there until then.

    After a power cut the folder has the old file or the new one, as with `replacing`.
    """
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_names(path.parent)


def sync_names(folder: Path) -> None:
    """Make a folder's list of files survive a power cut (fsync of the folder)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems have no fsync of folders
        pass
    finally:
        os.close(descriptor)
