"""Character-level recurrent networks and how tunes are drawn from them.

What is here is imported when it is asked for: `cells` is read by --help, which does without
PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicgen.models.char_rnn import CharRNN
    from musicgen.models.evaluation import evaluate
    from musicgen.models.sampler import Constraint, Cut, sample

__all__ = ["CharRNN", "Constraint", "Cut", "evaluate", "sample"]

_PLACES = {
    "CharRNN": "char_rnn",
    "Constraint": "sampler",
    "Cut": "sampler",
    "evaluate": "evaluation",
    "sample": "sampler",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
