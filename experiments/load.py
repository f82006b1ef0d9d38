"""Load on a loopback server: so many clients, each of which asks again as soon as it was answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What so many requests met with.

    Args:
        seconds: from the first request to the last answer.
        latencies: seconds per request, in the order of their ends.
        first: seconds until the first piece of content; of streams alone.
        statuses: how many answers of each.
    """

    seconds: float
    latencies: tuple[float, ...]
    first: tuple[float, ...]
    statuses: Mapping[int, int]


async def put_load(
    address: str,
    prompts: Sequence[str],
    *,
    clients: int,
    model: str,
    key: str = "",
    stream: bool = False,
) -> Load:
    """Have every prompt answered once.

    Args:
        address: of the server, up to ``/v1``.
        prompts: distinct ones.
        clients: that ask side by side.
        model: that is asked for.
        key: of the server.
        stream: whether answers come piece by piece.
    """
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    waiting = deque(_body(prompt, model=model, stream=stream) for prompt in prompts)
    latencies: list[float] = []
    first: list[float] = []
    statuses: Counter[int] = Counter()

    async def client(session: aiohttp.ClientSession) -> None:
        while waiting:
            body, began = waiting.popleft(), time.perf_counter()
            async with session.post(f"{address}/chat/completions", data=body) as answer:
                statuses[answer.status] += 1
                if stream:
                    async for piece in answer.content.iter_any():
                        if b'"content"' in piece:
                            first.append(time.perf_counter() - began)
                            break
                await answer.read()
            latencies.append(time.perf_counter() - began)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - began
    return Load(
        seconds=seconds, latencies=tuple(latencies), first=tuple(first), statuses=dict(statuses)
    )


def _body(prompt: str, *, model: str, stream: bool) -> bytes:
    asked: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if stream:
        asked["stream"] = True
    return json.dumps({**asked, "max_tokens": 64}).encode()
