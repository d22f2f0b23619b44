"""The assets of a report, as the process of their own makes them."""

import shutil
from pathlib import Path

import pytest

from musicgen.config import composition, registry
from musicgen.system.paths import shipped
from musicgen.workflows import assets


def test_what_is_asked_is_the_commands_but_for_a_few_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shipped("conf"), tmp_path / "conf")
    path = tmp_path / "conf" / "generate.yaml"
    path.write_text(path.read_text().replace("top_k: 0", "top_k: 7"))
    monkeypatch.setattr(composition, "shipped", lambda name: tmp_path / name)
    run = tmp_path / "a run, [1]='x'"
    asked = assets._asked(run)
    assert (asked.run, asked.n, asked.formats) == (str(run), 1, ["abc"])
    assert asked.temperature == [0.5, 1.0]
    assert (asked.top_k, asked.constrain, asked.out, asked.header.key) == (7, "bars", None, None)


def test_plugins_are_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the list is written."""
    monkeypatch.setattr(registry, "_named", [])
    monkeypatch.setattr(registry, "_loaded", set(registry._loaded))
    assets.main(["plugins=[json, json]"])
    assert capsys.readouterr().out == ""
