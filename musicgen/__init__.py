"""Hyperparameter sweeps over character-level recurrent networks that write folk music."""

import sys

if sys.platform == "win32":
    # Locks (fcntl), forks and sockets that pass descriptors are missing there, all over.
    _NEEDS = "musicgen needs Linux or macOS, got Windows; run it in WSL (wsl --install)"
    if sys.argv[0] == "-m" or "musicgen-" in sys.argv[0]:  # a command, not somebody's import
        sys.stderr.write(f"error: {_NEEDS}\n")
        raise SystemExit(2)
    raise ImportError(_NEEDS)

__version__ = "0.1.0"
