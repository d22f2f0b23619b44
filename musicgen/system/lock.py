"""Locks on folders. The kernel holds them: a lock ends with its process, even if that is killed."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from musicgen.errors import InputError


class Held(Exception):  # noqa: N818 - a state of the lock, for its caller to wait for or to report
    """Another process holds the lock; the message says which."""


def hold(path: Path, patience_s: float = 0.0) -> IO[str]:
    """Lock the file `path` for this process until what is returned is closed.

    Raises Held if another process has it, and still after `patience_s`; InputError on a file system
    that knows no locks.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return _hold(path)
        except Held:
            if time.monotonic() >= until:
                raise
        time.sleep(0.1)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in such a block for this folder, and keep others out.

    Nothing is kept out on a network file system that locks no folders.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hold(path: Path) -> IO[str]:
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        text = lock.read()
        lock.close()
        raise Held(_holder(text)) from None
    except OSError as error:
        lock.close()
        raise InputError(
            f"{path.parent} must be on a file system that knows locks (flock), it is not: "
            f"{error.strerror}; choose another folder, or have it mounted with them "
            "(Lustre: -o flock)"
        ) from None
    lock.truncate(0)
    lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
    lock.flush()
    return lock


def held(path: Path) -> bool:
    """Whether a living process holds the lock file `path`."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
