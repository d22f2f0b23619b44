"""Types of the fixtures that make executors and drivers."""

from collections.abc import Callable

from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Executor

MakeExecutor = Callable[..., Executor]
Sweep = Callable[..., Driver]
