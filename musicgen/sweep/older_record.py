"""Translation of the sweep.json of earlier versions to its present form.

Earlier versions stored the identity of a sweep as text by key:
`"optim": "[\\"adam\\", \\"sgd\\"]"`, `"sampler": "tpe startup=10"`, `"adam optim.lr": "0.004"`.
The oldest ones stored no space beside it. Only this module parses such text.
"""

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

_RANGE = re.compile(r"(\S+) to (\S+?)(?:, step (\S+?))?(, log)?")
_BETWEEN = re.compile(r", (?=[\w.]+=)")
"""The separator of two settings of a sampler; a value may contain commas too."""


def translated(about: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an older sweep.json in the present form.

    Raises ValueError, LookupError, TypeError or AttributeError if it is not such a file.
    """
    texts: dict[str, str] = dict(about["sweep"])
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its values are of another kind")
    swept = list(texts)[: list(texts).index("sweep.objective")]
    described = {key: texts.pop(key) for key in swept}
    space = about.get("space") or {key: _dimension(text) for key, text in described.items()}
    made = {
        "study": about["study"],
        "command": _words(str(about.get("command", ""))),
        "trial_command": _words(str(about.get("trial_command", ""))),
        "space": space,
        "objectives": _settings(texts.pop("sweep.objective")),
        "sampler": _component(texts.pop("sampler", "grid")),
        "pruner": _component(texts.pop("pruner", "none")),
        "seed": texts.pop("sweep.seed", "0"),
        "seeds": texts.pop("sweep.seeds", "1"),
    }
    fingerprint = {name: text for name, text in texts.items() if name.startswith("corpus ")}
    by_choice: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, text in texts.items():
        if name not in fingerprint:
            choices, _, key = name.rpartition(" ")
            names = tuple(choices.split("/")) if choices else ()
            by_choice.setdefault(names, {})[key] = _value(text)
    return {
        **made,
        "groups": _groups(list(by_choice), space),
        "settings": [{"choices": c, "values": values} for c, values in by_choice.items()],
        "fingerprint": fingerprint,
        "grown": about.get("grown"),
    }


def _dimension(text: str) -> dict[str, Any]:
    """A dimension from its text. The text does not say under which condition it applies."""
    if text.startswith("["):
        return {"kind": "Choice", "values": json.loads(text), "only": None}
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"neither a list nor a range: {text}")
    low, high, step, log = match.groups()
    whole = low.lstrip("-").isdecimal()
    number = int if whole else float
    made = {"kind": "Int" if whole else "Float", "low": number(low), "high": number(high)}
    steps = {"step": number(step)} if step else {}
    return {**made, **steps, "log": bool(log), "only": None}


def _value(text: str) -> str | int | float:
    """A number from its text, if that is how the number is written; else the text."""
    for kind in (int, float):
        with suppress(ValueError):
            if str(number := kind(text)) == text and math.isfinite(number):
                return number
    return text


def _component(text: str) -> dict[str, Any]:
    name, _, settings = text.partition(" ")
    return {"name": name, "settings": _settings(settings)}


def _settings(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in _BETWEEN.split(text) if part)
    return {key: value for key, _, value in parts}


def _groups(choices: Sequence[tuple[str, ...]], space: Mapping[str, Any]) -> list[str]:
    """The swept groups, in the order of the choices' names."""
    found: list[str] = []
    columns = list(zip(*(names for names in choices if names), strict=True))
    keys = iter(space)
    for column in columns:
        of = (key for key in keys if {*column} <= {*map(str, space[key].get("values", ()))})
        found += [key for key in [next(of, None)] if key is not None]
    return found if len(found) == len(columns) else []


def _words(command: str) -> list[str]:
    """The words of a command; empty if a word has control characters (`overrides.shell`)."""
    return [] if "$'" in command else shlex.split(command)
