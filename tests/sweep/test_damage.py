"""A sweep's folder after a power cut, on a full disk, on an odd file system."""

import errno
import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import InputError, MusicgenError
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged
from musicgen.sweep.space import Int
from tests.sweep import objectives
from tests.sweep.makers import Sweep

PLAN = Plan({"a": Int(1, 4)}, seeds=2)


def small(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if not k.startswith("pid")} for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.0, 0.5, 0.9], ids=["empty", "half", "most"])
@pytest.mark.parametrize("finished", [False, True], ids=["stopped", "finished"])
def test_each_damaged_file_is_named_or_costs_little(
    part: float, finished: bool, sweep: Sweep, tmp_path: Path
) -> None:
    events: list[Judged] = []

    def stop(event: Any) -> None:
        events.extend([event] if isinstance(event, Judged) else [])
        if len(events) == 25 and not finished:
            driver.request_stop()

    whole = sweep(PLAN, objectives.steps, folder="whole").run()
    driver = sweep(PLAN, objectives.steps, folder="kept", observe=stop)
    assert driver.run().interrupted is not finished
    kept = tmp_path / "kept"
    names = sorted(path.relative_to(kept) for path in kept.rglob("*") if path.is_file())
    assert {"sweep.json", "study.journal", "table.csv"} <= {str(name) for name in names}
    refused = set()
    for name in names:
        if name.name == "state.json":  # of the toy; a training's files are damaged in test_fit
            continue
        shutil.rmtree(tmp_path / "sweep", ignore_errors=True)
        shutil.copytree(kept, tmp_path / "sweep")
        path = tmp_path / "sweep" / name
        os.truncate(path, int(part * path.stat().st_size))
        said = ""
        try:
            assert small(sweep(PLAN, objectives.steps).run().rows) == small(whole.rows), name
        except MusicgenError as error:
            said = str(error)
        if said:
            assert str(name) in said
            assert "damaged" in said
            assert "\n" not in said
            refused.add(str(name))
    assert refused <= {"sweep.json", "study.journal"}


def test_a_sweep_without_its_description_goes_on(sweep: Sweep, tmp_path: Path) -> None:
    """As its message says, if it is damaged."""
    rows = sweep(PLAN, objectives.few_steps).run().rows
    description = tmp_path / "sweep" / "sweep.json"
    whole = description.read_text()
    odd = '{"study": "a", "sweep": {}, "space": {"a": {}}}'
    for damaged in ("", "{", "[]", "null", '{"study": 1, "sweep": {}}', '{"sweep": {}}', odd):
        description.write_text(damaged)
        with pytest.raises(InputError, match=r"sweep\.json is damaged .*remove that file") as error:
            sweep(PLAN, objectives.few_steps).run()
        assert "\n" not in str(error.value)
    description.unlink()
    assert sweep(PLAN, objectives.few_steps).run().rows == rows
    assert json.loads(description.read_text()) == json.loads(whole)


def test_what_a_sweep_cannot_do_without_survives_a_power_cut(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the disk, and its name too, before any trial begins."""
    synced: list[str] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    begun: list[list[str]] = []
    sweep(
        PLAN, objectives.few_steps, observe=lambda _: begun.append(list(synced)) if not begun else 0
    ).run()
    draft = next(name for name in begun[0] if name.startswith(f".sweep.json.{os.getpid()}."))
    assert {"study.journal", "sweep"} <= set(begun[0])
    assert begun[0].index(draft) < begun[0].index("sweep")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_to_be_one(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As Lustre is, unless it was mounted with -o flock."""

    def flock(file: Any, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(InputError, match=rf"knows locks \(flock\), .*{os.strerror(number)}"):
        sweep(PLAN, objectives.few_steps).run()
