"""The Ray cluster that workers run on: an existing cluster, or one that is started here on this
machine."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from ray.util import list_named_actors

from musicgen.errors import SettingError

NAMESPACE = "musicgen"
"""The namespace of our actors' names. A driver finds the actors of a dead driver in it."""
PATIENCE_S = 5.0
OBJECT_STORE = 200_000_000
"""Bytes for objects in a cluster that is started here; its one object is the packed objective."""


class Cluster:
    """A connection to a cluster; call `close` at the end.

    address: `host:port` as `ray start` prints it, or `auto`. None uses the cluster that RAY_ADDRESS
    names; without RAY_ADDRESS it starts a cluster with the cores and GPUs of this machine, which
    ends with this process. packages: folders of Python packages that the nodes of an existing
    cluster import. gpus: the number of GPUs of this machine to use; None lets Ray count the GPUs
    that NVIDIA's driver lists. If this process is connected already, that connection is used and
    left open. Raises InputError if the address does not answer.
    """

    def __init__(
        self,
        address: str | None = None,
        packages: Sequence[Path] = (),
        *,
        gpus: int | None = None,
    ) -> None:
        self._ours = not ray.is_initialized()
        if not self._ours:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # Ray starts its processes at a low priority by default, which would slow trainings.
        os.environ.setdefault("RAY_worker_niceness", "0")
        settings: dict[str, Any] = {
            "namespace": NAMESPACE,
            "logging_level": logging.ERROR,
            "log_to_driver": False,
        }
        address = address or os.environ.get("RAY_ADDRESS")
        if address is None:
            cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
            # The loopback address, as only this machine uses the cluster.
            settings |= {"address": "local", "_node_ip_address": "127.0.0.1", "num_cpus": cores}
            settings |= {"object_store_memory": OBJECT_STORE, "include_dashboard": False}
            settings |= {} if gpus is None else {"num_gpus": gpus}
        else:
            _knock(address)
            code = {"py_modules": [str(path) for path in packages]} if packages else {}
            settings |= {"address": address, "runtime_env": code}
        # A closed terminal or a scheduler signals all processes of a job. Ray's own processes,
        # which inherit the mask, must stay alive while trials stop at checkpoints.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1})
        try:
            ray.init(**settings)
        except (ray.exceptions.RayError, RuntimeError, ConnectionError, ValueError) as error:
            raise SettingError(_unreachable(address, _last_line(error))) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def check(self, num_cpus: float, num_gpus: float) -> None:
        """Raise InputError if no node is large enough for a worker of this size."""
        nodes = list(self._nodes())
        for kind, key, asked in (("CPU", "num_cpus", num_cpus), ("GPU", "num_gpus", num_gpus)):
            most = max((node.get(kind, 0.0) for node in nodes), default=0.0)
            if asked > most:
                raise SettingError(
                    f"ray.{key} must be at most {most:g}, what the largest node of the "
                    f"cluster has, got {asked:g}; lower it"
                )
        if not self.room(num_cpus, num_gpus):
            raise SettingError(
                f"ray.num_cpus={num_cpus:g} and num_gpus={num_gpus:g} must be "
                "together on one node, and no node of the cluster has both; lower one of them"
            )

    def room(self, num_cpus: float, num_gpus: float) -> int:
        """The number of workers of this size for which the present nodes have room."""
        return sum(_holds(node, num_cpus, num_gpus) for node in self._nodes())

    @property
    def gpus(self) -> float:
        """The number of GPUs of all nodes."""
        return sum(node.get("GPU", 0.0) for node in self._nodes())

    def dismiss(self, prefix: str) -> None:
        """End the actors whose names begin with this prefix. Their driver died, and Ray may not
        have noticed yet."""
        for actor in list_named_actors(all_namespaces=True):
            if actor["namespace"] == NAMESPACE and actor["name"].startswith(prefix):
                try:
                    ray.kill(ray.get_actor(actor["name"], NAMESPACE))
                except ValueError:
                    continue  # the actor ended by itself

    def close(self) -> None:
        if self._ours:
            ray.shutdown()

    def _nodes(self) -> Iterator[Mapping[str, float]]:
        """The resources of each node that is alive."""
        for node in ray.nodes():  # type: ignore[no-untyped-call]
            if node["Alive"]:
                yield node["Resources"]


def _holds(node: Mapping[str, float], num_cpus: float, num_gpus: float) -> int:
    count = int(node.get("CPU", 0.0) // num_cpus)
    if num_gpus >= 1:
        return min(count, int(node.get("GPU", 0.0) // num_gpus))
    # Ray never splits a share over two GPUs, so each GPU holds a whole number of shares.
    return min(count, int(node.get("GPU", 0.0)) * int(1 / num_gpus)) if num_gpus else count


def _knock(address: str) -> None:
    """Raise InputError if nothing answers at the address. Ray itself would try for two minutes and
    then end the process."""
    if address in ("auto", "local"):
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.hostname is None or parts.port is None:
            raise ValueError("not host:port")
        socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S).close()
    except (OSError, ValueError) as error:
        raise SettingError(_unreachable(address, str(error))) from None


def _unreachable(address: str | None, reason: str) -> str:
    return (
        f"ray.address={address} must be a Ray cluster that answers: {reason}; start one with "
        "ray start --head, or leave the address out (one that asks for a token needs "
        "RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN)"
    )


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
