"""A study's database, which may go away for a while: what failed for that is asked again."""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from sqlalchemy.exc import InterfaceError, OperationalError

from musicgen.errors import InputError, RunError

PATIENCE_S = 30.0
"""How long a database may be away: a restart takes some seconds."""
PAUSE_S = 0.1
"""Before the first new try; each next one is twice as long, to a second."""
GONE = StorageInternalError
log = logging.getLogger(__name__)


class Database(RDBStorage):
    """Optuna's storage that sits out a restart of the server.

    Each operation is a transaction of its own and may be made twice: a value is written over
    itself. A new trial is the exception, see `_create_new_trial`.
    """

    patience_s = PATIENCE_S
    _next: int | None = None

    def _insist(self, operation: Callable[[], Any]) -> Any:
        """Repeat an operation until the server answers; patience once lost is lost for good."""
        deadline, pause = time.monotonic() + self.patience_s, PAUSE_S
        while True:
            try:
                return operation()
            except StorageInternalError as error:
                if not isinstance(error.__cause__, OperationalError | InterfaceError):
                    raise
                if time.monotonic() + pause > deadline:
                    self.patience_s = 0.0
                    raise
                if pause == PAUSE_S:
                    log.warning("the database is away; trying for %g s", self.patience_s)
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def set_trial_state_values(self, *arguments: Any, **named: Any) -> bool:
        """End a trial; that it ended in a try whose answer was lost is no error."""
        plain = super().set_trial_state_values
        tries = 0

        def once() -> bool:
            nonlocal tries
            tries += 1
            try:
                return plain(*arguments, **named)
            except UpdateFinishedTrialError:
                if tries == 1:
                    raise
                return True

        return bool(self._insist(once))

    def _create_new_trial(self, study_id: int, template_trial: Any = None) -> Any:
        """Make a trial once, though the answer to its making may be lost.

        Nobody else makes any, so the trial of the next number can only be ours.
        """
        if self._next is None:
            self._next = self.get_n_trials(study_id)
        number, plain = self._next, super()._create_new_trial

        def once() -> Any:
            try:
                identity = self.get_trial_id_from_study_id_trial_number(study_id, number)
            except KeyError:
                return plain(study_id, template_trial)
            return self.get_trial(identity)

        made = self._insist(once)
        self._next = made.number + 1
        return made


def _insistent(name: str) -> Callable[..., Any]:
    """An operation of Optuna's storage that may simply be made again."""
    plain = getattr(RDBStorage, name)

    @functools.wraps(plain)
    def operation(self: Database, *arguments: Any, **named: Any) -> Any:
        return self._insist(lambda: plain(self, *arguments, **named))

    return operation


for _name in (
    "_get_trials",
    "_set_trial_param",
    "get_study_system_attrs",
    "get_study_user_attrs",
    "get_trial",
    "get_trial_id_from_study_id_trial_number",
    "set_study_system_attr",
    "set_trial_intermediate_value",
    "set_trial_system_attr",
    "set_trial_user_attr",
):
    setattr(Database, _name, _insistent(_name))


@contextmanager
def connect(url: str) -> Iterator[Database]:
    """A database for studies, disposed of at the end; passwords stay out of what is said.

    Raises InputError if it can't be reached, RunError if it fails while it is in use.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InputError("sweep.storage must be a URL; escape [, ] and @ in its password") from None
    secrets = {parts.password, unquote(parts.password)} if parts.password else set()
    place = f"sweep.storage={parts.scheme}://{parts.hostname or ''}{parts.path}"

    def reason(error: BaseException) -> str:
        text = str(error).strip().splitlines()[0]
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    try:
        # A connection that the server closed, or that a restart of it broke, is replaced.
        storage = Database(url, engine_kwargs={"pool_pre_ping": True})
        if storage.engine.name == "sqlite":
            storage.patience_s = 0.0  # a file comes back no sooner than somebody mends it
    except ImportError as error:
        raise InputError(
            f"{place} needs its driver installed: {reason(error)}; for PostgreSQL "
            "pip install musicgen[postgres], and write postgresql+psycopg://"
        ) from None
    except Exception as error:
        raise InputError(f"{place} can't be reached: {reason(error)}") from None
    try:
        yield storage
    except StorageInternalError as error:
        raise RunError(
            f"{place} failed: {reason(error.__cause__ or error)}; start again: the sweep goes on"
        ) from error
    finally:
        storage.engine.dispose()
