"""A command line as Hydra reads it: flags at any place, and overrides."""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from musicgen.config.overrides import as_override, shell, without_password
from musicgen.config.schema import near
from musicgen.errors import InputError
from musicgen.training.folder import RunFolder

FLAGS = frozenset(
    [
        "-h",
        "--help",
        "--hydra-help",
        "--version",
        "-c",
        "--cfg",
        "--resolve",
        "-p",
        "--package",
        "-r",
        "--run",
        "-m",
        "--multirun",
        "-i",
        "--info",
        "-sc",
        "--shell-completion",
        "-cp",
        "--config-path",
        "-cn",
        "--config-name",
        "-cd",
        "--config-dir",
    ]
)
"""All flags of Hydra without the one that unpickles a file."""
PLACES = {"config_path": "--config-path", "config_dir": "--config-dir",
          "config_name": "--config-name"}  # fmt: skip
"""Flags that say where the configuration is; a command that repeats another needs them too."""
ACTIONS = {"run": "--run", "multirun": "--multirun", "cfg": "--cfg", "info": "--info",
           "shell_completion": "--shell-completion"}  # fmt: skip
"""Flags that exclude each other: Hydra takes one of them."""


FINETUNE = "recipe=finetune"
"""The recipe (conf/recipe/) of trainings that begin with the weights of another network."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of a command as they were typed."""

    flags: argparse.Namespace
    overrides: tuple[str, ...]
    words: tuple[str, ...]
    """All arguments, in the order in which they were typed."""

    @property
    def shown_words(self) -> list[str]:
        """The arguments without passwords, for errors, logs and pages."""
        return [without_password(word) for word in self.words]

    @property
    def as_sweep(self) -> str:
        """The command that makes a sweep of these arguments, which were given to a single run."""
        kept = [w for w in self.words if w not in ("-r", "--run") and key_of(w) != "hydra.mode"]
        return f"python -m musicgen.train -m {shell(map(without_password, kept))}"

    @property
    def multirun(self) -> bool:
        """Whether this is a sweep, by flag or by override."""
        return bool(self.flags.multirun) or self.value("hydra.mode") == "MULTIRUN"

    @property
    def with_recipe(self) -> "Arguments":
        """The same, with the recipe for fine-tuning if a training begins with another network and
        no recipe is given. Raises InputError if the recipe does not fit."""
        keys = set(map(key_of, self.overrides))
        begins = [text for text in self.overrides if key_of(text) == "init"]
        if not begins or "recipe" in keys or begins[-1].partition("=")[2] in ("", "null"):
            return self
        if "optim" in keys and "optim.lr" not in keys:
            raise InputError(
                f"init= applies {FINETUNE}, whose optim.lr is of another optimizer; add optim.lr=, "
                "or recipe=default for the usual recipe"
            )
        return replace(self, overrides=(FINETUNE, *self.overrides))

    @property
    def places(self) -> list[str]:
        """The flags among PLACES, as arguments."""
        found = {flag: getattr(self.flags, name) for name, flag in PLACES.items()}
        return [word for flag, value in found.items() if value for word in (flag, value)]

    @property
    def search_words(self) -> list[str]:
        """The arguments that say where the configuration is, for other commands that use it."""
        return [*self.places, *(o for o in self.overrides if key_of(o) == "hydra.searchpath")]

    @property
    def folders(self) -> list[Path]:
        """The user's own folders of configuration."""
        own = [self.flags.config_path, self.flags.config_dir]
        searched = self.value("hydra.searchpath")
        for place in searched if isinstance(searched, list) else []:
            kind, _, path = str(place).rpartition("://")
            if kind == "pkg":
                with suppress(ImportError):  # Hydra reports it with a better message
                    found = find_spec(path)
                    own += (found and found.submodule_search_locations) or []
            else:
                own.append(path)
        return [Path(place) for place in own if place]

    @property
    def task(self) -> list[str]:
        """The overrides that are not Hydra's own."""
        return [o for o in self.overrides if not o.startswith(("hydra.", "hydra/"))]

    @property
    def first(self) -> list[str]:
        """The overrides of Hydra's first composition, with the folder of a resumed run.

        For a sweep, keys are left out: the choices of swept groups are not known yet, and Hydra
        would refuse keys that only some of them have.
        """
        overrides = list(self.overrides)
        if self.multirun:
            task = self.task
            overrides = [o for o in overrides if o not in task or "." not in key_of(o)]
        if (resume := self.value("resume")) is not None:
            overrides.append(f"hydra.run.dir={as_override(str(resume))}")
        return overrides

    def value(self, key: str) -> object:
        """The value of the last override of a key; None if it has none, or if it is null."""
        texts = [text for text in self.overrides if key_of(text) == key]
        override = parsed(texts[-1]) if texts else None
        return override.value() if override else None

    def ordered(self, overrides: Sequence[str]) -> list[str]:
        """The same flags and these overrides, in the order that Hydra's parser needs."""
        flags = self.flags
        words = [
            flag
            for name, flag in {**ACTIONS, "resolve": "--resolve", "help": "--help",
                               "hydra_help": "--hydra-help"}.items()
            if getattr(flags, name) is True
        ]  # fmt: skip
        for name, flag in {"cfg": "--cfg", "info": "--info", "package": "--package"}.items():
            if value := getattr(flags, name):
                words += [flag, value]
        return [*words, *self.places, *overrides]


