"""What can go wrong, as one line for the user and one exit code for the shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto


class Remedy(Enum):
    """What else would help. A room below the doors knows the fact; a door has the words for it."""

    NO_CONSTRAINT = auto()
    """Drawing tunes without a constraint."""
    TUNES_WITH_NOTES = auto()
    """A network that writes notes, or no format that needs them."""
    CONTIGUOUS_SPLIT = auto()
    """Splitting a corpus within a tune."""
    OWN_FILES = auto()
    """A corpus of the user's own files."""
    OWN_SPLIT = auto()
    """Files of the user's own for training, validation and test."""
    READ_OVER_BLANK_LINES = auto()
    """Blank lines that end no tune."""
    WAIT_OR_OTHER_RUN_FOLDER = auto()
    """Waiting for the process that holds a run's folder, or another folder."""
    RESUME_OR_OTHER_RUN_FOLDER = auto()
    """Going on with the run that a folder holds, or another folder."""
    OTHER_RUN_FOLDER = auto()
    """A run's folder in another place."""
    SHARED_SWEEP_FOLDER = auto()
    """A sweep's folder in another place, which other machines see."""
    OTHER_SWEEP = auto()
    """A sweep of its own, in a folder of its own."""
    NO_GPU = auto()
    """Training without a GPU."""
    ANY_FAILURES_IN_A_ROW = auto()
    """A sweep that goes on however many runs fail one after another."""
    LIST_FOLDERS = auto()
    """A look at the folders that there are."""


class MusicgenError(Exception):
    """An error that the user can act on: its text is one line and names the way out, or has a
    remedy for which a door has the words."""

    exit_code = 1

    def __init__(self, text: str, remedy: Remedy | None = None) -> None:
        super().__init__(text)
        self.remedy = remedy


class InputError(MusicgenError):
    """Bad input, found before any work began. The text names key, rule, value and way out."""

    exit_code = 2


class SettingError(InputError):
    """A bad setting of a sweep. The text begins with the setting's name, which is the end of the
    key that a door knows: `n_trials` is `sweep.n_trials` of `python -m musicgen.train -m`."""


class RunError(MusicgenError):
    """Work that had begun and failed."""

    exit_code = 1


class Interrupted(MusicgenError):  # noqa: N818 - a request of the user's, not an error
    """Stopped by the user; the text says how to go on."""

    exit_code = 130


@contextmanager
def advised(advice: str | Remedy) -> Iterator[None]:
    """Add a way out to an InputError that says what is wrong."""
    try:
        yield
    except InputError as error:
        if isinstance(advice, Remedy):
            raise InputError(str(error), advice) from error
        raise InputError(f"{error}; {advice}", error.remedy) from error


@contextmanager
def settings_of(prefix: str) -> Iterator[None]:
    """Name a sweep's setting as a door does: with the prefix of its key."""
    try:
        yield
    except SettingError as error:
        raise InputError(f"{prefix}{error}", error.remedy) from error
