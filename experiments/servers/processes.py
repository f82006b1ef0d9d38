"""Servers in processes of their own: started, awaited, weighed, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conduit.core.errors import ConduitError

STARTS = 90.0
"""Seconds in which a server must accept connections."""
ENDS = 20.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Args:
        address: ``http://127.0.0.1:PORT``.
        pid: of its process.
    """

    address: str
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of processor time that its process has taken, in user and system mode."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    @property
    def peak_megabytes(self) -> float:
        """The most memory that was resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


def resident_megabytes(pid: int) -> float:
    """Memory of a process that is resident now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], *, port: int, environ: Mapping[str, str | None] | None = None
) -> Iterator[Server]:
    """A server for as long as this lasts.

    Args:
        command: that serves on ``port`` until it is told to end.
        port: on loopback.
        environ: beside this process's own; None takes a variable away.

    Raises:
        ConduitError: when it ends, or accepts no connection in time; with what it said last.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - commands of the experiments' own
            command,
            env=_environment(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _accepts(port, process):
                said.seek(0)
                tail = said.read()[-2000:].decode(errors="replace")
                raise ConduitError(f"{command[0]} does not serve: {tail}")
            yield Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(ENDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    together = {**os.environ, **changes}
    return {name: value for name, value in together.items() if value is not None}


def _accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + STARTS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
