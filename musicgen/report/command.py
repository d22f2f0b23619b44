"""The command that trains a run again, found from its configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from musicgen.config.overrides import as_override, flatten, shell
from musicgen.system.paths import shipped

CHOICES = {
    "data": "data.name",
    "model": "model.cell",
    "optim": "optim.name",
    "schedule": "schedule.name",
}
"""Groups of conf/, and the key that says which of their files was taken."""


def train_command(config: Mapping[Any, Any]) -> str:
    """What trains with these values where this version of musicgen is; empty if it has no such
    choice of a group.

    config: of a run's config.yaml.
    """
    conf = shipped("conf")
    defaults = _plain(conf / "train.yaml")
    groups = [entry for entry in defaults.pop("defaults") if isinstance(entry, dict)]
    usual = {group: name for entry in groups for group, name in entry.items()}
    wanted = flatten(config)
    given = []
    for group, key in CHOICES.items():
        name = wanted.get(key)
        if name not in {path.stem for path in (conf / group).glob("*.yaml")}:
            return ""
        chosen = _choice(conf / group, str(name))
        recipe = defaults.get(group, {})
        for key in recipe:  # of a run from before there was this key: it had what the group says
            wanted.setdefault(f"{group}.{key}", chosen.get(key))
        defaults[group] = chosen | recipe
        if name != usual[group]:
            given.append(f"{group}={name}")
    defaults["trainer"] = _choice(conf / "trainer", usual["trainer"])
    known = flatten(defaults)
    given += [
        f"{key}={as_override(value)}"
        for key, value in wanted.items()
        if key not in known or known[key] != value
    ]
    return shell(["python", "-m", "musicgen.train", *given])


def _choice(group: Path, name: str) -> dict[str, Any]:
    """A file's values, with those of the files of its group that it builds on."""
    own = _plain(group / f"{name}.yaml")
    values: dict[str, Any] = {}
    for base in own.pop("defaults", []):
        if (group / f"{base}.yaml").is_file():
            values |= _choice(group, base)
    return values | own


def _plain(path: Path) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
