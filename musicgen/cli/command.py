"""The frame of every command: Hydra composes, errors become one line and an exit code."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from musicgen.cli import arguments
from musicgen.cli.arguments import Arguments, key_of
from musicgen.config import composition, schema
from musicgen.config.components import variants
from musicgen.config.keys import COMMANDS
from musicgen.config.overrides import as_override, flatten, shell, without_password
from musicgen.config.schema import known_keys, lacking, near
from musicgen.errors import InputError, Interrupted, MusicgenError
from musicgen.system.paths import shipped

if TYPE_CHECKING:
    from musicgen.workflows.swept import Swept


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


typed: list[str] = []
"""The arguments as they were typed; sys.argv is put in order for Hydra."""


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
    doc: str | None,
    main: Callable[[Invocation], None],
    sweep: Callable[["Swept"], None] | None = None,
    positional: str = "",
) -> None:
    """Let Hydra compose conf/<name>.yaml and sys.argv, then call `main`, or `sweep` with -m.

    doc: the first lines of --help.
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

    typed[:] = sys.argv[1:]
    try:
        given = _checked(typed)
        composition.use_plugins(given.overrides)
        _check_package(given.flags.package, known_keys(name))
        if positional:
            given = replace(given, overrides=_with_key(positional, given.overrides))
        if given.flags.help:
            # Hydra's own collects every group twice, which takes longer than a second.
            print(help_text(name, doc or "", given.flags.config_dir))
            return
        if given.multirun and sweep is None:
            raise InputError(f"musicgen.{name} has nothing to sweep; leave out -m")
        composition.register()
        for folder in _experiments():
            composition.register_experiments(folder)
        swept = _sweeps(given)
        hydra.main(version_base=None, config_path=str(shipped("conf")), config_name=name)(capture)()
        if given.multirun and composed:
            raise InputError("a sweep needs hydra/sweeper=musicgen; leave the other out")
        for invocation in composed:
            _check_not_a_sweep(swept_keys, invocation)
            main(invocation)
        for asked in swept:
            if sweep is not None:
                sweep(asked)
    except MusicgenError as error:
        fail(str(error), error.exit_code)
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        if not isinstance(error, HydraException | OmegaConfBaseException) and (composed or swept):
            raise  # Hydra has done its part without one
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


def _sweeps(given: Arguments) -> "list[Swept]":
    """Set sys.argv for Hydra, and return where the sweeper puts its finds."""
    from musicgen.cli import sweeper

    overrides = list(given.overrides)
    if given.multirun:
        sweeper.held[:] = [o for o in overrides if not o.startswith(("hydra.", "hydra/"))]
        overrides = [o for o in overrides if o not in sweeper.held or "." not in key_of(o)]
    if (resume := given.value("resume")) is not None:
        overrides.append(f"hydra.run.dir={as_override(str(resume))}")
    sys.argv[1:] = given.ordered(overrides)
    return sweeper.captured


def _check_not_a_sweep(keys: list[str], invocation: Invocation) -> None:
    """Raise InputError if an experiment's file sweeps a key that the command gives no value.

    A key that the chosen groups have not needs none.
    """
    given = set(map(key_of, invocation.overrides))
    here = {*flatten(_plain(invocation.cfg)), *map(str, invocation.cfg)}
    if any(key in here and key not in given for key in keys):
        named = (o for o in invocation.overrides if o.startswith("experiment="))
        raise InputError(f"{next(named, 'this')} is a sweep and needs -m: {_as_sweep()}")


def _plain(cfg: DictConfig) -> dict[Any, Any]:
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    return plain


def _with_key(key: str, overrides: Sequence[str]) -> tuple[str, ...]:
    """Overrides; those without a key, such as names of files, as a value of this key."""
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


def _checked(words: list[str]) -> Arguments:
    """What was typed. Raises InputError."""
    if any(word.startswith("--experimental-rerun") for word in words):
        raise InputError(
            "--experimental-rerun unpickles a file, which can run anything; use resume=<folder>"
        )
    for word in words:
        flag = word.split("=")[0]
        if flag.startswith("-") and flag not in FLAGS:
            raise InputError(f"there is no flag {flag}{near(flag, FLAGS) or '; see --help'}")
    given = arguments.read(words)
    resume = given.value("resume")
    if isinstance(resume, str) and not (Path(resume) / "config.yaml").is_file():
        raise InputError(
            f"resume must be the folder of a run that has begun, got {resume}; "
            "`ls runs/*` shows what there is"
        )
    return given


def _check_package(package: str | None, keys: Sequence[str]) -> None:
    """Raise InputError if --package, of --cfg, is no part of the configuration."""
    if package is None or package in ("_global_", "hydra") or package.startswith("hydra."):
        return
    if not any(f"{key}.".startswith(f"{package}.") for key in keys):
        raise InputError(
            f"--package must be a part of the configuration, got {package}"
            f"{near(package, keys) or '; --cfg job shows all of it'}"
        )


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
    # Spaces stay: a command in the message is to run as it is printed.
    line = " ".join(part.strip() for part in message.splitlines())
    print(f"error: {line}", file=sys.stderr)
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
        if {"-c", "--cfg"} & {word.partition("=")[0] for word in typed}:
            return f"--cfg shows the configuration of one run; give {match[1]} one value"
        return f"{match[1]} has several values, which needs -m: {_as_sweep()}"
    if match := re.search(r"Could not override '([^']+)'", text):
        return lacking(match[1], keys)
    if match := re.search(r"Error merging override ([^=\s]+)=(.*)", text):
        return f"{match[1]}: {str(cause).splitlines()[0]}; --help says what {match[1]} takes"
    full_key = getattr(cause, "full_key", None)
    if full_key and isinstance(cause, ConfigKeyError | ConfigAttributeError):
        advice = "; if it is for some choices of a sweep, put it below hydra.sweeper.params"
        return f"{lacking(full_key, keys)}{advice}"
    return f"{f'{full_key}: ' if full_key else ''}{str(cause).splitlines()[0]}; see --help"


def help_text(name: str, doc: str, own: str | None = None) -> str:
    """Of --help: what each key means, its bounds, the groups' choices.

    own: the user's --config-dir.
    """
    keys = schema.known(COMMANDS[name])
    groups = {key.split(".")[0] for key in keys}
    lines = [doc.strip(), ""]
    folders = [path for path in sorted(shipped("conf").iterdir()) if path.name in groups]
    lines += ["Groups (group=choice):"] if folders else []
    for folder in folders:
        files = [*folder.glob("*.yaml")]
        files += (Path(own) / folder.name).glob("*.yaml") if own else []
        choices = sorted({path.stem for path in files} | variants(folder.name).keys())
        lines.append(f"  {folder.name:<15}{', '.join(choices)}")
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


def typed_words() -> list[str]:
    """What this command was given, as errors, logs and pages may show it."""
    return [without_password(word) for word in typed]


def place_flags() -> list[str]:
    """What says where this command's configuration is, for others on the same."""
    given = arguments.read(typed)
    return [*given.places, *(o for o in given.overrides if key_of(o) == "hydra.searchpath")]


def _as_sweep() -> str:
    """The command that sweeps what was asked of a single run."""
    kept = [w for w in typed if w not in ("-r", "--run") and key_of(w) != "hydra.mode"]
    return f"python -m musicgen.train -m {shell(map(without_password, kept))}"
