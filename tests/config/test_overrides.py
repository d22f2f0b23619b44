"""What is spelled must be read back by Hydra as it was."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from musicgen.config.overrides import as_override, flatten, seconds, without_password

PARSER = OverridesParser.create()
TEXTS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers() | TEXTS
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def read(text: str) -> Any:
    value = PARSER.parse_override(f"key={text}").value()
    # A quoted text is a type of its own, which says how it was quoted.
    return [getattr(v, "text", v) for v in value] if isinstance(value, list) else value


@given(PLAIN | FLOATS | st.lists(PLAIN, max_size=3))
def test_hydra_reads_what_was_spelled(value: Any) -> None:
    found = read(as_override(value))
    assert getattr(found, "text", found) == value
    assert type(getattr(found, "text", found)) is type(value)


@pytest.mark.parametrize(
    "text", ["", "null", "True", "1e3", "1_0", "nan", "-x", "\\", "\\'", "\\\\'", "a\\b", "'", "{}"]
)
def test_texts_that_could_be_something_else(text: str) -> None:
    found = read(as_override(text))
    assert getattr(found, "text", found) == text


def test_plain_values_stay_plain() -> None:
    assert as_override("runs/2026-11-24/x.abc") == "runs/2026-11-24/x.abc"
    assert as_override([0.5, 1, "mid"]) == "[0.5,1,mid]"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("sweep.storage=mysql://me:s3c:r@t@host/db", "sweep.storage=mysql://me:***@host/db"),
        ("storage=pg://u@h/d?password=s%2&x=1", "storage=pg://u@h/d?password=***&x=1"),
        ("pg://h:5/d?x=1&PassWd=s c", "pg://h:5/d?x=1&PassWd=***"),
        ("sweep.storage=sqlite:///study.db", "sweep.storage=sqlite:///study.db"),
        ("a=b@c:d", "a=b@c:d"),
    ],
)
def test_a_command_is_kept_without_its_password(word: str, shown: str) -> None:
    assert without_password(word) == shown


def test_nested_values_become_dotted_keys() -> None:
    assert flatten({"a": {"b": 1, "c": {}}, "d": [2]}) == {"a.b": 1, "d": [2]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d", 86400),
        ("1d 2h", 93600),
        ("2H", 7200),
    ],
)
def test_durations_are_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected
