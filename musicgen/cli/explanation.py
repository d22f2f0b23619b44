"""Hydra's and OmegaConf's errors as one line: key, rule, value, way out."""

import re
from collections.abc import Callable

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from musicgen.config.components import GROUPS
from musicgen.config.overrides import without_password
from musicgen.config.registry import not_loaded
from musicgen.config.schema import known_keys, lacking, near
from musicgen.config.unfit import unfit

COMPOSING = (HydraException, OmegaConfBaseException, ValueError, AssertionError)
"""What Hydra raises for a configuration that can't be composed."""
_SEVERAL = re.compile(r"(?:Sweep parameters|Ambiguous value for argument) '([^'=]+)")
_IN_FILE = re.compile(r"In '([^']+)': \w+ raised while composing config")
_FOLDER = "hydra.run.dir=<folder> is that of a run, hydra.sweep.dir=<folder> that of a sweep"
_OUT = "out=<folder> is where files are written"


def explain(error: Exception, name: str, several: Callable[[str], str]) -> str:
    """The line for an error of COMPOSING.

    name: the name of the command whose configuration was composed.
    several: returns advice for a key that has several values where only one is allowed.
    """
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
            f"{not_loaded() if group in GROUPS else ''}"
        )
    if isinstance(error, OverrideParseException):
        return (
            f"cannot read the argument {without_password(error.override)!r}; arguments look like "
            "model.hidden=150, quote what has spaces or brackets"
        )
    if match := _SEVERAL.search(text):
        if name != "train":
            return f"{match[1]} has several values; write a list as '{match[1]}=[0.5,1]'"
        return several(match[1])
    if match := re.search(r"Could not override '([^']+)'", text):
        if match[1] == "folder":  # Python's name for it
            return f"there is no key folder; {_FOLDER if name == 'train' else _OUT}"
        return lacking(match[1], known_keys(name))
    if match := re.search(r"Error merging override ([^=\s]+)=(.*)", text):
        return f"{unfit(cause, match[1], match[2])}; --help says what {match[1]} takes"
    where = ""
    if (match := _IN_FILE.match(text)) and cause.__context__ is not None:
        where, cause = f"{match[1].replace('/', '=')}: ", cause.__context__
    full_key = getattr(cause, "full_key", None)
    if full_key and isinstance(cause, ConfigKeyError | ConfigAttributeError):
        advice = "; if it is for some choices of a sweep, put it below hydra.sweeper.params"
        return f"{where}{lacking(full_key, known_keys(name))}{advice}"
    if full_key:
        return f"{where}{unfit(cause, full_key)}; see --help"
    return f"{where}{str(cause).splitlines()[0]}; see --help"