def read(words: Sequence[str]) -> Arguments:
    """Parse a command's arguments.

    Raises InputError for unknown flags, or flags that exclude each other.
    """
    parser = get_args_parser()

    def refuse(message: str) -> None:
        raise InputError(f"{message}; see --help")

    setattr(parser, "error", refuse)  # noqa: B010 - argparse would print its usage and exit
    flags = parser.parse_intermixed_args(list(words))
    overrides = tuple(flags.overrides)
    actions = [flag for name, flag in ACTIONS.items() if getattr(flags, name)]
    if len(actions) > 1:
        raise InputError(f"{' and '.join(actions)} do not go together; leave one of them out")
    arguments = Arguments(flags, overrides, tuple(words))
    _check_hydra(arguments)
    if flags.resolve and not flags.cfg:
        raise InputError("--resolve is for --cfg job; add that, or leave out --resolve")
    return arguments


def checked(words: Sequence[str]) -> Arguments:
    """Parse and check a command's arguments. Raises InputError."""
    if any(word.startswith("--experimental-rerun") for word in words):
        raise InputError(
            "--experimental-rerun unpickles a file, which can run anything; use resume=<folder>"
        )
    for word in words:
        flag = word.split("=")[0]
        if flag.startswith("-") and flag not in FLAGS:
            raise InputError(f"there is no flag {flag}{near(flag, FLAGS) or '; see --help'}")
    given = read(words)
    resume = given.value("resume")
    if isinstance(resume, str) and not RunFolder(Path(resume)).used:
        raise InputError(
            f"resume must be the folder of a run that has begun, got {resume}; "
            "`ls runs/*` shows what there is"
        )
    places = given.value("hydra.searchpath")
    for place in places if isinstance(places, list) else []:
        kind, _, path = str(place).rpartition("://")
        if kind in ("", "file") and not Path(path).is_dir():
            raise InputError(
                f"hydra.searchpath must name folders that exist, got {place}; make it, or leave "
                "it out (a package's is pkg://<package>)"
            )
    return given


UNUSED = {
    "hydra.sweep.subdir": "trials lie in folders by their numbers",
    "hydra/launcher": "sweep.executor and sweep.workers say where trials train",
    "hydra.launcher": "sweep.executor and sweep.workers say where trials train",
    "hydra/sweeper": "sampler says how a sweep goes",
    "hydra.job.chdir": "a command stays in the folder where it was started",
}
"""Keys of Hydra that would have no effect, without an error, and what to use instead."""


UNUSED_IN_SWEEPS = {
    "hydra.run": "hydra.sweep.dir is the folder of sweeps",
    "hydra/job_logging": "each trial's folder has its metrics.csv and result.json",
    "hydra.job_logging": "each trial's folder has its metrics.csv and result.json",
}
"""The same for keys that have no effect in a sweep."""


def _check_hydra(arguments: Arguments) -> None:
    for override in arguments.overrides:
        key = key_of(override)
        unused = UNUSED | (UNUSED_IN_SWEEPS if arguments.multirun else {})
        for name, instead in unused.items():
            if f"{key}.".startswith(f"{name}."):
                raise InputError(f"{key} has no effect here: {instead}; leave out {override}")
    if arguments.flags.multirun and arguments.value("hydra.mode") == "RUN":
        raise InputError("--multirun and hydra.mode=RUN do not go together; leave one of them out")
    if arguments.multirun and arguments.flags.cfg:
        raise InputError(
            "--cfg shows the configuration of one run; leave out -m, and give each key one value"
        )


def key_of(override: str) -> str:
    """The key or group that an override sets."""
    return override.partition("=")[0].lstrip("+~")


def parsed(override: str) -> Override | None:
    """An override parsed by Hydra's grammar; None if it is invalid, which Hydra reports itself."""
    try:
        return OverridesParser.create().parse_override(override)
    except HydraException:
        return None
