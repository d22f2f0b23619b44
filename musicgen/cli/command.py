"""The frame of every command. Hydra composes the configuration; an error becomes one line and an
exit code."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.cli import arguments
from musicgen.cli.advice import with_advice
from musicgen.cli.arguments import Arguments, key_of
from musicgen.cli.ending import ending, fail
from musicgen.cli.explanation import COMPOSING, explain
from musicgen.config import composition, registry, schema
from musicgen.config.components import variants
from musicgen.config.keys import COMMANDS
from musicgen.config.overrides import as_override, flatten
from musicgen.config.schema import known_keys, near
from musicgen.errors import InputError, Interrupted, MusicgenError
from musicgen.system.paths import shipped

if TYPE_CHECKING:
    from musicgen.workflows.composed_sweep import ComposedSweep


@dataclass(frozen=True)
class Invocation:
    """The input of a command."""

    cfg: DictConfig
    """The configuration, as Hydra composed it."""
    folder: Path
    """The folder that Hydra made for this run."""
    overrides: list[str]
    """The arguments that are not flags or Hydra's own."""
    given: Arguments


def run(
    name: str,
    doc: str | None,
    main: Callable[[Invocation], None],
    sweep: Callable[["ComposedSweep", Arguments], None] | None = None,
    positional: str = "",
) -> None:
    """Let Hydra compose conf/<name>.yaml and sys.argv, then call `main`, or `sweep` with -m.

    doc: the first lines of --help.
    positional: the key of a list that takes the arguments without a key.

    The process ends with exit code 0, or with an error's exit code and its one line on stderr. With
    flags that only show something (--help, --cfg) neither function is called.
    """
    # Hydra prints errors over several lines and exits with 1, unless it is told to raise them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with ending():
        given = arguments.checked(sys.argv[1:])
        if positional:
            given = replace(given, overrides=_with_key(positional, given.overrides))
        if name == "train":
            given = given.with_recipe
    composed = _Composed(given)
    try:
        composition.use_plugins(given.overrides)
        _check_package(given.flags.package, known_keys(name))
        if given.flags.help:
            # Hydra's own --help collects every group twice, which takes more than a second.
            print(help_text(name, doc or "", given.folders))
            return
        if given.multirun and sweep is None:
            raise InputError(f"musicgen.{name} has nothing to sweep; leave out -m")
        composition.register(given.folders)
        for folder in composition.experiments():
            composition.register_experiments(folder)
        sys.argv[1:] = given.ordered(given.first)
        frame = hydra.main(version_base=None, config_path=str(shipped("conf")), config_name=name)
        frame(composed)()
        if composed.run is not None:
            composed.check_run()
            main(composed.run)
        if composed.swept is not None and sweep is not None:
            sweep(composed.swept, given)
    except MusicgenError as error:
        fail(with_advice(error), error.exit_code)
    except COMPOSING as error:
        if not isinstance(error, HydraException | OmegaConfBaseException) and composed.any:
            raise  # the error does not come from Hydra's composition
        fail(explain(error, name, partial(_several, given)), InputError.exit_code)
    except KeyboardInterrupt:
        fail("stopped before the work began", Interrupted.exit_code)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if not composed.any:  # Hydra could not make the run's folder
            fail(
                f"hydra.run.dir must be a folder that can be made: {error.strerror}{where}; "
                "choose another with hydra.run.dir=<folder>",
                InputError.exit_code,
            )
        fail(f"{error.strerror}{where}; free space or choose another folder, then go on", 1)
    finally:
        if composed.run is not None:
            _remove_empty(composed.run.folder)


class _Composed:
    """What Hydra composed from a command line: a run or a sweep, or nothing for --cfg and the like.

    Hydra gets this object as its task. It calls it for a run; our sweeper calls `sweep`.
    """

    run: Invocation | None = None
    swept: "ComposedSweep | None" = None
    needs_m = False

    def __init__(self, given: Arguments) -> None:
        self.given = given

    @property
    def any(self) -> bool:
        return self.run is not None or self.swept is not None

    def __call__(self, cfg: DictConfig) -> None:
        # No error may be raised here: Hydra would print it over several lines.
        settings = HydraConfig.get()
        folder, overrides = Path(settings.runtime.output_dir), list(settings.overrides.task)
        self.run = Invocation(cfg, folder, overrides, self.given)
        self.needs_m = is_sweep(settings.sweeper.get("params") or (), cfg, overrides)

    def sweep(self, loader: ConfigLoader, settings: DictConfig) -> None:
        from musicgen.cli.sweep_overrides import compose  # Optuna is slow to import

        self.swept = compose(loader, settings, self.given.task)

    def check_run(self) -> None:
        """Raise InputError if the run is a sweep without -m, or a sweep by another sweeper."""
        if self.given.multirun:
            raise InputError("a sweep needs hydra/sweeper=musicgen; leave the other out")
        if self.run is not None and self.needs_m:
            named = (o for o in self.run.overrides if o.startswith("experiment="))
            again = self.given.as_sweep
            raise InputError(f"{next(named, 'this')} is a sweep and needs -m: {again}")


