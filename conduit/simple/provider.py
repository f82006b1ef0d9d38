"""``Provider("google", key)``: one provider's models, one of which is chosen for every prompt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from conduit.core.errors import ConduitError, InvalidInputError
from conduit.core.outcomes import Response
from conduit.simple.account import Account
from conduit.simple.family import check_account
from conduit.simple.hooks import Hooks, Request, check_event
from conduit.simple.loading import loaded
from conduit.simple.routes import Route
from conduit.simple.threads import in_threads

if TYPE_CHECKING:
    from conduit.simple.answer import Answer

F = TypeVar("F", bound=Callable[..., object])


class Provider:
    """A provider's cheap, middling and strong model, and a router among them.

    For every prompt the model is taken that did best on the five labelled prompts nearest to it.
    Savings are measured against the strong one. May be used from any number of threads, and where
    an event loop runs.

    Args:
        name: ``google``, ``anthropic`` or ``openai``.
        api_key: used for this provider alone; None reads the environment and ``.env``.
        offline: answer with scripted models, which need no key; so does ``CONDUIT_OFFLINE=1``.

    Raises:
        InvalidInputError: for another provider.
        ConfigurationError: when no key is given and none is set, naming the variables.
    """

    def __init__(self, name: str, api_key: str | None = None, *, offline: bool = False) -> None:
        self._account = Account(provider=name, api_key=api_key, offline=offline)
        check_account(self._account)
        self._hooks = Hooks()

    @property
    def name(self) -> str:
        """Of the provider."""
        return self._account.provider

    @property
    def account(self) -> Account:
        """Whose models are called, and with which key."""
        return self._account

    def chat(self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0) -> Answer:
        """Have a prompt answered.

        Args:
            prompt: the user's message.
            max_tokens: longest answer, in tokens.
            temperature: of sampling, 0..2.

        Raises:
            InvalidInputError: for an empty prompt, or a limit out of range.
            StoreError: for a router file whose hash does not match.
            BudgetExceededError: when an account has too little left.
            AllModelsFailedError: when no model answered.
        """
        request = Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature)
        said = self._hooks.around(self._asked)(request)
        if isinstance(said, str):
            exchange = loaded("exchange")
            said = exchange.spoken(exchange.planned(self._account)[1], said)
        return _expected(said)

    async def achat(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> Answer:
        """Likewise, awaited; cancelling it hangs up on the model, and pays what was used.

        Middleware runs on a thread of its own, and there a call is not hung up on.
        """
        if self._hooks.middleware:
            asked = partial(self.chat, prompt, max_tokens=max_tokens, temperature=temperature)
            return await asyncio.to_thread(asked)
        request = Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature)
        async with aclosing(self._awaited(request)) as said:
            return _expected([it async for it in said][-1])

    def stream_text(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> Iterator[str]:
        """Likewise, piece by piece; arguments and errors as for :meth:`chat`.

        Stop reading whenever you like: what was answered until then is paid and on the ledger.
        """
        request = Request(
            prompt=prompt, max_tokens=max_tokens, temperature=temperature, stream=True
        )
        said = self._hooks.around(self._streamed)(request)
        if isinstance(said, str | Response):
            yield said if isinstance(said, str) else said.text
        else:
            yield from _pieces(said)

    async def astream_text(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> AsyncIterator[str]:
        """Likewise, on the caller's event loop; middleware runs on threads of its own."""
        if self._hooks.middleware:
            pieces = self.stream_text(prompt, max_tokens=max_tokens, temperature=temperature)
            async with aclosing(in_threads(pieces)) as given:
                async for piece in given:
                    yield piece
            return
        request = Request(
            prompt=prompt, max_tokens=max_tokens, temperature=temperature, stream=True
        )
        async with aclosing(self._awaited(request)) as said:
            async for it in said:
                if isinstance(it, str):
                    yield it

    def route(self, prompt: str, *, max_tokens: int = 8192) -> Route:
        """Where a prompt would go now; nothing is called, recorded or spent."""
        exchange = loaded("exchange")
        home, plan = exchange.planned(self._account)
        request = Request(prompt=prompt, max_tokens=max_tokens)
        route: Route = home.background.run(exchange.previewed(home, plan, request))
        return route

    async def aroute(self, prompt: str, *, max_tokens: int = 8192) -> Route:
        """Likewise, awaited."""
        exchange = loaded("exchange")
        home, plan = exchange.planned(self._account)
        request = Request(prompt=prompt, max_tokens=max_tokens)
        route: Route = await home.background.awaited(exchange.previewed(home, plan, request))
        return route

    @overload
    def on(self, event: str, listener: None = None) -> Callable[[F], F]: ...
    @overload
    def on(self, event: str, listener: F) -> F: ...
    def on(self, event: str, listener: F | None = None) -> F | Callable[[F], F]:
        """Have a function told: ``route`` a Route, ``response`` the answer, ``error`` the error.

        It is called by whoever asked, in the order of registration. One that raises is logged, and
        the answer is given all the same. Without a function it is a decorator.

        Raises:
            InvalidInputError: for another event, listing those there are.
        """
        if listener is None:
            check_event(event)
            return partial(self._hooks.on, event)
        return self._hooks.on(event, listener)

    def use(self, middleware: F) -> F:
        """Put ``fn(request, next)`` around every call, inside those put there before.

        It returns what ``next(request)`` gives, having changed the request with
        ``dataclasses.replace`` if it likes; or a text of its own, and no model is called. Where
        ``request.stream``, that is an iterator of pieces. Also a decorator.
        """
        return self._hooks.use(middleware)

    def __repr__(self) -> str:
        return f"Provider({self.name!r})"

    def _asked(self, request: Request) -> Answer:
        *_, answer = self._said(request)
        return _expected(answer)

    def _streamed(self, request: Request) -> Iterator[str]:
        with closing(self._said(request)) as said:
            for it in said:
                if isinstance(it, str):
                    yield it

    def _said(self, request: Request) -> Any:
        """All that an exchange gives, one by one; listeners are told."""
        exchange = loaded("exchange")
        home, plan = exchange.planned(self._account)
        told = self._hooks.hears("route")
        make = partial(exchange.exchange, home, plan, request, tell_route=told)
        try:
            with closing(home.background.iterate(make)) as said:
                for it in said:
                    self._tell(it)
                    yield it
        except ConduitError as error:
            self._hooks.tell("error", error)
            raise

    async def _awaited(self, request: Request) -> Any:
        exchange = loaded("exchange")
        home, plan = exchange.planned(self._account)
        told = self._hooks.hears("route")
        make = partial(exchange.exchange, home, plan, request, tell_route=told)
        try:
            async with aclosing(home.background.each(make)) as said:
                async for it in said:
                    self._tell(it)
                    yield it
        except ConduitError as error:
            self._hooks.tell("error", error)
            raise

    def _tell(self, said: object) -> None:
        if isinstance(said, Route):
            self._hooks.tell("route", said)
        elif isinstance(said, Response):
            self._hooks.tell("response", said)


def _pieces(said: Any) -> Iterator[str]:
    if not isinstance(said, Iterator):
        _refuse(said)
    yield from said


def _expected(said: Any) -> Any:
    """The response that a chat ends with."""
    if not isinstance(said, Response):
        _refuse(said)
    return said


def _refuse(said: object) -> None:
    raise InvalidInputError(
        f"middleware returned {said!r:.60}", remedy="return what next(request) gives, or a text"
    )
