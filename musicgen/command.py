"""The frame of every command: Hydra composes, errors become one line and an exit code."""

import difflib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from musicgen import config as schema
from musicgen.errors import InputError, Interrupted, MusicgenError
from musicgen.keys import COMMANDS
from musicgen.overrides import spelled, without_password
from musicgen.paths import shipped

if TYPE_CHECKING:
    from musicgen.sweeper import Swept


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
"""Hydra's own, apart from the one that unpickles."""
TAKING = (
    FLAGS
    - {"-h", "--help", "--hydra-help", "--version", "--resolve", "-r", "--run", "-m"}
    - {"--multirun"}
)
"""Those that take the next argument."""


@dataclass(frozen=True)
class Invocation:
    """What a command was asked to do."""

    cfg: DictConfig
    """As Hydra composed it."""
    folder: Path
    """Where Hydra puts this run; exists."""
    overrides: list[str]
    """The arguments that are not flags or Hydra's own."""


def run(
    name: str,
    main: Callable[[Invocation], None],
    sweep: Callable[["Swept"], None] | None = None,
    positional: str = "",
) -> None:
    """Let Hydra compose conf/<name>.yaml and sys.argv, then call `main`, or `sweep` with -m.

    positional: a key, a list, that takes the arguments without a key.
    Ends the process with exit code 0, or with an error's own and its one line on stderr.
    Flags that only look (--help, --cfg) are all Hydra's; nothing is called then.
    """
    # Hydra prints errors over several lines and exits with 1, unless it is told to raise them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    composed: list[Invocation] = []
    swept_keys: list[str] = []
    swept: list[Swept] = []

    def capture(cfg: DictConfig) -> None:
        settings = HydraConfig.get()
        folder, overrides = Path(settings.runtime.output_dir), list(settings.overrides.task)
        composed.append(Invocation(cfg, folder, overrides))
        swept_keys.extend(settings.sweeper.get("params") or ())

    try:
        if positional:
            sys.argv[1:] = _with_key(positional, sys.argv[1:])
        _check_arguments(sys.argv[1:])
        if {"-h", "--help"} & set(sys.argv):
            # Hydra's own collects every group twice, which takes longer than a second.
            print(help_text(name, sys.modules[main.__module__].__doc__ or ""))
            return
        schema.register()
        for folder in _experiments():
            schema.register_experiments(folder)
        swept = _sweeps() if {"-m", "--multirun"} & set(sys.argv) else []
        hydra.main(version_base=None, config_path=str(shipped("conf")), config_name=name)(capture)()
        for invocation in composed:
            _check_not_a_sweep(swept_keys, invocation.overrides)
            main(invocation)
        for asked in swept:
            if sweep is None:
                raise InputError(f"musicgen.{name} has nothing to sweep; leave out -m")
            sweep(asked)
    except MusicgenError as error:
        fail(str(error), error.exit_code)
    except (HydraException, OmegaConfBaseException) as error:
        fail(explain(error, known_keys(name), name), InputError.exit_code)
    except KeyboardInterrupt:
        fail("stopped before the work began", Interrupted.exit_code)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if not composed and not swept:  # Hydra could not even make the run's folder
            fail(
                f"hydra.run.dir must be a folder that can be made: {error.strerror}{where}; "
                "choose another with hydra.run.dir=<folder>",
                InputError.exit_code,
            )
        fail(f"{error.strerror}{where}; free space or choose another folder, then go on", 1)
    finally:
        for invocation in composed:
            _remove_empty(invocation.folder)


def _experiments() -> list[Path]:
    """Those that came with the program, and the user's own in the current folder."""
    return list(dict.fromkeys([shipped("experiments"), Path.cwd() / "experiments"]))


def _sweeps() -> "list[Swept]":
    """Register the sweeper, which takes Optuna along, and return where it puts what it composes."""
    from musicgen import sweeper

    sweeper.register()
    return sweeper.captured


def _check_not_a_sweep(keys: list[str], overrides: list[str]) -> None:
    """Raise InputError if an experiment's file sweeps a key that the command gives no value."""
    given = {override.split("=")[0] for override in overrides}
    if set(keys) - given:
        raise InputError(
            f"{next((o for o in overrides if o.startswith('experiment=')), 'this')} is a sweep and "
            f"needs -m: python -m musicgen.train -m {typed_arguments()}"
        )


def _with_key(key: str, arguments: list[str]) -> list[str]:
    """Arguments without a key, such as names of files, as a value of this key."""
    values: list[str] = []
    rest: list[str] = []
    before = ""
    for argument in arguments:
        alone = "=" not in argument or Path(argument).is_file()
        if alone and argument[:1] not in "-+~" and before not in TAKING:
            values.append(argument)
        else:
            rest.append(argument)
        before = argument
    if not values:
        return arguments
    if any(argument.split("=")[0] == key for argument in rest):
        raise InputError(f"{key} must be given once, got {key}= and {values[0]}; leave one out")
    return [f"{key}={spelled(values)}", *rest]


