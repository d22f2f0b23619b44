"""A sweep's folder: which sweep it belongs to, its driver's lock, and the folders of trials."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO

from musicgen.errors import InputError, Remedy
from musicgen.sweep.growth import differences, renamed
from musicgen.sweep.plan import Plan
from musicgen.sweep.pruners import PROMOTION, RULE, stopping
from musicgen.sweep.record import SweepRecord
from musicgen.system.lock import Held, held, hold

log = logging.getLogger(__name__)
LOCK = "lock"


class AnotherSweepError(InputError):
    """The folder holds a sweep with other settings."""


class Folder:
    """One sweep's folder; `claim` it before writing to it, `release` it at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self.grown: SweepRecord | None = None
        """The record of the sweep before it grew, until `settle`; else None."""

    @property
    def running(self) -> bool:
        """Whether a driver holds the folder's lock."""
        return held(self.path / LOCK)

    def as_begun(self, plan: Plan) -> Plan:
        """The plan; with the stopping rule if the sweep here began before there was a choice."""
        kept = self._kept()
        if kept is None or kept.pruner != plan.pruner or RULE in kept.pruner_settings:
            return plan
        if plan.pruner_settings.get(RULE) == PROMOTION:
            log.warning(
                "%s goes on with the rule it began with: pruner=%s ends trials at rungs instead of "
                "pausing them",
                self.path,
                plan.pruner,
            )
        return replace(plan, pruner_settings=stopping(plan.pruner, plan.pruner_settings))

    def claim(
        self, sweep: SweepRecord, *, usual: Mapping[str, str] | None = None, shared: bool = False
    ) -> str:
        """Lock the folder for this sweep, and return its study's name.

        The folder is made if necessary. The lock is one of the kernel, which releases it when the
        process ends for any reason. A sweep that has grown gets a new study; `grown` is then its
        record before. Raises InputError if another driver holds the lock, or if the folder belongs
        to another sweep.

        usual: the values of setting keys that an older sweep does not have (`Plan.usual`).
        shared: whether the study's storage holds others too; its name then gets a unique ending.
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
                f"{self.path} is in use by {holder}; wait for it or stop it", Remedy.OTHER_SWEEP
            ) from None
        if (kept := self._kept()) is None:
            study = f"{self.path.name}-{secrets.token_hex(4)}" if shared else self.path.name
            kept = replace(sweep, study=study)
            kept.write(self.path)
        elif self.compare(sweep, usual):
            # A start that was killed while the sweep grew has left trials in the earlier study.
            kept = replace(sweep, study=renamed(kept.study), grown=kept.grown or kept)
            kept.write(self.path)
        self.grown = kept.grown
        return kept.study

    def settle(self) -> None:
        """Record that all trials of a sweep that has grown are copied."""
        if kept := self._kept():
            replace(kept, grown=None).write(self.path)
        self.grown = None

    def compare(self, sweep: SweepRecord, usual: Mapping[str, str] | None = None) -> bool:
        """Whether `sweep` is the sweep of this folder after growing; false if there is none.

        Raises AnotherSweepError (an InputError) with the differences if it is another sweep.
        """
        kept = self._kept()
        if kept is None:
            return False
        changes, grown = differences(kept, sweep, usual or {})
        if changes:
            more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise AnotherSweepError(
                f"{self.path} holds another sweep: {'; '.join(changes[:3])}{more}; "
                "remove that folder",
                Remedy.OTHER_SWEEP,
            )
        return grown

    def check_numbers(self, known: int) -> None:
        """Raise InputError if a trial's folder exists that the study doesn't know.

        Then the study was lost, or is in another storage. Its numbers must not be used twice.
        """
        for path in self.path.iterdir():
            if path.name.isdecimal() and int(path.name) >= known:
                raise InputError(
                    f"{path} is of a trial that the study doesn't know (it has {known}): "
                    "study.journal, or the storage, is damaged or another one; "
                    "give back the study's file or storage, or remove the sweep's folder, which "
                    "costs all its trials"
                )

    def trial(self, number: int, run: int, seeds: int) -> Path:
        """The folder of one run, made if necessary: `<number>`, or `<number>/seed<run>`."""
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
        """The study's name of the sweep in this folder; None if there is no sweep.

        Raises InputError if sweep.json is damaged.
        """
        kept = self._kept()
        return None if kept is None else kept.study

    def _kept(self) -> SweepRecord | None:
        """The record in sweep.json. Raises InputError if it is damaged."""
        try:
            return SweepRecord.read(self.path)
        except InputError as error:
            raise InputError(
                f"{error}: it says which sweep lives here; if it is this one, remove that file and "
                "start again: the sweep goes on (unless it has a storage, whose study is named "
                "there)"
            ) from None
