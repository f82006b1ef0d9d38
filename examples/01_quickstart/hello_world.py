"""The shortest use of Conduit: which model should answer this?"""

import asyncio

from conduit.core.models import Query
from conduit.engines.router import Router


async def main():
    router = Router()
    decision = await router.route(Query(text="What is 2+2?"))
    print(f"Route to: {decision.selected_model} (confidence: {decision.confidence:.0%})")


asyncio.run(main())
