"""The configuration: its YAML, its types and its rules agree."""

import dataclasses
import re

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from musicgen.config import record, registry, schema
from musicgen.config.components import GROUPS, given, variants
from musicgen.errors import InputError
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.samplers import GRID, make_sampler
from musicgen.training.optim import NAdam
from tests.tunes import ROOT, composed

DEFAULT = composed()


def names(group: str) -> set[str]:
    return {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}


@pytest.mark.parametrize("group", GROUPS)
def test_each_of_our_components_has_a_file_of_its_name(group: str) -> None:
    ours = {n for n in variants(group) if registry.plugin_of(GROUPS[group].kind, n) is None}
    assert names(group) == ours


@pytest.mark.parametrize("group", GROUPS)
def test_values_stand_in_yaml_alone(group: str) -> None:
    """But for keys that older runs lack."""
    for chosen in variants(group).values():
        for field in dataclasses.fields(chosen):
            later = f"{group}.{field.name}" in record.KEYS_ADDED_LATER
            assert later or field.default == "???", f"{group}.{field.name}"


@pytest.mark.slow
def test_samplers_and_pruners_take_their_settings() -> None:
    for name in variants("sampler"):
        settings = given(composed(f"sampler={name}").sampler)
        assert name == GRID or make_sampler(name, seed=0, **settings)
    for name in variants("pruner"):
        make_pruner(name, **given(composed(f"pruner={name}").pruner))


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
    assert type(again.optim) is NAdam
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
def test_rules_of_several_keys_are_one_line(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        composed(override)
    assert "\n" not in str(error.value)


@drawn(st.floats(allow_nan=True, allow_infinity=True))
def test_dropout_is_a_share(value: float) -> None:
    chosen = dataclasses.replace(DEFAULT, model=dataclasses.replace(DEFAULT.model, dropout=value))
    if 0 <= value < 1:
        schema.check(chosen)
    else:
        with pytest.raises(InputError):
            schema.check(chosen)


def test_a_file_for_any_cell_makes_the_one_that_it_names(tmp_path) -> None:
    """As users wrote them when all cells had one schema."""
    (tmp_path / "model").mkdir()
    text = (ROOT / "conf" / "model" / "gru.yaml").read_text()
    older = text.replace("/schema/model/gru@_here_", "/schema/model@_here_")
    assert older != text
    (tmp_path / "model" / "mine.yaml").write_text(older)
    model = composed(f"hydra.searchpath=[file://{tmp_path}]", "model=mine").model
    assert type(model) is variants("model")["gru"]


def test_a_name_with_other_settings_is_refused() -> None:
    with pytest.raises(InputError, match=r"optim\.name=sgd has other settings .* with optim=sgd"):
        composed("optim=adam", "optim.name=sgd")
    assert type(composed("optim=adam", "optim.name=nadam").optim) is NAdam
