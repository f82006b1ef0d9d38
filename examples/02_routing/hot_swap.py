"""Models that come, go and change their price while the router runs.

They are invented, so what happens to them is kept in memory, whatever database is set.
"""

import asyncio

from conduit import Arm, Price, Router
from conduit.stores.memory import MemoryStore


def shares(decision):
    return ", ".join(f"{name} {share:.0%}" for name, share in decision.probabilities.items())


async def main():
    small = Arm(id="small", provider="local", price=Price(input=0.2, output=0.8))
    large = Arm(id="large", provider="local", price=Price(input=2.0, output=8.0))
    async with Router([small, large], store=MemoryStore(), seed=0) as router:
        print(f"Two models: {shares(await router.route('Summarize this note.'))}")

        await router.add_model(Arm(id="new", provider="local", price=Price(input=0.5, output=2.0)))
        print(f"A third is added: {shares(await router.route('Summarize this note.'))}")

        before = (await router.route("Summarize this note.")).estimates["large"].cost
        await router.set_price("large", Price(input=1.0, output=4.0))
        after = (await router.route("Summarize this note.")).estimates["large"].cost
        print(f"The large one gets cheaper: ${before:.4f} a call becomes ${after:.4f}")

        await router.remove_model("small")
        print(f"The small one goes: {shares(await router.route('Summarize this note.'))}")

        await router.add_model("small")
        print("It comes back, with all that was learned of it.")


asyncio.run(main())
