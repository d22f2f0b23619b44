"""Locks on folders, between processes and between threads, which hold files of their own."""

import threading
from pathlib import Path

import pytest

from musicgen.system.lock import Held, alone, held, hold


def test_a_lock_says_who_has_it_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not held(path)
    with hold(path):
        assert held(path)
        with pytest.raises(Held, match=r"process [0-9]+ on "):
            hold(path)
    assert not held(path)


def test_patience_waits_for_the_lock(tmp_path: Path) -> None:
    lock = hold(tmp_path / "lock")
    asked = threading.Event()

    def let_go() -> None:
        asked.wait()
        lock.close()

    other = threading.Thread(target=let_go)
    other.start()
    asked.set()
    hold(tmp_path / "lock", patience_s=60).close()
    other.join()


def test_in_a_folder_one_is_alone_after_the_other(tmp_path: Path) -> None:
    inside = threading.Event()
    told: list[str] = []

    def second() -> None:
        inside.wait()
        with alone(tmp_path):
            told.append("second")

    other = threading.Thread(target=second)
    other.start()
    with alone(tmp_path):
        inside.set()
        other.join(0.2)
        assert other.is_alive()
        told.append("first")
    other.join()
    assert told == ["first", "second"]
