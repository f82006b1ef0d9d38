"""The race's face of a router: calls of one process, and models that bill at random."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from conduit.budgets.ledger import PATIENCE
from conduit.budgets.quotes import quote_for
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Scope, ScopeKind, nanos
from conduit.core.errors import BudgetExceededError, ReservationTimeoutError
from conduit.core.models import Query
from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.engines.router import Router
from conduit.features.encoders.hashing import HashingEncoder
from conduit.settings import Settings
from conduit.stores.sql import SQLStore
from experiments.race_clients import Call, RefusedError

ARMS = tuple(
    Arm(id=name, provider="local", price=Price(input=given, output=made), max_output_tokens=4096)
    for name, given, made in (("small", 0.5, 2.0), ("middle", 1.0, 5.0), ("large", 3.0, 15.0))
)
ACCOUNT = Scope(ScopeKind.API_KEY, "race")
SECONDS = 0.05
"""That a call takes."""
LENGTHS = (None, 400, 800)
"""Of answers that are asked for, in turn, in tokens."""
LEAST, MOST = 0.1, 1.0
"""Share of what was set aside that a model bills."""
NEARLY = 0.999
"""Of the wait; loops are woken a little early."""


class RandomBiller:
    """A model client that is slow and bills any share of what may be billed at most.

    Args:
        seed: of the shares.

    Attributes:
        billed: nanodollars so far.
    """

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - bills, not secrets
        self.billed = 0

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer after a while."""
        await asyncio.sleep(SECONDS)
        quote, share = quote_for(request), self._rng.uniform(LEAST, MOST)
        assert quote is not None
        given, made = int(share * quote.input_tokens), int(share * quote.output_tokens)
        cost = quote.price.cost(input_tokens=given, output_tokens=made)
        self.billed += nanos(cost, what="a bill")
        return ModelReply(text="An answer.", input_tokens=given, output_tokens=made)

    async def aclose(self) -> None:
        """Nothing to release."""


@asynccontextmanager
async def router_face(address: str, biller: RandomBiller) -> AsyncIterator[Call]:
    """Calls of a router on a database."""
    router = Router(
        ARMS,
        client=biller,
        store=SQLStore(address),
        encoder=HashingEncoder(),
        settings=Settings(),
        optimize_for="quality",
    )

    async def call(number: int) -> None:
        query = Query(f"Question {number}: why?", max_tokens=LENGTHS[number % len(LENGTHS)])
        with refusals():
            await router.complete(query, scopes=[ACCOUNT])

    async with router:
        yield call


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of budgets, as the race tells them apart.

    Raises:
        RefusedError: in the place of either of the two.
    """
    try:
        yield
    except BudgetExceededError as error:
        spent = error.spent + error.requested > error.limit
        raise RefusedError(final=True, just=spent) from None
    except ReservationTimeoutError as error:
        waited = error.waited >= NEARLY * PATIENCE
        raise RefusedError(final=False, just=waited) from None
