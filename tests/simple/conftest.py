"""A user's folder with nothing in it, models that answer on loopback, and a house of the test's own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conduit.settings.providers import HOSTED
from conduit.simple.background import Background
from conduit.simple.house import House

from ..providers.loopback import Answer, LoopbackServer, Received

CHEAP, DEAR = "gpt-4o-mini", "gpt-4o"
PRICES = {CHEAP: {"input": 0.15, "output": 0.60}, DEAR: {"input": 2.50, "output": 10.00}}
HARD = "Prove it step by step:\n" + "\n".join(
    f"{at}. for (i = 0; i < n{at}; i++) {{ total += f(x_{at}) * 3.{at}1 ** 2; }}  why does it hold?"
    for at in range(60)
)
"""A prompt that asks for much, by any measure."""


class Place:
    """Where a user works.

    Args:
        folder: it is empty at first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def rows(self, query: str, *, offline: bool = True) -> list[tuple[Any, ...]]:
        """What the database says, read beside all that writes it."""
        name = "offline.db" if offline else "conduit.db"
        with closing(sqlite3.connect(self.data / name)) as database:
            return list(database.execute(query))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder of one's own, without keys and settings."""
    for name in (*HOSTED, "gemini"):
        monkeypatch.delenv(f"{name.upper()}_API_KEY", raising=False)
        monkeypatch.delenv(f"{name.upper()}_BASE_URL", raising=False)
    monkeypatch.setenv("CONDUIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONDUIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CONDUIT_ENCODER", "hashing")
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


@pytest.fixture
def offline(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Likewise, where scripted models answer."""
    monkeypatch.setenv("CONDUIT_OFFLINE", "1")
    return place


@pytest.fixture
def home() -> Iterator[House]:
    """A house that is left as it was found."""
    home = House()
    yield home
    home.close()


class Models:
    """OpenAI's place, on loopback: what it answers may be changed at any time."""

    def __init__(self) -> None:
        self.background = Background()
        self.server = LoopbackServer(Answer(body=said()))
        self.gate = asyncio.Event()

    def answer(self, answer: Answer | Callable[[Received], Answer]) -> None:
        """From now on."""
        self.server.answer = answer

    def wait_for(self, event: asyncio.Event) -> None:
        """Until it has happened there."""
        self.background.run(asyncio.wait_for(event.wait(), timeout=20))

    def open_gate(self) -> None:
        """Let all go on who wait at it."""

        async def opened() -> None:
            self.gate.set()

        self.background.run(opened())

    @property
    def models(self) -> list[str]:
        """Which were asked, in order."""
        return [received.body["model"] for received in self.server.requests]


@pytest.fixture
def models(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    """Models behind OPENAI_BASE_URL, at the list price of the two."""
    models = Models()
    models.background.run(models.server.__aenter__())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0001")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{models.server.url}/v1")
    monkeypatch.setenv("CONDUIT_PRICING_JSON", json.dumps(PRICES))
    yield models
    models.background.run(models.server.__aexit__(None, None, None))
    models.background.close()


def said(text: str = "Four.", *, given: int = 11, made: int = 7) -> dict[str, Any]:
    """An answer in OpenAI's form."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_763_700_000,
        "model": "served",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made},
    }
