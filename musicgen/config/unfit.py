"""OmegaConf's complaints about a value, in plain words."""

import re

_KINDS = {
    "Integer": "a whole number",
    "Float": "a number",
    "String": "text",
}
_UNCONVERTED = re.compile(r"Value '(.*)' of type '.*' could not be converted to (\w+)", re.S)
_NO_BOOL = re.compile(r"Value '(.*)' is not a valid bool", re.S)
_NO_LIST = re.compile(r"Invalid value assigned: \w+ is not a ListConfig")
_NO_GROUP = re.compile(r"Invalid type assigned: .* is not a subclass of .* value: (.*)")
_NO_NULL = re.compile(r"field '.*' is not Optional")


def unfit(error: BaseException, key: str, value: object = "another kind of value") -> str:
    """The line about a value that does not have its key's type: `<key> must be ..., got ...`.

    value: what was given, where the error does not say it.
    """
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if found := _UNCONVERTED.match(text):
        kind = _KINDS.get(found[2], found[2].lower())
        return f"{key} must be {kind}, got {found[1]}"
    if found := _NO_BOOL.match(text):
        return f"{key} must be true or false, got {found[1]}"
    if _NO_LIST.match(text):
        return f"{key} must be a list such as [1,2], got {value}"
    if found := _NO_GROUP.match(text):
        return f"{key} is a group of keys and has no value of its own, got {found[1]}"
    if _NO_NULL.match(text):
        return f"{key} must have a value, got null"
    return f"{key}: {text}"
