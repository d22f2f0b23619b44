"""A sweep's folder: whose it is, who is at work in it, where each trial lives."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO

from musicgen.errors import InputError
from musicgen.sweep.growth import differences, renamed
from musicgen.sweep.record import SweepRecord
from musicgen.system.lock import Held, held, hold

LOCK = "lock"


class AnotherSweepError(InputError):
    """A folder holds a sweep of another kind."""


class Folder:
    """One sweep's folder; `claim` it before writing to it, `release` it at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self.grown: SweepRecord | None = None
        """The sweep before it grew, until `settle`."""

    @property
    def running(self) -> bool:
        """Whether a driver is at work here."""
        return held(self.path / LOCK)

    def claim(
        self, sweep: SweepRecord, *, usual: Mapping[str, str] | None = None, shared: bool = False
    ) -> str:
        """Lock the folder for this sweep; returns its study's name.

        Makes the folder if need be. The lock is the kernel's: it ends with the process, however
        that ends. Raises InputError if another driver holds it, or if another sweep lives here.
        A sweep that has grown gets a new study; `grown` says of which.
        usual: what keys of its settings stand for in a sweep that does not have them yet.
        shared: the study lives among others, so its name gets an ending of its own.
        """
        self.compare(sweep, usual)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the sweep's folder must be one that can be made, got {self.path} "
                f"({error.strerror}); choose another"
            ) from None
        try:
            self._lock = hold(self.path / LOCK)
        except Held as holder:
            raise InputError(
                f"{self.path} is in use by {holder}; wait for it, stop it, "
                "or give the sweep another name"
            ) from None
        if (kept := self._kept()) is None:
            study = f"{self.path.name}-{secrets.token_hex(4)}" if shared else self.path.name
            kept = replace(sweep, study=study)
            kept.write(self.path)
        elif self.compare(sweep, usual):
            # A start that was killed before the sweep had grown has left trials where they were.
            kept = replace(sweep, study=renamed(kept.study), grown=kept.grown or kept)
            kept.write(self.path)
        self.grown = kept.grown
        return kept.study

    def settle(self) -> None:
        """Note that a sweep which has grown is all there."""
        if kept := self._kept():
            replace(kept, grown=None).write(self.path)
        self.grown = None

    def compare(self, sweep: SweepRecord, usual: Mapping[str, str] | None = None) -> bool:
        """Whether the sweep that lives here has grown; false if there is none.

        Raises InputError, with the differences, if it is a sweep of another kind.
        """
        kept = self._kept()
        if kept is None:
            return False
        changes, grown = differences(kept, sweep, usual or {})
        if changes:
            more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise AnotherSweepError(
                f"{self.path} holds another sweep: {'; '.join(changes[:3])}{more}; "
                "give this sweep another name or remove that folder"
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
        kept = self._kept()
        return None if kept is None else kept.study

    def _kept(self) -> SweepRecord | None:
        """What sweep.json says. Raises InputError if it is damaged."""
        try:
            return SweepRecord.read(self.path)
        except InputError as error:
            raise InputError(
                f"{error}: it says which sweep lives here; if it is this one, remove that file and "
                "start again: the sweep goes on (not with sweep.storage, whose study is named "
                "there)"
            ) from None
