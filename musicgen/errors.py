"""What can go wrong, as one line for the user and one exit code for the shell."""

from collections.abc import Iterator
from contextlib import contextmanager


class MusicgenError(Exception):
    """An error that the user can act on: its text is one line and names the way out."""

    exit_code = 1


class InputError(MusicgenError):
    """Bad input, found before any work began. The text names key, rule, value and way out."""

    exit_code = 2


class RunError(MusicgenError):
    """Work that had begun and failed."""

    exit_code = 1


class Interrupted(MusicgenError):  # noqa: N818 - a request of the user's, not an error
    """Stopped by the user; the text says how to go on."""

    exit_code = 130


@contextmanager
def advised(advice: str) -> Iterator[None]:
    """Add a way out, in the words of a command, to an InputError that says what is wrong."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}; {advice}") from error
