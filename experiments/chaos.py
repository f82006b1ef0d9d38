"""Do requests go on while the servers behind the router do not?

A router on PostgreSQL and Redis answers prompts from several tasks, each of which rates its answers and tries
again when a rating is not acknowledged. Meanwhile Redis is stopped and started, PostgreSQL is restarted, crashed
and stopped for a while, and all its connections are cut. Every request must be answered, from memory if need
be; in the end every acknowledged rating must be in the database once, every decision in its log, and learned
state equal to the log's sums; and the router that lived through it must know them, without a restart.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from conduit.core.errors import ConduitError, StoreError
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from experiments.arguments import parse_count
from experiments.crash_writer import ARMS
from experiments.log_sums import Kept, equality, kept_by
from experiments.report import Check, conclude, show_table
from experiments.servers.postgres import PostgresServer
from experiments.servers.redis import RedisServer

NAME = "chaos"
TASKS = 4
QUALITY = 0.5
AWAY = 1.0
"""Seconds that a server is away, and that pass between two disturbances."""
AGAIN = 0.05
"""Seconds until a rating is given again that was not acknowledged."""
BACK = 30.0
"""Seconds in which everything must be as it was, once all servers are there."""
SLOW = 2.0
"""Seconds that the slowest answer may take."""
CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = 'chaos' AND pid <> pg_backend_pid()"""


@dataclass(slots=True)
class Load:
    """What was asked and what was promised.

    Args:
        answered: ids of decisions.
        failed: requests without an answer, by what was raised.
        promised: ids of decisions whose rating was acknowledged.
        refused: ratings that were not acknowledged at first.
        slowest: seconds of the slowest request.
    """

    answered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)
    refused: int = 0
    slowest: float = 0.0


async def ask(router: Router, load: Load, *, number: int, stop: asyncio.Event) -> None:
    """Ask and rate until told to stop; a rating is repeated until it is acknowledged."""
    turn = 0
    while not stop.is_set():
        turn += 1
        started = time.monotonic()
        try:
            response = await router.complete(f"question {turn} of {number}")
        except ConduitError as error:
            load.failed.append(str(error))
            continue
        load.slowest = max(load.slowest, time.monotonic() - started)
        load.answered.append(response.decision_id)
        await _rated(router, response.decision_id, load)
        await asyncio.sleep(0.002)


async def _rated(router: Router, decision_id: str, load: Load) -> None:
    while True:
        try:
            await router.feedback(decision_id, quality_score=QUALITY)
        except StoreError:
            load.refused += 1
            await asyncio.sleep(AGAIN)
        else:
            load.promised.add(decision_id)
            return


async def disturb(postgres: PostgresServer, redis: RedisServer) -> None:
    """One thing after the other; each while requests are under way."""

    async def away(stop: Callable[[], None], start: Callable[[], None]) -> None:
        await asyncio.to_thread(stop)
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(start)

    disturbances: list[Callable[[], Awaitable[None]]] = [
        lambda: away(redis.stop, redis.start),
        lambda: asyncio.to_thread(postgres.run, CUT),
        lambda: asyncio.to_thread(postgres.restart),
        lambda: asyncio.to_thread(lambda: postgres.restart(mode="immediate")),
        lambda: away(postgres.stop, postgres.start),
        lambda: away(redis.freeze, redis.thaw),
    ]
    for disturbance in disturbances:
        await asyncio.sleep(AWAY)
        await disturbance()
    await asyncio.sleep(AWAY)


async def one_round(
    postgres: PostgresServer, redis: RedisServer, address: str
) -> tuple[Load, Kept, float]:
    """The load, what the database holds in the end, and the seconds until the router knew it."""
    load, stop = Load(), asyncio.Event()
    router = Router(
        ARMS,
        client=ScriptedProvider(),
        encoder=HashingEncoder(),
        settings=Settings(),
        store=SQLStore(address),
        redis_url=redis.url,
    )
    async with router:
        asking = [
            asyncio.create_task(ask(router, load, number=number, stop=stop))
            for number in range(TASKS)
        ]
        await disturb(postgres, redis)
        stop.set()
        started = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*asking), BACK)
        engine = await router.open()
        await engine.learner.journal.flush()
        await engine.replica.look()
        back = time.monotonic() - started
    store = SQLStore(address)
    await store.open()
    kept = await kept_by(store)
    logged = {entry.decision.id async for entry in store.log()}
    await store.close()
    load.failed += [f"{it} is not in the log" for it in load.answered if it not in logged]
    return load, kept, back


def checks_of(load: Load, kept: Kept, back: float) -> list[Check]:
    """Answered, kept, equal, and back."""
    lost = len(load.promised - set(kept.rated))
    twice = len(kept.rated) - len(set(kept.rated))
    return [
        Check(
            name="requests not answered or not logged", value=len(load.failed), bound=0, most=True
        ),
        Check(name="acknowledged ratings lost", value=lost, bound=0, most=True),
        Check(name="ratings twice", value=twice, bound=0, most=True),
        equality("learned state against the log", kept.error),
        Check(name="slowest answer in seconds", value=load.slowest, bound=SLOW, most=True),
        Check(name="ratings refused meanwhile", value=load.refused, bound=1),
        Check(name="seconds until all was as before", value=back, bound=BACK, most=True),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Disturb, look, and say whether it holds."""
    about = (__doc__ or "").partition("\n")[0]
    arguments = parse_count(NAME, about=about, counts="rounds", default=1, argv=argv)
    logging.disable(logging.WARNING)
    server, redis = PostgresServer(), RedisServer()
    checks: list[Check] = []
    rows = []
    try:
        address = server.create("chaos")
        for number in range(arguments.seeds):
            load, kept, back = asyncio.run(one_round(server, redis, address))
            checks += checks_of(load, kept, back)
            rows.append(
                [
                    str(number + 1),
                    str(len(load.answered)),
                    str(len(load.promised)),
                    str(load.refused),
                    f"{load.slowest:.2f}",
                    f"{back:.2f}",
                ]
            )
    finally:
        logging.disable(logging.NOTSET)
        redis.close()
        server.close()
    show_table(
        "what went on meanwhile",
        ["round", "answered", "ratings kept", "refused at first", "slowest s", "back after s"],
        rows,
    )
    return conclude(arguments, {"rows": rows}, checks=checks, held_out=None)


if __name__ == "__main__":
    sys.exit(main())
