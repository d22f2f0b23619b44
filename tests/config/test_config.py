"""The configuration: its YAML, its types and its rules agree."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.config import keys, record, schema
from musicgen.errors import InputError
from musicgen.models.cells import CELLS
from musicgen.sweep.pruners import PRUNERS, make_pruner
from musicgen.sweep.samplers import GRID, SAMPLERS, make_sampler
from musicgen.training.optim import OPTIMIZERS
from musicgen.training.schedule import SCHEDULES
from tests.tunes import ROOT, composed

DEFAULT = composed()


def names(group: str) -> set[str]:
    return {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}


def test_files_and_registered_names_agree() -> None:
    assert names("model") == set(CELLS)
    assert names("optim") == set(OPTIMIZERS) == set(keys.OPTIMIZERS)
    assert names("schedule") == set(SCHEDULES) == set(keys.SCHEDULES)
    assert names("sampler") == {*SAMPLERS, GRID} == set(keys.SAMPLERS)
    assert names("pruner") == set(PRUNERS) == set(keys.PRUNERS)


@pytest.mark.slow
def test_samplers_and_pruners_take_their_settings() -> None:
    for name in keys.SAMPLERS:
        settings = schema.settings(composed(f"sampler={name}").sampler)
        assert name == GRID or make_sampler(name, seed=0, **settings)
    for name in keys.PRUNERS:
        make_pruner(name, **schema.settings(composed(f"pruner={name}").pruner))


@pytest.mark.parametrize("group", ["model", "optim", "schedule", "trainer", "sampler", "pruner"])
def test_every_choice_composes(group: str) -> None:
    for name in names(group):
        part = getattr(composed(f"{group}={name}"), group)
        assert not dataclasses.is_dataclass(part) or getattr(part, "name", name) == name


def test_every_leaf_says_what_it_is() -> None:
    for key, field, _ in schema.leaves(composed()):
        assert re.match(r"\w", field.metadata["doc"]), key
        assert len(field.metadata["doc"]) < 140, key


def test_round_trip_through_yaml(tmp_path) -> None:
    chosen = composed("optim=nadam", "schedule=plateau", "model=gru", "model.hidden=7")
    path = tmp_path / "config.yaml"
    path.write_text(record.dump(chosen))
    again = record.load(path)
    assert record.to_dict(again) == record.to_dict(chosen)
    assert type(again.optim) is keys.NAdamConfig
    assert record.digest(again) == record.digest(chosen)
    assert record.digest(again) != record.digest(composed())


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "model: 3", "a: {b", "optim: {name: os.system}", "model: {hidden: x}"]
)
def test_damaged_config_is_one_line(text: str, tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        record.load(path)
    assert "\n" not in str(error.value)


def test_a_config_without_one_of_its_keys_is_one_line() -> None:
    """As an older or newer version's may be: what reads many runs goes on with the others."""
    values = record.to_dict(composed())
    del values["model"]["layers"]
    with pytest.raises(InputError, match=r"missing mandatory value: layers$"):
        record.from_dict(values)


BAD = [
    ("model.dropout=1.5", "model.dropout must be at least 0 and below 1, got 1.5"),
    ("model.hidden=0", "model.hidden must be at least 1, got 0"),
    ("data.seq_len=1", "data.seq_len must be at least 2, got 1"),
    ("optim.lr=0", "optim.lr must be above 0, got 0"),
    ("optim.lr=nan", "optim.lr must be above 0, got nan"),
    ("optim.lr=inf", "optim.lr must be above 0, got inf"),
    ("optim.betas=[0.9,1.0]", "optim.betas must be at least 0 and below 1"),
    ("samples.temperatures=[1,-1]", "samples.temperatures must be at least 0"),
    ("samples.temperatures=[1,1.0]", "samples.temperatures must not have a value twice"),
    ("trainer.precision=fp8", "trainer.precision must be one of auto, fp32, tf32, bf16, got fp8"),
    ("data.val_fraction=0.95", "data.val_fraction + data.test_fraction must be below 1"),
    ("data=cse253", "data=cse253 needs data.path"),
    ("model.tie_weights=true", "model.tie_weights needs model.embedding = model.hidden"),
    ("+foo=3", "there is no key foo"),
    ("data.split=files", "data.split=files needs data.validation_path"),
]


@pytest.mark.parametrize(("override", "message"), BAD, ids=[override for override, _ in BAD])
def test_rules(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        composed(override)
    assert "\n" not in str(error.value)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_dropout_is_a_share(value: float) -> None:
    chosen = dataclasses.replace(DEFAULT, model=dataclasses.replace(DEFAULT.model, dropout=value))
    if 0 <= value < 1:
        schema.check(chosen)
    else:
        with pytest.raises(InputError):
            schema.check(chosen)
