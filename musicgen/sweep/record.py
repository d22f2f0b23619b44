"""The content of sweep.json: which sweep a folder belongs to, and the command that started it."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from musicgen.errors import InputError
from musicgen.sweep import older_record
from musicgen.sweep.plan import Direction, Plan, Settings
from musicgen.sweep.space import Choice, Dimension, Float, Int, Only, Space
from musicgen.system.files import write_text

FILE = "sweep.json"
SEEDS, SEEDS_FOR = "sweep.seeds", "sweep.seeds_for"
KINDS: dict[str, type[Dimension]] = {"Choice": Choice, "Float": Float, "Int": Int}


@dataclass(frozen=True)
class Name:
    """The name of a setting in a sweep's identity."""

    key: str
    choices: tuple[str, ...] = ()
    """The choices of the swept groups to which the setting belongs; empty if it belongs to all."""

    def __str__(self) -> str:
        return f"{'/'.join(self.choices)} {self.key}" if self.choices else self.key


@dataclass(frozen=True)
class SweepRecord:
    """A sweep as its folder stores it. Fields without a description are those of `Plan`."""

    study: str
    """The study's name in its storage."""
    space: Space
    objectives: Mapping[str, Direction]
    sampler: str
    sampler_settings: Mapping[str, Any]
    pruner: str
    pruner_settings: Mapping[str, Any]
    seed: int
    seeds: int
    seeds_for: int | None = None
    groups: tuple[str, ...] = ()
    settings: tuple[Settings, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """The words of the command that starts the sweep; empty if none was given."""
    trial_command: tuple[str, ...] = ()
    """The words of the command that trains one configuration, without the swept values; empty if
    none was given."""
    constraints: tuple[str, ...] = ()
    grown: "SweepRecord | None" = None
    """The sweep before it grew, until all its trials have been copied; else None."""

    @classmethod
    def of(cls, plan: Plan, study: str = "") -> "SweepRecord":
        return cls(
            study,
            plan.space,
            plan.objectives,
            plan.sampler,
            plan.sampler_settings,
            plan.pruner,
            plan.pruner_settings,
            plan.seed,
            plan.seeds,
            plan.seeds_for,
            plan.groups,
            plan.settings,
            plan.fingerprint,
            tuple(plan.commands.get("command", ())),
            tuple(plan.commands.get("trial_command", ())),
            tuple(map(str, plan.constraints)),
        )

    def identity(self) -> dict[Name, str]:
        """The settings that two starts of a sweep must share, as text. The text is compared and
        shown, never parsed."""
        by_choice = {
            Name(key, settings.choices): str(value)
            for settings in self.settings
            for key, value in settings.values.items()
        }
        plain = {**{k: str(d) for k, d in self.space.items()}, **self.described()}
        return {
            **{Name(key): text for key, text in plain.items()},
            **by_choice,
            **{Name(key): text for key, text in self.fingerprint.items()},
        }

    @property
    def further(self) -> float:
        """The number of configurations that get more than one run."""
        if self.seeds == 1:
            return 0
        return math.inf if self.seeds_for is None else self.seeds_for

    def described(self) -> dict[str, str]:
        """The settings of the search, as text by key."""
        return {
            "sweep.objective": _text(self.objectives),
            "sampler": f"{self.sampler} {_text(self.sampler_settings)}".strip(),
            "pruner": f"{self.pruner} {_text(self.pruner_settings)}".strip(),
            "sweep.seed": str(self.seed),
            SEEDS: str(self.seeds),
            **({} if self.seeds_for is None else {SEEDS_FOR: str(self.seeds_for)}),
            **({"sweep.constraints": ", ".join(self.constraints)} if self.constraints else {}),
        }

    @staticmethod
    def within(folder: Path) -> bool:
        """Whether the folder holds a sweep."""
        return (folder / FILE).is_file()

    def write(self, folder: Path) -> None:
        write_text(folder / FILE, json.dumps(self.to_json(), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "SweepRecord | None":
        """The record in a folder; None if it holds no sweep. Raises InputError if damaged."""
        path = folder / FILE
        try:
            return cls.from_json(json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, AttributeError, InputError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise InputError(f"{path} is damaged ({reason})") from None

    def to_json(self) -> dict[str, Any]:
        """The record in types of JSON; `grown` is left out if it is None."""
        return {
            "study": self.study,
            "command": list(self.command),
            "trial_command": list(self.trial_command),
            "space": {k: {"kind": type(d).__name__, **asdict(d)} for k, d in self.space.items()},
            "objectives": dict(self.objectives),
            "sampler": {"name": self.sampler, "settings": dict(self.sampler_settings)},
            "pruner": {"name": self.pruner, "settings": dict(self.pruner_settings)},
            "seed": self.seed,
            "seeds": self.seeds,
            **({"constraints": list(self.constraints)} if self.constraints else {}),
            **({} if self.seeds_for is None else {"seeds_for": self.seeds_for}),
            "groups": list(self.groups),
            "settings": [asdict(settings) for settings in self.settings],
            "fingerprint": dict(self.fingerprint),
            **({"grown": self.grown.to_json()} if self.grown else {}),
        }

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> "SweepRecord":
        """The record from the content of sweep.json, also of a file that an older version wrote.

        Raises ValueError, LookupError, TypeError, AttributeError or InputError if the content is
        not a record.
        """
        if "sweep" in about:
            about = older_record.translated(about)
        grown = about.get("grown")
        if not isinstance(about["study"], str):
            raise ValueError("the study's name must be text")
        return cls(
            study=about["study"],
            space={key: _dimension(dict(fields)) for key, fields in about["space"].items()},
            objectives={str(key): _direction(way) for key, way in about["objectives"].items()},
            sampler=str(about["sampler"]["name"]),
            sampler_settings=dict(about["sampler"]["settings"]),
            pruner=str(about["pruner"]["name"]),
            pruner_settings=dict(about["pruner"]["settings"]),
            seed=int(about["seed"]),
            seeds=int(about["seeds"]),
            seeds_for=None if (few := about.get("seeds_for")) is None else int(few),
            constraints=tuple(map(str, about.get("constraints", ()))),
            groups=tuple(about["groups"]),
            settings=tuple(
                Settings(dict(part["values"]), tuple(part["choices"])) for part in about["settings"]
            ),
            fingerprint={str(key): str(text) for key, text in about["fingerprint"].items()},
            command=tuple(map(str, about["command"])),
            trial_command=tuple(map(str, about["trial_command"])),
            grown=cls.from_json(grown) if grown else None,
        )


def _dimension(fields: dict[str, Any]) -> Dimension:
    kind = KINDS[fields.pop("kind")]
    only = fields.pop("only")
    if "values" in fields:
        fields["values"] = tuple(fields["values"])
    return kind(**fields, only=only and Only(only["key"], tuple(only["values"])))


def _direction(way: str) -> Direction:
    if way not in ("minimize", "maximize"):
        raise ValueError(f"no such direction: {way}")
    return "minimize" if way == "minimize" else "maximize"


def _text(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())
