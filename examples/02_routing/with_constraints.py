"""Limits on cost, latency and quality, and what happens when nothing satisfies them."""

import asyncio

from conduit import Query, QueryConstraints, Router
from conduit.core.errors import NoAffordableModelError


async def main():
    async with Router(seed=0) as router:
        cheap = QueryConstraints(max_cost=0.002, preferred_provider="openai")
        decision = await router.route(Query("Summarize this note.", constraints=cheap))
        estimate = decision.estimates[decision.selected_model]
        print(f"At most $0.002: {decision.selected_model}, likely below ${estimate.cost_high:.4f}")

        perfect = QueryConstraints(min_quality=1.0, max_cost=0.01)
        decision = await router.route(Query("Summarize this note.", constraints=perfect))
        relaxed = ", ".join(decision.constraints_relaxed) or "nothing"
        print(f"Perfect quality below a cent: {decision.selected_model}, gave up {relaxed}")

        try:
            free = QueryConstraints(max_cost=0)
            await router.route(Query("Summarize this note.", constraints=free))
        except NoAffordableModelError as error:
            print(f"For nothing: {error}")


asyncio.run(main())
