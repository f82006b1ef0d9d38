"""What a router learns without a single rating: errors, latency, and questions asked again."""

import asyncio

from conduit import Arm, Price, Query, Router
from conduit.core.errors import FailureKind
from conduit.core.events import Event, Learned
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore

MODELS = [
    Arm(id="steady", provider="local", price=Price(input=1, output=2)),
    Arm(id="flaky", provider="local", price=Price(input=1, output=2)),
]


def show(event: Event) -> None:
    if isinstance(event, Learned):
        for change in event.changes:
            seen = change.observation
            print(f"    learned {seen.signal} of {seen.arm}: {seen.value:.2f}")


async def main():
    client = ScriptedProvider(
        "An answer.",
        failures={"flaky": [FailureKind.SERVER] * 3},
        latency={"steady": 0.8, "flaky": 20.0},
    )
    async with Router(
        MODELS, client=client, store=MemoryStore(), subscribers=[show], seed=3
    ) as router:
        for prompt in ("Name a river.", "What is rain?", "What is rain?", "Name a lake."):
            print(prompt)
            response = await router.complete(Query(prompt, user_id="ada"))
            print(f"  {response.model} answered at attempt {response.attempts}")


asyncio.run(main())
