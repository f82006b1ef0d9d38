"""What the tests of caches share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from conduit.cache.redis import RedisServer
from experiments.servers.redis import Redis


@pytest.fixture
def unique() -> str:
    """Part of a key or of a user's name that no other test uses."""
    return uuid4().hex


@pytest.fixture
async def server(redis_server: Redis) -> AsyncIterator[RedisServer]:
    """A connection to a Redis that answers, however busy the machine is: what is tested is not how soon."""
    server = RedisServer(redis_server.url, shown="redis", timeout=30.0)
    yield server
    await server.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens: the port is taken, and accepts nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}/0"


@asynccontextmanager
async def speaking(answer: bytes) -> AsyncIterator[str]:
    """Address of a server that says the same to everything; nothing at all, for no bytes."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with listening:
        yield f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
