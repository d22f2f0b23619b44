"""Hydra's override grammar in sweeps. The oracle is Hydra's own basic sweeper: we train the
configurations that it would compose, however they are written."""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from musicgen.cli.sweep_overrides import compose
from musicgen.config import composition, record
from musicgen.config.keys import Config, TrainConfig
from musicgen.config.overrides import as_override
from musicgen.errors import InputError
from musicgen.sweep.space import Space, describe, grid
from musicgen.system.paths import shipped
from musicgen.workflows.bases import checked_bases, converted, followed, settings
from musicgen.workflows.composed_sweep import ComposedSweep
from musicgen.workflows.points import check
from musicgen.workflows.trial import TrainingObjective
from tests.cases import a_few_fast


@dataclass
class Grammar:
    loader: ConfigLoader
    settings: DictConfig

    def swept(self, *overrides: str, params: dict[str, Any] | None = None) -> ComposedSweep:
        settings = copy.deepcopy(self.settings)
        OmegaConf.update(settings, "hydra.sweeper.params", params, force_add=True)
        return compose(self.loader, settings, overrides)

    def trained(self, *overrides: str, params: dict[str, Any] | None = None) -> list[Config]:
        """What a sweep trains, in its order."""
        swept = self.swept(*overrides, params=params)
        objective, space = prepared(swept)
        return [objective.config(point) for point in grid(space)]

    def hydras(self, *overrides: str) -> list[Config]:
        """What Hydra's basic sweeper would launch."""
        parser = OverridesParser.create(config_loader=self.loader)
        (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides(list(overrides)), None)
        return [self.composed(*job) for job in jobs]

    def composed(self, *overrides: str) -> Config:
        composed = self.loader.load_sweep_config(self.settings, list(overrides))
        with open_dict(composed):
            del composed["hydra"]
        return composition.checked(composed, TrainConfig)


def prepared(swept: ComposedSweep) -> tuple[TrainingObjective, Space]:
    """As sweeping.run does it."""
    space = converted(swept)
    follows = followed(swept, space, ("sweep.", "sampler", "pruner"))
    bases = {key: record.to_dict(base) for key, base in checked_bases(swept, space).items()}
    objective = TrainingObjective(bases, swept.groups, following=follows)
    check(objective, space)
    return objective, space


@pytest.fixture(scope="module")
def grammar() -> Iterator[Grammar]:
    composition.register()
    with initialize_config_dir(str(shipped("conf")), version_base=None):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        loader = hydra.config_loader
        yield Grammar(loader, loader.load_configuration("train", [], RunMode.MULTIRUN))


def texts(configs: list[Config]) -> Counter[str]:
    return Counter(json.dumps(record.to_dict(config), sort_keys=True) for config in configs)


