"""Engraving: MEI to SVG, in a process of its own."""

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from musicgen.errors import RunError
from musicgen.music.score.svg import finished

LIMIT_S = 10.0
"""Seconds for one tune; a tune of one page takes a hundredth of that."""
LIMIT_BYTES = 1 << 30
"""Bytes of address space; a tune of twenty pages takes a sixth of that."""
START_S = 60.0
"""Seconds for loading verovio, not counted for any tune: a busy machine may need as many as a tune
has."""


class Engraver:
    """The process that engraves, started on first use and again after a crash."""

    def __init__(
        self,
        limit_s: float = LIMIT_S,
        limit_bytes: int = LIMIT_BYTES,
        *,
        start_s: float = START_S,
    ) -> None:
        """Limits for one tune. The limit of memory holds where the system has such limits (not on
        Windows and macOS). start_s: for loading verovio."""
        self._limit_s = limit_s
        self._start_s = start_s
        self._limit_bytes = limit_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._unusable = ""
        """Why it cannot be started; kept, because each further tune would wait as long to learn
        that."""

    def __enter__(self) -> "Engraver":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def svg(self, mei: str) -> str:
        """One score as one picture. Raises RunError if it cannot be made within the time limit."""
        if self._unusable:
            raise RunError(self._unusable)
        process = self._process or self._start()
        with _limited(process, self._limit_s) as late:
            answer = _ask(process, mei.encode(errors="replace"))
        if not answer:
            self.close()
            if late.is_set():
                raise RunError(f"engraving took longer than {self._limit_s:g} s; was given up")
            raise RunError("the engraver (verovio) crashed or ran out of memory; try another tune")
        text = answer.decode()
        if text[0] != "+":
            raise RunError(f"the tune was not engraved: {text[1:]}")
        return finished(text[1:].split("\0")[:-1])

    def _start(self) -> subprocess.Popen[bytes]:
        worker = Path(__file__).with_name("engraver.py")
        # -P: nothing is imported from the worker's own folder.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(worker), str(self._limit_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        with _limited(self._process, self._start_s) as late:
            ready = self._process.stdout.read(1) == b"!"
        if not ready:
            self.close()
            reason = (
                f"start within {self._start_s:g} s" if late.is_set() else "start: is it installed?"
            )
            self._unusable = f"the engraver (verovio) did not {reason}"
            raise RunError(self._unusable)
        return self._process


def engrave(scores: Iterable[str], limit_s: float = LIMIT_S) -> list[str | RunError]:
    """The SVG of each score in MEI, or the error; one score's error does not affect the others.

    The picture is as wide as an A4 page and as long as the score. Each note, chord and rest is an
    element whose id is the one it has in MEI (`note_id`). limit_s: seconds for one score.
    """
    pictures: list[str | RunError] = []
    with Engraver(limit_s) as engraver:
        for score in scores:
            try:
                pictures.append(engraver.svg(score))
            except RunError as error:
                pictures.append(error)
    return pictures


@contextmanager
def _limited(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill the process if the block takes longer; the event says whether it was killed."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()


def _ask(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    """The process's answer; empty if it died."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(len(question).to_bytes(8) + question)
        process.stdin.flush()
        size = process.stdout.read(8)
        answer = process.stdout.read(int.from_bytes(size))
    except OSError:
        return b""
    return answer if size and len(answer) == int.from_bytes(size) else b""
