"""``Provider("google", key)``: one provider's models, one of which is chosen for every prompt."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar, overload

from conduit.simple.providers.account import Account
from conduit.simple.providers.family import check_account
from conduit.simple.providers.hooks import Hooks, Request, check_event
from conduit.simple.providers.line import Line
from conduit.simple.providers.routes import Route

if TYPE_CHECKING:
    from conduit.simple.answer import Answer

F = TypeVar("F", bound=Callable[..., object])


class Provider:
    """A provider's cheap, middling and strong model, and a router among them.

    For every prompt the model is taken that did best on the five labelled prompts nearest to it, and
    the cheapest where several did. Savings are measured against the strong one. May be used from any
    number of threads, and where an event loop runs.

    Args:
        name: ``google``, ``anthropic`` or ``openai``.
        api_key: used for this provider alone; None reads the environment and ``.env``.
        offline: answer with scripted models, which need no key; so does ``CONDUIT_OFFLINE=1``.

    Raises:
        InvalidInputError: for another provider, listing those there are.
        ConfigurationError: when no key is given and none is set, naming the variables.
    """

    def __init__(self, name: str, api_key: str | None = None, *, offline: bool = False) -> None:
        self.account = Account(provider=name, api_key=api_key, offline=offline)
        check_account(self.account)
        self._hooks = Hooks()
        self._line = Line(self.account, self._hooks)

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.account.provider

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
        return self._line.answer(
            Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature)
        )

    async def achat(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> Answer:
        """Likewise, awaited; cancelling it hangs up on the model, and pays what was used.

        Middleware runs on a thread of its own, where a call under way is not hung up on.
        """
        return await self._line.aanswer(
            Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature)
        )

    def stream_text(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> Iterator[str]:
        """Likewise, piece by piece; arguments and errors as for :meth:`chat`.

        Stop reading whenever you like: what was answered until then is paid and on the ledger.
        """
        return self._line.pieces(
            Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature, stream=True)
        )

    def astream_text(
        self, prompt: str, *, max_tokens: int = 8192, temperature: float = 1.0
    ) -> AsyncGenerator[str, None]:
        """Likewise, with ``async for``; middleware runs on threads of its own."""
        return self._line.apieces(
            Request(prompt=prompt, max_tokens=max_tokens, temperature=temperature, stream=True)
        )

    def route(self, prompt: str, *, max_tokens: int = 8192) -> Route:
        """Where a prompt would go now; nothing is called, recorded or spent."""
        return self._line.route(Request(prompt=prompt, max_tokens=max_tokens))

    async def aroute(self, prompt: str, *, max_tokens: int = 8192) -> Route:
        """Likewise, awaited."""
        return await self._line.aroute(Request(prompt=prompt, max_tokens=max_tokens))

    @overload
    def on(self, event: str, listener: None = None) -> Callable[[F], F]: ...
    @overload
    def on(self, event: str, listener: F) -> F: ...
    def on(self, event: str, listener: F | None = None) -> F | Callable[[F], F]:
        """Have a function told: of ``route`` a Route, ``response`` the answer, ``error`` the error.

        It is called where the call was made, in the order of registration. One that raises is
        logged, and the answer is given all the same. Without a function it is a decorator.

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