SAME = [
    ["model.hidden=8,16"],
    ["model.hidden=choice(8,16)"],
    ["model.hidden=16,8", "optim.lr=0.1,1e-3"],
    ["optim=adam,sgd", "model.hidden=8,16"],
    ["model.hidden=range(3)", "model.hidden=range(1,4)"],
    ["model.hidden=range(10,100,20)"],
    ["model.hidden=range(100,10,-20)"],
    ["model.hidden=range(start=2,stop=9,step=3)"],
    ["model.dropout=range(0,1)"],
    ["optim.lr=range(0.5,2,0.5)"],
    ["optim.lr=range(2,0.5,-0.5)"],
    ["model.dropout=float(range(0,1))"],
    ["model.hidden=int(range(1.0,4.0))"],
    ["data.path=range(1,4)", "data=files"],
    ["optim=glob(*)"],
    ["optim=glob(ad*,exclude=adam*)"],
    ["optim=glob([sgd,r*])"],
    ["model.hidden=tag(a,b,choice(8,16))"],
    ["model.hidden=tag(a,range(8,10))"],
    ["model.hidden=sort(3,1,2)"],
    ["model.hidden=sort(3,1,2,reverse=true)"],
    ["model.hidden=sort(range(1,5),reverse=true)"],
    ["model.hidden=sort(choice(3,1,2))"],
    ["model.hidden=shuffle(3,1,2)"],
    ["model.hidden=shuffle(range(1,9))"],
    ["model.hidden=shuffle(range(1,9,3))"],
    ["optim.lr=shuffle(range(1.0,3.0,0.25))"],
    ["model.hidden=sort(shuffle(range(1,9)))"],
    ["model.hidden=int(3.5,4.2)"],
    ["model.hidden=int('8',\"16\")"],
    ["model.dropout=float(0,0.5)"],
    ["data.path=str(1,2.5)", "data=files"],
    ["data.stateful=bool(1,0)"],
    ["data.stateful=true,false"],
    ["data.path='a,b','c d',\"e'f\"", "data=files"],
    [r"data.path=a\,b,c\=d,e\ f", "data=files"],
    ["data.path=null,a", "data.split=tunes"],
    ["data.path='null','1'", "data=files"],
    [r"data.path='it\'s','a\\'", "data=files"],
    ["data.path='ü.txt','é è'", "data=files"],
    ["samples.temperatures=[0.5],[1.0,2.0]"],
    ["samples.temperatures=[0.5]"],
    ["samples.temperatures=sort([2,1,0.5]),[3]"],
    ["early_stopping={patience:3},{patience:5}"],
    ["samples={every:1,media:true},{every:2}"],
    ["++model.hidden=8,16"],
    ["model.hidden=choice(8)"],
    ["model.hidden=8,16", "model.hidden=4"],
    ["model.hidden=4", "model.hidden=8,16"],
    ["optim=adam,adamw", "optim.betas=[0.9,0.99],[0.8,0.9]"],
    ["model.hidden=8,16", "model.embedding=${model.hidden}"],
    ["model.hidden=8,16", "model.embedding=${.hidden}"],
    ["model.hidden=8,16", "model.embedding=${oc.select:model.hidden,8}"],
    ["model.hidden=8,16", "model.embedding=64,${model.hidden}"],
    ["model.hidden=8,16", "data.seq_len=${model.embedding}", "model.embedding=${model.hidden}"],
    ["model.hidden=8,16", "model.embedding=9,17", "data.seq_len='${model.${data.root}}'",
     "data.root=hidden,embedding"],
    ["model.hidden=8,16", "samples.temperatures=[0.5,${model.hidden}]"],
    ["optim=sgd,adam", "model.dropout=${optim.weight_decay}", "optim.weight_decay=0,0.1"],
    ["early_stopping={patience:3},{patience:5}", "trainer.max_epochs=${early_stopping.patience}"],
    ["schedule=cosine,one_cycle", "schedule.warmup=0.1,0.2"],
    ["model.hidden=8,16", "optim.lr='${oc.decode:0.0${model.hidden}}'"],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("overrides", SAME, ids=" ".join)
def test_a_sweep_trains_what_hydra_would_compose(overrides: list[str], grammar: Grammar) -> None:
    """The same command again is the same sweep, and a printed trial is the one that is trained."""
    swept, again = (grammar.swept(*overrides) for _ in range(2))
    objective, space = prepared(swept)
    points = list(grid(space))
    found, wanted = [objective.config(point) for point in points], grammar.hydras(*overrides)
    assert texts(found) == texts(wanted)
    shuffled = any("shuffle" in override for override in overrides)
    assert shuffled or [texts([c]) for c in found] == [texts([c]) for c in wanted]

    assert describe(swept.space) == describe(again.space)
    assert swept.fixed == again.fixed
    for point in (points[0], points[-1]):
        values = [f"{key}={as_override(value)}" for key, value in point.items()]
        printed = grammar.composed(*swept.fixed, *values)
        assert texts([printed]) == texts([objective.config(point)])


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("range(0,0.4,0.1)", [0.0, 0.1, 0.2, 0.3]),
        ("range(0.1,0.8,0.1)", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ("range(0.3,0,-0.1)", [0.3, 0.2, 0.1]),
        ("range(0,0.35,0.1)", [0.0, 0.1, 0.2, 0.3]),
    ],
)
def test_a_decimal_range_is_half_open_and_in_decimals(
    override: str, values: list[float], grammar: Grammar
) -> None:
    """Hydra adds up binary fractions: its range(0,0.4,0.1) has 0.30000000000000004."""
    trained = grammar.trained(f"model.dropout={override}")
    assert [config.model.dropout for config in trained] == values


