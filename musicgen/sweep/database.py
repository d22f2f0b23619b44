"""The database of a study. An operation that fails because the server is away is repeated."""

import functools
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import TrialModel
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import TrialState
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError

from musicgen.errors import RunError, SettingError

PATIENCE_S = 30.0
"""Seconds that a database may be away: a restart takes some seconds."""
PAUSE_S = 0.1
"""Pause before the first repetition; each next pause is twice as long, up to a second."""
GONE = StorageInternalError
log = logging.getLogger(__name__)


class Database(RDBStorage):
    """Optuna's storage, which waits while the server restarts.

    Each operation is a transaction of its own and can safely be repeated: the same value is written
    again, and a trial is searched for before it is created.
    """

    patience_s = PATIENCE_S

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(url, **settings)
        self._next: dict[int, int] = {}
        """The number of the next trial of each study, by the study's id."""

    def _insist(self, operation: Callable[[], Any]) -> Any:
        """Repeat an operation until the server answers. After a wait has failed, later operations
        do not wait."""
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
        """End a trial. It is no error if an earlier try, whose answer was lost, has ended it."""
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

    def reopen(self, trials: Collection[int]) -> None:
        """Set failed trials, by their identities, to running again. Call it before reading."""

        def once() -> None:
            with _create_scoped_session(self.scoped_session) as session:
                chosen = session.query(TrialModel).filter(TrialModel.trial_id.in_(trials))
                chosen.filter(TrialModel.state == TrialState.FAIL).update(
                    {"state": TrialState.RUNNING, "datetime_complete": None},
                    synchronize_session=False,
                )

        self._insist(once)

    def _create_new_trial(self, study_id: int, template_trial: Any = None) -> Any:
        """Create a trial once, even if the answer is lost."""
        if study_id not in self._next:
            self._next[study_id] = self.get_n_trials(study_id)
        plain = super()._create_new_trial
        made = self._insist(lambda: plain(study_id, template_trial))
        self._next[study_id] = made.number + 1
        return made

    def _get_prepared_new_trial(self, study_id: int, template_trial: Any, session: Any) -> Any:
        """The row of a new trial, within the transaction that creates it.

        Optuna also repeats transactions, so the check is made here. No other process creates
        trials, so an existing trial with the next number comes from a try whose answer was lost.
        """
        left = session.query(TrialModel).filter_by(study_id=study_id, number=self._next[study_id])
        return left.one_or_none() or super()._get_prepared_new_trial(
            study_id, template_trial, session
        )


def _insistent(name: str) -> Callable[..., Any]:
    """An operation of Optuna's storage that can simply be repeated."""
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


def _secrets(url: URL) -> set[str]:
    """The passwords in a URL, in all spellings that a message may use."""
    query = {key: values for key, values in url.normalized_query.items() if "pass" in key.lower()}
    plain = [url.password or "", *(value for values in query.values() for value in values)]
    return {way(text) for text in plain if text for way in (str, quote, quote_plus)}


@contextmanager
def connect(url: str) -> Iterator[Database]:
    """A database for studies, closed at the end. Passwords are left out of all messages.

    Raises InputError if it cannot be reached, RunError if it fails while it is in use.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):  # the message may contain a part of the password
        raise SettingError(
            "storage must be a URL such as postgresql+psycopg://user:password@host/database; "
            "escape what is neither letter nor digit in its password (@ is %40)"
        ) from None
    secrets = sorted(_secrets(parts), key=len, reverse=True)
    place = f"storage={parts.drivername}://{parts.host or ''}/{parts.database or ''}"

    def reason(error: BaseException) -> str:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    try:
        # A connection that the server closed or that a restart broke is replaced.
        # Braces are doubled, because Optuna takes the URL for a template.
        template = url.replace("{", "{{").replace("}", "}}")
        storage = Database(template, engine_kwargs={"pool_pre_ping": True})
        if storage.engine.name == "sqlite":
            storage.patience_s = 0.0  # waiting does not help with a file that can't be used
    except ImportError as error:
        raise SettingError(
            f"{place} needs its driver installed: {reason(error)}; for PostgreSQL "
            "pip install -e '.[postgres]' in the clone, and write postgresql+psycopg://"
        ) from None
    except Exception as error:
        raise SettingError(f"{place} can't be reached: {reason(error)}") from None
    try:
        yield storage
    except StorageInternalError as error:
        raise RunError(
            f"{place} failed: {reason(error.__cause__ or error)}; start again: the sweep goes on"
        ) from None
    finally:
        storage.engine.dispose()
