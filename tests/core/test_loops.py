"""What belongs to a loop is made anew in the next one, and let go of with its own."""

from __future__ import annotations

import asyncio

from conduit.core.loops import PerLoop


def test_each_loop_has_its_own_and_ends_it() -> None:
    """Asked twice in a loop it is the same; when the loop ends it is closed there, and the next is new."""
    made: list[asyncio.AbstractEventLoop] = []
    closed: list[tuple[int, asyncio.AbstractEventLoop]] = []

    def make() -> int:
        made.append(asyncio.get_running_loop())
        return len(made)

    async def close(thing: int) -> None:
        closed.append((thing, asyncio.get_running_loop()))

    things = PerLoop(make, close=close)

    async def ask() -> list[int]:
        return [things.here(), things.here()]

    assert asyncio.run(ask()) == [1, 1]
    assert closed == [(1, made[0])]
    assert asyncio.run(ask()) == [2, 2]
    assert closed[1:] == [(2, made[1])]


def test_what_needs_no_closing_is_only_made() -> None:
    """A lock, which nobody has to let go of, is another one in another loop."""
    locks = PerLoop(asyncio.Lock)

    async def ask() -> asyncio.Lock:
        return locks.here()

    assert asyncio.run(ask()) is not asyncio.run(ask())
