"""A process that decides and gives feedback until it is killed, and says what it was promised.

Every line it writes to the pipe is written whole: ``? ID`` before feedback is given, ``! ID`` once it was
acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe

from sqlalchemy import Connection

from conduit.core.arms import Arm, Price
from conduit.core.outcomes import Change, Observation
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.delta import changes_of
from conduit.stores.sql import SQLStore
from conduit.stores.sql_codec import observation_row, pending_row
from conduit.stores.sql_schema import observations, pending

ARMS = tuple(
    Arm(id=name, provider="local", price=Price(input=1.0, output=2.0)) for name in ("one", "two")
)
TASKS = 4
"""Who give feedback side by side."""
TORN_SECONDS = 0.002
"""Between the two halves of what :class:`TornStore` writes."""


class TornStore(SQLStore):
    """What no store may be: the observation and its pending row are two transactions."""

    async def observe(self, new: Sequence[Observation]) -> tuple[Change, ...]:
        """Insert first observations; acknowledged once both halves are there."""
        changes = changes_of(new, {})

        def first(conn: Connection) -> None:
            rows = [observation_row(change.observation) for change in changes]
            conn.execute(observations.insert(), rows)

        def second(conn: Connection) -> None:
            rows = [pending_row(change, writer="torn") for change in changes]
            conn.execute(pending.insert(), rows)

        await self._worker.write(first, durable=True)
        await asyncio.sleep(TORN_SECONDS)
        await self._worker.write(second, durable=True)
        return changes


def router_on(address: str, *, torn: bool = False) -> Router:
    """A router over scripted models that reads no environment."""
    return Router(
        ARMS,
        client=ScriptedProvider(),
        encoder=HashingEncoder(),
        settings=Settings(),
        store=(TornStore if torn else SQLStore)(address),
    )


def write_until_killed(address: str, pipe: Pipe, torn: bool) -> None:
    """Entry of the process.

    Args:
        address: of the database.
        pipe: for the lines of what was asked and promised.
        torn: take a store that is not atomic.
    """
    logging.disable(logging.WARNING)
    asyncio.run(_write(router_on(address, torn=torn), pipe.fileno()))


async def _write(router: Router, pipe: int) -> None:
    async with router:
        await asyncio.gather(*(_rate(router, pipe, number) for number in range(TASKS)))


async def _rate(router: Router, pipe: int, number: int) -> None:
    rng = random.Random(number)  # noqa: S311 - ratings, not secrets
    turn = 0
    while True:
        turn += 1
        decision = await router.route(f"question {turn} of {number}")
        os.write(pipe, f"? {decision.id}\n".encode())
        await router.feedback(decision.id, quality_score=rng.uniform(0.4, 0.6))
        os.write(pipe, f"! {decision.id}\n".encode())
