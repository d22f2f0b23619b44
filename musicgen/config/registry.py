"""The registry of components that a configuration can name: cells, optimizers, measures and others,
ours and those of plugins.

A component is a class or a function that owns its settings and all that other packages need from
it. Importing its module registers it. The declaration does not import PyTorch (its `build` does),
so that --help is fast. Plugins are modules that the user names (`plugins=[my_package.cells]`), or
that an installed package offers as entry points of the group `musicgen`. A run folder never causes
an import; it only says which plugin it needs.
"""

import dataclasses
import difflib
import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from musicgen.errors import InputError

T = TypeVar("T")
Kind = Literal[
    "cell",
    "optimizer",
    "schedule",
    "sampler",
    "pruner",
    "reader",
    "measure",
    "annotation",
    "format",
]

OURS: dict[Kind, str] = {
    "cell": "musicgen.models.cells",
    "optimizer": "musicgen.training.optim",
    "schedule": "musicgen.training.schedule",
    "sampler": "musicgen.sweep.samplers",
    "pruner": "musicgen.sweep.pruners",
    "reader": "musicgen.corpus.readers",
    "measure": "musicgen.music.measures",
    "annotation": "musicgen.interpret.annotations",
    "format": "musicgen.music.formats",
}
"""The modules that declare our own components, by kind. A module is imported when its kind is first
used."""
ENTRY_POINTS = "musicgen"
PROGRAM = "__main__"
"""The program itself, a script or a notebook, as a module: no other process can import it."""

_components: dict[Kind, dict[str, Any]] = {}
_modules: dict[tuple[Kind, str], str] = {}
"""The module that declares each component, by kind and name."""
_loaded: set[str] = set()
_named: list[str] = []
"""The plugins that the user named, in order."""
_installed: list[str] = []
"""The modules of plugins that installed packages offer."""
_broken: list[str] = []
"""Entry points of installed packages that can't be imported, and why."""
log = logging.getLogger(__name__)


def register(kind: Kind, name: str) -> Callable[[T], T]:
    """Register a component under a name that configurations can use.

    Raises InputError if another component has the name already.
    """

    if kind not in get_args(Kind):
        close = difflib.get_close_matches(kind, get_args(Kind), n=1, cutoff=0.6)
        raise InputError(
            f"a component's kind must be one of {', '.join(get_args(Kind))}, got {kind}"
            f"{f'; did you mean {close[0]}?' if close else '; choose one'}"
        )

    def add(component: T) -> T:
        _check_class(kind, name, component)
        module = getattr(component, "__module__", "")
        if kind in OURS and _outside(module):
            _import(OURS[kind])  # ours are first, so that no plugin takes their names
        known = _components.setdefault(kind, {})
        if name in known and _place(known[name]) != _place(component):
            raise InputError(
                f"{kind} {name} is declared twice, in {_modules[kind, name]} and in {module}; "
                "leave one of the two plugins out"
            )
        known[name] = component
        _modules[kind, name] = module
        return component

    return add


def _check_class(kind: Kind, name: str, component: Any) -> None:
    """Raise InputError for a class whose settings would be lost, or that lacks a method."""
    if not inspect.isclass(component):
        return
    lost = [key for key, value in vars(component).items() if isinstance(value, dataclasses.Field)]
    if lost:  # `dataclass` takes the place of a field by its default, or removes it
        raise InputError(
            f"{kind} {name} has settings ({', '.join(lost)}) but is no dataclass; "
            "put @dataclass below @register"
        )
    members = ((method, getattr(component, method)) for method in dir(component))
    if missing := [m for m, found in members if getattr(found, "__isabstractmethod__", False)]:
        raise InputError(f"{kind} {name} must have {' and '.join(missing)}; write it")


def _place(component: Any) -> tuple[str, str]:
    return getattr(component, "__module__", ""), getattr(component, "__qualname__", "")


def components(kind: Kind) -> Mapping[str, Any]:
    """All components of a kind by name: first ours, then those of plugins as they were loaded."""
    if kind in OURS:
        _import(OURS[kind])
    _load_installed()
    return MappingProxyType(_components.get(kind, {}))


def component(kind: Kind, name: str) -> Any:
    """The component of a kind with this name. Raises InputError, which suggests a similar name, if
    there is none."""
    known = components(kind)
    if name not in known:
        close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
        meant = f"did you mean {close[0]}?" if close else "choose one"
        raise InputError(
            f"{kind} must be one of {', '.join(known)}, got {name}; {meant}, or name the "
            f"plugin that has it with plugins=[<module>]{not_loaded()}"
        )
    return known[name]


def about(component: Any) -> str:
    """The first line of a component's documentation, which explains it to users."""
    lines = (component.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def plugin_of(kind: Kind, name: str) -> str | None:
    """The plugin's module that declares a component; None for ours."""
    module = _modules.get((kind, name), "")
    return module if _outside(module) else None


def _outside(module: str) -> bool:
    return module.split(".")[0] not in ("musicgen", "")


def load_plugins(modules: Iterable[str]) -> None:
    """Import modules that the user names, each once. Raises InputError."""
    if (folder := os.getcwd()) not in sys.path and "" not in sys.path:
        sys.path.append(folder)  # `python -m` searches there, a console script does not
    for module in modules:
        if module == PROGRAM:
            raise InputError(
                f"plugins must name modules that other processes can import, got {PROGRAM}; "
                "move what it declares into a module and name that"
            )
        _import(module, "plugins")
        if module not in _named:
            _named.append(module)


def loaded_plugins() -> list[str]:
    """The plugins that another process has to load: those that the user named, and those that the
    program has imported. The plugins of installed packages are loaded there anyway."""
    declaring = (module for module in _modules.values() if _outside(module))
    by_others = (f"{PROGRAM}.", *_installed, *(f"{name}." for name in _named))
    imported = (module for module in declaring if not f"{module}.".startswith(by_others))
    return list(dict.fromkeys([*_named, *imported]))


def naming_plugins() -> list[str]:
    """The argument with which another command loads the same plugins; empty without plugins."""
    plugins = loaded_plugins()
    return [f"plugins=[{','.join(plugins)}]"] if plugins else []


def _load_installed() -> None:
    """Import the plugins that installed packages offer, once; a broken one is a warning."""
    global _looked
    if not _looked:
        _looked = True
        before = set(_modules.values())
        for entry in entry_points(group=ENTRY_POINTS):
            try:
                _import(entry.module)
            except Exception as error:  # whatever somebody's module does
                why = f"the entry point {entry.name}, {entry.value}, is broken ({_reason(error)})"
                _broken.append(why)
                log.warning("%s; mend or remove the package that has it", why)
        _installed.extend(f"{module}." for module in set(_modules.values()) - before)


_looked = False


def not_loaded() -> str:
    """`; the entry point ... is broken (...)`, for the error about a component that is not there;
    nothing where installed packages have no broken ones."""
    return "".join(f"; {why}" for why in _broken)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _import(module: str, asked_by: str = "") -> None:
    if module in _loaded:
        return
    _loaded.add(module)
    try:
        importlib.import_module(module)
    except Exception as error:
        _loaded.discard(module)
        if not asked_by or isinstance(error, InputError):
            raise
        raise InputError(
            f"{asked_by} must name modules that can be imported, got {module} ({_reason(error)}); "
            "install it, or run where it can be found"
        ) from error
