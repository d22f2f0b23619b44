"""The prime: the text that every tune begins with."""

import re

from musicgen.errors import InputError, Remedy

FINISHED = "prime must be a tune that is not finished"
CUT_IT = "cut off its last bars, or its second part, and let the network write them"

_FIELD_LINE = re.compile(r"[ \t]*([A-Za-z]):(?![|:])")
_IN_BRACKETS = re.compile(r"(?:\s*\[[A-Za-z]:[^\]\n]*\])+\s*")
_FINAL = re.compile(r"\|\]\s*\Z")
"""The bar line that ends a tune (ABC 2.1, section 4.8); `||` and `:|` may end its first part."""


def check_prime(prime: str, *, constrained: bool) -> None:
    """Raise InputError for a prime that is a complete tune, and for music without a header where
    tunes must be well-formed."""
    if _FINAL.search(prime):
        raise InputError(f"{FINISHED}, got one that ends in |]; {CUT_IT}")
    if not constrained:
        return
    *_, last = lines = prime.split("\n")
    for line in lines:
        field = _FIELD_LINE.match(line)
        if (field and field[1] == "K") or _key_in_brackets(line):
            return
        begun = line is last and len(line) == 1 and line.isupper()  # a field without its colon yet
        if line.strip() and not (field or begun or line[0] == "%" or _IN_BRACKETS.fullmatch(line)):
            raise InputError(
                f"prime must begin with a header, got music at once ({line!r:.40}); put lines such "
                "as M:4/4, L:1/8 and K:G before it",
                Remedy.NO_CONSTRAINT,
            )


def _key_in_brackets(line: str) -> bool:
    return bool(_IN_BRACKETS.fullmatch(line)) and "[K:" in line
