"""A line to one provider: calls go through middleware, and listeners hear what is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from conduit.core.errors import ConduitError, InvalidInputError
from conduit.core.outcomes import Response
from conduit.simple.loading import loaded
from conduit.simple.providers.account import Account
from conduit.simple.providers.hooks import Hooks, Request
from conduit.simple.providers.routes import Route
from conduit.simple.providers.threads import in_threads

if TYPE_CHECKING:
    from conduit.simple.answer import Answer
    from conduit.simple.house import House

    Exchange: TypeAlias = Callable[[], AsyncGenerator[Route | str | Answer, None]]


class Line:
    """What a provider's methods do, whichever way they are called.

    Args:
        account: whose models are called.
        hooks: middleware and listeners.
    """

    def __init__(self, account: Account, hooks: Hooks) -> None:
        self._account = account
        self._hooks = hooks

    def answer(self, request: Request) -> Answer:
        """The whole answer."""
        said = self._hooks.around(self._answered)(request)
        if isinstance(said, str):
            exchange = loaded("providers.exchange")
            said = exchange.spoken(exchange.planned(self._account)[1], said)
        if not isinstance(said, Response):
            _refuse(said)
        answer: Answer = said  # type: ignore[assignment] # as the innermost call gave it
        return answer

    async def aanswer(self, request: Request) -> Answer:
        """Likewise for a caller on an event loop."""
        if self._hooks.middleware:
            return await asyncio.to_thread(self.answer, request)
        async with aclosing(self._aheard(request)) as said:
            *_, last = [it async for it in said]
        answer: Answer = last
        return answer

    def pieces(self, request: Request) -> Generator[str, None, None]:
        """The answer as it comes."""
        said = self._hooks.around(self._texts)(request)
        if isinstance(said, Response):
            said = said.text
        if isinstance(said, str):
            said = iter((said,))
        if not isinstance(said, Iterator):
            _refuse(said)
        yield from said

    async def apieces(self, request: Request) -> AsyncGenerator[str, None]:
        """Likewise for a caller on an event loop."""
        if self._hooks.middleware:
            async with aclosing(in_threads(self.pieces(request))) as pieces:
                async for piece in pieces:
                    yield piece
            return
        async with aclosing(self._aheard(request)) as said:
            async for it in said:
                if isinstance(it, str):
                    yield it

    def route(self, request: Request) -> Route:
        """Where a request would go now."""
        exchange = loaded("providers.exchange")
        home, plan = exchange.planned(self._account)
        route: Route = home.background.run(exchange.previewed(home, plan, request))
        return route

    async def aroute(self, request: Request) -> Route:
        """Likewise for a caller on an event loop."""
        exchange = loaded("providers.exchange")
        home, plan = exchange.planned(self._account)
        route: Route = await home.background.awaited(exchange.previewed(home, plan, request))
        return route

    def _answered(self, request: Request) -> Any:
        *_, answer = self._heard(request)
        return answer

    def _texts(self, request: Request) -> Iterator[str]:
        with closing(self._heard(request)) as said:
            for it in said:
                if isinstance(it, str):
                    yield it

    def _heard(self, request: Request) -> Generator[Any, None, None]:
        """All that is said, of which listeners are told; the answer is last."""
        try:
            home, make = self._exchange(request)
            with closing(home.background.iterate(make)) as said:
                for it in said:
                    self._tell(it)
                    yield it
        except ConduitError as error:
            self._hooks.tell("error", error)
            raise

    async def _aheard(self, request: Request) -> AsyncGenerator[Any, None]:
        """Likewise for a caller on an event loop."""
        try:
            home, make = self._exchange(request)
            async with aclosing(home.background.each(make)) as said:
                async for it in said:
                    self._tell(it)
                    yield it
        except ConduitError as error:
            self._hooks.tell("error", error)
            raise

    def _exchange(self, request: Request) -> tuple[House, Exchange]:
        exchange = loaded("providers.exchange")
        home, plan = exchange.planned(self._account)
        told = self._hooks.hears("route")
        return home, partial(exchange.exchange, home, plan, request, tell_route=told)

    def _tell(self, said: object) -> None:
        if isinstance(said, Route):
            self._hooks.tell("route", said)
        elif isinstance(said, Response):
            self._hooks.tell("response", said)


def _refuse(said: object) -> NoReturn:
    raise InvalidInputError(
        f"middleware returned {said!r:.60}", remedy="return what next(request) gives, or a text"
    )
