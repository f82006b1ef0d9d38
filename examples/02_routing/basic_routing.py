"""Route different prompts under different preferences, and read the decision."""

import asyncio

from conduit import Preferences, Query, Router

PROMPTS = (
    "What is the capital of Japan?",
    "Write a Python function that merges two sorted lists.",
    "Prove that the square root of 2 is irrational.",
)


async def main():
    async with Router(seed=0) as router:
        for prompt in PROMPTS:
            for wish in ("quality", "cost"):
                query = Query(prompt, preferences=Preferences(optimize_for=wish))
                decision = await router.route(query)
                print(f"[{wish}] {prompt}")
                print(f"  {decision.reasoning}")
                ranked = sorted(decision.probabilities.items(), key=lambda item: -item[1])
                top = ", ".join(f"{model} {share:.0%}" for model, share in ranked[:3])
                print(f"  {decision.features.domain}; most likely: {top}")


asyncio.run(main())
