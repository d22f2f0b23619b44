"""How the threads of PyTorch's products wait for each other on a CPU."""

import os
import sys


def wait_asleep() -> None:
    """Let threads sleep while they wait, instead of spinning, unless the user says otherwise.

    Spinning threads collapse beside other work: on two cores with a load of 8, two of them trained
    at 19 thousand characters per second, one thread at 42 thousand, and two that sleep at 49
    thousand. OpenMP reads its settings when it is loaded, so this has no effect on a process that
    has imported PyTorch before.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
