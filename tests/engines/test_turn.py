"""Turns, and quiet: one at a time in every loop, whatever became of the loop before."""

from __future__ import annotations

import asyncio

from conduit.engines.quiet import Quiet
from conduit.engines.turn import Turn


def test_turns_are_taken_one_after_the_other_in_every_loop() -> None:
    """Tasks that have to wait are let in singly, in a second loop as in the first."""
    turn, inside = Turn(), []

    async def enter() -> None:
        async with turn:
            inside.append(1)
            assert len(inside) == 1
            await asyncio.sleep(0)
            inside.pop()

    async def crowd() -> None:
        await asyncio.gather(*(enter() for _ in range(5)))

    asyncio.run(crowd())
    asyncio.run(crowd())


def test_a_loop_that_ends_inside_holds_nothing() -> None:
    """Whoever had the turn, or worked, when a loop was ended does not keep the next one waiting."""
    turn, quiet = Turn(), Quiet()

    async def stay() -> None:
        async with turn, quiet.working():
            await asyncio.sleep(3600)

    async def abandon() -> None:
        tasks = [asyncio.create_task(stay()) for _ in range(2)]
        await asyncio.sleep(0)
        del tasks

    async def enter() -> bool:
        async with turn, quiet.kept():
            return True

    loop = asyncio.new_event_loop()
    loop.run_until_complete(abandon())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert asyncio.run(asyncio.wait_for(enter(), 5))
