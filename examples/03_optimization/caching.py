"""A repeated question is not analyzed again: hits, misses, and what that saves.

Every router remembers in memory. With REDIS_URL set, processes share what they computed, and no
answer ever depends on Redis being there.
"""

import asyncio
import time

from conduit import Arm, Price, Router
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore

MODELS = [
    Arm(id="small", provider="local", price=Price(input=0.1, output=0.4)),
    Arm(id="large", provider="local", price=Price(input=3, output=15)),
]
CHAPTERS = [f"Sum up chapter {i}. " + "It was a dark and stormy night. " * 500 for i in range(5)]


async def seconds(router: Router) -> float:
    """How long it takes to decide who sums up each chapter."""
    began = time.perf_counter()
    for chapter in CHAPTERS:
        await router.route(chapter)
    return time.perf_counter() - began


async def main():
    client, store = ScriptedProvider(), MemoryStore()
    async with Router(MODELS, client=client, store=store, seed=1) as router:
        first = await seconds(router)
        again = min(await seconds(router), await seconds(router))
        seen = router.cache_statistics
        print(f"{seen.misses} misses, {seen.hits} hits: {seen.hit_rate:.0%} of the prompts")
        print(f"first time {1000 * first:.1f} ms, again {1000 * again:.1f} ms", end=": ")
        print(f"{first / again:.0f} times as fast")


asyncio.run(main())
