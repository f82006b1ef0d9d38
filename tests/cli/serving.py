"""``conduit serve`` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType


@contextmanager
def served(*arguments: str, environ: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """The URL that a server says, which is interrupted in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conduit", "serve", *arguments, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environ,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        yield json.loads("".join(lines))["url"]
    finally:
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert "Traceback" not in complaints
