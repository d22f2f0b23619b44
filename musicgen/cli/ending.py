"""The end of a program by an error: one line on stderr, and the error's exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from musicgen.cli.advice import COMMAND, Words, with_advice
from musicgen.errors import Interrupted, MusicgenError


def fail(message: str, exit_code: int) -> NoReturn:
    # Spaces are kept, so that a command in the message can be run as it is printed.
    line = " ".join(part.strip() for part in message.splitlines())
    print(f"error: {line}", file=sys.stderr)
    if os.environ.get("MG_TRACE"):
        raise
    sys.exit(exit_code)


@contextmanager
def ending(
    stopped: str = "stopped before the work began", words: Words = COMMAND
) -> Iterator[None]:
    """End the process if one of our errors comes out of the block, or Ctrl-C.

    stopped: the line after Ctrl-C. words: the advice of this door.
    """
    try:
        yield
    except MusicgenError as error:
        fail(with_advice(error, words), error.exit_code)
    except KeyboardInterrupt:
        fail(stopped, Interrupted.exit_code)
