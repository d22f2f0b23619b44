"""The process whose forks are this machine's workers.

It loads the objective and all that it imports once: a worker is there at once, and what they
share lies in memory once. Started by `LocalExecutor` as `python -m musicgen.sweep.nest <fd>`.
Messages to it: the objective as bytes, then (slot, environment), each followed by a byte that
carries the descriptor of the worker's end of a line. Messages from it: READY or (BROKEN, why), and
(ENDED, slot, exit code) for each worker that is gone.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
import traceback
from multiprocessing.connection import Connection
from types import FrameType

from musicgen.sweep.trial import Objective
from musicgen.sweep.worker import Worker, load, one_line

READY, BROKEN, ENDED = "ready", "broken", "ended"


def main(line: Connection) -> None:
    """Fork workers until the driver is gone; they go with it."""
    # Ctrl-C reaches every process of a terminal; what it means is the driver's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # So does the end of an allocation or of a service; trials are to stop at their checkpoints.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with_parent()
    try:
        objective = load(line.recv_bytes())
        if cuda_begun():
            raise RuntimeError(
                "CUDA was started before the workers were forked, so none of them could use a "
                "GPU; leave to each trial what the import or prepare() of the objective does there"
            )
    except Exception as error:
        traceback.print_exc()
        line.send((BROKEN, one_line(error)))
        return
    gc.freeze()  # shared with the forks: their collectors shall not look through it
    line.send((READY,))
    slots: dict[int, int] = {}

    def reap(number: int, frame: FrameType | None) -> None:
        while slots:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # a signal within this handler reaped the last one
                return
            if pid == 0:
                return
            if (slot := slots.pop(pid, None)) is not None:
                line.send((ENDED, slot, os.waitstatus_to_exitcode(status)))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        try:
            slot, environment = line.recv()
            with socket.fromfd(line.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as way:
                _, (descriptor,), _, _ = socket.recv_fds(way, 1, 1)
        except (EOFError, OSError, ValueError):  # ValueError: it ended before the byte
            return
        # A worker may be gone before its process id is written down.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if (pid := os.fork()) == 0:
            line.close()
            _work(Connection(descriptor), objective, environment)
        os.close(descriptor)
        slots[pid] = slot
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def cuda_begun() -> bool:
    """Whether anything in this process has started CUDA, by PyTorch or without."""
    cuda = sys.modules.get("torch.cuda")
    if cuda is not None and cuda.is_initialized():
        return True
    # CUDA's driver opens this at its start, and what only counts GPUs (NVML) doesn't.
    return any(_leads_to(entry) == "/dev/nvidia-uvm" for entry in _descriptors())


def _descriptors() -> list[str]:
    try:
        return [entry.path for entry in os.scandir("/proc/self/fd")]
    except OSError:  # not Linux
        return []


def _leads_to(entry: str) -> str:
    try:
        return os.readlink(entry)
    except OSError:  # closed meanwhile
        return ""


def _work(connection: Connection, objective: Objective, environment: dict[str, str]) -> None:
    """The life of a worker; nothing of its parent's is left to do after it."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        _die_with_parent()
        os.environ.update(environment)
        Worker(connection).serve(objective)
    finally:
        os._exit(1)


def _die_with_parent() -> None:
    """Lines that end tell it too, but who listens cannot run while native code holds the lock."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
