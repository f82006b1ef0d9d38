"""Decide, execute, rate: the whole loop in one file.

With a provider's key in the environment, real models answer. Without one, scripted answers stand
in for them, and everything else is the same.
"""

import asyncio

from conduit import Query, Router
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore


async def main():
    settings = Settings.load()
    keys = settings.api_keys.keys()
    real = bool(keys if settings.models else keys - {"openrouter"})  # whose models are to be named
    client = None if real else ScriptedProvider("Four.")
    store = None if real else MemoryStore()  # no database hears of answers that nobody gave
    async with Router(client=client, store=store) as router:
        response = await router.complete(Query("What is 2+2?"))
        print(f"{response.model} says: {response.text}")
        print(f"It cost ${response.cost:.6f}, {response.savings_percent:.0f}% less than")
        print(f"{response.base_model} would have.")
        await router.feedback(response.decision_id, rating=5)
        print("Rated 5 of 5: the next decision knows.")


asyncio.run(main())
