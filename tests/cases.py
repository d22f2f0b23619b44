"""Cases of parametrized tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def a_few_fast(cases: Iterable[Any], fast: int = 3) -> list[Any]:
    """Cases for parametrize: `make test` tries all of them, `make test-fast` the first few.

    For cases that take long together, as each of them starts a program or draws many tunes.
    cases: a tuple for each, or one value.
    """
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*case, marks=[pytest.mark.slow] if number >= fast else [])
        for number, case in enumerate(cases)
    ]