def test_a_large_range_costs_nothing(grammar: Grammar) -> None:
    swept = grammar.swept("model.hidden=shuffle(range(1,1000000000))")
    _, space = prepared(swept)
    points = grid(space)
    first = [next(points)["model.hidden"] for _ in range(1000)]
    assert len(set(first)) == 1000
    assert first != sorted(first)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["model.hidden=range(5,1)"], "model.hidden: a range must have a value, got none"),
        (["model.hidden=range(1,5,0)"], "model.hidden: a range needs finite ends and a step"),
        (["model.hidden=glob(*)"], "model.hidden: a choice must have at least one value"),
        (["optim.lr=tag(lgo,interval(1,2))"], "optim.lr: an interval's tag must be log, got lgo"),
        (["+model.hidden=8,16"], "model.hidden is there already, so it cannot be added"),
        (["model.hiden=8,16"], "there is no key model.hiden; did you mean model.hidden?"),
        (["optim.nesterov=true,false"], "optim.nesterov needs optim to be one of sgd"),
        (
            ["optim=adam,adamw", "optim.momentum=0.5"],
            "to be one of muon, rmsprop, sgd, got adam, adamw",
        ),
        (["model.dropout=0,0.0"], "model.dropout: a choice must have each value once"),
        (
            ["trainer.max_epochs=3,6", "pruner=hyperband"],
            "pruner.max_resource is of the sweep as a whole, so it cannot follow "
            "trainer.max_epochs, which is swept; give pruner.max_resource a value",
        ),
        (["model.hidden=8,16", "model.dropout=${model.hidden}"], "model.dropout must be at least"),
        (["model.hidden=8,16", "model.dropout=${optim.lr_decay}"], "lr_decay"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_sweeps_that_cannot_be_composed_are_refused(
    overrides: list[str], says: str, grammar: Grammar
) -> None:
    with pytest.raises((InputError, OmegaConfBaseException), match=re.escape(says)):
        grammar.trained(*overrides)


def test_what_follows_is_kept_as_it_is_written(grammar: Grammar) -> None:
    swept = grammar.swept(
        "model.hidden=8,16", "model.embedding=${model.hidden}", "data.path=x", "data=files",
        "data.validation_path=${data.path}",
    )  # fmt: skip
    space = converted(swept)
    follows = followed(swept, space, ())
    (found,) = settings(swept, space, checked_bases(swept, space), follows)
    kept = found.values
    assert kept["model.embedding"] == "${model.hidden}"
    assert kept["data.validation_path"] == "x"
    assert "model.hidden" not in kept
    (following,) = follows.values()
    assert following.leaders == {"model.embedding": ("model.hidden",)}


CONDITIONAL = [
    (["optim=sgd,adam", "optim.momentum=0,0.9"], ["sgd 0.0", "sgd 0.9", "adam"]),
    (["optim.momentum=0,0.9", "optim=sgd,adam"], ["sgd 0.0", "adam", "sgd 0.9"]),
    (["optim=sgd,rmsprop", "optim.momentum=0.9"], ["sgd 0.9", "rmsprop 0.9"]),
    (["optim=sgd,rmsprop,adam", "optim.momentum=0.5"], ["sgd 0.5", "rmsprop 0.5", "adam"]),
    (["optim=sgd,adam", "++optim.momentum=0.5"], ["sgd 0.5", "adam"]),
    (["optim=glob([s*,ada*])", "optim.momentum=0.1,0.2"],
     ["adagrad", "adam", "adamw", "sgd 0.1", "sgd 0.2"]),
    (["optim.momentum=0.3", "optim=adam,sgd"], ["adam", "sgd 0.3"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "names"), a_few_fast(CONDITIONAL, 4), ids=lambda v: " ".join(v)
)
def test_a_key_applies_to_the_choices_that_have_it(
    overrides: list[str], names: list[str], grammar: Grammar
) -> None:
    def name(config: Config) -> str:
        momentum = getattr(config.optim, "momentum", None)
        return config.optim.name + (f" {momentum}" if momentum is not None else "")

    assert [name(config) for config in grammar.trained(*overrides)] == names


@pytest.mark.slow
def test_one_line_names_the_choices_that_lack_a_key(grammar: Grammar) -> None:
    swept = grammar.swept("optim=sgd,adam,rmsprop", "optim.momentum=0,0.9", "optim.nesterov=true")
    assert swept.notes == [
        "optim.momentum applies to optim=sgd,rmsprop, and not to adam",
        "optim.nesterov applies to optim=sgd, and not to adam, rmsprop",
    ]


@pytest.mark.slow
def test_a_files_sweep_goes_by_the_same_rule(grammar: Grammar) -> None:
    found = grammar.trained(params={"optim": "sgd,adam", "optim.momentum": 0.5})
    assert [config.optim.name for config in found] == ["sgd", "adam"]
