"""What does a model call cost this process, through our own client and through PydanticAI?

One server in a process of its own answers at once. Both clients call it in turn, whole answers and
streams of 32 pieces, one call after the other and 32 at a time; what counts is this process's
processor time per call, the median over rounds. ``bare`` is aiohttp posting bytes and reading bytes:
the floor under our own client.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from conduit.core.arms import Arm
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.core.ports import StreamingClient
from conduit.providers.openai_chat import OpenAIChatClient
from conduit.providers.pydantic_ai import PydanticAIClient
from experiments.arguments import Arguments, parse_count
from experiments.model_server import TEXT, ModelServer
from experiments.report import Check, conclude, show_table

NAME = "bench_clients"
AT_ONCE = (1, 32)
OURS, THEIRS, BARE = "aiohttp", "PydanticAI", "bare"
MOST = 0.4
"""Milliseconds of processor time that a whole answer through our own client may take."""
PROMPT = "Name three rivers in Peru, and say in one sentence each where they flow. " * 4

Call = Callable[[], Awaitable[None]]
Costs = dict[tuple[str, int], list[float]]


def calls_to(url: str, clients: Mapping[str, StreamingClient]) -> dict[str, Call]:
    """One call by each contestant, by name."""
    arm = Arm(id="mock", provider="lmstudio", base_url=f"{url}/v1")
    request = ModelRequest(arm=arm, text=PROMPT, max_tokens=200, timeout=60.0)
    calls: dict[str, Call] = {}
    for name, client in clients.items():
        calls[name] = _whole(client, request)
        calls[f"{name}, streamed"] = _streamed(client, request)
    return calls


def _whole(client: StreamingClient, request: ModelRequest) -> Call:
    async def call() -> None:
        check_answered(await client.complete(request))

    return call


def _streamed(client: StreamingClient, request: ModelRequest) -> Call:
    async def call() -> None:
        parts = [part async for part in client.stream(request)]
        check_answered(parts[-1])

    return call


def check_answered(reply: object) -> None:
    """Stop where a call was not answered: failing fast would look cheap."""
    assert isinstance(reply, ModelReply)
    assert reply.text.strip() == TEXT
    assert reply.output_tokens == len(TEXT.split())


async def cost_of(call: Call, *, calls: int, at_once: int) -> float:
    """Milliseconds of this process's processor time per call."""

    async def some(count: int) -> None:
        for _ in range(count):
            await call()

    before = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some(max(1, calls // at_once)))
    return 1e3 * (time.process_time() - before) / (at_once * max(1, calls // at_once))


async def measure(calls: Mapping[str, Call], *, rounds: int, size: int) -> Costs:
    """Costs of every contestant, in an order drawn anew in each round; the first does not count."""
    costs: Costs = {(name, at_once): [] for name in calls for at_once in AT_ONCE}
    order, draw = list(costs), random.Random(0)  # noqa: S311 - an order, no secret
    for number in range(rounds + 1):
        draw.shuffle(order)
        for name, at_once in order:
            cost = await cost_of(calls[name], calls=size, at_once=at_once)
            if number:
                costs[name, at_once].append(cost)
    return costs


async def contest(url: str, *, rounds: int, size: int) -> Costs:
    """Measure all contestants against one server."""
    from aiohttp import ClientSession  # noqa: PLC0415 - an extra

    clients: dict[str, StreamingClient] = {
        OURS: OpenAIChatClient(api_keys={}),
        THEIRS: PydanticAIClient(api_keys={}),
    }
    calls = calls_to(url, clients)
    body = json.dumps({"messages": [{"role": "user", "content": PROMPT}]}).encode()
    async with ClientSession() as session:

        async def bare() -> None:
            async with session.post(f"{url}/v1/chat/completions", data=body) as response:
                assert len(await response.read()) > len(TEXT)

        costs = await measure({**calls, BARE: bare}, rounds=rounds, size=size)
    for client in clients.values():
        await client.aclose()
    return costs


def checks_of(costs: Costs) -> list[Check]:
    """What our own client must show."""
    return [
        Check(
            name=f"ms per call, {at_once} at once",
            value=statistics.median(costs[OURS, at_once]),
            bound=MOST,
            most=True,
        )
        for at_once in AT_ONCE
    ]


def show(costs: Costs) -> None:
    """Print a table of medians and quartiles."""
    rows = []
    for (name, at_once), values in costs.items():
        low, middle, high = statistics.quantiles(values, n=4)
        rows.append([name, str(at_once), f"{middle:.3f}", f"{low:.3f}–{high:.3f}"])
    head = ["client", "at once", "ms of CPU per call", "quartiles"]
    show_table("Processor time per call", head, rows)


def run(arguments: Arguments) -> int:
    """Measure, print, conclude."""
    with ModelServer() as server:
        costs = asyncio.run(contest(server.url, rounds=arguments.seeds, size=arguments.size))
    show(costs)
    figures = {"costs_ms": {f"{name}, {k} at once": v for (name, k), v in costs.items()}}
    return conclude(arguments, figures, checks=checks_of(costs), held_out=None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    about = "What does a model call cost this process, through our own client and PydanticAI?"
    return run(parse_count(NAME, about=about, counts="rounds", default=20, size=128, argv=argv))


if __name__ == "__main__":
    sys.exit(main())
