"""Runs that sweeps share."""

import shutil
from pathlib import Path

import pytest
import torch

from musicgen import corpus
from musicgen.training.fit import fit
from musicgen.training.run_cache import RunCache
from tests.tunes import composed, small


@pytest.mark.slow
def test_a_run_of_another_machine_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same configuration, precision=auto, a machine with bf16 trains otherwise."""
    config = composed(*small(tmp_path, "trainer.precision=auto", "trainer.max_epochs=1"))
    digest = corpus.of(config.data).digest
    shelf = RunCache(tmp_path / "shelf")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    result = fit(config, tmp_path / "run")
    shelf.put(tmp_path / "run", result)
    assert (result.device, result.precision) == ("cpu", "fp32")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert not shelf.copy(config, digest, tmp_path / "copy")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert shelf.copy(config, digest, tmp_path / "copy")


@pytest.mark.slow
def test_a_run_is_copied_only_for_its_own_configuration_and_corpus(tmp_path: Path) -> None:
    config = composed(*small(tmp_path))
    shelf = RunCache(tmp_path / "shelf")
    assert not shelf.copy(config, corpus.of(config.data).digest, tmp_path / "copy")
    result = fit(config, tmp_path / "run")
    shelf.put(tmp_path / "run", result)
    assert shelf.copy(config, corpus.of(config.data).digest, tmp_path / "copy")
    assert fit(config, tmp_path / "copy", resume=True) == result
    best = "checkpoints/best.safetensors"
    assert (tmp_path / "copy" / best).read_bytes() == (tmp_path / "run" / best).read_bytes()
    assert not shelf.copy(
        config, corpus.of(config.data).digest, tmp_path / "run"
    )  # it is there already

    config.seed += 1
    assert not shelf.copy(config, corpus.of(config.data).digest, tmp_path / "other")
    config.seed -= 1
    tunes = Path(config.data.path or "")
    tunes.write_text(tunes.read_text().replace("A", "G", 1))
    assert not shelf.copy(config, corpus.of(config.data).digest, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_folder_that_was_removed_and_used_again_is_not_taken(tmp_path: Path) -> None:
    """Its link on the shelf says what it was."""
    config, other = (composed(*small(tmp_path, f"model.hidden={n}")) for n in (8, 6))
    digest = corpus.of(config.data).digest
    shelf = RunCache(tmp_path / "shelf")
    shelf.put(tmp_path / "run", fit(config, tmp_path / "run"))
    shutil.rmtree(tmp_path / "run")
    fit(other, tmp_path / "run")
    assert not shelf.copy(config, digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert fit(config, tmp_path / "copy", resume=True).status == "completed"
    shutil.rmtree(tmp_path / "run")
    assert not shelf.copy(config, digest, tmp_path / "other")
    # One that is as it was, but for a file.
    shelf.put(tmp_path / "copy", fit(config, tmp_path / "copy", resume=True))
    (tmp_path / "copy" / "config.yaml").write_text("")
    assert not shelf.copy(config, digest, tmp_path / "other")


@pytest.mark.slow
def test_a_run_that_lacks_a_measure_is_made_again(tmp_path: Path) -> None:
    """As one does that was trained without the plugin that has it."""
    config = composed(*small(tmp_path, "samples.measure=true", "trainer.max_epochs=1"))
    digest = corpus.of(config.data).digest
    shelf = RunCache(tmp_path / "shelf")
    result = fit(config, tmp_path / "run")
    shelf.put(tmp_path / "run", result)
    assert shelf.copy(config, digest, tmp_path / "copy")
    del result.measures["loops"]
    result.write(tmp_path / "run" / "result.json")
    assert not shelf.copy(config, digest, tmp_path / "other")
