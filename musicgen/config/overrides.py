"""Keys and values as arguments of a command: `model.hidden=150`."""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*")
_BEFORE_QUOTE = re.compile(r"(\\*)('|\Z)")
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(r"\s*".join(rf"(?:{_NUMBER}\s*{unit})?" for unit in "dhms"))
_WORDS = {"null", "true", "false"}


def flatten(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """`{"model": {"hidden": 150}}` as `{"model.hidden": 150}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat


def as_override(value: Any) -> str:
    """A value as text that Hydra's grammar reads back as the same value of the same type.

    value: a text, a number, a truth value, None, or a list or a dictionary of these.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_override, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{as_override(item)}' for key, item in value.items())}}}"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not _is_number(value):
        return value
    # Hydra reads a backslash as itself unless a quote follows, even the closing one.
    return f"'{_BEFORE_QUOTE.sub(_escaped, value)}'"


def seconds(text: str) -> float:
    """The seconds of a duration such as `2h`, `30m`, `1h30m`, `90s`, or a number of seconds.

    Raises ValueError if the text is no duration.
    """
    if _is_number(text):
        return float(text)
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise ValueError(text)
    units = zip(match.groups(), (86400, 3600, 60, 1), strict=True)
    return sum(float(count) * unit for count, unit in units if count)


def shell(words: Iterable[str]) -> str:
    """Words as one line that a shell splits into the same words; control characters are escaped."""
    return " ".join(_in_shell(word) for word in words)


def _in_shell(word: str) -> str:
    if not any(unicodedata.category(c) == "Cc" for c in word):
        return shlex.quote(word)
    escaped = word.encode("unicode_escape").decode().replace("'", r"\'")
    return f"$'{escaped}'"


def without_password(word: str) -> str:
    """A URL, or a word of a command line that contains one, with *** in place of passwords."""
    word = re.sub(r"(://[^:/@]*:).*@", r"\1***@", word)
    return re.sub(r"([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", word, flags=re.IGNORECASE)


def _escaped(match: re.Match[str]) -> str:
    return 2 * match[1] + (r"\'" if match[2] else "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
