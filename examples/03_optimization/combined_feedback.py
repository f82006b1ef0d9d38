"""Ratings and what was observed, together, for one answer: credit goes to the model that served."""

import asyncio

from conduit import Arm, Price, Query, Router
from conduit.core.errors import FailureKind
from conduit.feedback.composite import composite_reward
from conduit.providers.scripted import ScriptedProvider
from conduit.stores.memory import MemoryStore

MODELS = [
    Arm(id="large", provider="local", price=Price(input=5, output=20)),
    Arm(id="small", provider="local", price=Price(input=0.1, output=0.4)),
]


async def main():
    client = ScriptedProvider(
        "Paris.",
        failures={"small": [FailureKind.AUTHENTICATION]},
        latency={"large": 2.5, "small": 0.4},
    )
    async with Router(MODELS, client=client, store=MemoryStore(), seed=0) as router:
        response = await router.complete(
            Query("What is the capital of France?"), models=["small", "large"]
        )
        print(f"{response.model} answered after {response.attempts} attempt(s)")
        changes = await router.feedback(response.decision_id, rating=4, met_expectations=True)
        for change in changes:
            print(f"rated {change.observation.value:.2f}, credited to {change.observation.arm}")
        again = await router.feedback(response.decision_id, rating=4, met_expectations=True)
        print(f"the same feedback again changes {len(again)} things")
        reported = composite_reward(
            changes[0].observation.value, error=False, retried=False, latency=response.latency
        )
        print(f"the composite of rating and observations is {reported:.2f}")


asyncio.run(main())
