"""What the tests of the command line share: a machine of its own, and ways to run a command."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conduit.cli.main import main
from conduit.settings import SETTINGS

from ..providers.fake_tools import install
from ..providers.loopback import Answer, LoopbackServer, Received
from ..providers.protocols import OPENAI

ROOT = Path(__file__).parents[2]
PRICES = {
    "gpt-4o-mini": {"input": 0.15, "output": 0.60},
    "gpt-4o": {"input": 2.5, "output": 10.0},
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON value it must be."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error, after checking that it is all there is."""
        assert self.out == ""
        (line,) = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        assert line.startswith("error: ")
        return line


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without settings, whose folders and working folder are the test's own."""
    for setting in SETTINGS:
        for variable in setting.variables:
            monkeypatch.delenv(variable, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONDUIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CONDUIT_ENCODER", "hashing")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def database(machine: Path) -> Path:
    """Where the command line keeps what it learns."""
    return machine / "data" / "conduit.db"


@pytest.fixture
def conduit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, with nothing on standard input unless it is given."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ran(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def process() -> Run:
    """Runs a command in a process of its own."""

    def run(*arguments: str, stdin: str = "") -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "conduit", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


class Served:
    """A loopback server on a thread, as the command line runs a loop of its own."""

    def __init__(self) -> None:
        self.answers: Callable[[Received], Answer] = lambda _: answered("4")
        self.server = LoopbackServer(self._answer)
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _answer(self, received: Received) -> Answer:
        return self.answers(received)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self.server:
            self._started.set()
            await self._stop.wait()

    @property
    def bodies(self) -> list[Any]:
        """What was asked, request by request."""
        return [received.body for received in self.server.requests]


def answered(text: str, **options: Any) -> Answer:
    """A complete answer: 11 tokens in, 7 out."""
    return Answer(body=OPENAI.answer(text), **options)


def failed(status: int = 500) -> Answer:
    """An answer that is an error."""
    return Answer(body=OPENAI.fault("out of order", status), status=status)


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that speaks OpenAI's protocol, and settings that send every call there, once."""
    with Served() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.server.url + "/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "key-that-nobody-may-see")
        monkeypatch.setenv("CONDUIT_MODELS", ",".join(PRICES))
        monkeypatch.setenv("CONDUIT_BASELINE", "gpt-4o")
        monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(PRICES))
        monkeypatch.setenv("CONDUIT_NUM_RETRIES", "0")
        yield served


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, machine: Path) -> Path:
    """Both tools, on PATH; the file is where they write down how they were called."""
    monkeypatch.setenv("PATH", str(install(machine / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_TOOL_LOG", str(machine / "calls"))
    return machine / "calls"


def contents(database: Path) -> list[str]:
    """Everything a database holds; nothing when there is none."""
    if not database.exists():
        return []
    connection = sqlite3.connect(database)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
