"""One prompt to one provider: decided, called, paid and observed, on the house's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

from conduit.core.errors import InvalidInputError
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.engines.answer_stream import AnswerStream
from conduit.simple.answer import Answer
from conduit.simple.house import House, house
from conduit.simple.providers.account import Account
from conduit.simple.providers.desk import FamilyPlan, family_plan
from conduit.simple.providers.hooks import Request
from conduit.simple.providers.router import route_of
from conduit.simple.providers.routes import Route

Said: TypeAlias = Route | str | Answer


def planned(account: Account) -> tuple[House, FamilyPlan]:
    """The house of this process, and what holds for a call now.

    Raises:
        ConfigurationError: without a key, or for a setting that cannot be used.
    """
    home = house()
    return home, family_plan(account, home.overrides)


def query_of(request: Request) -> Query:
    """A request for a router.

    Raises:
        InvalidInputError: for an empty prompt, or a limit out of range.
    """
    return Query(request.prompt, max_tokens=request.max_tokens, temperature=request.temperature)


async def exchange(
    home: House, plan: FamilyPlan, request: Request, *, tell_route: bool = False
) -> AsyncGenerator[Said, None]:
    """Have a request answered. Whoever stops reading must close this: then what was said is paid.

    Yields:
        The route, if it is wanted, once it is decided; pieces of text, if they are; and last the
        answer as a whole.

    Raises:
        AllModelsFailedError: when no model answered, or began to.
        ProviderError: when a model broke off.
        BudgetExceededError: when an account has too little left.
    """
    query = query_of(request)
    async with home.lent(plan) as desk:
        begin = desk.router.stream(query) if request.stream else desk.router.complete(query)
        with desk.watching(query.id) as decided:
            answering: asyncio.Task[AnswerStream | Response] = asyncio.ensure_future(begin)
            try:
                if tell_route:
                    await asyncio.wait((decided, answering), return_when=asyncio.FIRST_COMPLETED)
                    if decided.done():
                        yield decided.result()
                begun = await answering
            except BaseException:
                await _give_up(answering)
                raise
        if isinstance(begun, AnswerStream):
            async with aclosing(begun):
                async for piece in begun:
                    if piece.text:
                        yield piece.text
                begun = _whole(begun)
        yield Answer.of(begun, rate=partial(_rate, home, plan, begun.decision_id))


async def previewed(home: House, plan: FamilyPlan, request: Request) -> Route:
    """Where a request would go now; nothing is called, recorded or spent."""
    async with home.lent(plan) as desk:
        return route_of(await desk.router.preview(query_of(request)), plan.family)


def spoken(plan: FamilyPlan, text: str) -> Answer:
    """An answer that no model gave, which cost nothing."""
    answer = Response(
        text=text,
        model="",
        provider=plan.family.name,
        cost=0.0,
        input_tokens=None,
        output_tokens=None,
        base_model=plan.family.premium.id,
        base_cost=0.0,
        latency=None,
        decision_id="",
    )
    return Answer.of(answer, rate=_unrated)


async def _give_up(answering: asyncio.Task[AnswerStream | Response]) -> None:
    """Nobody waits for it any more: hang up, and settle."""
    if not answering.done():
        answering.cancel()
        await asyncio.wait([answering])
    if not answering.cancelled() and answering.exception() is None:
        begun = answering.result()
        if isinstance(begun, AnswerStream):
            await begun.aclose()


def _whole(stream: AnswerStream) -> Response:
    assert stream.response is not None, "a stream that was read to its end has its response"
    return stream.response


def _rate(home: House, plan: FamilyPlan, decision_id: str, rating: float) -> None:
    home.background.run(_rated(home, plan, decision_id, rating))


async def _rated(home: House, plan: FamilyPlan, decision_id: str, rating: float) -> None:
    async with home.lent(plan) as desk:
        await desk.router.feedback(decision_id, rating=rating)


def _unrated(rating: float) -> None:
    raise InvalidInputError(
        f"rating={rating} of an answer that no model gave", remedy="rate those that models give"
    )
