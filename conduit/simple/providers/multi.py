"""``MultiProvider([google, openai])``: every provider says where a prompt would go, and one is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from conduit.core.errors import AllModelsFailedError, InvalidInputError
from conduit.simple.loading import loaded
from conduit.simple.providers.provider import Provider
from conduit.simple.providers.routes import Route, at_equal_length, check_strategy, ranked

if TYPE_CHECKING:
    from conduit.simple.answer import Answer


class MultiProvider:
    """Several providers, the best of whose routes answers a prompt.

    Where no model of the chosen provider answers, the next one's is asked. Savings are measured
    against the dearest premium model of all.

    Args:
        providers: at least one, each of another name; the first given wins where two are as good.

    Raises:
        InvalidInputError: for none, two of a name, or what is no provider.
    """

    def __init__(self, providers: Sequence[Provider]) -> None:
        given = tuple(providers)
        for it in given:
            if not isinstance(it, Provider):
                raise InvalidInputError(f"{it!r} is no provider", remedy='give Provider("google")')
        self._by_name = {it.name: it for it in given}
        if not given or len(self._by_name) < len(given):
            raise InvalidInputError(
                f"providers={list(given)!r}", remedy="give at least one, and each name once"
            )

    def routes(
        self, prompt: str, *, strategy: str = "cheapest", max_tokens: int = 8192
    ) -> tuple[Route, ...]:
        """Where each provider would send a prompt now, best first; nothing is called or spent.

        Args:
            prompt: the user's message.
            strategy: ``cheapest`` by expected cost, of an answer as long as all of them expect on
                average; ``smartest`` by tier, then expected quality, then cost; ``balanced`` by
                distance to the middle tier, then cost.
            max_tokens: longest answer, in tokens.

        Raises:
            InvalidInputError: for an unknown strategy or an empty prompt.
        """
        check_strategy(strategy)
        found = [it.route(prompt, max_tokens=max_tokens) for it in self._by_name.values()]
        return ranked(at_equal_length(found), strategy)

    async def aroutes(
        self, prompt: str, *, strategy: str = "cheapest", max_tokens: int = 8192
    ) -> tuple[Route, ...]:
        """Likewise, awaited."""
        check_strategy(strategy)
        asked = [it.aroute(prompt, max_tokens=max_tokens) for it in self._by_name.values()]
        return ranked(at_equal_length(await asyncio.gather(*asked)), strategy)

    def chat(
        self,
        prompt: str,
        *,
        strategy: str = "cheapest",
        max_tokens: int = 8192,
        temperature: float = 1.0,
    ) -> Answer:
        """Have a prompt answered.

        Args:
            prompt: the user's message.
            strategy: as for :meth:`routes`.
            max_tokens: longest answer, in tokens.
            temperature: of sampling, 0..2.

        Raises:
            InvalidInputError: for an unknown strategy, an empty prompt, or a limit out of range.
            BudgetExceededError: when an account has too little left.
            AllModelsFailedError: when no model of any provider answered.
        """
        failed = list[AllModelsFailedError]()
        for provider in self._ordered(
            self.routes(prompt, strategy=strategy, max_tokens=max_tokens)
        ):
            with _kept(failed):
                answer = provider.chat(prompt, max_tokens=max_tokens, temperature=temperature)
                return self._measured(answer, failed)
        raise _nobody(failed)

    async def achat(
        self,
        prompt: str,
        *,
        strategy: str = "cheapest",
        max_tokens: int = 8192,
        temperature: float = 1.0,
    ) -> Answer:
        """Likewise, awaited; cancelling it hangs up on the model, and pays what was used."""
        failed = list[AllModelsFailedError]()
        routes = await self.aroutes(prompt, strategy=strategy, max_tokens=max_tokens)
        for provider in self._ordered(routes):
            asked = provider.achat(prompt, max_tokens=max_tokens, temperature=temperature)
            with _kept(failed):
                return self._measured(await asked, failed)
        raise _nobody(failed)

    def stream_text(
        self,
        prompt: str,
        *,
        strategy: str = "cheapest",
        max_tokens: int = 8192,
        temperature: float = 1.0,
    ) -> Iterator[str]:
        """Likewise, piece by piece; what was answered when you stop reading is paid.

        The next provider is asked where no model began to answer; one that breaks off later ends
        the stream with its error.
        """
        failed = list[AllModelsFailedError]()
        for provider in self._ordered(
            self.routes(prompt, strategy=strategy, max_tokens=max_tokens)
        ):
            with _kept(failed):
                yield from provider.stream_text(
                    prompt, max_tokens=max_tokens, temperature=temperature
                )
                return
        raise _nobody(failed)

    async def astream_text(
        self,
        prompt: str,
        *,
        strategy: str = "cheapest",
        max_tokens: int = 8192,
        temperature: float = 1.0,
    ) -> AsyncGenerator[str, None]:
        """Likewise, on the caller's event loop."""
        failed = list[AllModelsFailedError]()
        routes = await self.aroutes(prompt, strategy=strategy, max_tokens=max_tokens)
        for provider in self._ordered(routes):
            said = provider.astream_text(prompt, max_tokens=max_tokens, temperature=temperature)
            with _kept(failed):
                async with aclosing(said) as pieces:
                    async for piece in pieces:
                        yield piece
                return
        raise _nobody(failed)

    def __repr__(self) -> str:
        return f"MultiProvider({list(self._by_name.values())!r})"

    def _ordered(self, routes: Sequence[Route]) -> list[Provider]:
        return [self._by_name[route.provider] for route in routes]

    def _measured(self, answer: Answer, failed: Sequence[AllModelsFailedError]) -> Answer:
        """The answer against the dearest premium model, with what failed calls of others cost."""
        measured: Answer = loaded("providers.savings").measured(
            answer,
            accounts=[it.account for it in self._by_name.values()],
            spent=sum(it.cost for it in failed),
        )
        return measured


def _nobody(failed: Sequence[AllModelsFailedError]) -> AllModelsFailedError:
    """One error about all models of all providers."""
    failures = [failure for error in failed for failure in error.failures]
    return AllModelsFailedError(failures, cost=sum(error.cost for error in failed))


@contextmanager
def _kept(failed: list[AllModelsFailedError]) -> Iterator[None]:
    """Goes on, to the next provider, where no model of one answered."""
    try:
        yield
    except AllModelsFailedError as error:
        failed.append(error)
