"""Clients of a long run: so many requests per second, however long each takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

import aiohttp

NO_ANSWER = 0
"""In the place of a status."""
IDLE = 2.0
"""Seconds for which an idle connection is kept: less than a server does, which may close it as it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What clients were told.

    Args:
        answered: USD per decision that was answered.
        statuses: how many answers of each.
    """

    answered: Mapping[str, float]
    statuses: Mapping[int, int]

    @property
    def share(self) -> float:
        """Of the requests, those that were answered."""
        return self.statuses.get(200, 0) / max(sum(self.statuses.values()), 1)


def ask_steadily(pipe: Connection, address: str, key: str, seconds: float, rate: float) -> None:
    """Ask, and say through the pipe what one was told."""
    pipe.send(asyncio.run(_ask(address, key, seconds=seconds, rate=rate)))


async def _ask(address: str, key: str, *, seconds: float, rate: float) -> Told:
    answered: dict[str, float] = {}
    statuses: Counter[int] = Counter()
    headers = {"authorization": f"Bearer {key}"}

    async def ask(session: aiohttp.ClientSession, number: int) -> None:
        question = f"Question {number}: what is {number} plus {number % 97}, and why?"
        asked = {
            "model": "auto",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": question}],
        }
        try:
            async with session.post(f"{address}/chat/completions", json=asked) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            statuses[NO_ANSWER] += 1
            return
        statuses[answer.status] += 1
        if answer.status == 200:
            told = answer.headers
            answered[told["x-conduit-decision-id"]] = float(told["x-conduit-cost"])

    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE)
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
        asyncio.TaskGroup() as tasks,
    ):
        began = loop.time()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(began + number / rate - loop.time(), 0.0))
            tasks.create_task(ask(session, number))
    return Told(answered=answered, statuses=dict(statuses))
