"""The time a model is given."""

from __future__ import annotations

import asyncio

import pytest

from conduit.core.outcomes import Delta, ModelReply
from conduit.core.ports import StreamingClient
from conduit.providers.allowances import Allowance

from .conftest import Serve
from .loopback import Stream
from .protocols import ANTHROPIC, FAST, Protocol, ask
from .streamed import streamed


async def test_only_waiting_counts() -> None:
    """Waits add up, what is done between them does not count, and the last one ends in time."""
    allowance = Allowance(0.2)
    await allowance.wait(asyncio.sleep(0.05))
    await asyncio.sleep(0.2)
    assert await allowance.wait(asyncio.sleep(0, "still in time")) == "still in time"
    assert 0.05 <= allowance.used < 0.2
    with pytest.raises(TimeoutError):
        await allowance.wait(asyncio.Event().wait())
    assert allowance.used >= 0.2


async def test_no_limit() -> None:
    """Without a limit nothing ends, and time is measured all the same."""
    allowance = Allowance(None)
    await allowance.wait(asyncio.sleep(0.01))
    assert allowance.used >= 0.01


async def test_failures_count_too() -> None:
    """A wait that failed used up time as well, and its failure passes."""

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise LookupError

    allowance = Allowance(1.0)
    with pytest.raises(LookupError):
        await allowance.wait(fail())
    assert allowance.used >= 0.01


@pytest.mark.parametrize("protocol", [FAST[0], ANTHROPIC], ids=str)
async def test_slow_reader(protocol: Protocol, serve: Serve, client: StreamingClient) -> None:
    """The time that a reader takes between two pieces is not the model's."""
    texts = ("Vier", " ist", " es.")
    server = await serve(Stream(pieces=streamed(protocol, texts)))
    last: Delta | ModelReply | None = None
    async for last in client.stream(ask(protocol.arm(server.url), timeout=0.5)):
        if last == Delta(text=texts[0]):
            await asyncio.sleep(0.6)
    assert isinstance(last, ModelReply)
    assert last.latency is not None
    assert last.latency < 0.5
