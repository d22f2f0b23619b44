"""`init=`: the network that a training begins with, found and applied to its configuration."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from musicgen.config import composition
from musicgen.config.components import variants
from musicgen.config.keys import Config
from musicgen.errors import InputError
from musicgen.training.folder import RunFolder
from musicgen.training.initial import Initial, unpinned
from musicgen.workflows import runs

C = TypeVar("C", bound=Config)
OWN = ("dropout",)
"""Keys of `model` that a training chooses itself; the weights decide all others."""


def find(text: str) -> Initial:
    """The network that a value of `init` names: like `run=`, or `<run>@<digest>` as a run's
    configuration has it. Raises InputError."""
    place, digest = unpinned(text)
    path = runs.find(place, "init")
    found = Initial.read(path if path.is_file() else RunFolder(path).best, place)
    if digest is not None and digest != found.digest:
        raise InputError(
            f"init={text} must have the weights of that digest, got {found.digest}; leave out "
            f"@{digest}, or bring those weights back"
        )
    return found


def begun(config: C, initial: Initial, given: Collection[str]) -> C:
    """The configuration of a training that begins with a network: size and cell are the network's.

    given: the keys that the user chose (`given_keys`). Raises InputError if one of them differs
    from the network.
    """
    theirs = initial.description.config.model
    kept = {name: getattr(config.model, name) for name in OWN}
    for field in fields(theirs):
        key, value = f"model.{field.name}", getattr(theirs, field.name)
        own = getattr(config.model, field.name, value)
        if key in given and field.name not in OWN and own != value:
            raise InputError(
                f"{key} must be {value}, as the network of init={initial.name} has it, got {own}; "
                f"leave {key.removesuffix('.cell')} out, or begin with another network"
            )
    return replace(config, init=initial.pinned, model=replace(theirs, **kept))


def given_keys(overrides: Iterable[str]) -> frozenset[str]:
    """The keys that overrides and the experiments that they name give a value.

    `model=gru` gives the cell alone, `model=<a file of the user's own>` all keys of the model.
    """
    found = set()
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if key == "experiment":
            found |= composition.experiment_keys(value)
        elif key == "model":
            found |= {"model.cell"} if value in variants("model") else model_keys()
        else:
            found.add(key)
    return frozenset(found)


def model_keys() -> set[str]:
    """The keys of all cells that weights decide."""
    names = {field.name for cell in variants("model").values() for field in fields(cell)}
    return {f"model.{name}" for name in names.difference(OWN)}


def all_of(texts: Iterable[str]) -> Mapping[str, Initial]:
    """The networks that several values of `init` name, by that value and as it is pinned."""
    found = {text: find(text) for text in dict.fromkeys(texts)}
    return found | {initial.pinned: initial for initial in found.values()}