def is_sweep(keys: Sequence[str], cfg: DictConfig, overrides: Sequence[str]) -> bool:
    """Whether an experiment's file sweeps a key to which the overrides give no value.

    keys: the keys below hydra.sweeper.params. A key that the chosen groups lack needs no value.
    """
    given = set(map(key_of, overrides))
    here = {*flatten(_plain(cfg)), *map(str, cfg)}
    return any(key in here and key not in given for key in keys)


def _several(given: Arguments, key: str) -> str:
    if given.flags.cfg:
        return f"--cfg shows the configuration of one run; give {key} one value"
    return f"{key} has several values, which needs -m: {given.as_sweep}"


def _plain(cfg: DictConfig) -> dict[Any, Any]:
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    return plain


def _with_key(key: str, overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides; arguments without a key, such as names of files, become values of `key`."""
    values = [
        word
        for word in overrides
        if word[:1] not in "+~" and ("=" not in word or Path(word).is_file())
    ]
    rest = [word for word in overrides if word not in values]
    if not values:
        return tuple(overrides)
    if any(key_of(word) == key for word in rest):
        raise InputError(f"{key} must be given once, got {key}= and {values[0]}; leave one out")
    return f"{key}={as_override(values)}", *rest


def _check_package(package: str | None, keys: Sequence[str]) -> None:
    """Raise InputError if the package of --cfg ... --package is no part of the configuration."""
    if package is None or package in ("_global_", "hydra") or package.startswith("hydra."):
        return
    if not any(f"{key}.".startswith(f"{package}.") for key in keys):
        raise InputError(
            f"--package must be a part of the configuration, got {package}"
            f"{near(package, keys) or '; --cfg job shows all of it'}"
        )


def _remove_empty(folder: Path) -> None:
    """Remove the empty folders that Hydra made for a run that did not begin."""
    here = Path.cwd()
    for path in [folder, *folder.parents]:
        if path == here or path in here.parents:
            return
        try:
            path.rmdir()
        except OSError:
            return


def help_text(name: str, doc: str, own: Sequence[Path] = ()) -> str:
    """The text of --help: the meaning of each key, its bounds, and the choices of the groups.

    own: the folders of the user's configuration.
    """
    keys = schema.known(COMMANDS[name])
    groups = {key.split(".")[0] for key in keys}
    lines = [doc.strip(), ""]
    groups |= {"recipe"} if name == "train" else set()
    folders = [path for path in sorted(shipped("conf").iterdir()) if path.name in groups]
    lines += ["Groups (group=choice):"] if folders else []
    for folder in folders:
        files = [*folder.glob("*.yaml")]
        files += [path for place in own for path in (place / folder.name).glob("*.yaml")]
        choices = sorted({path.stem for path in files} | variants(folder.name).keys())
        lines.append(f"  {folder.name:<15}{', '.join(choices)}")
    if name == "train":
        studies = sorted(
            {p.parent.name for f in composition.experiments() for p in f.glob("*/*.yaml")}
        )
        lines.append(f"  experiment     {', '.join(studies)}")
    lines += ["", "Keys (key=value):"]
    for key, field in keys.items():
        rule = schema.rule(field)
        lines.append(f"  {key:<24} {field.metadata['doc']}{f' ({rule})' if rule else ''}")
    if "formats" in keys:
        known = registry.components("format").items()
        lines += [
            "",
            "Formats:",
            *(f"  {n:<25}{registry.about(each).rstrip('.')}" for n, each in known),
        ]
    where = "Folder of the run: hydra.run.dir=<folder>. " if name == "train" else ""
    lines += [
        "",
        f"{where}The composed configuration: --cfg job.",
        "Shell completion: --shell-completion install=bash (or zsh, fish).",
    ]
    return "\n".join(lines)
