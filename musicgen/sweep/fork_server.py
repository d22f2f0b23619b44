"""The parent process of this machine's workers.

With the start method `fork` this process loads the objective and its imports once. A worker then
starts at once and shares this memory with the others. With `spawn` each worker is a new
interpreter, because on macOS a process that has imported PyTorch cannot be forked safely.

`LocalExecutor` starts this process as `python -m musicgen.sweep.fork_server <fd> <start method>`.
Messages to it: the objective as bytes, then (identity, environment) for each worker, followed by a
byte that carries the descriptor of the worker's end of a line. Messages from it: READY or
(BROKEN, why), and (ENDED, identity, exit code) for each worker that has ended.
"""

import gc
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType

from musicgen.sweep import worker
from musicgen.sweep.trial import Objective
from musicgen.sweep.worker import BROKEN, Worker, die_with_parent, load, one_line
from musicgen.system.signals import STOPPING

READY, ENDED = "ready", "ended"
FORK, SPAWN = "fork", "spawn"
StartWorker = Callable[[int, dict[str, str]], int]
"""Starts a worker with its end of the line and its environment; returns its process id."""


def start_method(platform: str = sys.platform) -> str:
    """The start method of a platform: `fork`, unless its system libraries forbid that."""
    return SPAWN if platform == "darwin" else FORK


def main(line: Connection, method: str) -> None:
    """Start workers until the driver is gone; the workers end with this process."""
    # Ctrl-C reaches every process of a terminal. A scheduler's warning, or the end of an
    # allocation, reaches every process of a job. Only the driver reacts to these signals.
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()
    try:
        start_worker = {FORK: _forks, SPAWN: _spawns}[method](line)
    except Exception as error:
        traceback.print_exc()
        line.send((BROKEN, one_line(error)))
        return
    line.send((READY,))
    identities: dict[int, int] = {}

    def reap(number: int, frame: FrameType | None) -> None:
        while identities:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # a signal during this handler reaped the last child
                return
            if pid == 0:
                return
            if (identity := identities.pop(pid, None)) is not None:
                line.send((ENDED, identity, os.waitstatus_to_exitcode(status)))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        try:
            identity, environment = line.recv()
            with socket.fromfd(line.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as way:
                _, (descriptor,), _, _ = socket.recv_fds(way, 1, 1)
        except (EOFError, OSError, ValueError):  # ValueError: the line ended before the byte
            return
        # The signal is blocked, because a worker may end before its process id is recorded.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        identities[start_worker(descriptor, environment)] = identity
        os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _forks(line: Connection) -> StartWorker:
    """A starter of workers that share the loaded objective by a fork."""
    objective = load(line.recv_bytes())
    if cuda_begun():
        raise RuntimeError(
            "CUDA was started before the workers were forked, so none of them could use a GPU; "
            "leave to each trial what the import or prepare() of the objective does there"
        )
    gc.freeze()  # forks share these objects: their garbage collectors must not touch them

    def start_worker(descriptor: int, environment: dict[str, str]) -> int:
        if (pid := os.fork()) == 0:
            line.close()
            _work(Connection(descriptor), objective, environment)
        return pid

    return start_worker


def _spawns(line: Connection) -> StartWorker:
    """A starter of workers that load the objective themselves, from a file without a name."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this process lives
    packed.write(line.recv_bytes())
    packed.flush()
    os.set_inheritable(packed.fileno(), True)

    def start_worker(descriptor: int, environment: dict[str, str]) -> int:
        os.set_inheritable(descriptor, True)
        command = [sys.executable, "-P", "-m", worker.__name__]
        command += [str(descriptor), str(packed.fileno())]
        return os.posix_spawn(command[0], command, {**os.environ, **environment}, setsigmask=[])

    return start_worker


def cuda_begun() -> bool:
    """Whether anything in this process has started CUDA, through PyTorch or otherwise."""
    cuda = sys.modules.get("torch.cuda")
    if cuda is not None and cuda.is_initialized():
        return True
    # CUDA's driver opens this device when it starts; libraries that only count GPUs (NVML) do not.
    return any(_leads_to(entry) == "/dev/nvidia-uvm" for entry in _descriptors())


def _descriptors() -> list[str]:
    try:
        return [entry.path for entry in os.scandir("/proc/self/fd")]
    except OSError:  # the system is not Linux
        return []


def _leads_to(entry: str) -> str:
    try:
        return os.readlink(entry)
    except OSError:  # the descriptor was closed meanwhile
        return ""


def _work(connection: Connection, objective: Objective, environment: dict[str, str]) -> None:
    """Run a worker. The process then ends without running the exit handlers of its parent."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        die_with_parent()
        os.environ.update(environment)
        Worker(connection).serve(objective)
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), sys.argv[2])
