"""Connections and the event loops they belong to."""

from __future__ import annotations

import asyncio
import gc

import pytest

from conduit.providers.endpoints import Endpoint
from conduit.providers.models import Backend
from conduit.providers.pools import BackendPool

from .conftest import CLIENTS, Maker
from .loopback import Answer, LoopbackServer
from .protocols import ALL, KEY, OPENAI, OWN_PROTOCOLS, Protocol, ask

HERE = Endpoint(provider="lmstudio", base_url="http://here", api_key="")
THERE = Endpoint(provider="lmstudio", base_url="http://there", api_key="")


class Opener:
    """Opens backends that only note their opening and closing."""

    def __init__(self) -> None:
        self.opened: list[Endpoint] = []
        self.closed: list[Endpoint] = []

    def __call__(self, endpoint: Endpoint) -> Backend:
        async def close() -> None:
            self.closed.append(endpoint)

        self.opened.append(endpoint)
        return Backend(pytest.fail, close)


async def test_one_backend_per_endpoint() -> None:
    """Calls at the same time share the backend of their endpoint."""
    opener = Opener()
    pool = BackendPool(opener)
    found = await asyncio.gather(*(pool.backend(where) for where in [HERE, THERE] * 16))
    assert opener.opened == [HERE, THERE]
    assert len({id(backend) for backend in found}) == 2
    await pool.aclose()
    assert opener.closed == [HERE, THERE]


def test_loops_close_their_own() -> None:
    """Each loop has its own backends, which it closes when it ends, without aclose."""
    opener = Opener()
    pool = BackendPool(opener)
    for turn in (1, 2):
        asyncio.run(_use(pool))
        assert opener.opened == opener.closed == [HERE] * turn


def test_loop_that_was_closed_bluntly() -> None:
    """The backends of a loop that ended without its farewells are forgotten, not used again."""
    opener = Opener()
    pool = BackendPool(opener)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_use(pool))
    loop.close()
    asyncio.run(_use(pool))
    assert opener.opened == [HERE, HERE]
    assert opener.closed == [HERE]


@pytest.mark.parametrize("protocol", OWN_PROTOCOLS, ids=str)
def test_client_on_two_loops(protocol: Protocol) -> None:
    """One client answers on one loop after the other, and leaves no connection open behind it."""
    client = CLIENTS[protocol.via](api_keys={each.name: KEY for each in ALL})

    async def once() -> tuple[str, int]:
        async with LoopbackServer(Answer(body=protocol.answer("Four."))) as server:
            reply = await client.complete(ask(protocol.arm(server.url)))
            return reply.text, server.connections

    assert asyncio.run(once()) == asyncio.run(once()) == ("Four.", 1)
    gc.collect()  # an open socket would warn here, and warnings are errors


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
async def test_aclose_lets_go_of_sockets(made: Maker) -> None:
    """After aclose the server sees its connections closed."""
    client = made(api_keys={"openai": KEY})
    async with LoopbackServer(Answer(body=OPENAI.answer("Four."))) as server:
        await client.complete(ask(OPENAI.arm(server.url)))
        assert not server.all_gone.is_set()
        await client.aclose()
        async with asyncio.timeout(5):
            await server.all_gone.wait()


async def _use(pool: BackendPool) -> None:
    assert await pool.backend(HERE) is await pool.backend(HERE)
