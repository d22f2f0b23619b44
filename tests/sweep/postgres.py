"""A PostgreSQL server of a test's own: on loopback, in a temporary folder, gone afterwards."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

USER = "musicgen"


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps them out of the PATH."""
    if places := sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        return places[-1]
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Database:
    """The server, as a context; it listens between `start` and `stop`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self.url = f"postgresql+psycopg://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Database":
        folder = programs()
        assert folder is not None, "apt install postgresql"
        self._programs = folder
        # Not below pytest's folder, which only its owner may enter: PostgreSQL refuses root.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        (self._folder / "password").write_text(self.password)
        if os.geteuid() == 0:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, "nobody")
        options = ["--auth=scram-sha-256", f"--pwfile={self._folder / 'password'}", "--no-sync"]
        self._run("initdb", "-D", str(self._data), "-U", USER, *options).wait(timeout=120)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        listening = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"]
        self._server = self._run("postgres", "-D", str(self._data), *listening)
        asked = [str(self._programs / "pg_isready"), "-q", "-t", "60", "-h", "127.0.0.1"]
        while subprocess.run([*asked, "-p", str(self.port)], check=False).returncode:
            assert self._server.poll() is None, (self._folder / "log").read_text()

    def stop(self) -> None:
        """End the server at once, with all connections, as a power cut would."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=60)
            self._server = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        ordinary: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / program), *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                **(ordinary if os.geteuid() == 0 else {}),
            )
