"""Hyperparameter sweeps over character-level recurrent networks that write folk music.

    from musicgen import Choice, Config, Float, Int, Run, Sweep, parse

Each name is imported when it is first asked for: `import musicgen` alone takes milliseconds.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicgen.api.config import Config
    from musicgen.api.lightning import SweepCallback
    from musicgen.api.run import Run
    from musicgen.api.sweep import Sweep
    from musicgen.music import parse
    from musicgen.sweep.context import current_trial
    from musicgen.sweep.space import Choice, Float, Int
    from musicgen.sweep.trial import Trial

if sys.platform == "win32":
    # Locks (fcntl), forks and sockets that pass descriptors are missing there, all over.
    _NEEDS = "musicgen needs Linux or macOS, got Windows; run it in WSL (wsl --install)"
    if sys.argv[0] == "-m" or "musicgen-" in sys.argv[0]:  # a command, not somebody's import
        sys.stderr.write(f"error: {_NEEDS}\n")
        raise SystemExit(2)
    raise ImportError(_NEEDS)

__version__ = "0.1.0"

__all__ = [
    "Choice",
    "Config",
    "Float",
    "Int",
    "Run",
    "Sweep",
    "SweepCallback",
    "Trial",
    "current_trial",
    "parse",
]

_HOMES = {
    "Choice": "musicgen.sweep.space",
    "Config": "musicgen.api.config",
    "Float": "musicgen.sweep.space",
    "Int": "musicgen.sweep.space",
    "Run": "musicgen.api.run",
    "Sweep": "musicgen.api.sweep",
    "SweepCallback": "musicgen.api.lightning",
    "Trial": "musicgen.sweep.trial",
    "current_trial": "musicgen.sweep.context",
    "parse": "musicgen.music",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
