"""A real TensorBoard server, and what its HTTP API answers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from musicgen.training.events import SCALARS


@contextmanager
def tensorboard(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """The address and the process of a server that shows this folder."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tensorboard.main",
            "--logdir",
            str(folder),
            "--port",
            "0",
            "--host",
            "127.0.0.1",
            *options,
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line)
            if found := re.search(r"http://\S+", line):
                yield found[0].rstrip("/"), process.pid
                break
        else:
            pytest.fail("".join(told))
    finally:
        process.terminate()
        process.communicate()


def ask(address: str, path: str, body: Any = None, **query: Any) -> bytes:
    url = f"{address}/data/{path}{'?' if query else ''}{urlencode(query)}"
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:
        return answer.read()


def loaded(address: str, plugin: str) -> dict[str, Any]:
    """Tags of the one run, once the server has read it."""
    end = monotonic() + 120
    while monotonic() < end:
        if tags := json.loads(ask(address, f"plugin/{plugin}/tags")):
            return tags["."]
        sleep(0.5)
    pytest.fail(f"TensorBoard shows no {plugin}")


def hparams(address: str) -> list[dict[str, Any]]:
    """The rows of the HParams tab."""
    states = [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    columns = [{"metric": {"tag": SCALARS["val_loss"]}}]
    asked = {"allowedStatuses": states, "colParams": columns, "startIndex": 0, "sliceSize": 1000}
    answer = ask(address, "plugin/hparams/session_groups", {"experimentName": "", **asked})
    return json.loads(answer)["sessionGroups"]
