"""Shared parts of the Python interface: global state is restored, errors are one line."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from musicgen.api.advice import PYTHON
from musicgen.cli.advice import with_advice
from musicgen.errors import Interrupted, MusicgenError, RunError


@contextmanager
def guarded(stopped: str) -> Iterator[None]:
    """Turn errors of the file system into RunError, and Ctrl-C before the first checkpoint into
    Interrupted. Our own errors get the advice that they lack, in Python's words.

    stopped: text that says how to go on after Ctrl-C.
    """
    try:
        yield
    except MusicgenError as error:
        if error.remedy is None:
            raise
        raise type(error)(with_advice(error, PYTHON)) from error
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {stopped}") from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise RunError(
            f"{error.strerror or error}{where}; free space or choose another folder, then go on"
        ) from error


@contextmanager
def torch_as_it_was() -> Iterator[None]:
    """Restore PyTorch's number of threads and its random state of the CPU afterwards."""
    import torch

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)


def interrupt(number: int) -> None:
    """Answer a second Ctrl-C: raise KeyboardInterrupt, which ends the call but not the notebook."""
    raise KeyboardInterrupt


def html_table(title: str, rows: Mapping[str, object]) -> str:
    """An HTML table of two columns, escaped; the cell of None is empty."""
    lines = [
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{'' if value is None else html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    ]
    return f"<table><caption>{html.escape(title)}</caption>{''.join(lines)}</table>"
