"""A prepared corpus on disk: the texts of its splits, and a manifest with their digests."""

import errno
import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from musicgen.errors import InputError
from musicgen.system.lock import alone

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
            f"({error.strerror}); make room or take another folder"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _put(fresh: Path, folder: Path) -> None:
    """Rename onto the folder, unless an undamaged one is there."""
    aside = fresh.with_name(f"{fresh.name}-damaged")
    # Else a process could replace a new folder as damaged. Where folders cannot be locked, another
    # process may at worst find the corpus missing for a moment, and prepares it, too.
    with alone(folder.parent):
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
