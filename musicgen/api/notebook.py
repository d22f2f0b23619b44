"""What Python's doors share: their surroundings stay as they were, their errors are one line."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from musicgen.errors import Interrupted, RunError


@contextmanager
def guarded(stopped: str) -> Iterator[None]:
    """Errors of the file system become RunError, Ctrl-C before there is a checkpoint Interrupted.

    stopped: says how to go on after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {stopped}") from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise RunError(
            f"{error.strerror or error}{where}; free space or choose another folder, then go on"
        ) from error


@contextmanager
def torch_as_it_was() -> Iterator[None]:
    """PyTorch's number of threads and its CPU's random state are the caller's again afterwards."""
    import torch

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)


def interrupt(number: int) -> None:
    """The answer to a second Ctrl-C: the call ends, and not the notebook."""
    raise KeyboardInterrupt


def html_table(title: str, rows: Mapping[str, object]) -> str:
    """Two columns, escaped; None is shown as nothing."""
    lines = [
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{'' if value is None else html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    ]
    return f"<table><caption>{html.escape(title)}</caption>{''.join(lines)}</table>"
