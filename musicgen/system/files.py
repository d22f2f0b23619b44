"""Files that are there whole or not at all, whatever kills their writer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file that appears under `path` once all of it is written; until then the old one stays.

    durable: a power cut, too, leaves the old file or the new one; costs some milliseconds.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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


def sync_names(folder: Path) -> None:
    """Have a power cut leave the folder with the files that it has now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems can't
        pass
    finally:
        os.close(descriptor)