def _check_arguments(arguments: list[str]) -> None:
    if any(argument.startswith("--experimental-rerun") for argument in arguments):
        raise InputError(
            "--experimental-rerun unpickles a file, which can run anything; use resume=<folder>"
        )
    for argument in arguments:
        flag = argument.split("=")[0]
        if flag.startswith("-") and flag not in FLAGS:
            raise InputError(f"there is no flag {flag}{near(flag, FLAGS) or '; see --help'}")
        key, _, value = argument.partition("=")
        if key == "resume" and value != "null":
            if not (Path(value) / "config.yaml").is_file():
                raise InputError(
                    f"resume must be the folder of a run that has begun, got {value}; "
                    "`ls runs/*` shows what there is"
                )
            sys.argv.append(f"hydra.run.dir={value}")

    if "-m" in sys.argv:  # argparse takes it only in front of all overrides, or behind
        sys.argv.remove("-m")
        sys.argv.insert(1, "-m")


def _remove_empty(folder: Path) -> None:
    """Take back the folders that Hydra made for a run that never began."""
    here = Path.cwd()
    for path in [folder, *folder.parents]:
        if path == here or path in here.parents:
            return
        try:
            path.rmdir()
        except OSError:
            return


def fail(message: str, exit_code: int) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    if os.environ.get("MG_TRACE"):
        raise
    sys.exit(exit_code)


def explain(error: Exception, keys: Iterable[str], name: str = "train") -> str:
    """Hydra's and OmegaConf's errors as one line: key, rule, value, way out."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = str(error)
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        options = sorted(error.options)
        return (
            f"{group} must be one of {', '.join(options)}, got {choice}"
            f"{near(choice, options) or f'; choose one with {group}=<name>'}"
        )
    if isinstance(error, OverrideParseException):
        return (
            f"cannot read the argument {without_password(error.override)!r}; arguments look like "
            "model.hidden=150, quote what has spaces or brackets"
        )
    several = r"(?:Sweep parameters|Ambiguous value for argument) '([^'=]+)"
    if match := re.search(several, text):
        if name != "train":
            return f"{match[1]} has several values; write a list as '{match[1]}=[0.5,1]'"
        return (
            f"{match[1]} has several values, which needs -m: "
            f"python -m musicgen.train -m {typed_arguments()}"
        )
    if match := re.search(r"Could not override '([^']+)'", text):
        unknown = match[1]
        return f"there is no key {unknown}{near(unknown, keys) or '; --help lists the keys'}"
    if match := re.search(r"Error merging override ([^=\s]+)=(.*)", text):
        return f"{match[1]}: {str(cause).splitlines()[0]}; --help says what {match[1]} takes"
    full_key = getattr(cause, "full_key", None)
    return f"{f'{full_key}: ' if full_key else ''}{str(cause).splitlines()[0]}; see --help"


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing where no known word is close."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]}?" if matches else ""


def known_keys(name: str = "train") -> list[str]:
    """Every key and group of a command's configuration."""
    keys = schema.known(COMMANDS[name])
    return sorted({*keys, *(key.split(".")[0] for key in keys)})


def help_text(name: str, doc: str) -> str:
    """Of --help: what each key means, its bounds, the groups' choices."""
    keys = schema.known(COMMANDS[name])
    groups = {key.split(".")[0] for key in keys}
    lines = [doc.strip(), ""]
    folders = [path for path in sorted(shipped("conf").iterdir()) if path.name in groups]
    lines += ["Groups (group=choice):"] if folders else []
    for folder in folders:
        choices = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        lines.append(f"  {folder.name:<15}{choices}")
    if name == "train":
        studies = sorted({p.parent.name for f in _experiments() for p in f.glob("*/*.yaml")})
        lines.append(f"  experiment     {', '.join(studies)}")
    lines += ["", "Keys (key=value):"]
    for key, field in keys.items():
        rule = schema.rule(field)
        lines.append(f"  {key:<25}{field.metadata['doc']}{f' ({rule})' if rule else ''}")
    where = "Folder of the run: hydra.run.dir=<folder>. " if name == "train" else ""
    lines += [
        "",
        f"{where}The composed configuration: --cfg job.",
        "Shell completion: --shell-completion install=bash (or zsh, fish).",
    ]
    return "\n".join(lines)


def typed_arguments() -> str:
    """What this command was given, as errors, logs and pages may show it."""
    return shlex.join(map(without_password, sys.argv[1:]))


def shown(path: Path) -> str:
    """A path as the user would type it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
