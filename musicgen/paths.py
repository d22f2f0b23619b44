"""Where things lie: the configuration in a checkout or in an installed wheel, and run folders."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from musicgen.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The folder conf or experiments: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


@contextmanager
def replacing(path: Path) -> "Iterator[IO[bytes]]":
    """A file that appears under `path` whole or not at all, whatever kills the writer."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def in_name(number: float) -> str:
    """A number as names of files have it, such as 1, 0.5 or 1e-05; unlike numbers differ in it."""
    return repr(float(number)).removesuffix(".0")


def write_text(path: Path, text: str) -> None:
    """Replace the file's content by `text` at once."""
    with replacing(path) as file:
        file.write(text.encode())


def make_folder(path: Path, key: str) -> Path:
    """Create a folder that can be written. Raises InputError naming the configuration key."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"{key} must be a folder that can be written, got {path} ({error.strerror}); "
            f"choose another with {key}=<folder>"
        ) from None
    return path


def held(lock: Path) -> bool:
    """Whether a living process holds this lock file."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
