"""Ratings change what is chosen: one model is good at one kind of prompt, the other at another.

The router is told nothing of the kinds. It sees prompts, chooses, is rated, and learns.
"""

import asyncio

from conduit import Arm, Price, Query, Router
from conduit.stores.memory import MemoryStore

MODELS = [
    Arm(id="poet", provider="local", price=Price(input=1, output=2)),
    Arm(id="coder", provider="local", price=Price(input=1, output=2)),
]
VERSES = ["a ballad of autumn rain", "a sonnet for the moon", "an ode to old harbours"]
CODE = ["def parse(line): ...", "class Stack: push(), pop()", "SELECT name FROM users;"]


async def main():
    async with Router(MODELS, store=MemoryStore(), seed=0) as router:
        for turn in range(60):
            verse = turn % 2 == 0
            prompt = VERSES[turn // 2 % 3] if verse else CODE[turn // 2 % 3]
            decision = await router.route(Query(prompt))
            good = decision.selected_model == ("poet" if verse else "coder")
            await router.feedback(decision.id, rating=5 if good else 1)

        for prompt in (*VERSES, *CODE):
            decision = await router.route(Query(prompt))
            share = decision.probabilities["poet"]
            print(f"{prompt:28} poet {share:.0%}, coder {1 - share:.0%}")


asyncio.run(main())
