"""A prepared corpus on disk: the texts of its splits, and a manifest with their digests."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from musicgen.errors import InputError

MANIFEST = "manifest.json"


def read(folder: Path) -> tuple[dict[str, str], dict[str, Any]] | None:
    """Texts by split and the manifest; None if anything is missing or differs from the manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        texts = {}
        for name, figures in manifest["splits"].items():
            data = (folder / f"{name}.txt").read_bytes()
            if hashlib.sha256(data).hexdigest() != figures["sha256"]:
                return None
            texts[name] = data.decode()
        digest = manifest["digest"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    whole = digest == folder.name and {"train", "validation"} <= texts.keys()
    return (texts, manifest) if whole else None


def write(folder: Path, texts: Mapping[str, str], manifest: Mapping[str, Any]) -> None:
    """Put the texts and the manifest into the folder, all at once.

    Several processes may do so at the same time: the first one's folder stays, as all are equal. A
    damaged folder is replaced. Raises InputError if the place cannot be written.
    """
    fresh = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"
    try:
        fresh.mkdir(parents=True)
        for name, text in texts.items():
            (fresh / f"{name}.txt").write_bytes(text.encode())
        listed = json.dumps(manifest, indent=1, ensure_ascii=False)
        (fresh / MANIFEST).write_text(listed + "\n", encoding="utf-8")
        _put(fresh, folder)
    except OSError as error:
        raise InputError(
            f"data.root must be a folder that can be written, got '{folder.parent.parent}' "
            f"({error.strerror}); make room or set data.root to another folder"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _put(fresh: Path, folder: Path) -> None:
    """Rename onto the folder, unless an undamaged one is there."""
    aside = fresh.with_name(f"{fresh.name}-damaged")
    with _alone(folder.parent):
        if read(folder) is not None:
            return
        with suppress(FileNotFoundError):
            folder.rename(aside)
        try:
            fresh.rename(folder)
        except OSError as error:  # without a lock another process came first
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the folder: otherwise two processes could each replace the other's new folder as
    damaged.

    Some network file systems lock no folder. The effect there is rare and does little harm: another
    process may find the corpus missing for a moment, and prepares it too.
    """
    descriptor = os.open(place, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
