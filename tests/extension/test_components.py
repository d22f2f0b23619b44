"""Components of another package: what they are to our code, in this process."""

import copy
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from musicgen.config import composition, record, registry
from musicgen.config.components import Cell, key
from musicgen.errors import InputError
from musicgen.interpret.activations import record as recorded
from musicgen.models.char_rnn import CharRNN
from musicgen.models.stepper import ModuleStepper, stepper
from musicgen.music.measures import Measure
from musicgen.sweep.judges import Theirs
from musicgen.sweep.plan import Plan
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.samplers import make_sampler
from musicgen.sweep.space import Float
from musicgen.training import checkpoint
from tests.tunes import composed

ELSEWHERE = "tests.extension.elsewhere"
GIVEN = ["model=mgu", "optim=adamax", "schedule=inverse_sqrt"]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our registry with the components of another package, and as before afterwards."""
    for kind in ("cell", "optimizer", "schedule", "sampler", "pruner"):
        registry.components(kind)
    kept = {kind: dict(found) for kind, found in registry._components.items()}
    monkeypatch.setattr(registry, "_components", {k: dict(found) for k, found in kept.items()})
    monkeypatch.setattr(registry, "_modules", dict(registry._modules))
    monkeypatch.setattr(registry, "_loaded", set(registry._loaded))
    monkeypatch.setattr(registry, "_named", [])
    for name in ("cells", "optimizers", "schedules", "samplers", "pruners"):
        monkeypatch.delitem(sys.modules, f"{ELSEWHERE}.{name}", raising=False)
        registry.load_plugins([f"{ELSEWHERE}.{name}"])
    composed()  # Hydra stores its own once
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    composition.register()


@pytest.mark.usefixtures("elsewhere")
def test_without_a_file_values_are_the_defaults_of_its_class_and_ours() -> None:
    config = composed(*GIVEN)
    usual = composed()
    assert config.model.gate_bias == -1.0
    assert config.model.cell == "mgu"
    assert (
        dataclasses.asdict(config.model).items()
        >= {**{k: v for k, v in dataclasses.asdict(usual.model).items() if k != "cell"}}.items()
    )
    assert (config.optim.lr, config.optim.beta) == (usual.optim.lr, 0.9)
    assert config.schedule.warmup == 0.1


@pytest.mark.usefixtures("elsewhere")
def test_bounds_are_its_own() -> None:
    with pytest.raises(
        InputError, match=r"model.gate_bias must be at least -5 and at most 5, got 9"
    ):
        composed("model=mgu", "model.gate_bias=9")


@pytest.mark.usefixtures("elsewhere")
def test_a_name_alone_changes_the_cell_if_the_settings_allow_it() -> None:
    assert type(composed("model.cell=gru").model).__name__ == "GRU"
    assert composed("model.cell=mgu").model.gate_bias == -1.0
    with pytest.raises(InputError, match=r"choose it with model=lstm"):
        composed("model=mgu", "model.cell=lstm")


@pytest.mark.usefixtures("elsewhere")
def test_a_stored_configuration_says_which_plugins_it_needs() -> None:
    config = composed(*GIVEN)
    stored = record.stored(config)
    assert stored["plugins"] == {
        "model": f"{ELSEWHERE}.cells",
        "optim": f"{ELSEWHERE}.optimizers",
        "schedule": f"{ELSEWHERE}.schedules",
    }
    assert record.from_dict(stored) == record.from_dict(record.to_dict(config))
    assert "plugins" not in record.stored(composed())


def test_nothing_is_imported_for_a_stored_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    values = record.to_dict(composed())
    values["model"]["cell"] = "mgu"
    imported: list[str] = []
    monkeypatch.setattr(registry.importlib, "import_module", imported.append)
    with pytest.raises(record.MissingPluginError) as error:
        record.from_dict(values | {"plugins": {"model": "os.path"}})
    assert str(error.value) == (
        "model.cell=mgu needs os.path, which is not loaded; add plugins=[os.path]"
    )
    with pytest.raises(InputError, match=r"model.cell must be one of lstm, gru, rnn, got mgu"):
        record.from_dict(values)
    assert not imported
    with pytest.raises(record.MissingPluginError, match=r"declared in a program itself, which no"):
        record.from_dict(values | {"plugins": {"model": "__main__"}})


@pytest.mark.parametrize("module", ["a]; rm -r ~; [", "a\nb", "a,b", ""])
def test_a_strangers_folder_gives_no_advice_of_its_own(module: str, tmp_path: Path) -> None:
    values = record.to_dict(composed())
    values["model"]["cell"] = "mgu"
    values["plugins"] = {"model": module}
    path = tmp_path / "config.yaml"
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(values)))
    with pytest.raises(InputError) as error:
        record.load(path)
    assert str(error.value) == f"{path} is damaged (plugins must be names of modules)"
    content = {"config": values, "vocabulary": ["a"], "corpus": ""}
    described = tmp_path / "model.json"
    described.write_text(json.dumps(content))
    with pytest.raises(InputError) as error:
        checkpoint.described(described, "use another run")
    assert str(error.value).startswith(f"{described} is damaged (plugins must be names of modules)")


@pytest.mark.usefixtures("elsewhere")
def test_its_states_are_those_of_single_steps() -> None:
    torch.manual_seed(1)
    network = CharRNN(7, 5, cell=composed("model=mgu").model, embedding=4, layers=2)
    text = np.random.default_rng(1).integers(0, 7, 9)
    found = {
        (one.layer, one.state): one.values
        for one in recorded(network, [text], network.cell.observable)
    }
    layer, h = network.cells[0], torch.zeros(1, 5)
    for time, x in enumerate(network.embedded(torch.tensor(text))):
        f = torch.sigmoid(layer.gate(x) + layer.gate_h(h))
        new = torch.tanh(layer.new(x) + layer.new_h(f * h))
        h = h + f * (new - h)
        for state, value in {"hidden": h, "forget_gate": f, "candidate": new}.items():
            expected = value.detach().numpy()[0]
            np.testing.assert_allclose(found[1, state][:, time], expected, atol=1e-6)
    assert (2, "candidate") in found


@pytest.mark.usefixtures("elsewhere")
def test_tunes_are_drawn_by_its_own_module() -> None:
    torch.manual_seed(1)
    network = CharRNN(7, 5, cell=composed("model=mgu").model, embedding=4).eval()
    steps = stepper(network)
    assert isinstance(steps, ModuleStepper)
    text = [3, 1, 6, 2]
    with torch.no_grad():
        expected, _ = network(torch.tensor(text).unsqueeze(1))
    for character, scores in zip(text, expected, strict=True):
        np.testing.assert_allclose(steps.step([character])[0], scores[0].numpy(), atol=1e-5)


@pytest.mark.usefixtures("elsewhere")
def test_plans_take_its_sampler_and_pruner() -> None:
    space = {"lr": Float(0.0, 1.0)}
    plan = Plan(
        space, 3, sampler="middle_first", sampler_settings={"middles": 2}, pruner="threshold"
    )
    assert make_sampler(plan.sampler, seed=1, **plan.sampler_settings)._count == 2
    assert isinstance(make_pruner(plan.pruner), Theirs)
    with pytest.raises(InputError, match=r"sampler=middle_first refuses its settings: .*'x'"):
        Plan(space, 3, sampler="middle_first", sampler_settings={"x": 2})


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("cell", "lstn", r"cell must be one of lstm, gru, rnn, got lstn; did you mean lstm\?"),
        ("pruner", "x", r"pruner must be one of none, .*, got x; choose one, or name the plugin"),
    ],
)
def test_an_unknown_name_is_one_line(kind: registry.Kind, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.component(kind, name)


@pytest.mark.usefixtures("elsewhere")
def test_a_name_is_given_once() -> None:
    class Mine:
        pass

    with pytest.raises(InputError, match=r"cell lstm is declared twice, in musicgen.models.cells"):
        registry.register("cell", "lstm")(Mine)
    with pytest.raises(InputError, match=rf"cell mgu is declared twice, in {ELSEWHERE}.cells"):
        registry.register("cell", "mgu")(Mine)


@pytest.mark.usefixtures("elsewhere")
def test_what_a_program_imports_is_loaded_by_its_workers_too() -> None:
    named = registry.loaded_plugins()
    assert f"{ELSEWHERE}.cells" in named
    registry._named.clear()
    assert set(registry.loaded_plugins()) == set(named)
    registry._named.append(ELSEWHERE)
    assert registry.loaded_plugins() == [ELSEWHERE]
    assert registry.naming_plugins() == [f"plugins=[{ELSEWHERE}]"]


def test_a_component_that_would_lose_something_is_refused() -> None:
    """A misspelt kind, settings without @dataclass, a measure without its formula."""
    with pytest.raises(InputError, match=r"kind must be one of .*, got mesure; did you mean meas"):
        registry.register("mesure", "share")  # type: ignore[arg-type]

    class Forgotten(Cell):
        openness: float = key("How open", default=1.0)

    with pytest.raises(InputError, match=r"cell plain has settings \(openness\) but is no datac"):
        registry.register("cell", "plain")(Forgotten)

    class Empty(Measure):
        """Nothing."""

    with pytest.raises(InputError, match="measure empty must have of"):
        registry.register("measure", "empty")(Empty)
    assert "plain" not in registry.components("cell")
