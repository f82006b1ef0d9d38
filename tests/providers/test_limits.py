"""Calls of one provider at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from conduit.core.arms import Arm
from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.limits import LimitedClient

REPLY = ModelReply(text="Four.")
ONE, OTHER = Arm(id="one", provider="here"), Arm(id="other", provider="there")


class Held:
    """Answers when it is told to, and counts who waits for it."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.most = 0
        self.made = 0
        self._now = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        self._now += 1
        self.made += 1
        self.most = max(self.most, self._now)
        try:
            await self.go.wait()
        finally:
            self._now -= 1
        return REPLY

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        yield Delta(text="Fo")
        yield await self.complete(request)

    async def aclose(self) -> None:
        self.go.clear()


def ask(arm: Arm = ONE, timeout: float | None = 60) -> ModelRequest:
    return ModelRequest(arm=arm, text="?", timeout=timeout)


async def settled() -> None:
    """Until nobody has anything to do but wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_more_than_allowed() -> None:
    """No more calls are on their way than allowed, and all are answered in the end."""
    held = Held()
    client = LimitedClient(held, most=3)
    calls = [asyncio.create_task(client.complete(ask())) for _ in range(10)]
    await settled()
    assert held.made == 3
    held.go.set()
    assert await asyncio.gather(*calls) == [REPLY] * 10
    assert (held.most, held.made) == (3, 10)


async def test_each_provider_has_its_own() -> None:
    """A provider whose turns are taken holds up no other."""
    held = Held()
    client = LimitedClient(held, most=1)
    calls = [asyncio.create_task(client.complete(ask(arm))) for arm in (ONE, ONE, OTHER)]
    await settled()
    assert held.made == 2
    held.go.set()
    await asyncio.gather(*calls)


async def test_stream_holds_its_turn() -> None:
    """A stream holds its turn until it ends or is closed."""
    held = Held()
    client = LimitedClient(held, most=1)
    async with aclosing(client.stream(ask())) as parts:
        assert await anext(parts) == Delta(text="Fo")
        waiting = asyncio.create_task(client.complete(ask()))
        await settled()
        assert held.made == 0
    held.go.set()
    assert await waiting == REPLY


async def test_turn_that_does_not_come() -> None:
    """Whoever waits longer for a turn than the call may take is refused, and nothing is sent."""
    held = Held()
    client = LimitedClient(held, most=1)
    first = asyncio.create_task(client.complete(ask()))
    await settled()
    with pytest.raises(ProviderError, match="at once") as caught:
        await client.complete(ask(timeout=0.01))
    assert (caught.value.kind, caught.value.model) == (FailureKind.RATE_LIMIT, "one")
    assert held.made == 1
    held.go.set()
    await first


async def test_waiting_is_not_the_calls_time() -> None:
    """The call is made with its whole timeout, however long its turn took to come."""
    seen: list[float | None] = []

    class Noting(Held):
        async def complete(self, request: ModelRequest) -> ModelReply:
            seen.append(request.timeout)
            return await super().complete(request)

    held = Noting()
    client = LimitedClient(held, most=1)
    calls = [asyncio.create_task(client.complete(ask(timeout=30))) for _ in range(2)]
    await settled()
    held.go.set()
    await asyncio.gather(*calls)
    assert seen == [30, 30]


async def test_cancelled_while_waiting() -> None:
    """Cancelling a call, on its way or waiting, gives its turn back."""
    held = Held()
    client = LimitedClient(held, most=1)
    calls = [asyncio.create_task(client.complete(ask())) for _ in range(3)]
    await settled()
    for call in calls[:2]:
        call.cancel()
    await settled()
    held.go.set()
    assert await calls[2] == REPLY


def test_loops_one_after_the_other() -> None:
    """What a loop that ended still held is held no more."""
    held: list[Held] = []

    class Fresh(Held):
        async def complete(self, request: ModelRequest) -> ModelReply:
            return REPLY if held else await super().complete(request)

    client = LimitedClient(Fresh(), most=1)

    async def left() -> None:
        call = asyncio.create_task(client.complete(ask()))
        await settled()
        assert not call.done()

    asyncio.run(left())
    held.append(Held())
    assert asyncio.run(client.complete(ask(timeout=1))) == REPLY
