"""A sweep's folder: whose it is, who is at work in it, where each trial lives."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from musicgen.errors import InputError
from musicgen.sweep.growth import differences, recalled, recorded, renamed
from musicgen.sweep.space import Space
from musicgen.system.files import write_text
from musicgen.system.lock import Held, hold


class Folder:
    """One sweep's folder; `claim` it before writing to it, `release` it at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self.grown: Mapping[str, Any] | None = None
        """What sweep.json said before the sweep grew, until `settle`."""

    def claim(
        self,
        fingerprint: Mapping[str, str],
        space: Space | None = None,
        *,
        usual: Mapping[str, str] | None = None,
        commands: Mapping[str, str] | None = None,
        shared: bool = False,
    ) -> str:
        """Lock the folder for the sweep that `fingerprint` describes; returns its study's name.

        Makes the folder if need be. The lock is the kernel's: it ends with the process, however
        that ends. Raises InputError if another driver holds it, or if another sweep lives here.
        space: what is varied. A sweep that has grown gets a new study; `grown` says of which.
        usual: what keys of the fingerprint stand for in a sweep that does not have them yet.
        commands: kept beside the fingerprint when the folder is new, or the sweep has grown.
        shared: the study lives among others, so its name gets an ending of its own.
        """
        self.compare(fingerprint, space, usual)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the sweep's folder must be one that can be made, got {self.path} "
                f"({error.strerror}); choose another"
            ) from None
        try:
            self._lock = hold(self.path / "lock")
        except Held as holder:
            raise InputError(
                f"{self.path} is in the hands of {holder}; wait for it, stop it, "
                "or give the sweep another name"
            ) from None
        about = {**(commands or {}), "space": recorded(space or {}), "sweep": fingerprint}
        if (identity := self._identity()) is None:
            study = f"{self.path.name}-{secrets.token_hex(4)}" if shared else self.path.name
            self._keep({"study": study, **about})
        elif self.compare(fingerprint, space, usual):
            study = renamed(str(identity["study"]))
            # A start that was killed before the sweep had grown has left trials where they were.
            self._keep({"study": study, "grown": identity.get("grown", identity), **about})
        self.grown = (self._identity() or {}).get("grown")
        return str((self._identity() or {})["study"])

    def settle(self) -> None:
        """Note that a sweep which has grown is all there."""
        about = self._identity() or {}
        about.pop("grown", None)
        self._keep(about)
        self.grown = None

    def _keep(self, about: Mapping[str, Any]) -> None:
        write_text(self.path / "sweep.json", json.dumps(about, indent=2) + "\n")

    def compare(
        self,
        fingerprint: Mapping[str, str],
        space: Space | None = None,
        usual: Mapping[str, str] | None = None,
    ) -> bool:
        """Whether the sweep that lives here has grown; false if there is none.

        Raises InputError, with the differences, if it is a sweep of another kind.
        """
        identity = self._identity()
        if identity is None:
            return False
        changes, grown = differences(identity, fingerprint, space or {}, usual or {})
        if changes:
            more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise InputError(
                f"{self.path} holds another sweep: {'; '.join(changes[:3])}{more}; "
                "give this sweep another name or remove that folder; with sweep.shelf=<folder> "
                "in both, it takes over what the other has trained"
            )
        return grown

    def check_numbers(self, known: int) -> None:
        """Raises InputError if a trial's folder exists that the study doesn't know of.

        The study was lost, or lives in another storage; its numbers must not be used twice.
        """
        for path in self.path.iterdir():
            if path.name.isdecimal() and int(path.name) >= known:
                raise InputError(
                    f"{path} is of a trial that the study doesn't know (it has {known}): "
                    "study.journal, or what sweep.storage names, is damaged or another one; "
                    "give back the study's file or storage, or remove the sweep's folder, which "
                    "costs all its trials"
                )

    def trial(self, number: int, run: int, seeds: int) -> Path:
        """The folder of one run, made if need be: `<number>`, or `<number>/seed<run>`."""
        path = self.path / str(number)
        if seeds > 1:
            path /= f"seed{run}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def study_name(self) -> str | None:
        """Of the sweep that lives here; None if there is none. Raises InputError."""
        identity = self._identity()
        return None if identity is None else str(identity["study"])

    def _identity(self) -> dict[str, Any] | None:
        """What sweep.json says. Raises InputError if it is damaged."""
        path = self.path / "sweep.json"
        if not path.exists():
            return None
        try:
            identity = json.loads(path.read_text())
            if not isinstance(identity["study"], str) or not isinstance(identity["sweep"], dict):
                raise ValueError("its values are of another kind")
            recalled(identity)
        except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            raise InputError(
                f"{path} is damaged ({type(error).__name__}: {error}): it says which sweep lives "
                "here; if it is this one, remove that file and start again: the sweep goes on "
                "(not with sweep.storage, whose study is named there)"
            ) from None
        return dict(identity)
